//! A volume that is not there, not ours, full, or read-only: nothing is lost, and an absent mailbox never
//! looks like an empty one.

use crate::harness::{Imap, Pod, Security, Service, eventually, run};
use crate::pod::{Site, log_on};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);
const ANN: &str = "ann@example.com";

fn refusal(pod: &Pod, name: &str) -> String {
    let mut imap = Imap::connect(pod.ports().of(Service::Imap), Security::Plain).unwrap();
    imap.try_log_on(name, "quickstart").unwrap().status
}

#[test]
fn a_volume_without_its_marker_is_not_served_until_it_is_there() {
    let site = Site::of(ANN);
    let volume = site.folder().join("mail");
    let marker = volume.join("mailaccess.volume");
    fs::rename(&marker, volume.join("aside")).unwrap();
    let pod = Pod::launch(&site.folder().join("documents"), &volume, &[]);
    let refused = eventually("it listens", LIMIT, || {
        let port = pod.ports().of(Service::Imap);
        let mut imap = Imap::connect(port, Security::Plain).ok()?;
        Some(imap.try_log_on(ANN, "quickstart").unwrap().status)
    });
    assert!(refused.starts_with("NO [UNAVAILABLE]"), "{refused}");
    assert!(!pod.is_ready());
    let status = pod.status();
    assert_eq!(status["volume"]["ready"], false);
    let why = status["volume"]["error"]["text"].as_str().unwrap();
    assert!(why.contains("mailaccess.volume"), "{why}");
    assert!(pod.figure("mailaccess_volume_ready").abs() < 0.5);
    fs::rename(volume.join("aside"), marker).unwrap();
    eventually("it is ready", LIMIT, || pod.is_ready().then_some(()));
    assert!(pod.figure("mailaccess_volume_ready") > 0.5);
    log_on(&pod, ANN).ok("SELECT INBOX");
}

#[test]
fn a_mailbox_that_is_not_there_is_unavailable_and_is_not_made() {
    let site = Site::with_passwords(&[(ANN, "{PLAIN}quickstart")]);
    let folder = site.maildir(ANN).0;
    fs::remove_dir_all(&folder).unwrap();
    let pod = site.start(&[]);
    let refused = refusal(&pod, ANN);
    assert!(refused.starts_with("NO [UNAVAILABLE]"), "{refused}");
    assert!(!folder.exists());
    let moved = pod.figure(
        "mailaccess_log_ons_total{protocol=\"imap\",mechanism=\"LOGIN\",result=\"unavailable\"}",
    );
    assert!((moved - 1.0).abs() < 0.5, "{moved}");
}

/// A small file system in memory at a folder, until dropped.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path, size: &str) -> Self {
        let options = format!("size={size}");
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "none"])
            .arg(at));
        Self(at.to_owned())
    }

    fn remount(&self, option: &str) {
        run(Command::new("mount")
            .args(["-o", &format!("remount,{option}")])
            .arg(&self.0));
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .args(["--lazy"])
            .arg(&self.0)
            .status();
    }
}

/// A site whose volume is such a file system, with a few messages.
fn small(site: &Site) -> Small {
    let volume = site.folder().join("mail");
    fs::remove_dir_all(&volume).unwrap();
    fs::create_dir(&volume).unwrap();
    let small = Small::mount(&volume, "4m");
    let binary = crate::harness::binary("mailaccess");
    run(Command::new(binary)
        .arg("init")
        .arg(&volume)
        .args(["--user", ANN]));
    let maildir = site.maildir(ANN);
    for number in 0..3 {
        maildir.deliver(format!("Subject: {number}\r\n\r\ntext {number}\r\n").as_bytes());
    }
    small
}

fn all(imap: &mut Imap) -> Vec<String> {
    imap.ok("SELECT INBOX");
    imap.ok("FETCH 1:* (UID RFC822.SIZE)").lines()
}

#[test]
#[ignore = "needs root to mount: run by e2e/run"]
fn a_full_volume_takes_nothing_and_loses_nothing() {
    let site = Site::of(ANN);
    let _small = small(&site);
    let pod = site.start(&[]);
    let mut imap = log_on(&pod, ANN);
    let before = all(&mut imap);
    let large = vec![b'x'; 6 * 1024 * 1024];
    let reply = imap.append("INBOX", "", &large).unwrap();
    assert!(
        reply.status.starts_with("NO [OVERQUOTA]"),
        "{}",
        reply.status
    );
    assert_eq!(all(&mut imap), before);
    // Full to the last byte.
    let fill = site.folder().join("mail/fill");
    let _ = fs::write(&fill, &large);
    let reply = imap.append("INBOX", "", &[b'y'; 8192]).unwrap();
    assert!(
        reply.status.starts_with("NO [OVERQUOTA]"),
        "{}",
        reply.status
    );
    assert_eq!(all(&mut imap), before);
    assert_eq!(
        all(&mut log_on(&pod, ANN)),
        before,
        "a new session sees them, too"
    );
    fs::remove_file(fill).unwrap();
    let reply = imap.append("INBOX", "", b"Subject: after\r\n\r\n").unwrap();
    assert!(reply.is_ok(), "{}", reply.status);
    assert_eq!(all(&mut imap).len(), before.len() + 1);
}

#[test]
#[ignore = "needs root to mount: run by e2e/run"]
fn a_read_only_volume_is_read() {
    let site = Site::of(ANN);
    let small = small(&site);
    let pod = site.start(&[]);
    let before = all(&mut log_on(&pod, ANN));
    // Nobody may hold a file open for writing at that moment.
    drop(pod);
    small.remount("ro");
    let pod = site.start(&[]);
    let mut imap = log_on(&pod, ANN);
    assert_eq!(all(&mut imap), before);
    assert!(!imap.fetch_whole(1).is_empty());
    for (what, reply) in [
        ("STORE", imap.command("STORE 1 +FLAGS (\\Flagged)").unwrap()),
        ("COPY", imap.command("COPY 1 INBOX").unwrap()),
        ("CREATE", imap.command("CREATE Folder").unwrap()),
        ("APPEND", imap.append("INBOX", "", b"x\r\n").unwrap()),
    ] {
        assert!(
            reply.status.starts_with("NO [NOPERM]"),
            "{what}: {}",
            reply.status
        );
    }
    small.remount("rw");
    imap.ok("STORE 1 +FLAGS (\\Flagged)");
    assert_eq!(all(&mut imap), before);
}
