//! Commands on more messages than one batch holds, and FETCH of messages that are no MIME.

use super::driver::Connection;
use super::oracle;
use mailaccess_mail::step::{Channel, LoginType};
use mailaccess_mail::store::ErrorKind;
use mailaccess_mail::{Flags, InternalDate, MailboxName};
use mailaccess_store::memory::MemoryAccount;
use proptest::prelude::*;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

fn selected(account: &MemoryAccount) -> Connection {
    let mut connection =
        Connection::new(account.clone(), LoginType::SecureLogin, Channel::Tls).greeted();
    connection.receive(b"- LOGIN ann secret\r\n- SELECT INBOX\r\n");
    connection.sent();
    connection
}

fn add(account: &MemoryAccount, message: &[u8]) {
    let (inbox, date) = (MailboxName::inbox(), InternalDate::from_unix_secs(0));
    account.add(&inbox, message, Flags::none(), date).unwrap();
}

#[test]
fn many_messages_come_in_batches_and_in_order() {
    let account = MemoryAccount::new();
    for number in 1..=200 {
        add(&account, format!("Subject: {number}\r\n\r\nx").as_bytes());
    }
    let mut connection = selected(&account);
    connection.receive(b"a FETCH 1:* (UID BODY[TEXT])\r\n");
    let sent = String::from_utf8(connection.sent()).unwrap();
    let expect: String = (1..=200)
        .map(|n| format!("* {n} FETCH (UID {n} BODY[TEXT] {{1}}\r\nx FLAGS (\\Seen \\Recent))\r\n"))
        .collect::<Vec<_>>()
        .concat();
    assert_eq!(sent, expect + "a OK FETCH completed.\r\n");
    // No batch of 16 is larger than its lines.
    assert!(connection.most_output < 16 * 100 + 4096);
}

#[test]
fn a_silent_store_that_fails_half_way_tells_what_it_changed() {
    let account = MemoryAccount::new();
    for _ in 0..100 {
        add(&account, b"x");
    }
    let mut connection = selected(&account);
    // The first batch succeeds, the second fails.
    connection.fail = Some((1, ErrorKind::OverQuota));
    connection.receive(b"a STORE 1:* +FLAGS.SILENT (\\Seen)\r\n");
    let sent = String::from_utf8(connection.sent()).unwrap();
    let lines: Vec<&str> = sent.lines().collect();
    assert_eq!(lines.len(), 65);
    assert_eq!(lines[0], "* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent))");
    assert_eq!(lines[63], "* 64 FETCH (UID 64 FLAGS (\\Seen \\Recent))");
    assert_eq!(lines[64], "a NO [OVERQUOTA] There is no room left.");
}

#[test]
fn another_session_is_told_of_more_than_the_mailbox_remembers() {
    let account = MemoryAccount::new();
    for _ in 0..100 {
        add(&account, b"x");
    }
    let (mut one, mut other) = (selected(&account), selected(&account));
    other.receive(b"a STORE 1:3 +FLAGS.SILENT (\\Deleted)\r\nb EXPUNGE\r\n");
    for _ in 0..50 {
        other.receive(b"c STORE 1:* FLAGS.SILENT (\\Seen)\r\nd STORE 1:* FLAGS.SILENT ()\r\n");
    }
    other.receive(b"e STORE 1 +FLAGS.SILENT (\\Flagged)\r\n");
    add(&account, b"x");
    one.receive(b"f NOOP\r\n");
    let sent = String::from_utf8(one.sent()).unwrap();
    let lines: Vec<&str> = sent.lines().collect();
    assert_eq!(lines[..3], ["* 1 EXPUNGE"; 3]);
    assert_eq!(lines[3], "* 98 EXISTS");
    assert!(lines[4].ends_with(" RECENT"));
    assert_eq!(lines[5], "* 1 FETCH (UID 4 FLAGS (\\Flagged \\Recent))");
    assert_eq!(lines[6], "* 2 FETCH (UID 5 FLAGS (\\Recent))");
    assert_eq!(lines.len(), 5 + 97 + 1);
    one.receive(b"g NOOP\r\n");
    assert_eq!(one.sent(), b"g OK NOOP completed.\r\n");
}

/// Pieces of messages, right and wrong.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"Subject: =?utf-8?q?a?= \"b\\\"\r\n",
        b"From: \"A. B\" <a@b>, c (d), e: f@g;, <@r:h@i>\r\n",
        b"To: undisclosed:;\r\nCc: ,,<>\r\n",
        b"Date: yesterday\r\nMessage-ID: <\xe4\xf6>\r\n",
        b"Content-Type: multipart/mixed; boundary=\"b\"\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/html; charset=\"\xff\"; x=\"a\\\"b\"\r\n",
        b"Content-Type: ;;=\r\nContent-Language: de, en\r\n",
        b"Content-Disposition: attachment; filename*0=\"a\"; filename*1=b\r\n",
        b"Content-Transfer-Encoding: base64\r\nContent-MD5: \r\n",
        b"Content-ID: <x>\r\nContent-Description: d\r\nContent-Location: l\r\n",
        b"\r\n",
        b"--b\r\n",
        b"--b--\r\n",
        b" folded\r\n",
        b"text\n\x00\x80\r",
    ];
    let mutation = (any::<prop::sample::Index>(), any::<u8>());
    let pieces = prop::collection::vec(prop::sample::select(pieces), 0..20);
    (pieces, prop::collection::vec(mutation, 0..4)).prop_map(|(pieces, mutations)| {
        let mut message = pieces.concat();
        for (place, byte) in mutations {
            if !message.is_empty() {
                let at = place.index(message.len());
                message[at] = byte;
            }
        }
        message
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn whatever_a_message_holds_another_implementation_reads_it(message in message()) {
        let account = MemoryAccount::new();
        add(&account, &message);
        let mut connection = selected(&account);
        let sections = "BODY.PEEK[] BODY.PEEK[TEXT] BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[1.HEADER] \
            BODY.PEEK[2.1] BODY.PEEK[HEADER.FIELDS (From \"x y\")] BODY.PEEK[HEADER.FIELDS.NOT (To)]<3.7>";
        connection.receive(format!("a FETCH 1 (ENVELOPE BODY BODYSTRUCTURE {sections})\r\n").as_bytes());
        let sent = connection.sent();
        prop_assert!(sent.ends_with(b")\r\na OK FETCH completed.\r\n"));
        if !too_deep_for_the_judge(&sent) {
            oracle::reads(&sent);
        }
    }
}

/// The other implementation reads body structures of about six levels only.
fn too_deep_for_the_judge(sent: &[u8]) -> bool {
    let mut depth = 0;
    sent.iter().any(|byte| {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        depth > 7
    })
}
