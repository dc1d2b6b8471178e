//! TLS: names, resumption, STARTTLS and what stands behind it.

use crate::documents::{PASSWORD, certificate};
use crate::pod::{Pod, Start, until};
use crate::wire::{Client, trust};
use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::io::Write as _;

#[test]
fn each_name_gets_its_certificate() {
    let pod = Pod::start_with(&Start {
        change: |documents| {
            for name in ["*.example.com", "imap.example.com"] {
                let named = certificate(name);
                let choice = documents.settings.imap.certificates.as_mut().unwrap();
                choice.names.insert(name.to_owned(), named.id().clone());
                documents.certificates.insert(named);
            }
        },
        ..Start::default()
    });
    let choice = pod.documents.settings.imap.certificates.clone().unwrap();
    for (name, id) in [
        ("imap.example.com", &choice.names["imap.example.com"]),
        ("other.example.com", &choice.names["*.example.com"]),
        ("localhost", &choice.default),
    ] {
        let expected = &pod.documents.certificates.by_id[id];
        let port = pod.documents.imaps_port();
        let client = Client::connect_tls(port, &trust(expected), name).unwrap();
        let pem = expected.chain_pem().as_bytes();
        assert_eq!(client.shown(), CertificateDer::from_pem_slice(pem).unwrap());
    }
    // POP has no names: the default answers.
    let default = &pod.documents.certificates.by_id[&choice.default];
    assert!(Client::connect_tls(pod.documents.pops_port(), &trust(default), "localhost").is_ok());
}

#[test]
fn starttls_and_stls_protect_what_follows() {
    let pod = Pod::start();
    let config = trust(pod.documents.certificates.by_id.values().next().unwrap());
    let mut imap = pod.imap();
    imap.line().unwrap();
    imap.imap_ok("STARTTLS");
    let mut imap = imap.start_tls(&config, "localhost").unwrap();
    imap.imap_ok(&format!("LOGIN ann {PASSWORD}"));
    let mut pop = pod.pop();
    pop.line().unwrap();
    assert!(pop.pop("STLS").starts_with("+OK"));
    let mut pop = pop.start_tls(&config, "localhost").unwrap();
    assert!(pop.pop("USER ann").starts_with("+OK"));
    assert!(pop.pop(&format!("PASS {PASSWORD}")).starts_with("+OK"));
}

#[test]
fn bytes_behind_starttls_cut_the_connection() {
    let pod = Pod::start();
    for (port, command, begin) in [
        (
            pod.documents.imap_port(),
            "t STARTTLS\r\nt NOOP\r\n",
            "t NO",
        ),
        (pod.documents.pop_port(), "STLS\r\nCAPA\r\n", "-ERR"),
    ] {
        let mut client = Client::connect(port);
        client.line().unwrap();
        client.send(command.as_bytes());
        // The answer to the first may come; never one to the second.
        let lines: Vec<String> = std::iter::from_fn(|| client.line()).collect();
        assert!(lines.len() <= 1, "{lines:?}");
        assert!(
            lines.iter().all(|line| !line.starts_with(begin)),
            "{lines:?}"
        );
    }
    let ended = |protocol: &str| {
        let labels = format!("{{protocol=\"{protocol}\",reason=\"injection\"}}");
        pod.metric(&format!("mailaccess_connections_ended_total{labels}"))
    };
    until("both are counted", || {
        (ended("imap") > 0 && ended("pop") > 0).then_some(())
    });
}

#[test]
fn a_resumed_session_cannot_hide_a_new_certificate() {
    let mut pod = Pod::start();
    let port = pod.documents.imaps_port();
    let first = pod.documents.certificates.by_id.values().next().unwrap();
    let config = trust(first);
    let connect = || {
        let mut client = Client::connect_tls(port, &config, "localhost")?;
        client.line();
        Ok::<_, std::io::Error>(client)
    };
    assert_eq!(
        connect().unwrap().handshake_kind(),
        Some(HandshakeKind::Full)
    );
    assert_eq!(
        connect().unwrap().handshake_kind(),
        Some(HandshakeKind::Resumed)
    );
    pod.documents.set_certificate(certificate("localhost"));
    pod.documents.publish();
    // The client trusts the old one only, so each connection must fail from some moment on.
    until("the new certificate is shown", || {
        connect().is_err().then_some(())
    });
    assert!((0..5).all(|_| connect().is_err()));
    let next = pod.documents.certificates.by_id.values().next().unwrap();
    assert!(Client::connect_tls(port, &trust(next), "localhost").is_ok());
}

#[test]
fn a_client_that_does_not_speak_tls_is_cut_and_counted() {
    let pod = Pod::start();
    let mut client = Client::connect(pod.documents.imaps_port());
    client.write_all(b"a CAPABILITY\r\n").unwrap();
    // At most an alert, which is no line.
    let mut rest = Vec::new();
    let _ = std::io::Read::read_to_end(&mut client, &mut rest);
    assert!(rest.len() < 16, "{rest:?}");
    until("it is counted", || {
        (pod.metric("mailaccess_handshakes_failed_total{protocol=\"imap\"}") > 0).then_some(())
    });
}
