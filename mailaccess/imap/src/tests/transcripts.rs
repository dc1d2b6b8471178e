//! Every dialogue in `testdata/`.

use super::driver::{Connection, PLAIN};
use super::oracle;
use super::transcript::transcript;
use mailaccess_mail::step::{Channel, LoginType, Stop};
use mailaccess_store::memory::MemoryAccount;
use std::fs;
use std::path::Path;
use std::string::{String, ToString};
use std::vec::Vec;

#[test]
fn every_dialogue_goes_as_it_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "imap")
        })
        .collect();
    paths.sort();
    assert!(paths.len() >= 30, "there is one for each command");
    let mut wrong = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        if std::panic::catch_unwind(|| transcript(&name, &text)).is_err() {
            wrong.push(name);
        }
    }
    assert_eq!(wrong, [] as [String; 0]);
}

#[test]
fn the_greeting_is_the_banner() {
    for channel in [PLAIN, Channel::Tls] {
        let account = MemoryAccount::new();
        let mut connection = Connection::new(account, LoginType::SecureLogin, channel).greeted();
        let sent = connection.sent();
        assert_eq!(sent, b"* OK IMAP4 service ready\r\n");
        oracle::reads_greeting(&sent);
    }
}

#[test]
fn a_connection_refused_at_once_is_told_why() {
    let account = MemoryAccount::new();
    let mut connection = Connection::new(account, LoginType::SecureLogin, PLAIN);
    connection.stop(Stop::TooManyConnections);
    let sent = connection.sent();
    oracle::reads_greeting(&sent);
    assert_eq!(
        String::from_utf8_lossy(&sent),
        "* BYE [LIMIT] Too many connections, try again later.\r\n"
    );
    assert!(connection.is_closed());
}

#[test]
fn names_and_passwords_reach_the_verification() {
    let account = MemoryAccount::new();
    let mut connection = Connection::new(account, LoginType::SecureLogin, Channel::Tls).greeted();
    // tim acts for ann; then ann by herself.
    connection.receive(b"a AUTHENTICATE PLAIN dGltAGFubgB3cm9uZw==\r\n");
    connection.receive(b"b AUTHENTICATE LOGIN YW5u\r\nd3Jvbmc=\r\n");
    let log_ons = [
        ("ann", "tim", b"wrong".to_vec()),
        ("ann", "", b"wrong".to_vec()),
    ]
    .map(|(name, act_for, password)| (name.to_string(), act_for.to_string(), password));
    assert_eq!(connection.log_ons, log_ons);
}

#[test]
fn what_comes_behind_starttls_is_left_to_the_driver() {
    let account = MemoryAccount::new();
    let mut connection = Connection::new(account, LoginType::SecureLogin, PLAIN).greeted();
    connection.receive(b"a STARTTLS\r\nb LOGIN ann secret\r\n");
    assert_eq!(connection.channel, Channel::Tls);
    // The driver of the test cuts the connection, as a real one does.
    assert!(connection.is_closed());
    assert!(connection.log_ons.is_empty());
}

#[test]
fn a_transcript_can_fail() {
    let wrong = "state guest\n\nC: a NOOP\nS: a OK CHECK completed.";
    assert!(std::panic::catch_unwind(|| transcript("wrong", wrong)).is_err());
    let missing = "state guest\n\nC: a NOOP";
    assert!(std::panic::catch_unwind(|| transcript("missing", missing)).is_err());
}
