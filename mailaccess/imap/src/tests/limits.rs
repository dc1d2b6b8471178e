//! What is too long, too large or too much: told with its tag, and in the end with a BYE.

use super::driver::{Connection, PLAIN};
use mailaccess_mail::MailboxName;
use mailaccess_mail::step::{Channel, LoginType, Refused};
use mailaccess_store::memory::MemoryAccount;
use std::format;
use std::string::String;

fn connection(account: &MemoryAccount, begin: &str) -> Connection {
    let mut connection =
        Connection::new(account.clone(), LoginType::SecureLogin, Channel::Tls).greeted();
    connection.receive(begin.as_bytes());
    connection.sent();
    connection
}

/// What a client sees that begins like this and sends that.
#[track_caller]
fn check(begin: &str, sent: &str, seen: &str) {
    let mut connection = connection(&MemoryAccount::new(), begin);
    connection.receive(sent.as_bytes());
    assert_eq!(String::from_utf8_lossy(&connection.sent()), seen);
    assert_eq!(connection.is_closed(), seen.contains("* BYE"));
}

const GUEST: &str = "";
const LOGGED_ON: &str = "- LOGIN ann secret\r\n";
const SELECTED: &str = "- LOGIN ann secret\r\n- SELECT INBOX\r\n";
const EXAMINED: &str = "- LOGIN ann secret\r\n- EXAMINE INBOX\r\n";

#[test]
fn a_line_too_long_is_a_mistake_of_its_command() {
    for (begin, limit) in [(GUEST, 8 * 1024), (LOGGED_ON, 64 * 1024)] {
        let fits = format!("a NOOP{}\r\n", " ".repeat(limit - 8));
        check(begin, &fits, "a OK NOOP completed.\r\n");
        check(
            begin,
            &format!("a NOOP {}\r\nb NOOP\r\n", " ".repeat(limit - 8)),
            "a BAD The command is too long.\r\nb OK NOOP completed.\r\n",
        );
        let untagged = format!("{}\r\nb NOOP\r\n", "x".repeat(limit + 1));
        check(
            begin,
            &untagged,
            "* BAD The command is too long.\r\nb OK NOOP completed.\r\n",
        );
        check(
            begin,
            &format!("a NOOP{}", " ".repeat(4 * limit)),
            "* BYE Connection closed, the line is too long.\r\n",
        );
    }
}

#[test]
fn a_literal_too_large_is_not_asked_for() {
    let seen = "a BAD The literal is too large.\r\nb OK NOOP completed.\r\n";
    check(GUEST, "a LOGIN {8192}\r\nb NOOP\r\n", seen);
    check(LOGGED_ON, "a SELECT {65536}\r\nb NOOP\r\n", seen);
    check(
        LOGGED_ON,
        "a SELECT {18446744073709551616}\r\nb NOOP\r\n",
        seen,
    );
}

#[test]
fn a_literal_that_comes_unasked_is_swallowed_up_to_a_size() {
    let literal = "b NOOP\r\n".repeat(2000);
    check(
        GUEST,
        &format!("a LOGIN {{16000+}}\r\n{literal} more\r\nb NOOP\r\n"),
        "a BAD The literal is too large.\r\nb OK NOOP completed.\r\n",
    );
    check(
        LOGGED_ON,
        "a SELECT {1048577+}\r\nb NOOP\r\n",
        "a BAD The literal is too large.\r\n* BYE Connection closed, the literal is too large.\r\n",
    );
    // A message is swallowed whatever its size: the client is logged on.
    let message = "x".repeat(2_000_000);
    check(
        LOGGED_ON,
        &format!("a APPEND INBOX {{2000000+}}\r\n{message}\r\nb NOOP\r\n"),
        "a NO [TOOBIG] The message is too large.\r\nb OK NOOP completed.\r\n",
    );
}

#[test]
fn a_line_too_long_within_another_exchange_ends_that() {
    let long = "x".repeat(8192);
    check(
        GUEST,
        &format!("a AUTHENTICATE PLAIN\r\n{long}\r\nb NOOP\r\n"),
        "+ \r\na BAD The line is too long.\r\nb OK NOOP completed.\r\n",
    );
    check(
        LOGGED_ON,
        &format!("a IDLE\r\n{long}\r\nb NOOP\r\n"),
        "+ idling\r\na BAD Expected DONE.\r\nb OK NOOP completed.\r\n",
    );
    check(
        LOGGED_ON,
        &format!("a APPEND INBOX {{3+}}\r\nabc{long}\r\nb NOOP\r\n"),
        "a BAD The line is too long.\r\nb OK NOOP completed.\r\n",
    );
}

#[test]
fn sections_of_too_many_pieces_are_refused() {
    let account = MemoryAccount::new();
    let message = "a: 1\r\nb: 2\r\n".repeat(15_000);
    account
        .deliver(&MailboxName::inbox(), message.as_bytes())
        .unwrap();
    let mut connection = connection(&account, "- LOGIN ann secret\r\n- SELECT INBOX\r\n");
    let sections = [
        "BODY.PEEK[HEADER.FIELDS (a)]",
        "BODY.PEEK[HEADER.FIELDS (b)]",
    ];
    connection.receive(format!("a FETCH 1 ({})\r\n", sections.join(" ")).as_bytes());
    let sent = connection.sent();
    assert!(sent.len() > 180_000 && sent.ends_with(b"\r\na OK FETCH completed.\r\n"));
    let more = [sections.join(" "), sections.join(" ")].join(" ");
    connection.receive(format!("a FETCH 1 ({more})\r\n").as_bytes());
    assert_eq!(
        String::from_utf8_lossy(&connection.sent()),
        "a NO [LIMIT] A limit of the server is reached.\r\n"
    );
}

#[test]
fn what_no_client_should_send_is_told_to_the_metrics_by_its_reason() {
    use Refused::{Limit, Message, Name, Privacy, State, Syntax, Unsupported};
    let long = format!("a NOOP {}\r\n", "x".repeat(9_000));
    let endless = "x".repeat(40_000);
    let name = "a CREATE a/b\r\na APPEND a/b {1+}\r\nx\r\na SELECT ../b\r\n";
    let deep = format!("a SEARCH {}ALL\r\n", "NOT ".repeat(1_000));
    for (begin, sent, expect) in [
        (GUEST, "\r\na XYZZY\r\na NOOP x\r\n", &[Syntax; 3][..]),
        (GUEST, "a FETCH 1 FLAGS\r\na STARTTLS\r\n", &[State; 2]),
        (GUEST, "a AUTHENTICATE CRAM-MD5\r\n", &[Unsupported]),
        (GUEST, "a AUTHENTICATE PLAIN\r\n?\r\n", &[Syntax]),
        (GUEST, &long, &[Limit]),
        (GUEST, &endless, &[Limit]),
        (GUEST, "a LOGIN {99999999+}\r\n", &[Limit]),
        // A wrong password is no mistake of this kind, and what goes well neither.
        (GUEST, "a LOGIN ann wrong\r\na NOOP\r\na LOGOUT\r\n", &[]),
        (LOGGED_ON, name, &[Name; 3]),
        (LOGGED_ON, "a RENAME a b\r\n", &[Unsupported]),
        (LOGGED_ON, "a APPEND INBOX {999999+}\r\n", &[Limit]),
        (LOGGED_ON, "a IDLE\r\nx\r\n", &[Syntax]),
        (
            SELECTED,
            "a FETCH 2 FLAGS\r\na STORE 2 FLAGS ()\r\n",
            &[Message; 2],
        ),
        (SELECTED, &deep, &[Limit]),
        (SELECTED, "a SEARCH CHARSET KOI8-R ALL\r\n", &[Unsupported]),
        (EXAMINED, "a STORE 1 FLAGS ()\r\na EXPUNGE\r\n", &[State; 2]),
    ] {
        let mut connection = connection(&MemoryAccount::new(), begin);
        connection.receive(sent.as_bytes());
        assert_eq!(connection.refused, expect, "{sent:.60}");
    }
    let mut plain = Connection::new(MemoryAccount::new(), LoginType::SecureLogin, PLAIN).greeted();
    plain.receive(b"a LOGIN ann secret\r\na AUTHENTICATE PLAIN\r\na LOGIN {3}\r\n");
    assert_eq!(plain.refused, [Privacy; 3]);
}
