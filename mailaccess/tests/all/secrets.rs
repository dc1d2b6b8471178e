//! Nothing secret in the log, at the finest level, in either format.

use crate::pod::{Pod, Start};
use crate::wire::{Client, trust};
use mailaccess_config::PasswordHash;

const MARK: &str = "xyzzy-plugh-42";

fn log_on_every_way(pod: &Pod) {
    let mut imap = pod.imap();
    imap.line().unwrap();
    // Wrong first, then right, then as a literal and by SASL.
    imap.imap(&format!("LOGIN bob {MARK}-wrong"));
    imap.imap(&format!("LOGIN {MARK}-as-name x"));
    imap.imap(&format!("NONSENSE {MARK}"));
    imap.imap_ok(&format!("LOGIN ann {MARK}"));
    let mut literal = pod.imap();
    literal.line().unwrap();
    let command = format!("t LOGIN ann {{{}+}}\r\n{MARK}\r\n", MARK.len());
    literal.send(command.as_bytes());
    literal.until("t OK");
    let config = trust(pod.documents.certificates.by_id.values().next().unwrap());
    let mut sasl = Client::connect_tls(pod.documents.imaps_port(), &config, "localhost").unwrap();
    sasl.line().unwrap();
    sasl.imap_ok(&format!(
        "AUTHENTICATE PLAIN {}",
        base64(&format!("\0ann\0{MARK}"))
    ));
    answer_challenges(pod);
    let mut pop = pod.pop();
    pop.line().unwrap();
    pop.pop("USER ann");
    assert!(pop.pop(&format!("PASS {MARK}")).starts_with("+OK"));
}

/// By SASL without an initial response: each secret is a line of its own, which no command announces.
fn answer_challenges(pod: &Pod) {
    let plain = |password: &str| vec![base64(&format!("\0ann\0{password}"))];
    let login = |password: &str| vec![base64("ann"), base64(password)];
    let wrong = format!("{MARK}-wrong");
    for (mechanism, answers, end) in [
        ("PLAIN", plain(&wrong), "t NO"),
        ("PLAIN", plain(MARK), "t OK"),
        ("LOGIN", login(&wrong), "t NO"),
        ("LOGIN", login(MARK), "t OK"),
    ] {
        let mut imap = pod.imap();
        imap.line().unwrap();
        imap.send(format!("t AUTHENTICATE {mechanism}\r\n").as_bytes());
        for answer in answers {
            imap.until("+ ");
            imap.send(format!("{answer}\r\n").as_bytes());
        }
        imap.until(end);
    }
}

/// RFC 4648, enough for a test.
fn base64(text: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let group = chunk
            .iter()
            .chain(&[0; 2])
            .take(3)
            .fold(0_usize, |group, byte| group << 8 | usize::from(*byte));
        for position in 0..4 {
            if position <= chunk.len() {
                let index = group >> (18 - 6 * position) & 63;
                encoded.push(char::from(ALPHABET[index]));
            } else {
                encoded.push('=');
            }
        }
    }
    encoded
}

/// Logs on in every way under this format of the log, whose finest lines have this in them.
#[track_caller]
fn check(format: &str, finest: &str) {
    let pod = Pod::start_with(&Start {
        arguments: [
            "--drain-delay",
            "0s",
            "--log",
            "trace",
            "--log-format",
            format,
        ]
        .map(str::to_owned)
        .to_vec(),
        change: |documents| {
            let hash: PasswordHash = format!("{{PLAIN}}{MARK}").parse().unwrap();
            documents
                .credentials
                .insert(crate::documents::person("ann"), hash);
        },
    });
    log_on_every_way(&pod);
    let log = pod.log();
    assert!(log.contains("logged on"), "the log is there");
    assert!(log.contains(finest), "the log is not at the finest level");
    let wrong = format!("{MARK}-wrong");
    for secret in [
        MARK.to_owned(),
        base64(MARK),
        base64(&wrong),
        base64(&format!("\0ann\0{MARK}")),
        base64(&format!("\0ann\0{wrong}")),
    ] {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None);
    }
    // Not as bytes either, as a debug print of a slice has them.
    let bytes: Vec<String> = MARK.bytes().map(|byte| byte.to_string()).collect();
    assert!(!log.contains(&bytes.join(", ")));
}

#[test]
fn no_password_is_logged_as_text() {
    check("text", " TRACE connection{");
}

#[test]
fn no_password_is_logged_as_json() {
    check("json", r#""level":"TRACE""#);
}
