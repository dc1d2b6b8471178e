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
    let mut imap = local.imap("ann@example.com", "quickstart");
    // So that the messages that are there come first.
    imap.ok("SELECT INBOX");
    for message in [
        &b"Subject: to be removed here\r\n\r\nold\r\n"[..],
        b"Subject: to be answered here\r\n\r\n?\r\n",
    ] {
        imap.append("INBOX", "", message).unwrap();
    }
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
    fs::remove_file(with_line(&here, "Subject: to be removed here")).unwrap();
    answer(&with_line(&here, "Subject: to be answered here"));
    sync();
    // What each got from the other, at the latest after the next run.
    sync();
    // Each side got one and lost one.
    assert_eq!(here.files().len(), count);
    assert_eq!(messages(&local, "INBOX"), count);
    assert!(
        folder.join("There/cur").is_dir(),
        "a folder made there is made here"
    );
    for (letter, flag) in [('F', "\\Flagged"), ('R', "\\Answered")] {
        let count = with_letter(&here, letter);
        assert!(count >= 1, "{flag}");
        assert_eq!(count, flagged(&local, "INBOX", flag), "{flag}");
    }
    let mut imap = local.imap("ann@example.com", "quickstart");
    imap.ok("SELECT INBOX");
    for (subject, count) in [
        ("from here", 1),
        ("from there", 1),
        ("to be removed here", 0),
    ] {
        let found = imap
            .ok(&format!("SEARCH SUBJECT \"{subject}\""))
            .find("SEARCH");
        assert_eq!(found.split_whitespace().skip(2).count(), count, "{found}");
    }
}

/// The message with this line.
fn with_line(here: &Maildir, line: &str) -> PathBuf {
    let is_meant =
        |path: &PathBuf| String::from_utf8_lossy(&fs::read(path).unwrap()).contains(line);
    let meant: Vec<_> = here.files().into_values().filter(is_meant).collect();
    assert_eq!(meant.len(), 1, "{meant:?}");
    meant[0].clone()
}

/// As somebody who answers a message and thereby reads it.
fn answer(message: &Path) {
    let name = message.to_str().unwrap();
    assert!(name.contains("/new/") && name.contains(",U="), "{name}");
    let base = name.split(":2,").next().unwrap();
    let base = base.replacen("/new/", "/cur/", 1);
    fs::rename(name, format!("{base}:2,RS")).unwrap();
}

/// How many messages have this letter as a flag.
fn with_letter(here: &Maildir, letter: char) -> usize {
    let has_letter = |path: &PathBuf| {
        let flags = path.to_str().unwrap().rsplit_once(":2,");
        flags.is_some_and(|(_, flags)| flags.contains(letter))
    };
    here.files().into_values().filter(has_letter).count()
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
