//! Envelopes of awkward headers.

use super::scan;
use crate::mime::{Addresses, Structure};

fn show(addresses: Addresses<'_>) -> String {
    let text = |part: Option<Vec<u8>>| {
        part.map_or("NIL".into(), |part| {
            format!("{:?}", String::from_utf8_lossy(&part))
        })
    };
    let shown: Vec<_> = addresses
        .map(|address| {
            let parts = [address.name, address.route, address.mailbox, address.host];
            format!("({})", parts.map(text).join(" "))
        })
        .collect();
    shown.concat()
}

#[track_caller]
fn check(field: &str, want: &str) {
    let structure = scan(format!("To: {field}\r\n\r\n"));
    assert_eq!(
        show(structure.root().envelope().unwrap().to()),
        want,
        "{field}"
    );
}

#[test]
fn addresses_of_the_rfcs_are_read() {
    // RFC 5322 A.1.1 to A.1.3, A.5, A.6.
    check(
        "Mary Smith <mary@example.net>",
        r#"("Mary Smith" NIL "mary" "example.net")"#,
    );
    check(
        "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
        r#"("Mary Smith" NIL "mary" "x.test")(NIL NIL "jdoe" "example.org")("Who?" NIL "one" "y.test")"#,
    );
    check(
        r#"<boss@nil.test>, "Giant; \"Big\" Box" <sysservices@example.net>"#,
        r#"(NIL NIL "boss" "nil.test")("Giant; \"Big\" Box" NIL "sysservices" "example.net")"#,
    );
    check(
        "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
        r#"(NIL NIL "A Group" NIL)("Ed Jones" NIL "c" "a.test")(NIL NIL "joe" "where.test")("John" NIL "jdoe" "one.test")(NIL NIL NIL NIL)"#,
    );
    check(
        "Undisclosed recipients:;",
        r#"(NIL NIL "Undisclosed recipients" NIL)(NIL NIL NIL NIL)"#,
    );
    check(
        "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
        r#"("Pete" NIL "pete" "silly.test")"#,
    );
    check(
        "Mary Smith <@node.test,@b:mary@example.net>, , jdoe@test  . example",
        r#"("Mary Smith" "@node.test,@b" "mary" "example.net")(NIL NIL "MISSING_MAILBOX" "MISSING_DOMAIN")(NIL NIL "jdoe" "test.example")"#,
    );
    check(
        "Joe Q. Public <john.q.public@example.com>",
        r#"("Joe Q. Public" NIL "john.q.public" "example.com")"#,
    );
}

#[test]
fn awkward_addresses_are_read_as_dovecot_does() {
    const NOBODY: &str = r#"(NIL NIL "MISSING_MAILBOX" "MISSING_DOMAIN")"#;
    check("", "");
    check("(only a comment)", "");
    check("<>", NOBODY);
    check(
        "c@d (com (nest) ment)",
        r#"("com (nest) ment" NIL "c" "d")"#,
    );
    check(r#""a b"@c"#, r#"(NIL NIL "a b" "c")"#);
    check("x@[1.2.3.4]", r#"(NIL NIL "x" "[1.2.3.4]")"#);
    check("a..b@c", r#"(NIL NIL "a..b" "c")"#);
    check("single", r#"(NIL NIL "single" "MISSING_DOMAIN")"#);
    check(
        "two words, c@d",
        r#"("two words" NIL "MISSING_MAILBOX" "MISSING_DOMAIN")(NIL NIL "c" "d")"#,
    );
    check(
        "foo@, a@b",
        r#"(NIL NIL "foo" "MISSING_DOMAIN")(NIL NIL "a" "b")"#,
    );
    check(
        "<foo@bar, a@b",
        r#"(NIL NIL "foo" "SYNTAX_ERROR")(NIL NIL "a" "b")"#,
    );
    check("a@b c@d, e@f", r#"(NIL NIL "a" "b")"#);
    check(
        "a@b, (unterminated",
        &format!(r#"(NIL NIL "a" "b"){NOBODY}"#),
    );
    check(", a@b", &format!(r#"{NOBODY}(NIL NIL "a" "b")"#));
    check(
        "A <@x y:b@c>",
        r#"("A" "INVALID_ROUTE" "MISSING_MAILBOX" "SYNTAX_ERROR")"#,
    );
    check(
        "=?utf-8?q?J=C3=B6rg?= <j@x>",
        r#"("=?utf-8?q?J=C3=B6rg?=" NIL "j" "x")"#,
    );
    check(
        "g: a@b",
        r#"(NIL NIL "g" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL)"#,
    );
    check(
        "g: a@b;, c@d",
        r#"(NIL NIL "g" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL)(NIL NIL "c" "d")"#,
    );
    check("Jörg <j@x>", r#"("Jörg" NIL "j" "x")"#);
}

#[test]
fn fields_are_unfolded_and_not_decoded() {
    let structure = scan(
        "Subject: one\r\n\t  two\r\n =?utf-8?q?three?=  \r\n  \r\n four\r\nMessage-ID:\r\n <x@y>\r\ndate :  x\r\nno colon\r\nIn-Reply-To:\r\nBcc: \r\n\r\n",
    );
    let envelope = structure.root().envelope().unwrap();
    assert_eq!(
        envelope.subject(),
        Some(b"one two =?utf-8?q?three?=   four".as_slice())
    );
    assert_eq!(envelope.message_id(), Some(b"<x@y>".as_slice()));
    assert_eq!(envelope.date(), Some(b"x".as_slice()));
    assert_eq!(envelope.in_reply_to(), Some(b"".as_slice()));
    assert_eq!(envelope.bcc().count(), 0);
}

#[test]
fn what_no_imap_string_may_hold_is_replaced() {
    let structure = scan("Subject: a\0b\rc\r\n\r\n");
    assert_eq!(
        structure.root().envelope().unwrap().subject(),
        Some("a\u{fffd}b c".as_bytes())
    );
}

#[test]
fn several_fields_of_one_name_are_one_list_but_the_last_text() {
    let structure = scan("From: a@b, \"c\r\nFrom: d@e\r\nSubject: 1\r\nSubject: 2\r\n\r\n");
    let envelope = structure.root().envelope().unwrap();
    assert_eq!(
        show(envelope.from()),
        r#"(NIL NIL "a" "b")(NIL NIL "MISSING_MAILBOX" "MISSING_DOMAIN")(NIL NIL "d" "e")"#
    );
    assert_eq!(envelope.subject(), Some(b"2".as_slice()));
}

#[test]
fn sender_and_reply_to_are_from_when_they_are_empty() {
    let structure = scan("From: a@b\r\nSender: \r\n\r\n");
    let envelope = structure.root().envelope().unwrap();
    assert_eq!(show(envelope.sender()), r#"(NIL NIL "a" "b")"#);
    assert_eq!(show(envelope.reply_to()), r#"(NIL NIL "a" "b")"#);
}

#[test]
fn long_fields_are_cut_between_addresses_and_many_are_dropped() {
    let long = format!(
        "Subject: {}\r\nTo: {}\r\n\r\n",
        "x".repeat(1 << 20),
        "abc@example.com,".repeat(1 << 16)
    );
    let structure = scan(long);
    let envelope = structure.root().envelope().unwrap();
    assert!(envelope.subject().unwrap().len() <= Structure::MAX_FIELD);
    let hosts: Vec<_> = envelope.to().map(|address| address.host).collect();
    assert_eq!(hosts.len(), (Structure::MAX_FIELD - 1) / 16);
    assert!(
        hosts
            .iter()
            .all(|host| host.as_deref() == Some(b"example.com"))
    );
    let many = scan("To: a@b\r\n".repeat(400_000));
    let kept = many.root().envelope().unwrap().to().count();
    assert!((10_000..Structure::MAX_KEPT / 64).contains(&kept), "{kept}");
}
