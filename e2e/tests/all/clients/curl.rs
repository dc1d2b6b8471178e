//! curl, for both protocols, implicit TLS and STARTTLS.

use super::{ANN, flagged, messages};
use crate::harness::{Local, Service, run};
use std::fs;
use std::process::Command;

fn curl(local: &Local, service: Service, path: &str, more: &[&str]) -> String {
    let (scheme, tls) = match service {
        Service::Imaps => ("imaps", None),
        Service::Pop3s => ("pop3s", None),
        Service::Imap => ("imap", Some("--ssl-reqd")),
        Service::Pop3 => ("pop3", Some("--ssl-reqd")),
        Service::Admin => panic!("no mail there"),
    };
    let url = format!("{scheme}://localhost:{}/{path}", local.ports().of(service));
    let user = format!("{ANN}:quickstart");
    run(Command::new("curl")
        .args(["--silent", "--show-error", "--insecure", "--max-time", "30"])
        .args(["--user", &user, &url])
        .args(tls)
        .args(more))
}

#[test]
#[ignore = "needs Debian's curl: run by e2e/run"]
fn curl_lists_fetches_flags_copies_uploads_and_deletes() {
    let local = Local::start("quickstart");
    let count = messages(&local, "INBOX");
    for service in [Service::Imaps, Service::Imap] {
        let listed = curl(&local, service, "", &[]);
        assert!(listed.contains("INBOX"), "{listed}");
        let status = curl(&local, service, "", &["-X", "STATUS INBOX (MESSAGES)"]);
        assert!(status.contains(&format!("MESSAGES {count}")), "{status}");
        let headers = curl(&local, service, "INBOX;MAILINDEX=1;SECTION=HEADER", &[]);
        assert!(headers.contains("Subject:"), "{headers}");
        let found = curl(&local, service, "INBOX?ALL", &[]);
        assert_eq!(found.trim().split(' ').count(), 2 + count, "{found}");
    }
    curl(
        &local,
        Service::Imaps,
        "INBOX",
        &["-X", "STORE 1 +FLAGS (\\Flagged)"],
    );
    assert_eq!(flagged(&local, "INBOX", "\\Flagged"), 1);
    curl(&local, Service::Imaps, "", &["-X", "CREATE Copies"]);
    curl(&local, Service::Imaps, "INBOX", &["-X", "COPY 1:2 Copies"]);
    assert_eq!(messages(&local, "Copies"), 2);
    let file = local.data().join("upload");
    fs::write(&file, b"Subject: uploaded\r\n\r\nby curl\r\n").unwrap();
    curl(
        &local,
        Service::Imaps,
        "Copies",
        &["-T", file.to_str().unwrap()],
    );
    assert_eq!(
        curl(&local, Service::Imaps, "Copies;MAILINDEX=3", &[]),
        "Subject: uploaded\r\n\r\nby curl\r\n"
    );
    curl(
        &local,
        Service::Imaps,
        "Copies",
        &["-X", "STORE 1 +FLAGS (\\Deleted)"],
    );
    curl(&local, Service::Imaps, "Copies", &["-X", "EXPUNGE"]);
    assert_eq!(messages(&local, "Copies"), 2);
}

#[test]
#[ignore = "needs Debian's curl: run by e2e/run"]
fn curl_lists_fetches_and_deletes_by_pop3() {
    let local = Local::start("quickstart");
    let count = messages(&local, "INBOX");
    for service in [Service::Pop3s, Service::Pop3] {
        assert_eq!(curl(&local, service, "", &[]).lines().count(), count);
        assert_eq!(
            curl(&local, service, "", &["-X", "UIDL"]).lines().count(),
            count
        );
        let top = curl(&local, service, "", &["-X", "TOP 1 0"]);
        assert!(curl(&local, service, "1", &[]).starts_with(&top));
    }
    curl(&local, Service::Pop3s, "", &["-X", "DELE 1", "--head"]);
    assert_eq!(messages(&local, "INBOX"), count - 1);
}
