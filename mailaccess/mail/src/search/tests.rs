//! Keys and what they find.

use super::{AddressField, Candidate, Charset, CompileError, Key, Search, UidSet};
use crate::date::Day;
use crate::mime::Structure;
use crate::mime::tests::properties::mutated_mail;
use crate::mime::tests::{Bytes, wire};
use crate::store::{Body, ErrorKind, Row, StoreError};
use crate::{Flags, InternalDate, Keyword, ModSeq, SystemFlag, Uid};
use proptest::prelude::*;
use std::cell::Cell;
use std::sync::Arc;

/// A message that counts how often it is opened and asked for its attributes.
struct Message {
    row: Row,
    recent: bool,
    /// `None` when it is gone.
    text: Option<Arc<Bytes>>,
    asked: Cell<usize>,
    opened: Cell<usize>,
}

impl Message {
    fn new(text: impl Into<Vec<u8>>) -> Self {
        Self {
            row: Row {
                uid: Uid::new(7).unwrap(),
                modseq: ModSeq::FIRST,
                flags: Flags::none(),
            },
            recent: false,
            text: Some(Arc::new(Bytes::in_steps(text, 1000))),
            asked: Cell::new(0),
            opened: Cell::new(0),
        }
    }
}

impl Candidate for Message {
    fn row(&self) -> &Row {
        &self.row
    }

    fn is_recent(&self) -> bool {
        self.recent
    }

    fn internal_date(&self) -> Result<Option<InternalDate>, StoreError> {
        self.asked.set(self.asked.get() + 1);
        // 17-Jul-1996 09:44:25 +0000
        let arrived = InternalDate::from_unix_secs(837_596_665);
        Ok(self.text.as_ref().map(|_| arrived))
    }

    fn size(&self) -> Result<Option<u64>, StoreError> {
        self.asked.set(self.asked.get() + 1);
        Ok(self.text.as_ref().map(|text| text.len()))
    }

    fn body(&self) -> Result<Option<Arc<dyn Body>>, StoreError> {
        self.opened.set(self.opened.get() + 1);
        let body = |text: &Arc<Bytes>| Arc::clone(text) as Arc<dyn Body>;
        Ok(self.text.as_ref().map(body))
    }
}

fn matches(message: &Message, key: &Key) -> bool {
    Search::compile(key, Charset::Utf8)
        .unwrap()
        .matches(message)
        .unwrap()
}

fn day(text: &str) -> Day {
    Day::parse(text.as_bytes()).unwrap()
}

fn header(name: &str, text: &str) -> Key {
    Key::Header {
        name: name.as_bytes().into(),
        text: text.as_bytes().into(),
    }
}

fn addresses(field: AddressField, text: &str) -> Key {
    Key::Addresses {
        field,
        text: text.as_bytes().into(),
    }
}

fn body(text: &str) -> Key {
    Key::Body(text.as_bytes().into())
}

fn text(text: &str) -> Key {
    Key::Text(text.as_bytes().into())
}

fn not(key: Key) -> Key {
    Key::Not(Box::new(key))
}

fn or(one: Key, other: Key) -> Key {
    Key::Or(Box::new(one), Box::new(other))
}

#[track_caller]
fn check(message: &str, key: &Key, want: bool) {
    assert_eq!(matches(&Message::new(wire(message)), key), want, "{key:?}");
}

#[test]
fn rows_are_tested() {
    let mut message = Message::new("");
    let keyword = Keyword::new("$Work").unwrap();
    message.row.flags.insert(SystemFlag::Seen);
    message.row.flags.insert_keyword(keyword);
    message.recent = true;
    let uid = |n| Uid::new(n).unwrap();
    for (key, want) in [
        (Key::All, true),
        (Key::Flag(SystemFlag::Seen), true),
        (Key::Flag(SystemFlag::Deleted), false),
        (Key::Keyword(Keyword::new("$work").unwrap()), true),
        (Key::Keyword(Keyword::new("other").unwrap()), false),
        (Key::Recent, true),
        (Key::Uids([uid(5)..=uid(7)].into_iter().collect()), true),
        (Key::Uids(UidSet::default()), false),
        (Key::And(vec![]), true),
        (Key::And(vec![Key::All, Key::Recent]), true),
        (Key::And(vec![Key::All, not(Key::Recent)]), false),
        (or(not(Key::All), Key::Recent), true),
        (or(not(Key::All), not(Key::Recent)), false),
        (not(or(Key::All, Key::Recent)), false),
        (not(not(Key::All)), true),
    ] {
        assert_eq!(matches(&message, &key), want, "{key:?}");
    }
    assert_eq!((message.asked.get(), message.opened.get()), (0, 0));
}

#[test]
fn dates_and_sizes_are_tested() {
    let text = "Date: Mon, 7 Feb 1994 23:52:25 -0800\n\nx\n";
    for (key, want) in [
        (Key::Before(day("17-Jul-1996")), false),
        (Key::Before(day("18-Jul-1996")), true),
        (Key::On(day("17-Jul-1996")), true),
        (Key::On(day("16-Jul-1996")), false),
        (Key::Since(day("17-Jul-1996")), true),
        (Key::Since(day("18-Jul-1996")), false),
        (Key::SentBefore(day("7-Feb-1994")), false),
        (Key::SentBefore(day("8-Feb-1994")), true),
        (Key::SentOn(day("7-Feb-1994")), true),
        (Key::SentSince(day("7-Feb-1994")), true),
        (Key::SentSince(day("8-Feb-1994")), false),
        (Key::Larger(42), true),
        (Key::Larger(43), false),
        (Key::Smaller(43), false),
        (Key::Smaller(44), true),
    ] {
        check(text, &key, want);
    }
    for key in [
        Key::SentBefore(day("1-Jan-2100")),
        Key::SentSince(day("1-Jan-1970")),
    ] {
        check("Subject: no date\n\n", &key, false);
        check("Date: soon\n\n", &key, false);
    }
}

const MAIL: &str = "From: =?utf-8?q?J=C3=B6rg?= <joerg@example.com>
Subject: a
 folded =?iso-8859-1?Q?gr=FCn?=
Bcc:
X-No: 
Content-Type: multipart/mixed; boundary=b

preamble
--b
Content-Type: text/plain; charset=iso-8859-1; name=named
Content-Transfer-Encoding: quoted-printable

caf=E9 and a soft=
 break
--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+U3RyYcOfZTwvcD4=
--b
Content-Type: application/pdf
Content-Transfer-Encoding: base64

aGlkZGVu
--b
Content-Type: message/rfc822

Subject: inner
Content-Type: text/plain; charset=koi8-r
Content-Transfer-Encoding: base64

8NLJ18XU
--b--
epilogue
";

#[test]
fn header_fields_are_searched_decoded_and_unfolded() {
    for (name, text, want) in [
        ("from", "jörg", true),
        ("From", "JÖRG", true),
        ("FROM", "JO\u{308}RG", true),
        ("From", "@EXAMPLE", true),
        ("From", "=?utf-8", false),
        ("Subject", "a folded GRÜN", true),
        ("Subject", "inner", false),
        ("To", "", false),
        ("Bcc", "", true),
        ("X-No", "", true),
        ("X-No", "x", false),
        ("Subject: a", "", false),
    ] {
        check(MAIL, &header(name, text), want);
    }
}

const ADDRESSED: &str = "From: (before) =?utf-8?q?J=C3=B6rg?=
\tM\u{fc}ller (nested (more)) <joerg(local) @ (domain)example . com> (end)
To: bob@example.com (Bob the Builder),
 \tcarol@example.com, Carol <carol@example.net>
To: Undisclosed recipients:;
Cc: \"Giant; \\\"Big\\\" Box\" <box@example.com>, Mr.X <a.b@x>, \"quoted local\"@x, O'Neill o'x <o@x>
Cc: Friends: ann@example.com, Dave <dave@example.com>;, <@one,@two:eve@example.com>
Bcc:
Sender: second@example.com
";

#[test]
fn addresses_are_searched_as_an_envelope_has_them() {
    use AddressField::{Bcc, Cc, From, To};
    for (field, text, want) in [
        (From, "\"JÖRG MÜLLER\" <joerg@example.com>", false),
        (From, "JÖRG MÜLLER <joerg@example.com>", true),
        (From, "Jörg\tMüller", false),
        (From, "before", false),
        (From, "nested", false),
        (From, "joerg @", false),
        (From, "second", false),
        (To, "\"Bob the Builder\" <bob@example.com>, <carol@", true),
        (To, "carol@example.com>, Carol <carol@example.net>", true),
        (To, "bob@example.com, carol", false),
        (To, "(Bob", false),
        (To, "\"Undisclosed recipients\":;", true),
        (To, "example.net>, \"Undisclosed", false),
        (Cc, r#""Giant; \"Big\" Box" <box@example.com>, "#, true),
        (Cc, "\"Mr.X\" <a.b@x>, <\"quoted local\"@x>", true),
        (Cc, "\"O'Neill o'x\" <o@x>", true),
        (
            Cc,
            "Friends: <ann@example.com>, Dave <dave@example.com>;, <@one,@two:eve@",
            true,
        ),
        (Bcc, "", true),
        (Bcc, "x", false),
        (Bcc, "<", false),
    ] {
        check(ADDRESSED, &addresses(field, text), want);
    }
    check("Subject: s\n\n", &addresses(From, ""), false);
}

#[test]
fn a_header_key_asks_for_the_text_of_addresses_as_it_is_written() {
    for (name, text, want) in [
        ("From", "nested", true),
        ("From", "<joerg@example.com>", false),
        ("To", "bob@example.com (Bob", true),
        ("To", "<bob", false),
        ("Sender", "second@", true),
        ("Sender", "<second@", false),
    ] {
        check(ADDRESSED, &header(name, text), want);
    }
}

#[test]
fn what_is_broken_is_searched_as_an_envelope_fills_it() {
    use AddressField::{Cc, From, To};
    let mail = "From: not an address\nTo: <unclosed@example.com, second@example.com\nCc: @x, local@, <>, ,\n";
    for (field, text, want) in [
        (
            From,
            "\"not an address\" <MISSING_MAILBOX@MISSING_DOMAIN>",
            true,
        ),
        (To, "<unclosed@SYNTAX_ERROR>", true),
        (Cc, "<MISSING_MAILBOX@x>, <local@MISSING_DOMAIN>, <", true),
    ] {
        check(mail, &addresses(field, text), want);
    }
}

/// Up to `Structure::MAX_FIELD` bytes of a field are a list of addresses; an envelope shows no more of it.
#[test]
fn a_list_too_long_for_an_envelope_is_searched_to_its_end() {
    let many = 2 * Structure::MAX_FIELD / "p0000000@example.com, ".len();
    for between in [", ", ",\n "] {
        let list: Vec<_> = (0..many).map(|n| format!("p{n:07}@example.com")).collect();
        let mail = format!("To: {}\n\n", list.join(between));
        for (text, want) in [
            ("<p0000000@example.com>, <p0000001@", true),
            ("<p0010000@example.com>, <p0010001@", true),
            // What lies behind is searched as it is written, so that nobody is missed.
            (list[many - 1].as_str(), true),
            (&format!("{}, {}", list[many - 2], list[many - 1]), true),
            (&format!("<{}>", list[many - 1]), false),
            ("p9999999", false),
        ] {
            check(&mail, &addresses(AddressField::To, text), want);
        }
        for person in list.iter().step_by(997) {
            check(&mail, &addresses(AddressField::To, person), true);
        }
    }
}

#[test]
fn bodies_are_searched_decoded_and_by_part() {
    for (what, want) in [
        ("", true),
        ("CAFÉ and", true),
        ("caf=E9", false),
        ("soft break", true),
        ("straße", true),
        ("U3RyYcOf", false),
        ("hidden", false),
        ("aGlkZGVu", false),
        ("привет", true),
        ("preamble", false),
        ("epilogue", false),
        ("named", false),
        ("inner", false),
        ("folded", false),
    ] {
        check(MAIL, &body(what), want);
    }
}

#[test]
fn texts_are_searched_in_headers_and_bodies() {
    for (what, want) in [
        ("", true),
        ("from: jörg", true),
        ("subject: a folded grün", true),
        ("subject: inner", true),
        ("name=named", true),
        ("ПРИВЕТ", true),
        ("epilogue", false),
        ("nowhere", false),
    ] {
        check(MAIL, &text(what), want);
    }
}

#[test]
fn lying_charsets_are_read_as_well_as_can_be() {
    let latin =
        b"Content-Type: text/plain; charset=us-ascii\r\n\r\nna\xefve caf\xe9 end\r\n".to_vec();
    assert!(matches(&Message::new(latin.clone()), &body("ve caf")));
    assert!(!matches(&Message::new(latin), &body("café")));
    check(
        "Content-Type: text/plain; charset=us-ascii\n\ncafé\n",
        &body("CAFÉ"),
        true,
    );
    check(
        "Content-Type: text/plain; charset=unheard-of\n\ncafé\n",
        &body("café"),
        true,
    );
    check(
        "Content-Type: text/plain; charset=\"\"\n\ncafé\n",
        &body("café"),
        true,
    );
    check("\ncafé\n", &body("café"), true);
    check(
        "Content-Transfer-Encoding: base64\n\naGVsbG8=\n",
        &body("hello"),
        true,
    );
    check(
        "Content-Transfer-Encoding: x-strange\n\nhello\n",
        &body("hello"),
        true,
    );
    let utf16 = "Content-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: base64\n\naABpAA==\n";
    check(utf16, &body("hi"), true);
    let with_mark =
        "Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\n/v8AaABp\n";
    check(with_mark, &body("hi"), true);
}

#[test]
fn an_encoded_message_is_searched_as_it_decodes() {
    let mail = "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogaGkKCmhlbGxvCg==\n";
    check(mail, &body("hello"), true);
    check(mail, &body("aGVs"), false);
}

#[test]
fn texts_are_found_across_pieces() {
    for pad in [65_400, 65_470, 65_500, 65_520, 65_536, 131_000, 200_000] {
        let filler = "x".repeat(pad);
        check(
            &format!("Subject: s\n\n{filler}needle{filler}"),
            &body("NEEDLE"),
            true,
        );
        check(
            &format!("Subject: {filler}needle{filler}\n\n"),
            &header("Subject", "needle"),
            true,
        );
        let folds = "x\n ".repeat(pad / 3);
        check(
            &format!("Subject: {folds}=?utf-8?q?need?=\n =?utf-8?q?le?= y\n\n"),
            &header("Subject", "needle y"),
            true,
        );
        check(
            &format!("A: {filler}\nSubject: a\n b\n\n"),
            &text("subject: a b"),
            true,
        );
    }
}

#[test]
fn what_costs_more_is_asked_last_and_once() {
    let message = Message::new(wire(MAIL));
    let key = or(
        Key::And(vec![body("café"), Key::Larger(1), not(Key::All)]),
        Key::And(vec![
            body("café"),
            text("inner"),
            Key::SentOn(day("1-Jan-2000")),
        ]),
    );
    assert!(!matches(&message, &key));
    assert_eq!((message.asked.get(), message.opened.get()), (0, 1));
    assert!(matches(&message, &or(body("café"), Key::All)));
    assert_eq!(message.opened.get(), 1);
}

#[test]
fn what_is_in_the_header_needs_no_more_than_the_header() {
    let text = format!(
        "Date: 7 Feb 1994\r\nSubject: s\r\n\r\nSubject: no\r\nDate: 8 Feb 1994\r\n{}",
        "x".repeat(1 << 20)
    );
    let large = Message::new(text);
    for (key, want) in [
        (Key::SentOn(day("7-Feb-1994")), true),
        (header("subject", "s"), true),
        (header("subject", "no"), false),
    ] {
        assert_eq!(matches(&large, &key), want, "{key:?}");
    }
    let read = large.text.unwrap().read();
    assert!(read <= 3 * 64 * 1024, "{read}");
}

#[test]
fn a_message_gone_matches_nothing() {
    let mut message = Message::new("");
    message.text = None;
    for key in [
        not(Key::Larger(0)),
        not(Key::On(day("1-Jan-2000"))),
        not(body("x")),
        not(Key::SentOn(day("1-Jan-2000"))),
    ] {
        assert!(!matches(&message, &key), "{key:?}");
    }
}

#[test]
fn a_message_that_cannot_be_read_is_an_error() {
    struct Lost(Row);
    impl Candidate for Lost {
        fn row(&self) -> &Row {
            &self.0
        }
        fn is_recent(&self) -> bool {
            false
        }
        fn internal_date(&self) -> Result<Option<InternalDate>, StoreError> {
            Ok(None)
        }
        fn size(&self) -> Result<Option<u64>, StoreError> {
            Ok(None)
        }
        fn body(&self) -> Result<Option<Arc<dyn Body>>, StoreError> {
            Err(StoreError::new(ErrorKind::Unavailable, "open a message"))
        }
    }
    let search = Search::compile(&body("x"), Charset::UsAscii).unwrap();
    let lost = Lost(Message::new("").row);
    assert_eq!(
        search.matches(&lost).unwrap_err().kind(),
        ErrorKind::Unavailable
    );
}

#[test]
fn a_text_must_be_in_its_charset() {
    let key = Key::And(vec![Key::All, Key::Body((*b"caf\xe9").into())]);
    for charset in Charset::ALL {
        assert_eq!(
            Search::compile(&key, charset).err(),
            Some(CompileError(charset))
        );
        assert_eq!(
            Charset::from_name(charset.name().to_lowercase().as_bytes()),
            Some(charset)
        );
    }
    assert_eq!(Charset::from_name(b"iso-8859-1"), None);
}

#[test]
fn deep_keys_are_evaluated_without_recursion() {
    let mut key = Key::All;
    for _ in 0..1000 {
        key = or(not(key), Key::Recent);
    }
    assert!(matches(&Message::new(""), &key));
}

#[test]
fn messages_nested_without_end_are_searched() {
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(60_000) + "needle";
    assert!(!matches(&Message::new(nested), &text("absent")));
}

proptest! {
    #[test]
    fn any_list_of_addresses_is_searched(
        list in prop::collection::vec(
            prop_oneof![
                9 => prop::sample::select(vec![
                    "a", "b.c", "@", "<", ">", ",", ":", ";", "\"", "\\", "(", ")", "[", "]", " ", "\r\n ", "\r\n",
                    "\r\nFrom: ", "=?utf-8?q?=C3", "?=", "=?utf-8?b?w6k=?=", "é", "\0", "\r",
                ]).prop_map(|piece| piece.as_bytes().to_vec()),
                1 => prop::collection::vec(any::<u8>(), 0..4),
            ],
            0..40,
        ),
        what in "[abé@<>\", ]{0,4}",
    ) {
        let mail = [b"From: ".as_slice(), &list.concat(), b"\r\n\r\n"].concat();
        let message = Message::new(mail);
        let key = addresses(AddressField::From, &what);
        let found = matches(&message, &key);
        prop_assert!(found || !what.is_empty());
        prop_assert_eq!(matches(&message, &not(key)), !found);
    }

    #[test]
    fn any_mail_is_searched(mail in mutated_mail(), what in "[a-zé ]{0,3}") {
        let message = Message::new(mail);
        let from = addresses(AddressField::From, &what);
        for key in [body(&what), text(&what), header("subject", &what), from, Key::SentOn(day("7-Feb-1994"))] {
            let found = matches(&message, &key);
            prop_assert_eq!(matches(&message, &not(key)), !found);
        }
        // What is in a body is in the message.
        prop_assert!(!matches(&message, &body(&what)) || matches(&message, &text(&what)));
    }
}
