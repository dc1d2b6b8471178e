//! Sections of messages.

use super::{Bytes, wire};
use crate::mime::{Pieces, Section, SectionText, Structure};
use proptest::prelude::*;
use std::borrow::Borrow;

const MAIL: &str = "From: a@b\nSubject: outer\n folded\nX-Other: y\nno colon\nContent-Type: multipart/mixed; boundary=b\n\n\
--b\nContent-Type: text/plain\n\none\n\
--b\nContent-Type: message/rfc822\n\nSubject: inner\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nx\n--c\n\ny\n--c--\n\n\
--b\nContent-Type: message/rfc822\n\nSubject: plain\n\nz\n\
--b--\n";

fn read(body: &Bytes, pieces: &Pieces) -> String {
    pieces
        .ranges()
        .iter()
        .map(|range| body.slice(range))
        .collect()
}

fn extract(text: &str, path: &[u32], section: SectionText) -> String {
    let body = Bytes::new(wire(text));
    let structure = Structure::scan(&body).unwrap();
    let section = Section {
        path: path.to_vec(),
        text: section,
    };
    let pieces = section.resolve(&structure, &body).unwrap();
    let whole = read(&body, &pieces);
    assert_eq!(pieces.len(), whole.len() as u64);
    assert_eq!(pieces.is_empty(), whole.is_empty());
    whole
}

#[track_caller]
fn check(path: &[u32], text: impl Borrow<SectionText>, want: &str) {
    let text = text.borrow();
    assert_eq!(
        extract(MAIL, path, text.clone()),
        wire(want),
        "{path:?} {text:?}"
    );
}

fn names(names: &[&str]) -> Vec<Box<[u8]>> {
    names.iter().map(|name| name.as_bytes().into()).collect()
}

#[test]
fn parts_are_numbered_as_the_rfc_says() {
    use SectionText::{Full, Header, Mime, Text};
    check(&[], Full, MAIL);
    check(&[1], Full, "one");
    check(&[1], Mime, "Content-Type: text/plain\n\n");
    check(
        &[2],
        Header,
        "Subject: inner\nContent-Type: multipart/alternative; boundary=c\n\n",
    );
    check(&[2], Text, "--c\n\nx\n--c\n\ny\n--c--\n");
    check(&[2, 2], Full, "y");
    check(&[3], Full, "Subject: plain\n\nz");
    check(&[3, 1], Full, "z");
    check(&[3, 1], Mime, "Subject: plain\n\n");
    assert_eq!(extract("Subject: x\n\nbody", &[1], Full), "body");
    assert_eq!(
        extract("Subject: x\n\nbody", &[1], Mime),
        "Subject: x\r\n\r\n"
    );
}

#[test]
fn what_is_not_there_is_empty() {
    use SectionText::{Full, Header, HeaderFields, Mime, Text};
    for (path, text) in [
        (&[4][..], Full),
        (&[0], Full),
        (&[1, 1], Full),
        (&[2, 3], Full),
        (&[3, 2], Full),
        (&[3, 1, 1], Full),
        (&[1], Header),
        (&[1], Text),
        (&[1], HeaderFields(names(&["subject"]))),
        (&[], Mime),
    ] {
        check(path, text, "");
    }
}

#[test]
fn header_fields_are_taken_with_their_folds_and_the_blank_line() {
    use SectionText::{HeaderFields, HeaderFieldsNot};
    check(
        &[],
        HeaderFields(names(&["SUBJECT", "from"])),
        "From: a@b\nSubject: outer\n folded\n\n",
    );
    check(&[], HeaderFields(names(&["None"])), "\n");
    check(
        &[],
        HeaderFieldsNot(names(&["Subject", "content-type"])),
        "From: a@b\nX-Other: y\nno colon\n\n",
    );
    check(
        &[3],
        HeaderFields(names(&["Subject"])),
        "Subject: plain\n\n",
    );
}

#[test]
fn a_header_that_has_no_blank_line_gets_none() {
    let a = || names(&["a"]);
    let not_a = SectionText::HeaderFieldsNot(a());
    assert_eq!(extract(" x\nA: 1\n\n", &[], not_a), " x\r\n\r\n");
    for (text, want) in [
        ("A: 1\nB: 2\n", "A: 1\n"),
        ("A: 1\nB", "A: 1\n"),
        ("A: 1", "A: 1"),
        ("", ""),
        ("\nx", "\n"),
    ] {
        assert_eq!(
            extract(text, &[], SectionText::HeaderFields(a())),
            wire(want),
            "{text:?}"
        );
    }
}

#[test]
fn a_boundary_takes_the_line_end_before_it_from_a_header_too() {
    use SectionText::{Full, Header, Mime};
    let mail = "Content-Type: multipart/mixed; boundary=b\n\n--b\nX: y\n\n--b\n\n\
                --b\nContent-Type: message/rfc822\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nx\n\
                --b\nContent-Type: message/rfc822\n\nA: b\n\n--b--\n";
    for (path, text, want) in [
        (
            &[][..],
            Header,
            "Content-Type: multipart/mixed; boundary=b\n\n",
        ),
        (&[1], Mime, "X: y\n"),
        (&[1], Full, ""),
        (&[2], Mime, ""),
        (&[3], Mime, "Content-Type: message/rfc822\n"),
        (&[3], Header, ""),
        (&[4], Mime, "Content-Type: multipart/mixed; boundary=c\n\n"),
        (&[4], Full, "--c\n\nx"),
        (&[5], Mime, "Content-Type: message/rfc822\n\n"),
        (&[5], Header, "A: b\n"),
    ] {
        assert_eq!(extract(mail, path, text), wire(want), "{path:?}");
    }
}

#[test]
fn ranges_are_bounded() {
    let body = Bytes::new("A: 1\r\nB: 2\r\n".repeat(100_000));
    let structure = Structure::scan(&body).unwrap();
    let section = Section {
        path: Vec::new(),
        text: SectionText::HeaderFields(names(&["a"])),
    };
    let pieces = section.resolve(&structure, &body).unwrap();
    assert_eq!(pieces.ranges().len(), Section::MAX_RANGES);
}

proptest! {
    #[test]
    fn a_partial_is_a_slice(from in 0_u64..90, count in 0_u64..90) {
        let body = Bytes::new(wire(MAIL));
        let structure = Structure::scan(&body).unwrap();
        let section = Section { path: vec![], text: SectionText::HeaderFieldsNot(names(&["subject"])) };
        let pieces = section.resolve(&structure, &body).unwrap();
        let whole = read(&body, &pieces);
        let start = usize::try_from(from).unwrap().min(whole.len());
        let end = (start + usize::try_from(count).unwrap()).min(whole.len());
        let slice = pieces.slice(from, count);
        prop_assert_eq!(read(&body, &slice), &whole[start..end]);
        prop_assert_eq!(slice.len(), (end - start) as u64);
        prop_assert!(pieces.slice(u64::MAX, u64::MAX).is_empty());
    }
}
