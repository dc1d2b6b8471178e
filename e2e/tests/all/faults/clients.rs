//! Clients that flood: whatever they send before a login, little of it is held and they are told.

use crate::harness::{Imap, Local, Pop3, Security, Service, Wire, figure};
use crate::memory::{forget_peak, resident};

/// What a process may grow by while it is flooded over one connection at a time.
const GROWTH: u64 = 2 * 1024 * 1024;

struct Flood {
    what: &'static str,
    service: Service,
    /// Sent once.
    head: &'static [u8],
    /// Sent again and again, until the server closes or enough was sent.
    body: &'static [u8],
    /// What the server must say at some time.
    answer: &'static str,
}

const FLOODS: &[Flood] = &[
    Flood {
        what: "an IMAP line without an end",
        service: Service::Imaps,
        head: b"a LOGIN ",
        body: &[b'x'; 8192],
        answer: "BAD",
    },
    Flood {
        what: "IMAP nesting",
        service: Service::Imaps,
        head: b"a SEARCH ",
        body: &[b'('; 8192],
        answer: "BAD",
    },
    Flood {
        what: "IMAP commands that are none",
        service: Service::Imaps,
        head: b"",
        body: b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
        answer: "BYE",
    },
    Flood {
        what: "a POP3 line without an end",
        service: Service::Pop3s,
        head: b"USER ",
        body: &[b'x'; 8192],
        answer: "-ERR",
    },
    Flood {
        what: "POP3 commands that are none",
        service: Service::Pop3s,
        head: b"",
        body: b"XYZZY\r\n",
        answer: "-ERR",
    },
    Flood {
        what: "a POP3 response to AUTH without an end",
        service: Service::Pop3s,
        head: b"AUTH PLAIN\r\n",
        body: &[b'A'; 8192],
        answer: "-ERR",
    },
];

#[test]
fn floods_before_a_login_are_answered_in_bounded_memory() {
    let local = Local::start("quickstart");
    let pod = local.pod();
    // Whatever a first connection of each kind makes, once.
    for flood in FLOODS {
        send(&local, flood);
    }
    for flood in FLOODS {
        forget_peak(pod);
        let (_, before) = resident(pod);
        let said = send(&local, flood);
        let (peak, _) = resident(pod);
        let growth = peak.saturating_sub(before);
        figure(
            &format!("growth under {}", flood.what),
            format!("{} KiB", growth / 1024),
        );
        assert!(said.contains(flood.answer), "{}: {said}", flood.what);
        assert!(growth < GROWTH, "{}: {growth}", flood.what);
    }
    local.imap("ann@example.com", "quickstart");
}

/// Sends at most 16 MiB; gives what the server said.
fn send(local: &Local, flood: &Flood) -> String {
    let mut wire = Wire::connect(local.ports().of(flood.service), Security::Tls).unwrap();
    let greeting = wire.line().unwrap();
    assert!(greeting.starts_with(b"* OK ") || greeting.starts_with(b"+OK "));
    if wire.write(flood.head).is_ok() {
        let mut sent = 0;
        while sent < 16 * 1024 * 1024 && wire.write(flood.body).is_ok() {
            sent += flood.body.len();
        }
        assert!(
            sent < 16 * 1024 * 1024,
            "{}: it is never cut off",
            flood.what
        );
    }
    String::from_utf8_lossy(&wire.rest()).into_owned()
}

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
        "..", "../bob", "a/b", "/etc", ".hidden", "a..b", "a.", "\"\"", "&AAA-", "&-&",
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
