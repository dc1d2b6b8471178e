//! What holds for every input: no panic, bounded memory, and the same answers however it is split.

use super::driver::{Connection, PLAIN};
use mailaccess_mail::MailboxName;
use mailaccess_mail::step::{Channel, LoginType};
use mailaccess_mail::store::ErrorKind;
use mailaccess_store::memory::MemoryAccount;
use proptest::collection::vec;
use proptest::prelude::*;
use std::borrow::ToOwned;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

/// What a login may hold at most. One line is less than that, and nothing else is held.
const MOST_HELD: usize = 16 * 1024;

fn account() -> MemoryAccount {
    let account = MemoryAccount::new();
    let messages: [&[u8]; 5] = [
        b"Subject: one\r\n\r\nhello\r\n",
        b"Subject: dots\r\n\r\n.\r\n..\r\n.a\r\n",
        b"no header, no end",
        b"",
        b"\n\nbare\n.\nlines",
    ];
    for message in messages {
        account.deliver(&MailboxName::inbox(), message).unwrap();
    }
    account
}

fn command() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![(0_u32..8).prop_map(|n| format!("{n}")), "[0-9]{1,12}"];
    let texts = prop_oneof![
        Just("USER ann\r\nPASS secret".to_owned()),
        Just("USER ann".to_owned()),
        Just("PASS wrong".to_owned()),
        Just("AUTH PLAIN AGFubgBzZWNyZXQ=".to_owned()),
        Just("AUTH PLAIN\r\nAGFubgBzZWNyZXQ=".to_owned()),
        Just("AUTH LOGIN\r\nYW5u\r\nc2VjcmV0".to_owned()),
        Just("AUTH LOGIN\r\n*".to_owned()),
        Just("CAPA".to_owned()),
        Just("STAT".to_owned()),
        Just("LIST".to_owned()),
        Just("UIDL".to_owned()),
        Just("NOOP".to_owned()),
        Just("RSET".to_owned()),
        Just("AUTH".to_owned()),
        Just("QUIT".to_owned()),
        ("(LIST|UIDL|RETR|DELE|TOP)", number.clone()).prop_map(|(verb, n)| format!("{verb} {n}")),
        (number, 0_u32..5).prop_map(|(n, lines)| format!("TOP {n} {lines}")),
        "[ -~]{0,40}",
    ];
    (
        texts,
        prop_oneof![4 => Just("\r\n"), 1 => Just("\n"), 1 => Just("")],
    )
        .prop_map(|(text, end)| [text.as_str(), end].concat().into_bytes())
}

/// Valid dialogues, and the same with bytes replaced, put in and taken away.
fn dialogue() -> impl Strategy<Value = Vec<u8>> {
    let damage = vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..6);
    (vec(command(), 0..24), damage).prop_map(|(commands, damage)| {
        let mut bytes = b"USER ann\r\nPASS secret\r\n".to_vec();
        bytes.extend(commands.concat());
        for (place, byte, how) in damage {
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => drop(bytes.remove(place)),
            }
            if bytes.is_empty() {
                bytes.push(byte);
            }
        }
        bytes
    })
}

fn play(pieces: &[&[u8]], login_type: LoginType, channel: Channel) -> (Vec<u8>, Connection) {
    let (mut connection, mut sent) = Connection::new(account(), login_type, channel).greeted();
    for piece in pieces {
        connection.receive(piece);
    }
    sent.extend(connection.sent());
    assert!(
        connection.most_held <= MOST_HELD,
        "{}",
        connection.most_held
    );
    assert!(connection.most_output <= MOST_HELD);
    (sent, connection)
}

proptest! {
    #[test]
    fn any_bytes_are_answered_in_whole_lines(bytes in vec(any::<u8>(), 0..2000)) {
        for channel in [PLAIN, Channel::Tls] {
            let (sent, _) = play(&[&bytes], LoginType::SecureLogin, channel);
            prop_assert!(sent.ends_with(b"\r\n"));
        }
    }

    #[test]
    fn answers_do_not_depend_on_how_the_input_is_split(
        bytes in dialogue(),
        cuts in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            pieces.push(&bytes[from..cut]);
            from = cut;
        }
        let whole = play(&[&bytes], LoginType::PlainTextLogin, PLAIN);
        let split = play(&pieces, LoginType::PlainTextLogin, PLAIN);
        prop_assert_eq!(String::from_utf8_lossy(&whole.0), String::from_utf8_lossy(&split.0));
        prop_assert_eq!(whole.1.is_closed(), split.1.is_closed());
        prop_assert_eq!(whole.1.log_ons, split.1.log_ons);
    }

    #[test]
    fn nothing_authenticates_in_the_clear_under_secure_login(bytes in dialogue()) {
        let bytes: Vec<u8> = bytes
            .split_inclusive(|byte| *byte == b'\n')
            .filter(|line| !line.trim_ascii_start().to_ascii_uppercase().starts_with(b"STLS"))
            .collect::<Vec<_>>()
            .concat();
        let (_, connection) = play(&[&bytes], LoginType::SecureLogin, PLAIN);
        prop_assert!(connection.log_ons.is_empty());
    }
}

#[test]
fn a_flood_without_a_line_end_is_cut_off_and_not_held() {
    let (mut connection, _) =
        Connection::new(account(), LoginType::PlainTextLogin, PLAIN).greeted();
    let mut fed = 0;
    while !connection.is_closed() {
        connection.receive(&[b'A'; 4096]);
        fed += 4096;
        assert!(fed <= 128 * 1024, "an endless line must end the connection");
    }
    assert!(connection.most_held <= 512);
    assert_eq!(connection.sent(), b"-ERR The line is too long.\r\n");
}

#[test]
fn the_longest_response_within_auth_stays_within_the_bound() {
    let (mut connection, _) =
        Connection::new(account(), LoginType::PlainTextLogin, PLAIN).greeted();
    connection.receive(b"AUTH PLAIN\r\n");
    for _ in 0..4 * 1024 {
        connection.receive(b"AAAA");
    }
    connection.receive(b"\r\n");
    assert!(
        connection.most_held <= MOST_HELD,
        "{}",
        connection.most_held
    );
    assert_eq!(connection.sent(), b"+ \r\n-ERR The line is too long.\r\n");
}

#[test]
fn a_list_of_many_messages_is_sent_in_pieces() {
    let account = MemoryAccount::new();
    let messages = 3 * crate::listing::BATCH + 1;
    for _ in 0..messages {
        account.deliver(&MailboxName::inbox(), b"x\r\n").unwrap();
    }
    let (mut connection, _) = Connection::new(account, LoginType::PlainTextLogin, PLAIN).greeted();
    connection.receive(b"USER ann\r\nPASS secret\r\nDELE 1\r\nDELE 2000\r\n");
    connection.sent();
    connection.receive(b"STAT\r\n");
    let stat = format!("+OK {} {}\r\n", messages - 2, (messages - 2) * 3);
    assert_eq!(String::from_utf8(connection.sent()).unwrap(), stat);
    for (verb, cell) in [("LIST", 1), ("UIDL", 16)] {
        connection.most_output = 0;
        connection.receive(format!("{verb}\r\n").as_bytes());
        let sent = String::from_utf8(connection.sent()).unwrap();
        let lines: Vec<_> = sent.lines().collect();
        assert_eq!(lines.len(), messages - 2 + 2);
        assert_eq!(lines[lines.len() - 1], ".");
        for (line, number) in lines[1..].iter().zip((2..=messages).filter(|n| *n != 2000)) {
            let (found, rest) = line.split_once(' ').unwrap();
            assert_eq!((found, rest.len()), (format!("{number}").as_str(), cell));
        }
        assert!(
            connection.most_output <= 64 * 1024,
            "{}",
            connection.most_output
        );
    }
}

#[test]
fn a_list_that_cannot_be_finished_ends_the_connection_without_its_dot() {
    let account = MemoryAccount::new();
    for _ in 0..=crate::listing::BATCH {
        account.deliver(&MailboxName::inbox(), b"x\r\n").unwrap();
    }
    let (mut connection, _) = Connection::new(account, LoginType::PlainTextLogin, PLAIN).greeted();
    connection.receive(b"USER ann\r\nPASS secret\r\n");
    connection.sent();
    connection.fail = Some((1, ErrorKind::Unavailable));
    connection.receive(b"LIST\r\n");
    let sent = String::from_utf8(connection.sent()).unwrap();
    assert!(sent.ends_with("\r\n1024 3\r\n"), "{sent}");
    assert!(connection.is_closed());
}
