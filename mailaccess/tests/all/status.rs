//! The admin port: readiness and what it waits for, status, metrics.

use crate::pod::{Pod, Start, until};
use mailaccess_config::DocumentName;
use std::fs;
use std::io::{Read as _, Write as _};

#[test]
fn a_pod_whose_volume_is_gone_is_unready_and_nobody_can_log_on() {
    let pod = Pod::start();
    fs::remove_file(pod.volume().join("mailaccess.volume")).unwrap();
    let mut imap = pod.imap();
    imap.line().unwrap();
    let answer = imap.imap("LOGIN ann quickstart");
    assert!(answer[0].starts_with("t NO [UNAVAILABLE]"), "{answer:?}");
    until("unready", || (pod.get("/readyz")?.0 == 503).then_some(()));
}

#[test]
fn a_pod_without_its_volume_says_why_it_is_not_ready_and_looks_again() {
    let pod = Pod::start_unready(&Start {
        change: |documents| {
            let marker = documents.volume().join("mailaccess.volume");
            fs::remove_file(marker).unwrap();
        },
        ..Start::default()
    });
    let why = until("it says why", || {
        let (code, text) = pod.get("/readyz")?;
        (code == 503 && !text.contains("document")).then_some(text)
    });
    assert!(why.contains("mailaccess.volume"), "{why}");
    let status = pod.status();
    assert_eq!(status["ready"], false);
    assert_eq!(status["volume"]["ready"], false);
    assert_eq!(pod.metric("mailaccess_volume_ready"), 0);
    let again = crate::pod::mailaccess()
        .arg("init")
        .arg(pod.volume())
        .output();
    assert!(again.unwrap().status.success());
    until("ready", || (pod.get("/readyz")?.0 == 200).then_some(()));
}

#[test]
fn status_tells_what_is_loaded_open_and_shown() {
    let pod = Pod::start();
    let status = pod.status();
    assert_eq!(status["ready"], true);
    assert_eq!(status["server"], "default/mail");
    for name in DocumentName::all() {
        let document = &status["documents"][name.file_name()];
        assert_eq!(document["sequence"], 1_790_000_000_000_u64, "{document}");
        assert_eq!(document["digest"].as_str().unwrap().len(), 64);
        assert!(document.get("error").is_none());
    }
    let listeners = status["listeners"].as_array().unwrap();
    assert_eq!(listeners.len(), 4);
    assert!(listeners.iter().all(|one| one.get("error").is_none()));
    let certificate = &status["certificates"][0];
    let expected = pod.documents.certificates.by_id.values().next().unwrap();
    assert_eq!(
        certificate["thumbprint"],
        expected.leaf().thumbprint.as_str()
    );
    assert_eq!(certificate["notAfterUnixSecs"], expected.leaf().not_after);
    assert_eq!(certificate["shownBy"].as_array().unwrap().len(), 2);
    assert_eq!(status["sessions"]["imap"], 0);
    let mut imap = pod.imap();
    imap.line().unwrap();
    assert_eq!(pod.status()["sessions"]["imap"], 1);
    assert_eq!(pod.status()["volume"]["ready"], true);
}

#[test]
fn metrics_are_open_metrics() {
    let pod = Pod::start();
    let (code, text) = pod.get("/metrics").unwrap();
    assert_eq!(code, 200);
    assert!(text.ends_with("# EOF\n"));
    for name in [
        "mailaccess_connections{protocol=\"imap\"} 0",
        "mailaccess_volume_ready 1",
        "mailaccess_document_sequence{document=\"rules-v1\"} 1790000000000",
    ] {
        assert!(text.lines().any(|line| line == name), "{name}\n{text}");
    }
    assert_eq!(pod.get("/livez").unwrap().0, 200);
    assert_eq!(pod.get("/nothing").unwrap().0, 404);
}

#[test]
fn the_admin_port_only_reads() {
    let pod = Pod::start();
    let port = pod.admin_port();
    let mut socket = crate::wire::socket(port);
    socket
        .write_all(
            b"POST /status HTTP/1.1\r\nHost: pod\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        )
        .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}
