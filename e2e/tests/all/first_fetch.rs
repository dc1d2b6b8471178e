//! The first thing a newcomer does: start, and fetch a message with curl. What is printed is what lies in
//! the file, with CRLF ends.

use crate::harness::{Local, Service};
use std::process::Command;

fn curl(url: &str) -> Vec<u8> {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--insecure", "--max-time", "30"])
        .args(["--user", "ann@example.com:quickstart", url])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{url}: {errors}");
    output.stdout
}

#[test]
#[ignore = "needs Debian's curl: run by e2e/run"]
fn curl_prints_every_message_byte_for_byte() {
    let local = Local::start("quickstart");
    let (imaps, pop3s) = (
        local.ports().of(Service::Imaps),
        local.ports().of(Service::Pop3s),
    );
    // The first session assigns the UIDs.
    curl(&format!("pop3s://127.0.0.1:{pop3s}/1"));
    let messages = local.maildir("ann@example.com").messages();
    assert!(messages.len() >= 6, "{} messages", messages.len());
    for (index, (uid, bytes)) in messages.iter().enumerate() {
        let number = index + 1;
        let by_pop3 = curl(&format!("pop3s://127.0.0.1:{pop3s}/{number}"));
        // POP3 ends a message with CRLF where it has no end.
        let mut ended = bytes.clone();
        if !ended.ends_with(b"\r\n") {
            ended.extend_from_slice(b"\r\n");
        }
        assert!(by_pop3 == ended, "message {number} by POP3");
        for url in [
            format!("imaps://127.0.0.1:{imaps}/INBOX;MAILINDEX={number}"),
            format!("imaps://127.0.0.1:{imaps}/INBOX;UID={uid}"),
        ] {
            assert!(curl(&url) == *bytes, "{url}");
        }
    }
}

#[test]
#[ignore = "needs Debian's curl: run by e2e/run"]
fn what_is_printed_at_the_start_can_be_pasted() {
    let mut local = Local::newcomer();
    let said = local.process().said();
    let commands: Vec<_> = said
        .lines()
        .filter(|line| line.trim().starts_with("curl "))
        .collect();
    assert_eq!(commands.len(), 2, "{said}");
    for command in commands {
        let output = Command::new("sh")
            .args([
                "-c",
                &format!("{command} --silent --show-error --max-time 30"),
            ])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {errors}");
        assert!(
            String::from_utf8_lossy(&output.stdout)
                .to_lowercase()
                .contains("subject:"),
            "{command}"
        );
    }
    assert!(
        said.contains("ann@example.com, bob@example.com (password: quickstart)"),
        "{said}"
    );
}

#[test]
fn ctrl_c_ends_everything_within_two_seconds() {
    let mut local = Local::start("quickstart");
    let pod = local.pod();
    let mut idle = local.imap("ann@example.com", "quickstart");
    idle.ok("SELECT INBOX");
    let begin = crate::harness::now();
    local.process().signal(rustix::process::Signal::INT);
    let farewell = idle.wire().rest();
    let status = local.process().ended(std::time::Duration::from_secs(2));
    crate::harness::figure(
        "ctrl-C to the end of everything",
        format!("{:?}", begin.elapsed()),
    );
    assert!(status.success(), "{status}");
    assert!(
        farewell.starts_with(b"* BYE "),
        "{}",
        String::from_utf8_lossy(&farewell)
    );
    assert!(
        !std::path::Path::new(&format!("/proc/{pod}")).exists(),
        "the pod is still there"
    );
}
