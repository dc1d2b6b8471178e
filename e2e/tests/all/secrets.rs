//! Nothing secret is printed, at the finest level of logging.

use crate::harness::{Imap, Local, Pop3, Security, Service};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs;

const MARKED: &str = "Kf7-marked-9Qz";

/// SASL without an initial response: each secret is a line of its own, which no command announces.
#[track_caller]
fn answer_challenges(local: &Local, mechanism: &str, answers: &[&str]) {
    let mut imap = Imap::connect(local.ports().of(Service::Imaps), Security::Tls).unwrap();
    let tag = imap.begin(&format!("AUTHENTICATE {mechanism}")).unwrap();
    for answer in answers {
        assert!(imap.response().unwrap().starts_with(b"+ "), "{mechanism}");
        imap.wire()
            .write(format!("{answer}\r\n").as_bytes())
            .unwrap();
    }
    let reply = imap.end(&tag).unwrap();
    assert!(reply.is_ok(), "{mechanism}: {}", reply.status);
}

#[test]
fn no_password_hash_or_key_is_printed_at_the_finest_level() {
    let mut local = Local::start_with("quickstart", "trace", |files| {
        let users = fs::read_to_string(files.join("users.yaml")).unwrap();
        let line = format!("    carol@example.com:{{PLAIN}}{MARKED}\n  group: |\n");
        fs::write(
            files.join("users.yaml"),
            users.replacen("  group: |\n", &line, 1),
        )
        .unwrap();
        let server = fs::read_to_string(files.join("mailaccessserver.yaml")).unwrap();
        let server = server.replace("Enabled: false", "Enabled: true");
        fs::write(files.join("mailaccessserver.yaml"), server).unwrap();
    });
    let message = STANDARD.encode(format!("\0carol\0{MARKED}"));
    let half = STANDARD.encode(MARKED);
    let name = STANDARD.encode("carol");
    for wrong in ["", "x"] {
        let connect = || Imap::connect(local.ports().of(Service::Imaps), Security::Tls).unwrap();
        let tried = connect()
            .try_log_on("carol", &format!("{MARKED}{wrong}"))
            .unwrap();
        assert_eq!(tried.is_ok(), wrong.is_empty(), "{}", tried.status);
        let mut pop3 = Pop3::connect(local.ports().of(Service::Pop3s), Security::Tls).unwrap();
        let tried = pop3.log_on("carol", &format!("{MARKED}{wrong}"));
        assert_eq!(tried.is_ok(), wrong.is_empty(), "{tried:?}");
    }
    let mut imap = Imap::connect(local.ports().of(Service::Imaps), Security::Tls).unwrap();
    imap.ok(&format!("AUTHENTICATE PLAIN {message}"));
    answer_challenges(&local, "PLAIN", &[&message]);
    answer_challenges(&local, "LOGIN", &[&name, &half]);
    let mut pop3 = Pop3::connect(local.ports().of(Service::Pop3s), Security::Tls).unwrap();
    assert!(
        pop3.command(&format!("AUTH LOGIN {name}")).is_err(),
        "a challenge is no +OK"
    );
    pop3.command(&half).unwrap();
    // A password where none belongs is a password still.
    let mut imap = Imap::connect(local.ports().of(Service::Imaps), Security::Tls).unwrap();
    imap.command(&format!("LOGIN carol {MARKED} {MARKED}"))
        .unwrap();
    imap.command(&format!("PASS {MARKED}")).unwrap();

    let said = local.process().said();
    assert!(
        said.contains(" TRACE connection{"),
        "the pod's log is not at the finest level:\n{said}"
    );
    for (what, secret) in [("password", MARKED), ("PLAIN", &message), ("LOGIN", &half)] {
        assert!(!said.contains(secret), "{what}:\n{said}");
    }
    assert!(!said.contains("$argon2id$"), "a hash:\n{said}");
    assert!(!said.contains("PRIVATE KEY"), "a key:\n{said}");
}
