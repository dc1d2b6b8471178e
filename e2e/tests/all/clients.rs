//! Real clients: each lists, fetches, and where it can flags, copies, uploads and deletes.

mod curl;
mod isync;
mod mutt;
mod python;

use crate::harness::Local;

const ANN: &str = "ann@example.com";

/// How many messages of a mailbox have this text in their answer to FETCH FLAGS.
fn flagged(local: &Local, mailbox: &str, flag: &str) -> usize {
    let mut imap = local.imap(ANN, "quickstart");
    imap.ok(&format!("EXAMINE {mailbox}"));
    let lines = imap.ok("FETCH 1:* FLAGS").lines();
    lines.iter().filter(|line| line.contains(flag)).count()
}

/// How many messages a mailbox has.
fn messages(local: &Local, mailbox: &str) -> usize {
    let mut imap = local.imap(ANN, "quickstart");
    let exists = imap.ok(&format!("EXAMINE {mailbox}")).find(" EXISTS");
    exists.split(' ').nth(1).unwrap().parse().unwrap()
}

/// The certificate that the server shows, as a PEM file in its data folder.
fn certificate(local: &Local) -> std::path::PathBuf {
    use base64::Engine as _;
    let port = local.ports().of(crate::harness::Service::Imaps);
    let wire = crate::harness::Wire::connect(port, crate::harness::Security::Tls).unwrap();
    let der = wire.certificate().unwrap();
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).collect();
    let lines: Vec<_> = lines
        .iter()
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    let pem = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    );
    let path = local.data().join("shown.pem");
    std::fs::write(&path, pem).unwrap();
    path
}
