//! mutt, on a terminal that nobody sits at.

use super::{certificate, flagged, messages};
use crate::harness::{Local, Service, capture};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Opens a mailbox and types.
fn mutt(folder: &Path, config: &Path, mailbox: &str, keys: &str) -> String {
    let typed = folder.join("typed");
    let source = format!("source {}\npush '{keys}'\n", config.display());
    fs::write(&typed, source).unwrap();
    let command = format!("mutt -n -F {} -f {mailbox}", typed.display());
    let output = capture(
        Command::new("timeout")
            .args(["60", "script", "-qec", &command, "/dev/null"])
            .env("HOME", folder)
            .env("TERM", "xterm")
            .env("LC_ALL", "C.UTF-8"),
    );
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command}: {}\n{said}",
        output.status
    );
    said
}

#[test]
#[ignore = "needs Debian's mutt: run by e2e/run"]
fn mutt_lists_fetches_flags_copies_uploads_and_deletes() {
    let local = Local::start("quickstart");
    let count = messages(&local, "INBOX");
    let folder = local.data().join("mutt");
    fs::create_dir(&folder).unwrap();
    let there = format!("imaps://localhost:{}", local.ports().of(Service::Imaps));
    let config = folder.join("muttrc");
    let text = format!(
        "set imap_user=ann@example.com imap_pass=quickstart\n\
         set certificate_file={}\n\
         set folder={there} spoolfile={there}/INBOX record= header_cache=\n\
         set confirmappend=no confirmcreate=no delete=yes quit=yes move=no wait_key=no\n\
         set mail_check=1 timeout=1 sleep_time=0 read_inc=0 net_inc=0\n",
        certificate(&local).display()
    );
    fs::write(&config, text).unwrap();

    let inbox = format!("{there}/INBOX");
    let fetched = folder.join("fetched");
    let keys = format!(
        "<first-entry><pipe-message>tee {}<enter><quit>",
        fetched.display()
    );
    let said = mutt(&folder, &config, &inbox, &keys);
    assert!(said.contains("Welcome to your mailbox"), "{said}");
    let text = fs::read_to_string(fetched).unwrap();
    assert!(text.contains("Subject: Welcome to your mailbox"), "{text}");
    mutt(
        &folder,
        &config,
        &inbox,
        "<first-entry><flag-message><copy-message>=Copies<enter><sync-mailbox><quit>",
    );
    assert_eq!(flagged(&local, "INBOX", "\\Flagged"), 1);
    assert_eq!(messages(&local, "Copies"), 1);

    let mbox = folder.join("mbox");
    fs::write(
        &mbox,
        "From a@example.com Thu Jan  1 00:00:00 1970\nSubject: uploaded\n\nby mutt\n",
    )
    .unwrap();
    mutt(
        &folder,
        &config,
        mbox.to_str().unwrap(),
        "<copy-message>=Copies<enter><quit>",
    );
    assert_eq!(messages(&local, "Copies"), 2);
    mutt(
        &folder,
        &config,
        &format!("{there}/Copies"),
        "<first-entry><delete-message><sync-mailbox><quit>",
    );
    assert_eq!(messages(&local, "Copies"), 1);
    assert_eq!(messages(&local, "INBOX"), count);
}
