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
