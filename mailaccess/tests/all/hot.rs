//! What is hot: seen by live sessions, the next login, the next connection, the next handshake.

use crate::documents::{PASSWORD, free_port};
use crate::pod::{Pod, now, until};
use crate::wire::Client;
use mailaccess_config::DocumentName;
use mailaccess_config::settings::{Binding, LoginType};
use std::net::TcpStream;
use std::time::Duration;

fn logged_on(pod: &Pod, name: &str) -> Client {
    let mut imap = pod.imap();
    imap.line().unwrap();
    imap.imap_ok(&format!("LOGIN {name} {PASSWORD}"));
    imap
}

#[test]
fn a_banner_and_a_login_type_are_obeyed_by_the_same_process() {
    let mut pod = Pod::start();
    let mut before = pod.imap();
    before.line().unwrap();
    pod.documents.set_banners("Another banner");
    pod.documents.settings.imap.login_type = LoginType::SecureLogin;
    pod.documents.publish();
    let mut after = until("the new banner", || {
        let mut client = pod.imap();
        client.line()?.contains("Another banner").then_some(client)
    });
    for client in [&mut before, &mut after] {
        let answer = client.imap(&format!("LOGIN ann {PASSWORD}"));
        assert!(answer[0].starts_with("t NO"), "{answer:?}");
        let capability = client.imap_ok("CAPABILITY");
        assert!(capability[0].contains("LOGINDISABLED"), "{capability:?}");
    }
}

#[test]
fn a_port_moves_and_its_connections_stay() {
    let mut pod = Pod::start();
    let mut stays = logged_on(&pod, "ann");
    let old = pod.documents.imap_port();
    let new = free_port();
    pod.documents.settings.imap.unencrypted_or_tls_bindings = vec![Binding { port: new }];
    pod.documents.publish();
    until("the new port is open", || {
        TcpStream::connect(("127.0.0.1", new)).ok()
    });
    until("the old port is closed", || {
        TcpStream::connect(("127.0.0.1", old))
            .is_err()
            .then_some(())
    });
    stays.imap_ok("NOOP");
}

#[test]
fn a_port_that_is_taken_is_reported_and_opened_once_it_is_free() {
    let mut pod = Pod::start();
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port();
    pod.documents.settings.pop.unencrypted_or_tls_bindings = vec![Binding { port }];
    pod.documents.publish();
    let listener = |pod: &Pod| {
        let status = pod.status();
        let listeners = status["listeners"].as_array().unwrap();
        listeners.iter().find(|one| one["port"] == port).cloned()
    };
    let fault = until("the fault is reported", || listener(&pod));
    let text = fault["error"]["text"].as_str().unwrap();
    assert!(text.contains("in use"), "{text}");
    let metric = format!("mailaccess_listener_open{{port=\"{port}\"}}");
    assert_eq!(pod.metric(&metric), 0);
    // Everything else goes on.
    logged_on(&pod, "ann").imap_ok("NOOP");
    drop(holder);
    until("the port is open", || {
        listener(&pod)?.get("error").is_none().then_some(())
    });
    assert_eq!(pod.metric(&metric), 1);
    assert!(Client::connect(port).line().unwrap().starts_with("+OK"));
}

#[test]
fn who_loses_the_right_is_told_goodbye_and_nobody_else_notices() {
    let mut pod = Pod::start();
    let mut ann = logged_on(&pod, "ann");
    let mut bob = logged_on(&pod, "bob");
    pod.documents.deny("ann");
    pod.documents.publish();
    let begin = now();
    let disabled = "[CONTACTADMIN] IMAP is disabled for this mailbox.";
    assert_eq!(ann.line().unwrap(), format!("* BYE {disabled}"));
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    assert!(ann.is_closed());
    bob.imap_ok("NOOP");
    let mut again = pod.imap();
    again.line().unwrap();
    let answer = again.imap(&format!("LOGIN ann {PASSWORD}"));
    assert_eq!(answer[0], format!("t NO {disabled}"));
    assert_eq!(
        pod.metric("mailaccess_sessions_revoked_total{protocol=\"imap\"}"),
        1
    );
    // Gone altogether: bob's line is removed.
    pod.documents.credentials.clear();
    pod.documents.publish();
    assert_eq!(
        bob.line().unwrap(),
        "* BYE [CONTACTADMIN] This server no longer knows the user."
    );
}

#[test]
fn who_is_idle_is_told_goodbye_too() {
    let mut pod = Pod::start();
    let mut ann = logged_on(&pod, "ann");
    ann.imap_ok("SELECT INBOX");
    ann.send(b"i IDLE\r\n");
    ann.until("+ ");
    let mut guest = pod.imap();
    guest.line().unwrap();
    pod.documents.settings.imap.enabled = false;
    pod.documents.publish();
    let off = "[CONTACTADMIN] IMAP is disabled on this server.";
    let last = ann.until("* BYE").pop();
    assert_eq!(last.as_deref(), Some(&*format!("* BYE {off}")));
    assert!(ann.is_closed());
    // Who was greeted before may still ask.
    let answer = guest.imap(&format!("LOGIN ann {PASSWORD}"));
    assert_eq!(answer[0], format!("t NO {off}"));
    until("the port is closed", || {
        TcpStream::connect(("127.0.0.1", pod.documents.imap_port()))
            .is_err()
            .then_some(())
    });
}

#[test]
fn a_document_that_is_broken_changes_nothing_and_says_so() {
    let pod = Pod::start();
    let mut ann = logged_on(&pod, "ann");
    pod.documents.replace(DocumentName::Settings, b"nonsense\n");
    let error = until("the fault is reported", || {
        pod.status()["documents"]["settings-v1"]["error"]["text"]
            .as_str()
            .map(str::to_owned)
    });
    assert!(error.contains("header"), "{error}");
    assert!(pod.metric("mailaccess_document_failures_total{document=\"settings-v1\"}") >= 1);
    assert_eq!(pod.get("/readyz").unwrap().0, 200);
    ann.imap_ok("NOOP");
    logged_on(&pod, "bob").imap_ok("NOOP");
}
