//! Volumes that are not there, full, or for reading only; locks of others.

use crate::fixture::*;
use mailaccess_mail::store::{Account, ErrorKind, Expunge, OpenMode};
use mailaccess_mail::{FlagChange, Flags};
use mailaccess_store::maildir::{AccountPath, NotReady, Options, Store};
use std::fs::{self, FileTimes};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A small file system of its own, gone with this value. `None`, and a word, where one may not mount.
struct Mounted {
    temp: tempfile::TempDir,
}

impl Mounted {
    fn new(options: &str) -> Option<Self> {
        let temp = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(temp.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { temp }),
            other => {
                eprintln!("skipped: mounting a tmpfs needs root ({other:?})");
                None
            }
        }
    }

    fn remount(&self, options: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(self.temp.path())
            .status();
        assert!(status.unwrap().success());
    }

    fn root(&self) -> &Path {
        self.temp.path()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("-l")
            .arg(self.temp.path())
            .status();
    }
}

fn account_on(root: &Path) -> Arc<dyn Account> {
    Store::initialise(root).unwrap();
    let store = store(root);
    store.create_account(&ann()).unwrap();
    store.account(&ann()).unwrap()
}

#[test]
fn without_its_marker_a_volume_is_not_ready() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("mail");
    let store = store(&root);
    assert!(matches!(store.check(), Err(NotReady::Root { .. })));
    fs::create_dir(&root).unwrap();
    assert!(matches!(store.check(), Err(NotReady::Marker { .. })));
    assert_eq!(
        store.account(&ann()).err().unwrap().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        store.create_account(&ann()).unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(
        fs::read_dir(&root).unwrap().count(),
        0,
        "nothing is created"
    );
    for _ in 0..2 {
        Store::initialise(&root).unwrap();
    }
    store.check().unwrap();
    store.create_account(&ann()).unwrap();
    let account = store.account(&ann()).unwrap();
    append(&*account, &inbox(), "x\r\n", Flags::none());
    // Unmounted behind our back.
    fs::rename(&root, temp.path().join("elsewhere")).unwrap();
    fs::create_dir(&root).unwrap();
    assert!(matches!(store.check(), Err(NotReady::Marker { .. })));
    assert_eq!(
        account.status(&inbox()).unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    for error in [
        account.status(&name("Sent")).unwrap_err(),
        account.mailboxes().unwrap_err(),
        account.append(&name("Sent")).err().unwrap(),
    ] {
        assert_eq!(
            error.kind(),
            ErrorKind::Unavailable,
            "no mailbox seems to be deleted"
        );
    }
    assert_eq!(fs::read_dir(&root).unwrap().count(), 0);
    fs::remove_dir(&root).unwrap();
    fs::rename(temp.path().join("elsewhere"), &root).unwrap();
    store.check().unwrap();
    assert_eq!(account.status(&inbox()).unwrap().messages, 1);
}

#[test]
fn an_account_that_is_not_there_is_unavailable_and_not_created() {
    let volume = Volume::new();
    let bob = AccountPath::parse("example.com/bob/Maildir").unwrap();
    let kind = store(volume.temp.path())
        .account(&bob)
        .err()
        .unwrap()
        .kind();
    assert_eq!(kind, ErrorKind::Unavailable);
    assert!(!volume.temp.path().join("example.com/bob").exists());
    let account = volume.account();
    fs::rename(volume.maildir(), volume.temp.path().join("away")).unwrap();
    assert_eq!(
        account.status(&inbox()).unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert!(!volume.maildir().exists());
}

#[test]
fn a_full_volume_loses_nothing_and_can_be_emptied() {
    let Some(mounted) = Mounted::new("size=1m") else {
        return;
    };
    let account = account_on(mounted.root());
    account.create(&name("Copies")).unwrap();
    let one = append(&*account, &inbox(), "one\r\n", Flags::none());
    let large = "0123456789abcde\r\n".repeat(400 * 1024 / 17);
    let two = append(&*account, &inbox(), &large, Flags::none());
    let error = append_all(
        &*account,
        &inbox(),
        &[
            ("small\r\n", Flags::none()),
            (&large, Flags::none()),
            (&large, Flags::none()),
        ],
    );
    assert_eq!(error.unwrap_err().kind(), ErrorKind::OverQuota);
    // To the last byte.
    let mut filler = vec![0; 4096];
    for number in 0.. {
        let file = mounted.root().join(format!("filler{number}"));
        if fs::write(file, &filler).is_err() {
            break;
        }
        filler.fill(1);
    }
    let error = append_all(&*account, &inbox(), &[("x\r\n", flags("", &["new"]))]);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::OverQuota);
    fs::write(
        mounted.root().join("example.com/ann/Maildir/new/100.a.h"),
        "",
    )
    .unwrap();
    let mailbox = select(&*account, &inbox());
    assert!(uids(&*mailbox).starts_with(&[1, 2]));
    assert_eq!(text(&*mailbox, one), "one\r\n");
    let stored = mailbox
        .store(&[one], &FlagChange::Add(flags("S", &[])), None)
        .unwrap();
    assert_eq!(*stored_flags(&stored[0]), flags("S", &[]));
    assert_eq!(mailbox.expunge(Expunge::These(&[two])).unwrap(), [two]);
    let three = append(&*account, &inbox(), "three\r\n", Flags::none());
    assert!(three > two);
    let fresh = select(&*store(mounted.root()).account(&ann()).unwrap(), &inbox());
    assert_eq!(text(&*fresh, three), "three\r\n");
    assert_eq!(flags_of(&*fresh, one), flags("S", &[]));
    let tmp = mounted.root().join("example.com/ann/Maildir/tmp");
    assert_eq!(fs::read_dir(tmp).unwrap().count(), 0);
}

#[test]
fn a_read_only_volume_can_be_read() {
    let Some(mounted) = Mounted::new("size=4m") else {
        return;
    };
    let account = account_on(mounted.root());
    let one = append(&*account, &inbox(), "one\r\n", flags("S", &["k"]));
    drop(account);
    let dir = mounted.root().join("example.com/ann/Maildir");
    fs::write(dir.join("new/100.a.h"), "new").unwrap();
    mounted.remount("ro");
    let account = store(mounted.root()).account(&ann()).unwrap();
    for mode in [OpenMode::Select, OpenMode::Examine] {
        let mailbox = open(&*account, &inbox(), mode);
        assert_eq!(uids(&*mailbox), [1], "what has no UID cannot be given one");
        assert_eq!(text(&*mailbox, one), "one\r\n");
        assert_eq!(flags_of(&*mailbox, one), flags("S", &["k"]));
        assert!(mailbox.snapshot().unwrap().is_read_only);
    }
    let mailbox = select(&*account, &inbox());
    let refused = |kind: ErrorKind| assert_eq!(kind, ErrorKind::NoPermission);
    let add = FlagChange::Add(flags("F", &[]));
    refused(mailbox.store(&[one], &add, None).unwrap_err().kind());
    refused(mailbox.expunge(Expunge::These(&[one])).unwrap_err().kind());
    refused(mailbox.copy(&[one], &inbox()).unwrap_err().kind());
    refused(
        append_all(&*account, &inbox(), &[("x", Flags::none())])
            .unwrap_err()
            .kind(),
    );
    refused(account.create(&name("New")).unwrap_err().kind());
    assert_eq!(account.status(&inbox()).unwrap().messages, 1);
    mounted.remount("rw");
    let mailbox = select(&*account, &inbox());
    assert!(!mailbox.snapshot().unwrap().is_read_only);
    Patience::until("a second look", || uids(&*mailbox) == [1, 2]);
}

fn impatient(root: &Path) -> Arc<dyn Account> {
    let options = Options {
        lock_timeout: Duration::from_millis(100),
        fault: None,
    };
    Store::open(root, options).account(&ann()).unwrap()
}

#[test]
fn dovecots_lock_is_respected_and_left_alone() {
    let volume = Volume::new();
    append(&*volume.account(), &inbox(), "x\r\n", Flags::none());
    let lock = volume.maildir().join("dovecot-uidlist.lock");
    fs::write(&lock, "4242:mail.example.com").unwrap();
    let account = impatient(volume.temp.path());
    let error = append_all(&*account, &inbox(), &[("y\r\n", Flags::none())]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert_eq!(fs::read_to_string(&lock).unwrap(), "4242:mail.example.com");
    assert_eq!(
        fs::read_dir(volume.maildir().join("tmp")).unwrap().count(),
        0
    );
    fs::remove_file(&lock).unwrap();
    append(&*account, &inbox(), "y\r\n", Flags::none());
}

#[test]
fn a_stale_lock_of_dovecots_is_broken_when_the_uidlist_is_old_too() {
    let volume = Volume::new();
    append(&*volume.account(), &inbox(), "x\r\n", Flags::none());
    let lock = volume.maildir().join("dovecot-uidlist.lock");
    fs::write(&lock, "4242:mail.example.com").unwrap();
    #[expect(
        clippy::disallowed_methods,
        reason = "files are made older than they are"
    )]
    let now = SystemTime::now();
    let age = |file: &Path, secs: u64| {
        let times = FileTimes::new().set_modified(now - Duration::from_secs(secs));
        fs::File::options()
            .write(true)
            .open(file)
            .unwrap()
            .set_times(times)
            .unwrap();
    };
    let account = impatient(volume.temp.path());
    let store_one = || append_all(&*account, &inbox(), &[("y\r\n", Flags::none())]);
    age(&lock, 130);
    assert_eq!(
        store_one().unwrap_err().kind(),
        ErrorKind::InUse,
        "the uidlist is young"
    );
    age(&volume.maildir().join("dovecot-uidlist"), 130);
    store_one().unwrap();
    assert!(!lock.exists());
}

#[test]
fn a_lock_file_left_by_one_of_ours_that_died_is_broken_at_once() {
    let volume = Volume::new();
    append(&*volume.account(), &inbox(), "x\r\n", Flags::none());
    let dir = volume.maildir();
    let own = fs::read_to_string(dir.join("mailaccess.lock")).unwrap();
    let (_, host) = own.split_once(':').unwrap();
    assert!(
        host.starts_with("mailaccess-"),
        "no host of a Dovecot is called {host}"
    );
    fs::write(
        dir.join("dovecot-uidlist.lock"),
        "1:mailaccess-another-incarnation",
    )
    .unwrap();
    append(
        &*impatient(volume.temp.path()),
        &inbox(),
        "y\r\n",
        Flags::none(),
    );
    assert!(!dir.join("dovecot-uidlist.lock").exists());
}

#[test]
fn a_lock_of_another_process_is_waited_for_and_not_for_ever() {
    let volume = Volume::new();
    append(&*volume.account(), &inbox(), "x\r\n", Flags::none());
    let own = fs::File::open(volume.maildir().join("mailaccess.lock")).unwrap();
    own.lock().unwrap();
    let account = impatient(volume.temp.path());
    let error = append_all(&*account, &inbox(), &[("y\r\n", Flags::none())]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    own.unlock().unwrap();
    append(&*account, &inbox(), "y\r\n", Flags::none());
}

#[test]
fn abandoned_files_are_swept_from_tmp_and_young_ones_kept() {
    let volume = Volume::new();
    let tmp = volume.maildir().join("tmp");
    fs::write(tmp.join("100.young"), "x").unwrap();
    drop(select(&*volume.account(), &inbox()));
    assert!(tmp.join("100.young").exists());
}

#[test]
fn a_name_that_would_forge_a_line_of_the_list_is_no_message() {
    let volume = Volume::new();
    let forged = volume.maildir().join("new/1.a\n9 :2.b");
    fs::write(&forged, "x\n").unwrap();
    fs::write(volume.maildir().join("new/2.b"), "y\n").unwrap();
    assert_eq!(uids(&*select(&*volume.account(), &inbox())), [1]);
    fs::write(volume.maildir().join("new/3.c"), "z\n").unwrap();
    // Whoever reads the list anew finds the messages that were there, and no other.
    assert_eq!(uids(&*select(&*volume.account(), &inbox())), [1, 2]);
    let list = fs::read_to_string(volume.maildir().join("dovecot-uidlist")).unwrap();
    assert_eq!(
        list.lines().skip(1).collect::<Vec<_>>(),
        ["1 :2.b", "2 :3.c"]
    );
    assert!(forged.exists(), "it is left alone");
}
