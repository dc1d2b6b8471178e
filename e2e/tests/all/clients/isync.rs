//! isync's `mbsync`: a mailbox there becomes one here, and changes of both go both ways.

use super::{certificate, flagged, messages};
use crate::harness::{Local, Maildir, Service, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
#[ignore = "needs Debian's isync: run by e2e/run"]
fn mbsync_carries_changes_both_ways() {
    let local = Local::start("quickstart");
    let count = messages(&local, "INBOX");
    let folder = local.data().join("isync");
    fs::create_dir(&folder).unwrap();
    let config = configure(&local, &folder);
    let sync = || {
        run(Command::new("mbsync")
            .arg("-c")
            .arg(&config)
            .args(["-V", "both"]));
    };
    sync();
    let here = Maildir(folder.join("INBOX"));
    assert_eq!(here.files().len(), count);

    // There: a flag, a new message, a removal. Here: the same with others.
    let mut imap = local.imap("ann@example.com", "quickstart");
    imap.ok("SELECT INBOX");
    imap.ok("STORE 1 +FLAGS (\\Flagged)");
    imap.ok("STORE 2 +FLAGS (\\Deleted)");
    imap.ok("EXPUNGE");
    imap.append("INBOX", "", b"Subject: from there\r\n\r\nthere\r\n")
        .unwrap();
    imap.ok("CREATE There");
    here.deliver(b"Subject: from here\n\nhere\n");
    // As somebody who answers a message and thereby reads it.
    let unread = here
        .files()
        .into_values()
        .map(|file| file.to_str().unwrap().to_owned());
    let name = unread
        .into_iter()
        .find(|name| name.contains("/new/") && name.contains(",U="))
        .unwrap();
    let base = name
        .split(":2,")
        .next()
        .unwrap()
        .replacen("/new/", "/cur/", 1);
    fs::rename(&name, format!("{base}:2,RS")).unwrap();
    sync();
    // What each got from the other, at the latest after the next run.
    sync();
    assert_eq!(here.files().len(), count + 1);
    assert_eq!(messages(&local, "INBOX"), count + 1);
    assert!(
        folder.join("There/cur").is_dir(),
        "a folder made there is made here"
    );
    let letters = |letter: char| {
        let files = here.files();
        let names = files.values().map(|file| file.to_str().unwrap().to_owned());
        names
            .filter(|name| {
                let flags = name.rsplit_once(":2,").map_or("", |(_, flags)| flags);
                flags.contains(letter)
            })
            .count()
    };
    assert_eq!(letters('F'), flagged(&local, "INBOX", "\\Flagged"));
    assert_eq!(letters('R'), flagged(&local, "INBOX", "\\Answered"));
    assert!(letters('F') >= 1 && letters('R') >= 1);
    let mut imap = local.imap("ann@example.com", "quickstart");
    imap.ok("SELECT INBOX");
    for subject in ["from here", "from there"] {
        let found = imap
            .ok(&format!("SEARCH SUBJECT \"{subject}\""))
            .find("SEARCH");
        assert_eq!(found.split(' ').count(), 3, "{found}");
    }
}

/// Writes how mailboxes there and here go together.
fn configure(local: &Local, folder: &Path) -> PathBuf {
    let config = folder.join("mbsyncrc");
    let text = format!(
        "IMAPAccount there\nHost localhost\nPort {port}\nUser ann@example.com\nPass quickstart\n\
         SSLType IMAPS\nCertificateFile {certificate}\nAuthMechs PLAIN\n\n\
         IMAPStore there\nAccount there\n\n\
         MaildirStore here\nPath {here}/\nInbox {here}/INBOX\nSubFolders Verbatim\n\n\
         Channel both\nFar :there:\nNear :here:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n",
        port = local.ports().of(Service::Imaps),
        certificate = certificate(local).display(),
        here = folder.display(),
    );
    fs::write(&config, text).unwrap();
    config
}
