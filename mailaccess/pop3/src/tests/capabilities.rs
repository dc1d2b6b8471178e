//! The capability lists, whole, for each channel and login type.

use super::driver::{Connection, PLAIN};
use mailaccess_mail::step::{Channel, LoginType, StartTls};
use mailaccess_store::memory::MemoryAccount;
use std::string::String;

#[track_caller]
fn check(channel: Channel, login_type: LoginType, expect: &str) {
    let connection = Connection::new(MemoryAccount::new(), login_type, channel);
    let (mut connection, _) = connection.greeted();
    connection.receive(b"CAPA\r\n");
    let found = String::from_utf8(connection.sent()).unwrap();
    let found = found
        .strip_prefix("+OK Capability list follows.\r\n")
        .unwrap();
    let found = found.strip_suffix("\r\n.\r\n").unwrap();
    assert_eq!(found.replace("\r\n", ", "), expect);
}

#[test]
fn capabilities_follow_channel_and_login_type() {
    let bare = Channel::Plain {
        start_tls: StartTls::Unavailable,
    };
    let open = "TOP, UIDL, SASL PLAIN LOGIN, USER, PIPELINING, RESP-CODES, AUTH-RESP-CODE";
    let shut = "TOP, UIDL, PIPELINING, RESP-CODES, AUTH-RESP-CODE";
    check(PLAIN, LoginType::SecureLogin, &[shut, "STLS"].join(", "));
    check(PLAIN, LoginType::PlainTextLogin, &[open, "STLS"].join(", "));
    check(bare, LoginType::SecureLogin, shut);
    check(bare, LoginType::PlainTextLogin, open);
    check(Channel::Tls, LoginType::SecureLogin, open);
    check(Channel::Tls, LoginType::PlainTextLogin, open);
}

#[test]
fn capabilities_are_the_same_after_a_login() {
    let connection = Connection::new(MemoryAccount::new(), LoginType::PlainTextLogin, PLAIN);
    let (mut connection, _) = connection.greeted();
    connection.receive(b"CAPA\r\n");
    let before = connection.sent();
    connection.receive(b"USER ann\r\nPASS secret\r\n");
    connection.sent();
    connection.receive(b"CAPA\r\n");
    assert_eq!(connection.sent(), before);
}

#[test]
fn a_session_waiting_for_a_command_is_small() {
    assert!(
        size_of::<crate::Pop3>() <= 96,
        "{}",
        size_of::<crate::Pop3>()
    );
}
