//! A volume on which something is wrong: what is there is not lost, and nothing else is shown as mail.

use super::served_pod::{ANN, PASSWORD, Served};
use super::stage::Quickstart;
use super::{LIMIT, Metric, Row, Stage as _, check, settles};
use crate::harness::{Imap, Pop3, Security, Service, binary, eventually, run};
use crate::pod::Site;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

const MESSAGE: &[u8] = b"From: a@example.com\r\nSubject: hello\r\n\r\nText.\r\n";
const UNAVAILABLE: &str = "-ERR [SYS/TEMP] The mailbox is not available now.";

fn volume(stage: &Served) -> PathBuf {
    stage.site.folder().join("mail")
}

/// How many messages ann has, and how large they are.
fn stat(stage: &mut Served) -> String {
    let port = stage.pod.ports().of(Service::Pop3);
    let mut pop3 = Pop3::connect(port, Security::Plain).unwrap();
    match pop3.log_on(ANN, PASSWORD) {
        Ok(()) => pop3.command("STAT").unwrap_or_else(|refusal| refusal),
        Err(refusal) => refusal,
    }
}

/// What the same commands say by IMAP, the untagged answers left out.
fn imap(stage: &Served, commands: &[&str]) -> String {
    let port = stage.pod.ports().of(Service::Imap);
    let mut imap = Imap::connect(port, Security::Plain).unwrap();
    imap.log_on(ANN, PASSWORD);
    let answers = commands
        .iter()
        .map(|command| imap.command(command).unwrap().status);
    answers.collect::<Vec<_>>().join(" | ")
}

/// A file of ann's mail that is none of hers.
const STRANGERS: [Row<Served>; 5] = [
    Row {
        name: "a symbolic link among the messages",
        fault: |stage| {
            let cur = stage.site.maildir(ANN).0.join("cur");
            symlink("/etc/passwd", cur.join("1700000001.M1P1.link:2,S")).unwrap();
        },
        status: &[],
        wire: &[(stat, "1 46")],
        metric: SPECIAL,
    },
    Row {
        name: "a FIFO among the messages",
        fault: |stage| {
            let new = stage.site.maildir(ANN).0.join("new");
            run(Command::new("mkfifo").arg(new.join("1700000002.M1P1.fifo")));
        },
        status: &[],
        wire: &[(stat, "1 46")],
        metric: SPECIAL,
    },
    Row {
        name: "a directory among the messages",
        fault: |stage| {
            let cur = stage.site.maildir(ANN).0.join("cur");
            fs::create_dir(cur.join("1700000003.M1P1.directory:2,")).unwrap();
        },
        status: &[],
        wire: &[(stat, "1 46")],
        metric: Metric::Rises("mailaccess_store_skipped_entries_total{kind=\"directory\"}"),
    },
    Row {
        name: "a file with a line end in its name among the messages",
        fault: |stage| {
            let new = stage.site.maildir(ANN).0.join("new");
            fs::write(new.join("1700000004.M1P1.two\nlines"), MESSAGE).unwrap();
        },
        status: &[],
        wire: &[(stat, "1 46")],
        metric: Metric::Rises("mailaccess_store_skipped_entries_total{kind=\"line_end\"}"),
    },
    Row {
        name: "a symbolic link in the place of a folder",
        fault: |stage| {
            symlink("/etc", stage.site.maildir(ANN).0.join(".etc")).unwrap();
        },
        status: &[],
        wire: &[(
            |stage| imap(stage, &["SELECT etc"]),
            "NO [CORRUPTION] The mailbox is damaged; the administrator has been told.",
        )],
        metric: Metric::Rises("mailaccess_store_failures_total{kind=\"corruption\"}"),
    },
];

const SPECIAL: Metric = Metric::Rises("mailaccess_store_skipped_entries_total{kind=\"special\"}");
const NOT_AVAILABLE: Metric = Metric::Rises(
    "mailaccess_log_ons_total{protocol=\"pop\",mechanism=\"USER/PASS\",result=\"unavailable\"}",
);

const MISSING: [Row<Served>; 2] = [
    Row {
        name: "a mailbox that is a symbolic link",
        fault: |stage| {
            let maildir = stage.site.maildir(ANN).0;
            fs::rename(&maildir, maildir.with_extension("away")).unwrap();
            symlink(maildir.with_extension("away"), &maildir).unwrap();
        },
        status: &[],
        wire: &[(stat, UNAVAILABLE)],
        metric: NOT_AVAILABLE,
    },
    Row {
        name: "a mailbox that is not there, which nobody makes",
        fault: |stage| fs::remove_file(stage.site.maildir(ANN).0).unwrap(),
        status: &[],
        wire: &[
            (stat, UNAVAILABLE),
            (
                |stage| stage.site.maildir(ANN).0.exists().to_string(),
                "false",
            ),
        ],
        metric: NOT_AVAILABLE,
    },
];

#[test]
fn what_is_no_message_is_not_served_and_what_is_no_mailbox_neither() {
    let mut stage = Served::start(|_| {});
    stage.site.maildir(ANN).deliver(MESSAGE);
    assert_eq!(stat(&mut stage), "1 46");
    for row in STRANGERS.iter().chain(&MISSING) {
        check(&mut stage, row);
    }
    let maildir = stage.site.maildir(ANN).0;
    fs::rename(maildir.with_extension("away"), &maildir).unwrap();
    assert_eq!(stat(&mut stage), "1 46", "it is there again");
}

/// A file system of its own, which goes with it.
struct Mounted(PathBuf);

impl Mounted {
    fn small(path: PathBuf) -> Self {
        let options = "size=512k,mode=0700";
        run(Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "none"])
            .arg(&path));
        Self(path)
    }

    fn remount(&self, option: &str) {
        let options = format!("remount,{option}");
        run(Command::new("mount").args(["-o", &options]).arg(&self.0));
    }
}

/// A pod on a small volume of its own.
struct Small {
    // First: nobody can remove a folder while something is mounted there.
    mounted: Mounted,
    served: Served,
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: the pod still has files open there.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Leaves no room for a single byte.
fn fill(stage: &mut Served) {
    let mut file = fs::File::create(volume(stage).join("ballast")).unwrap();
    let mut size = 64 * 1024;
    while size > 0 {
        if file.write_all(&vec![0; size]).is_err() {
            size /= 2;
        }
    }
}

const DENIED: &str = "NO [NOPERM] The server may not change this mailbox.";
const FULL: &str = "NO [OVERQUOTA] There is no room left.";

/// APPEND of a message that would fit an empty file system.
fn append(stage: &mut Served) -> String {
    let port = stage.pod.ports().of(Service::Imap);
    let mut imap = Imap::connect(port, Security::Plain).unwrap();
    imap.log_on(ANN, PASSWORD);
    let message = [MESSAGE, &b"x".repeat(60_000)].concat();
    imap.append("INBOX", "()", &message).unwrap().status
}

/// APPEND of a message for which the file system is too small: it is full in the middle.
fn append_too_much(stage: &mut Served) -> String {
    let port = stage.pod.ports().of(Service::Imap);
    let mut imap = Imap::connect(port, Security::Plain).unwrap();
    imap.log_on(ANN, PASSWORD);
    let message = [MESSAGE, &b"x".repeat(1 << 20)].concat();
    imap.append("INBOX", "()", &message).unwrap().status
}

fn create(stage: &mut Served) -> String {
    imap(stage, &["CREATE Folder"])
}

fn copy(stage: &mut Served) -> String {
    imap(stage, &["EXAMINE INBOX", "COPY 1 Archive"])
}

fn fetched(stage: &mut Served) -> String {
    imap(stage, &["EXAMINE INBOX", "FETCH 1 BODY.PEEK[]"])
}

fn store(stage: &mut Served) -> String {
    imap(stage, &["SELECT INBOX", "STORE 1 +FLAGS (\\Flagged)"])
}

fn delete(stage: &mut Served) -> String {
    let port = stage.pod.ports().of(Service::Pop3);
    let mut pop3 = Pop3::connect(port, Security::Plain).unwrap();
    pop3.log_on(ANN, PASSWORD).unwrap();
    pop3.command("DELE 1").unwrap();
    pop3.command("QUIT").unwrap_or_else(|refusal| refusal)
}

const ROOM: [Row<Served>; 3] = [
    Row {
        name: "a message that is larger than the room",
        fault: |_| {},
        status: &[],
        wire: &[(append_too_much, FULL), (stat, "1 46")],
        metric: Metric::Rises("mailaccess_store_failures_total{kind=\"over_quota\"}"),
    },
    Row {
        name: "no room left",
        fault: fill,
        status: &[],
        wire: &[
            (append, FULL),
            (
                copy,
                "OK [READ-ONLY] EXAMINE completed. | NO [OVERQUOTA] There is no room left.",
            ),
            (
                fetched,
                "OK [READ-ONLY] EXAMINE completed. | OK FETCH completed.",
            ),
            (stat, "1 46"),
        ],
        metric: Metric::Rises("mailaccess_store_failures_total{kind=\"over_quota\"}"),
    },
    Row {
        name: "a volume that can only be read",
        fault: |stage| {
            fs::remove_file(volume(stage).join("ballast")).unwrap();
            run(Command::new("mount")
                .args(["-o", "remount,ro"])
                .arg(volume(stage)));
        },
        status: &[],
        wire: &[
            (append, DENIED),
            (create, DENIED),
            (
                copy,
                "OK [READ-ONLY] EXAMINE completed. | NO [NOPERM] The server may not change this mailbox.",
            ),
            (
                fetched,
                "OK [READ-ONLY] EXAMINE completed. | OK FETCH completed.",
            ),
            (
                store,
                "OK [READ-ONLY] SELECT completed; the server may not change this mailbox. | NO [NOPERM] The mailbox is open for reading only.",
            ),
            (stat, "1 46"),
            (
                delete,
                "-ERR [SYS/PERM] Some deleted messages were not removed.",
            ),
            (stat, "1 46"),
        ],
        metric: Metric::Rises("mailaccess_store_failures_total{kind=\"no_permission\"}"),
    },
];

#[test]
#[ignore = "needs root, to mount a small file system: run by e2e/run"]
fn no_room_and_no_permission_lose_nothing() {
    let site = Site::of(ANN);
    let path = site.folder().join("mail");
    let mounted = Mounted::small(path.clone());
    run(Command::new(binary("mailaccess"))
        .arg("init")
        .arg(&path)
        .args(["--user", ANN]));
    site.maildir(ANN).deliver(MESSAGE);
    let mut small = Small {
        served: Served::start_on(site, |_| {}),
        mounted,
    };
    let stage = &mut small.served;
    assert_eq!(
        imap(stage, &["SELECT INBOX", "CREATE Archive"])
            .matches("OK")
            .count(),
        2
    );
    let uids = stage.site.maildir(ANN).uids();
    for row in &ROOM {
        check(stage, row);
    }
    small.mounted.remount("rw");
    assert_eq!(stage.site.maildir(ANN).uids(), uids, "a UID changed");
    let messages = stage.site.maildir(ANN).messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].1, MESSAGE);
    // And it works again, with nothing half done in the way.
    eventually("it takes messages again", LIMIT, || {
        append(stage).starts_with("OK [APPENDUID").then_some(())
    });
    assert!(copy(stage).contains("| OK [COPYUID"), "copied");
}

/// Whoever looks at the terminal of `local` learns of it, and that all is well again.
#[test]
fn a_volume_that_is_lost_while_everything_is_served_is_said_until_it_is_back() {
    let mut stage = Quickstart::start(|_| {});
    let mail = stage.local.data().join("mail");
    let (marker, elsewhere) = (mail.join("mailaccess.volume"), mail.join("elsewhere"));
    stage.begin();
    fs::rename(&marker, &elsewhere).unwrap();
    let text = "waiting    NotReady: No pod is ready: local: volume: ";
    settles("the marker is gone", text, || {
        let said = stage.status();
        (said.contains(text), said)
    });
    fs::rename(&elsewhere, &marker).unwrap();
    // Waits until everything is said to be well.
    stage.mend();
}
