//! The parts of awkward messages.

use super::{Bytes, scan, wire};
use crate::mime::{Kind, Structure};
use std::fmt::Write as _;

/// A line a part: its type, its body and how many lines that has.
#[track_caller]
fn check(text: &str, want: &[&str]) {
    let body = Bytes::new(wire(text));
    let structure = Structure::scan(&body).unwrap();
    let mut shown = Vec::new();
    for part in structure.parts() {
        let depth = std::iter::successors(part.parent(), |parent| parent.parent()).count();
        let mut line = "> ".repeat(depth);
        let content = part.content();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        write!(
            line,
            "{}/{} {} {}",
            text(content.media_type()),
            text(content.subtype()),
            part.lines(),
            body.slice(&part.body()).replace("\r\n", "|")
        )
        .unwrap();
        shown.push(line);
    }
    assert_eq!(shown, want);
}

#[test]
fn a_plain_message_is_one_part() {
    check("Subject: x\n\na\nb\n", &["text/plain 2 a|b|"]);
    check("Subject: x\n\na\nb", &["text/plain 1 a|b"]);
    check("", &["text/plain 0 "]);
    check("Subject: x\n", &["text/plain 0 "]);
    check("Subject: x", &["text/plain 0 "]);
    check("\nonly a body", &["text/plain 0 only a body"]);
}

#[test]
fn parts_end_before_the_line_end_of_their_boundary() {
    check(
        "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n\n--b--\nepilogue\n",
        &[
            "multipart/mixed 11 preamble|--b||one|--b|Content-Type: text/html||two||--b--|epilogue|",
            "> text/plain 0 one",
            "> text/html 1 two|",
        ],
    );
}

#[test]
fn an_empty_part_gives_no_line_end_away() {
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b\n--b\nX: y\n--b--\n",
        &[
            "multipart/mixed 6 --b||--b|--b|X: y|--b--|",
            "> text/plain 0 ",
            "> text/plain 0 ",
            "> text/plain 0 ",
        ],
    );
}

#[test]
fn the_longest_of_boundaries_that_begin_alike_counts() {
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\nx\n--bb--\n--b\n\ny\n--b--\n",
        &[
            "multipart/mixed 11 --b|Content-Type: multipart/alternative; boundary=bb||--bb||x|--bb--|--b||y|--b--|",
            "> multipart/alternative 4 --bb||x|--bb--|",
            "> > text/plain 0 x",
            "> text/plain 0 y",
        ],
    );
}

#[test]
fn a_boundary_with_something_behind_it_is_one() {
    check(
        "Content-Type: multipart/mixed; boundary=\"b\"\n\n--b \t\n\nx\n--bye\n\ny\n--b-- z\nepilogue",
        &[
            "multipart/mixed 7 --b \t||x|--bye||y|--b-- z|epilogue",
            "> text/plain 0 x",
            "> text/plain 0 y",
        ],
    );
}

#[test]
fn an_inner_multipart_without_its_end_ends_with_the_outer_one() {
    check(
        "Content-Type: multipart/mixed; boundary=out\n\n--out\nContent-Type: multipart/mixed; boundary=in\n\n--in\n\nx\n--out\n\ny\n--out--\n",
        &[
            "multipart/mixed 10 --out|Content-Type: multipart/mixed; boundary=in||--in||x|--out||y|--out--|",
            "> multipart/mixed 2 --in||x",
            "> > text/plain 0 x",
            "> text/plain 0 y",
        ],
    );
}

#[test]
fn a_multipart_may_have_no_parts() {
    let none = &["multipart/mixed 1 x|"];
    check("Content-Type: multipart/mixed; boundary=b\n\nx\n", none);
    check("Content-Type: multipart/mixed\n\nx\n", none);
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b",
        &["multipart/mixed 0 --b"],
    );
    check(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n",
        &["multipart/mixed 1 --b|", "> text/plain 0 "],
    );
}

#[test]
fn a_message_within_has_parts_and_an_envelope() {
    let text = "Content-Type: message/rfc822\nSubject: outer\n\nSubject: inner\nFrom: a@b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n";
    check(
        text,
        &[
            "message/rfc822 8 Subject: inner|From: a@b|Content-Type: multipart/mixed; boundary=b||--b||x|--b--|",
            "> multipart/mixed 4 --b||x|--b--|",
            "> > text/plain 0 x",
        ],
    );
    let structure = scan(wire(text));
    let subjects: Vec<_> = structure
        .parts()
        .map(|part| part.envelope().and_then(|envelope| envelope.subject()))
        .collect();
    assert_eq!(subjects, [Some(b"outer".as_slice()), Some(b"inner"), None]);
}

#[test]
fn parts_of_a_digest_are_messages_unless_they_say_otherwise() {
    check(
        "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\nx\n--b\nSubject: cut\n--b\nContent-Type: text/plain\n\ny\n--b--\n",
        &[
            "multipart/digest 12 --b||Subject: one||x|--b|Subject: cut|--b|Content-Type: text/plain||y|--b--|",
            "> message/rfc822 2 Subject: one||x",
            "> > text/plain 0 x",
            "> message/rfc822 0 ",
            "> > text/plain 0 ",
            "> text/plain 0 y",
        ],
    );
}

#[test]
fn a_message_that_is_encoded_is_not_looked_into() {
    check(
        "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogaGkK\n",
        &["application/octet-stream 1 U3ViamVjdDogaGkK|"],
    );
}

#[test]
fn broken_types_are_read_as_far_as_they_go() {
    for (field, media_type, subtype) in [
        ("", "text", "plain"),
        ("text", "text", "plain"),
        ("image", "image", "unknown"),
        ("text/html charset=utf-8", "text", "html"),
        ("TEXT/Html", "TEXT", "Html"),
        ("/plain", "text", "plain"),
        ("multipart;boundary=b", "multipart", "x-unknown"),
        ("(a) text (b) / (c) html", "text", "html"),
    ] {
        let structure = scan(format!("Content-Type: {field}\r\n\r\nx"));
        let content = structure.root().content();
        assert_eq!(content.media_type(), media_type.as_bytes(), "{field}");
        assert_eq!(content.subtype(), subtype.as_bytes(), "{field}");
    }
}

#[track_caller]
fn check_parameters(field: &str, want: &[(&str, &str)]) {
    let structure = scan(format!("Content-Type: application/x{field}\r\n\r\nx"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let got: Vec<_> = structure
        .root()
        .content()
        .parameters()
        .iter()
        .map(|parameter| (text(&parameter.name), text(&parameter.value)))
        .collect();
    let got: Vec<_> = got.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(got, want, "{field}");
}

#[test]
fn parameters_are_read_and_put_together() {
    check_parameters("; a=1; B=\"2;\\\"\"", &[("a", "1"), ("B", "2;\"")]);
    check_parameters("; a=; b", &[("a", "")]);
    check_parameters("; =x; a=1; ;", &[("a", "1")]);
    check_parameters(
        "; a==?utf-8?q?b?=; c=d",
        &[("a", "=?utf-8?q?b?="), ("c", "d")],
    );
    check_parameters(" garbage; a=1;; b=2", &[("a", "1"), ("b", "2")]);
    // RFC 2231 3 and 4.1.
    check_parameters(
        ";\r\n URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/pub\"",
        &[("URL", "ftp://cs.utk.edu/pub")],
    );
    check_parameters(
        "; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2=\"isn't it!\"",
        &[(
            "title*",
            "us-ascii'en'This%20is%20even%20more%20%2A%2A%2Afun%2A%2A%2A%20isn%27t%20it!",
        )],
    );
    check_parameters("; b*1=x; b*0=w; a=1", &[("a", "1"), ("b", "wx")]);
    check_parameters("; a*=utf-8''%41", &[("a*", "utf-8''%41")]);
    check_parameters("; a*1=x; a*3=y", &[("a*1", "x"), ("a*3", "y")]);
    check_parameters("; a*0=x; a*1*=%41", &[("a*", "''x%41")]);
    check_parameters(
        "; a*x=1; a*99999999999=2",
        &[("a*x", "1"), ("a*99999999999", "2")],
    );
}

#[test]
fn a_part_says_what_it_is() {
    let structure = scan(
        "Content-Type: image/png\r\nContent-ID: <a@b>\r\nContent-Description: a\r\n picture\r\n\
         Content-Transfer-Encoding: BASE64 (x)\r\nContent-MD5: abc==\r\n\
         Content-Disposition: attachment; filename=\"a.png\"\r\nContent-Language: en, de-AT (x)\r\n\
         Content-Location: http://x\r\nContent-Type: text/html\r\n\r\n",
    );
    let content = structure.root().content();
    assert_eq!(content.media_type(), b"image");
    assert_eq!(content.id(), Some(b"<a@b>".as_slice()));
    assert_eq!(content.description(), Some(b"a picture".as_slice()));
    assert_eq!(content.encoding(), b"BASE64");
    assert_eq!(content.md5(), Some(b"abc==".as_slice()));
    let disposition = content.disposition().unwrap();
    assert_eq!(&*disposition.kind, b"attachment");
    assert_eq!(&*disposition.parameters[0].value, b"a.png");
    let languages: Vec<_> = content.languages().iter().map(|tag| &**tag).collect();
    assert_eq!(languages, [b"en".as_slice(), b"de-AT"]);
    assert_eq!(content.location(), Some(b"http://x".as_slice()));
    assert!(content.parameters().is_empty());
}

#[test]
fn text_has_a_charset_and_an_encoding_unless_it_says_so() {
    let structure =
        scan("Content-Type: text/html; format=flowed\r\nContent-Transfer-Encoding: a b\r\n\r\n");
    let content = structure.root().content();
    assert_eq!(content.parameter("Charset"), Some(b"us-ascii".as_slice()));
    assert_eq!(content.encoding(), b"7bit");
}

#[test]
fn depth_and_number_are_bounded() {
    let structure = scan("Content-Type: message/rfc822\r\n\r\n".repeat(60_000));
    assert_eq!(structure.parts().len(), Structure::MAX_DEPTH);
    let last = structure.parts().last().unwrap();
    assert_eq!(
        (last.kind(), last.content().subtype()),
        (Kind::Leaf, b"octet-stream".as_slice())
    );
    let mut deep = String::new();
    for level in 0..1000 {
        write!(
            deep,
            "Content-Type: multipart/mixed; boundary=b{level}x\r\n\r\n--b{level}x\r\n"
        )
        .unwrap();
    }
    assert_eq!(scan(deep).parts().len(), Structure::MAX_DEPTH);
    let many = format!(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n",
        "--b\r\n\r\n".repeat(20_000)
    );
    let structure = scan(many);
    assert_eq!(structure.parts().len(), Structure::MAX_PARTS);
    assert_eq!(structure.parts().last().unwrap().lines(), 20_001);
}
