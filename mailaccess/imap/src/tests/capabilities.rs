//! Golden capability lines: for each channel and `LoginType`, before and after a login.

use super::driver::{Connection, PLAIN};
use mailaccess_mail::step::{Channel, LoginType, StartTls};
use mailaccess_store::memory::MemoryAccount;
use std::string::String;
use std::vec::Vec;

const NO_CERTIFICATE: Channel = Channel::Plain {
    start_tls: StartTls::Unavailable,
};

#[track_caller]
fn check(channel: Channel, login_type: LoginType, before: &str, after: Option<&str>) {
    let mut connection = Connection::new(MemoryAccount::new(), login_type, channel).greeted();
    connection.receive(b"1 CAPABILITY\r\n2 LOGIN ann secret\r\n3 CAPABILITY\r\n");
    let sent = String::from_utf8(connection.sent()).unwrap();
    let lines: Vec<&str> = sent
        .lines()
        .filter_map(|line| line.strip_prefix("* CAPABILITY "))
        .collect();
    assert_eq!(lines, [before, after.unwrap_or(before)]);
    assert_eq!(
        sent.contains("\r\n2 OK LOGIN completed.\r\n"),
        after.is_some()
    );
}

const AUTHENTICATED: &str = "IMAP4rev1 UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+";

#[test]
fn plain_text_login_offers_mechanisms_in_the_clear() {
    check(
        PLAIN,
        LoginType::PlainTextLogin,
        "IMAP4rev1 AUTH=PLAIN AUTH=LOGIN SASL-IR STARTTLS UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
        Some(AUTHENTICATED),
    );
    check(
        NO_CERTIFICATE,
        LoginType::PlainTextLogin,
        "IMAP4rev1 AUTH=PLAIN AUTH=LOGIN SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
        Some(AUTHENTICATED),
    );
}

#[test]
fn secure_login_offers_nothing_in_the_clear() {
    check(
        PLAIN,
        LoginType::SecureLogin,
        "IMAP4rev1 LOGINDISABLED STARTTLS UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
        None,
    );
    check(
        NO_CERTIFICATE,
        LoginType::SecureLogin,
        "IMAP4rev1 LOGINDISABLED UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
        None,
    );
}

#[test]
fn tls_offers_mechanisms_whatever_the_login_type() {
    for login_type in [LoginType::SecureLogin, LoginType::PlainTextLogin] {
        check(
            Channel::Tls,
            login_type,
            "IMAP4rev1 AUTH=PLAIN AUTH=LOGIN SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
            Some(AUTHENTICATED),
        );
    }
}
