//! How a pod ends.

use crate::documents::PASSWORD;
use crate::pod::{Pod, Start, now, until};
use std::process::{Command, Stdio};
use std::time::Duration;

fn logged_on(pod: &Pod) -> crate::wire::Client {
    let mut imap = pod.imap();
    imap.line().unwrap();
    imap.imap_ok(&format!("LOGIN ann {PASSWORD}"));
    imap
}

#[test]
fn on_sigterm_a_pod_goes_on_accepting_and_then_says_goodbye() {
    let mut pod = Pod::start_with(&Start {
        arguments: vec!["--drain-delay".to_owned(), "2s".to_owned()],
        ..Start::default()
    });
    let mut idle = logged_on(&pod);
    let begin = now();
    pod.signal("TERM");
    until("the signal was seen", || {
        pod.log().contains("SIGTERM").then_some(())
    });
    // Still there for whoever is sent here, and ready.
    let mut late = logged_on(&pod);
    assert_eq!(pod.get("/readyz").unwrap().0, 200);
    late.imap_ok("NOOP");
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "the machine is too slow for this test"
    );
    assert!(idle.line().unwrap().starts_with("* BYE"));
    assert!(begin.elapsed() >= Duration::from_secs(2));
    assert!(late.line().unwrap().starts_with("* BYE"));
    assert!(idle.is_closed() && late.is_closed());
    drop((idle, late));
    assert!(pod.ended().success());
}

#[test]
fn a_client_that_stays_silent_cannot_hold_up_the_end() {
    let mut pod = Pod::start();
    let imap = logged_on(&pod);
    let begin = now();
    pod.signal("TERM");
    assert!(pod.ended().success());
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    drop(imap);
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut pod = Pod::start_with(&Start {
        arguments: vec!["--drain-delay".to_owned(), "30s".to_owned()],
        ..Start::default()
    });
    let begin = now();
    pod.signal("TERM");
    until("the signal was seen", || {
        pod.log().contains("SIGTERM").then_some(())
    });
    pod.signal("INT");
    assert!(pod.ended().success());
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn a_pod_ends_with_whoever_started_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mailaccess"))
        .args(["serve", "--until-stdin-closes", "--bind", "127.0.0.1"])
        .args(["--admin-port", &crate::documents::free_port().to_string()])
        .arg("--documents")
        .arg(directory.path())
        .arg("--volume")
        .arg(directory.path())
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(child.try_wait().unwrap().is_none());
    drop(child.stdin.take());
    let status = until("the process ended", || child.try_wait().unwrap());
    assert!(status.success());
}

/// How many messages of the inbox hold this word, and how many files there are on their way.
fn messages_with(pod: &Pod, word: &str) -> (usize, usize) {
    let maildir = pod.volume().join("example.com/ann/Maildir");
    let files = |part: &str| {
        let entries = std::fs::read_dir(maildir.join(part)).unwrap();
        entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()))
    };
    let found = ["new", "cur"].into_iter().flat_map(files);
    let found = found.filter(|text| text.as_ref().is_ok_and(|text| text.contains(word)));
    (found.count(), files("tmp").count())
}

#[test]
fn what_is_under_way_at_the_end_is_done_whole_or_not_at_all() {
    for part in ["whole", "half"] {
        let mut pod = Pod::start();
        let mut imap = logged_on(&pod);
        let text = "Subject: under way\r\n\r\nxyzzy\r\n".repeat(2000);
        imap.send(format!("a APPEND INBOX {{{}+}}\r\n", text.len()).as_bytes());
        if part == "whole" {
            imap.send(text.as_bytes());
            imap.send(b"\r\n");
        } else {
            imap.send(&text.as_bytes()[..text.len() / 2]);
        }
        pod.signal("TERM");
        let lines: Vec<String> = std::iter::from_fn(|| imap.line()).collect();
        let done = lines.iter().any(|line| line.starts_with("a OK"));
        assert!(
            lines.iter().any(|line| line.starts_with("* BYE")),
            "{lines:?}"
        );
        assert!(pod.ended().success());
        assert_eq!(
            messages_with(&pod, "xyzzy"),
            (usize::from(done), 0),
            "{part}: {lines:?}"
        );
        assert!(part == "whole" || !done);
    }
}
