//! Whatever a client sends, in whatever pieces: no panic, bounded memory, and the same answers.

use super::driver::{Connection, PLAIN};
use super::oracle;
use crate::framing::{AFTER_LOGIN, BEFORE_LOGIN};
use mailaccess_mail::step::{Channel, LoginType};
use mailaccess_mail::{Flags, InternalDate, MailboxName};
use mailaccess_store::memory::MemoryAccount;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

/// What may be held of a client's bytes before a login: a command, and as much again while it is parsed.
const GUEST_LIMIT: usize = 16 * 1024;
const _: () = assert!(2 * BEFORE_LOGIN <= GUEST_LIMIT);
/// What may be written at once, messages not counted, when messages are small.
const OUTPUT_LIMIT: usize = 128 * 1024;

fn account() -> MemoryAccount {
    let account = MemoryAccount::new();
    let text = b"From: a@example.com\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhi\r\n--x--\r\n";
    for _ in 0..3 {
        let date = InternalDate::from_unix_secs(0);
        account
            .add(&MailboxName::inbox(), text, Flags::none(), date)
            .unwrap();
    }
    account
}

/// What a client sees that sends these bytes in pieces.
fn answers(channel: Channel, begin: &[u8], stream: &[u8], split: usize) -> Vec<u8> {
    let mut connection = Connection::new(account(), LoginType::PlainTextLogin, channel).greeted();
    connection.receive(begin);
    for piece in stream.chunks(split) {
        connection.receive(piece);
        if !connection.is_closed() {
            connection.notice();
        }
    }
    if !connection.is_closed() {
        connection.end();
    }
    assert!(connection.most_held_by_guest <= GUEST_LIMIT);
    assert!(connection.most_held <= AFTER_LOGIN);
    assert!(connection.most_output <= OUTPUT_LIMIT);
    connection.sent()
}

/// Commands of a guest and of somebody logged on, right ones first.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "[a-c][0-9] (NOOP|CAPABILITY|CHECK|IDLE|CLOSE|UNSELECT|EXPUNGE|NAMESPACE|STARTTLS|LOGOUT|ID NIL)\r\n",
        "[a-c][0-9] (UID )?(FETCH|fetch) (1|1:\\*|2,3|\\*) (ALL|FULL|\\(FLAGS UID\\)|BODY\\[\\]|BODY.PEEK\\[1\\]<0.5>|BODY\\[HEADER.FIELDS \\(From\\)\\]|BODYSTRUCTURE)\r\n",
        "[a-c][0-9] (UID )?STORE (1|1:\\*|9) (\\+|-)?FLAGS(.SILENT)? (\\(\\\\Seen a\\)|\\\\Deleted)\r\n",
        "[a-c][0-9] (UID )?SEARCH (ALL|1:\\*|NOT SEEN|OR SEEN \\(FROM a TEXT \"hi\"\\)|TEXT \\{3\\+\\}\r\nabc)\r\n",
        "[a-c][0-9] (UID )?COPY (1|1:\\*) (INBOX|none)\r\n",
        "[a-c][0-9] (SELECT|EXAMINE|CREATE|DELETE|SUBSCRIBE|UNSUBSCRIBE) (INBOX|a.b|\"a/b\"|&AOQ-)\r\n",
        "[a-c][0-9] (LIST|LSUB) \"\" (%|\\*|\"\"|a.%)\r\n",
        "[a-c][0-9] STATUS INBOX \\(MESSAGES UIDNEXT\\)\r\n",
        "[a-c][0-9] APPEND (INBOX|none) (\\(\\\\Seen\\) )?\\{5\\+\\}\r\nhello\r\n",
        "[a-c][0-9] LOGIN (ann|\\{3\\+\\}\r\nann) (secret|wrong)\r\n",
        "[a-c][0-9] AUTHENTICATE (PLAIN|LOGIN)( AGFubgBzZWNyZXQ=| =)?\r\n",
        "(DONE|AGFubgBzZWNyZXQ=|\\*)\r\n",
        "[a-c][0-9] APPEND INBOX \\{200000\\}\r\n",
        "[a-c][0-9] APPEND INBOX (\\(a\\) )?\"[ 0-3][0-9]-(Jan|feb|DEC|Foo)-[0-9]{4} [0-2][0-9]:[0-6][0-9]:[0-6][0-9] [+-][0-9]{4}\" \\{5\\+\\}\r\nhello\r\n",
        "[a-c][0-9] (UID )?SEARCH (SENT)?(BEFORE|ON|SINCE) \"?[0-3]?[0-9]-(Jan|feb|DEC|Foo)-[0-9]{4}\"?\r\n",
        "[a-c][0-9] (UID )?SEARCH (CHARSET (UTF-8|us-ascii|KOI8-R|none) )?(HEADER (Content-Type|x) \"?[a-z]{0,3}\"?|(UN)?KEYWORD [a-c]|(LARGER|SMALLER) [0-9]{1,11}|UID 1:\\*|BODY \\{2\\+\\}\r\n\u{e4})\r\n",
        "[a-c][0-9] ID (\\(\\)|\\(\"name\" (\"a\"|NIL|\\{2\\+\\}\r\nbc)( \"version\" \"1\")?\\))\r\n",
        "[a-c][0-9] SELECT \\{[0-9]{1,6}\\+?\\}\r\n",
    ];
    line.prop_map(Vec::from)
}

/// Commands, one after the other, in which some bytes are changed, added, or missing; some of them end early.
fn mutated(
    commands: impl Strategy<Value = Vec<Vec<u8>>>,
    most: usize,
) -> impl Strategy<Value = Vec<u8>> {
    let mutations =
        prop::collection::vec((any::<prop::sample::Index>(), 0..16, any::<u8>()), 0..most);
    (commands, mutations).prop_map(|(commands, mutations)| {
        let mut stream = commands.concat();
        for (place, kind, byte) in mutations {
            if stream.is_empty() {
                break;
            }
            let at = place.index(stream.len());
            match kind {
                0..5 => stream[at] = byte,
                5..10 => stream.insert(at, byte),
                10..15 => drop(stream.remove(at)),
                _ => stream.truncate(at),
            }
        }
        stream
    })
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    mutated(prop::collection::vec(piece(), 0..14), 6)
}

/// The same of commands that the other implementation makes.
fn stream_of_the_other() -> impl Strategy<Value = Vec<u8>> {
    let seed = prop::collection::vec(any::<u8>(), 0..200);
    let command = seed.prop_map(|seed| oracle::command(&seed).unwrap_or_default());
    mutated(prop::collection::vec(command, 1..5), 4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_selected_mailbox_takes_anything(stream in stream(), split in 1_usize..60) {
        let begin = b"- LOGIN ann secret\r\n- SELECT INBOX\r\n";
        let whole = answers(Channel::Tls, begin, &stream, usize::MAX);
        prop_assert_eq!(answers(Channel::Tls, begin, &stream, split), whole);
    }

    #[test]
    fn a_guest_may_send_anything(stream in stream(), split in 1_usize..60) {
        let whole = answers(Channel::Tls, b"", &stream, usize::MAX);
        prop_assert_eq!(answers(Channel::Tls, b"", &stream, split), whole);
    }

    #[test]
    fn commands_of_the_other_implementation_may_be_damaged(
        stream in stream_of_the_other(),
        split in 1_usize..60,
    ) {
        for begin in [&b""[..], b"- LOGIN ann secret\r\n- SELECT INBOX\r\n"] {
            let whole = answers(Channel::Tls, begin, &stream, usize::MAX);
            prop_assert_eq!(answers(Channel::Tls, begin, &stream, split), whole);
        }
        // Also what framing would keep away from the grammar.
        let _ = oracle::read(&stream);
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), split in 1_usize..60) {
        answers(PLAIN, b"", &bytes, split);
        answers(PLAIN, b"- LOGIN ann secret\r\n- SELECT INBOX\r\n- ", &bytes, split);
    }
}

#[test]
fn a_guest_holds_little_whatever_is_sent() {
    let long = vec![b'x'; 1 << 16];
    for begin in [
        &b"a "[..],
        b"a LOGIN ",
        b"a LOGIN {8000}\r\n",
        b"a LOGIN {8000+}\r\n",
        b"a LOGIN {60000+}\r\n",
        b"a AUTHENTICATE PLAIN ",
        b"a AUTHENTICATE LOGIN\r\n",
        b"a AUTHENTICATE LOGIN\r\nYW5u\r\n",
        b"a APPEND INBOX {60000+}\r\n",
    ] {
        let mut stream = begin.to_vec();
        stream.extend_from_slice(&long);
        for split in [1000, 8192, usize::MAX] {
            answers(Channel::Tls, b"", &stream, split);
        }
    }
}

#[test]
fn ten_mistakes_in_a_row_end_a_session() {
    let mut connection =
        Connection::new(account(), LoginType::PlainTextLogin, Channel::Tls).greeted();
    for _ in 0..3 {
        connection.receive(&b"a XYZZY\r\n".repeat(9));
        connection.receive(b"b NOOP\r\n");
        assert!(!connection.is_closed());
    }
    connection.receive(&b"a XYZZY\r\n".repeat(10));
    assert!(connection.is_closed());
    let sent = connection.sent();
    assert!(sent.ends_with(b"* BYE Connection closed after too many mistakes.\r\n"));
}

#[test]
fn a_large_message_is_never_held() {
    let mut connection =
        Connection::new(account(), LoginType::PlainTextLogin, Channel::Tls).greeted();
    connection.settings.append_limit = 10_000_000;
    connection.receive(b"- LOGIN ann secret\r\n- APPEND INBOX {9000000+}\r\n");
    let line = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\r\n";
    for piece in line.repeat(9_000_000 / 65).chunks(200_000) {
        connection.receive(piece);
    }
    connection.receive(&b"x".repeat(9_000_000 % 65));
    connection.receive(b"\r\n- SELECT INBOX\r\n- FETCH 4 BODY[]\r\n");
    assert!(connection.most_held <= AFTER_LOGIN);
    assert!(connection.most_output <= OUTPUT_LIMIT);
    let sent = connection.sent();
    assert!(sent.len() > 9_000_000);
    assert!(sent.ends_with(b"- OK FETCH completed.\r\n"));
}
