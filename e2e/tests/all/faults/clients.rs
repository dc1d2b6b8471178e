//! Clients that try to get in, or out of their mailbox, by what they send.

use crate::harness::{Imap, Local, Pop3, Security, Service, Wire};

#[test]
fn a_literal_too_large_before_a_login_is_refused_before_it_is_sent() {
    let local = Local::start("quickstart");
    let mut imap = Imap::connect(local.ports().of(Service::Imaps), Security::Tls).unwrap();
    let reply = imap.command("LOGIN {1073741824}").unwrap();
    assert!(reply.status.starts_with("BAD"), "{}", reply.status);
    // What cannot be refused in time is not read: LITERAL+ does not wait.
    let mut imap = Imap::connect(local.ports().of(Service::Imaps), Security::Tls).unwrap();
    imap.begin("LOGIN {1073741824+}").unwrap();
    let said = String::from_utf8_lossy(&imap.wire().rest()).into_owned();
    assert!(said.contains("BAD") || said.contains("BYE"), "{said}");
}

#[test]
fn what_is_sent_before_the_handshake_does_not_count_as_sent_under_tls() {
    let local = Local::start("quickstart");
    let mut wire = Wire::connect(local.ports().of(Service::Imap), Security::Plain).unwrap();
    wire.line().unwrap();
    wire.write(b"a STARTTLS\r\nb CAPABILITY\r\n").unwrap();
    assert!(wire.line().unwrap().starts_with(b"a OK"));
    assert!(wire.start_tls("localhost").is_err(), "STARTTLS");
    let mut wire = Wire::connect(local.ports().of(Service::Pop3), Security::Plain).unwrap();
    wire.line().unwrap();
    wire.write(b"STLS\r\nCAPA\r\n").unwrap();
    assert!(wire.line().unwrap().starts_with(b"+OK"));
    assert!(wire.start_tls("localhost").is_err(), "STLS");
}

#[test]
fn nothing_logs_on_in_the_clear_under_secure_login() {
    let local = Local::start("quickstart");
    let mut imap = Imap::connect(local.ports().of(Service::Imap), Security::Plain).unwrap();
    let capabilities = imap.ok("CAPABILITY").find("CAPABILITY");
    assert!(capabilities.contains(" LOGINDISABLED"), "{capabilities}");
    assert!(!capabilities.contains("AUTH="), "{capabilities}");
    assert!(!imap.try_log_on("ann", "quickstart").unwrap().is_ok());
    let mut pop3 = Pop3::connect(local.ports().of(Service::Pop3), Security::Plain).unwrap();
    assert!(pop3.greeting().starts_with("+OK POP3 service ready"));
    assert!(pop3.log_on("ann", "quickstart").is_err());
    // After the handshake both do.
    pop3.command("STLS").unwrap();
    pop3.wire().start_tls("localhost").unwrap();
    pop3.log_on("ann", "quickstart").unwrap();
    imap.ok("STARTTLS");
    imap.wire().start_tls("localhost").unwrap();
    imap.log_on("ann", "quickstart");
}

#[test]
fn names_that_would_leave_the_mailbox_are_refused() {
    let local = Local::start("quickstart");
    let mut imap = local.imap("ann@example.com", "quickstart");
    let maildir = local.maildir("ann@example.com");
    let count = || std::fs::read_dir(&maildir.0).unwrap().count();
    let before = count();
    for name in [
        "..", "../bob", "a/b", "/etc", ".hidden", "a..b", "\"\"", "&AAA-", "&-&",
    ] {
        let reply = imap.command(&format!("CREATE {name}")).unwrap();
        assert!(!reply.is_ok(), "{name}: {}", reply.status);
        let reply = imap.command(&format!("SELECT {name}")).unwrap();
        assert!(!reply.is_ok(), "{name}: {}", reply.status);
        let reply = imap.append(name, "", b"x\r\n").unwrap();
        assert!(!reply.is_ok(), "{name}: {}", reply.status);
    }
    assert_eq!(count(), before);
    // A link is no mailbox and no message.
    let outside = local.data().join("outside");
    std::fs::write(&outside, b"Subject: secret\r\n\r\n").unwrap();
    let link = maildir.0.join("cur/1700000001.M1P1.link:2,");
    std::os::unix::fs::symlink(&outside, link).unwrap();
    std::os::unix::fs::symlink(local.data(), maildir.0.join(".Linked")).unwrap();
    assert!(!imap.command("SELECT Linked").unwrap().is_ok());
    let exists = imap.ok("SELECT INBOX").find(" EXISTS");
    let count: usize = exists.split(' ').nth(1).unwrap().parse().unwrap();
    for number in 1..=count {
        assert!(!imap.fetch_whole(number).starts_with(b"Subject: secret"));
    }
}
