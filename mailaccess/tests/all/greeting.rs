//! The first words, and a message, on each of the four ports.

use crate::documents::PASSWORD;
use crate::pod::Pod;
use crate::wire::{Client, trust};

#[test]
fn each_port_greets_with_its_banner() {
    let pod = Pod::start();
    let config = trust(pod.documents.certificates.by_id.values().next().unwrap());
    let documents = &pod.documents;
    let imaps = Client::connect_tls(documents.imaps_port(), &config, "localhost").unwrap();
    let pops = Client::connect_tls(documents.pops_port(), &config, "localhost").unwrap();
    for (mut client, begin) in [
        (pod.imap(), "* OK "),
        (imaps, "* OK "),
        (pod.pop(), "+OK "),
        (pops, "+OK "),
    ] {
        let greeting = client.line().unwrap();
        assert!(greeting.starts_with(begin), "{greeting}");
        assert!(greeting.contains("service ready"), "{greeting}");
    }
}

#[test]
fn a_message_comes_as_it_lies_in_the_file_with_crlf_ends() {
    let pod = Pod::start();
    let mut pop = pod.pop();
    pop.line().unwrap();
    assert!(pop.pop("USER ann").starts_with("+OK"));
    assert!(pop.pop(&format!("PASS {PASSWORD}")).starts_with("+OK"));
    let inbox = pod.volume().join("example.com/ann/Maildir/new");
    let mut files: Vec<_> = std::fs::read_dir(inbox)
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
        .collect();
    assert!(files.len() >= 6);
    for number in 1..=files.len() {
        assert!(pop.pop(&format!("RETR {number}")).starts_with("+OK"));
        let mut message = Vec::new();
        loop {
            let line = pop.line().unwrap();
            if line == "." {
                break;
            }
            message.push(line.strip_prefix('.').map_or(line.clone(), str::to_owned));
        }
        let same = files.iter().position(|file| {
            let text = String::from_utf8_lossy(file);
            let lines: Vec<&str> = text.lines().collect();
            lines == message
        });
        files.remove(same.expect("one of the files, each once"));
    }
    assert!(pop.pop("QUIT").starts_with("+OK"));
    assert!(pop.is_closed());
}

#[test]
fn a_mailbox_that_is_not_there_is_unavailable_and_not_made() {
    let pod = Pod::start_with(&crate::pod::Start {
        change: |documents| {
            let hash = documents.credentials.values().next().unwrap().clone();
            let carol = crate::documents::person("carol");
            documents.credentials.insert(carol, hash);
        },
        ..crate::pod::Start::default()
    });
    let mut imap = pod.imap();
    imap.line().unwrap();
    let answer = imap.imap(&format!("LOGIN carol {PASSWORD}"));
    assert!(answer[0].starts_with("t NO [UNAVAILABLE]"), "{answer:?}");
    assert!(!pod.volume().join("example.com/carol").exists());
    let name =
        r#"mailaccess_log_ons_total{protocol="imap",mechanism="LOGIN",result="unavailable"}"#;
    assert_eq!(pod.metric(name), 1);
}
