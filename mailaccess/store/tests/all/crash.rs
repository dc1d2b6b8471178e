//! kill -9 between any two steps: whoever comes next finds nothing lost, nothing twice, and gives no UID
//! again. The process that dies is this program, started once more.

use crate::fixture::*;
use mailaccess_mail::store::{Account, Expunge, Mailbox};
use mailaccess_mail::{FlagChange, Flags, Uid};
use mailaccess_store::fault;
use mailaccess_store::maildir::{Options, Store};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A message with a text that no other has.
fn message(token: &str) -> String {
    format!("Subject: {token}\r\n\r\n{token}\n")
}

/// How a message with this token goes over the wire.
fn wire(token: &str) -> String {
    format!("Subject: {token}\r\n\r\n{token}\r\n")
}

fn account(root: &Path, fault: Option<fault::Fault>) -> std::sync::Arc<dyn Account> {
    let options = Options {
        lock_timeout: Duration::from_secs(10),
        fault,
    };
    Store::open(root, options).account(&ann()).unwrap()
}

/// What is there before: three messages read, one new.
fn prepare(volume: &Volume) {
    let account = volume.account();
    account.create(&name("Copies")).unwrap();
    account.create(&name("More")).unwrap();
    for (token, letters) in [("one", "S"), ("two", "FS"), ("three", "ST")] {
        append(
            &*account,
            &inbox(),
            &message(token),
            flags(letters, &["old"]),
        );
    }
    append(
        &*account,
        &name("Copies"),
        &message("there"),
        flags("S", &[]),
    );
    fs::write(
        volume.maildir().join("new/9000000000.four.host"),
        message("four"),
    )
    .unwrap();
}

/// The commands of [`live`], each with what it notes when it is answered.
const LIFE: &[(&str, &str)] = &[
    ("SELECT", "selected"),
    ("APPEND", "appended"),
    ("APPEND", "appended-many"),
    ("COPY", "copied"),
    ("COPY", "copied-many"),
    ("STORE", "stored"),
    ("STORE", "condemned"),
    ("EXPUNGE", "expunged"),
];

/// The commands that come to a point.
fn commands(point: &str) -> BTreeSet<&'static str> {
    let commands: &[_] = match point {
        "keywords-written" => &["APPEND", "COPY", "STORE"],
        "list-written" | "list-replaced" => &["APPEND", "COPY", "EXPUNGE"],
        "list-appended" => &["SELECT", "APPEND", "COPY"],
        "lock-file-made" => &["SELECT", "APPEND", "COPY", "STORE", "EXPUNGE"],
        own => LIFE
            .iter()
            .map(|(command, _)| command)
            .find(|command| own.starts_with(&format!("{}-", command.to_lowercase())))
            .map(std::slice::from_ref)
            .unwrap(),
    };
    commands.iter().copied().collect()
}

/// The life of the process that dies; each line of `done` was answered to a client.
fn live(account: &dyn Account, done: &mut impl Write) {
    let mailbox = select(account, &inbox());
    mailbox.snapshot().unwrap();
    writeln!(done, "selected").unwrap();
    let pair = [
        (&*message("five"), flags("F", &["new"])),
        (&*message("six"), Flags::none()),
    ];
    let given = append_all(account, &inbox(), &pair).unwrap();
    writeln!(done, "appended {} {}", given[0], given[1]).unwrap();
    let many: Vec<String> = (0..100)
        .map(|number| message(&format!("many{number}")))
        .collect();
    let many: Vec<(&str, Flags)> = many.iter().map(|text| (&**text, flags("S", &[]))).collect();
    append_all(account, &name("Copies"), &many).unwrap();
    writeln!(done, "appended-many").unwrap();
    let copied = mailbox.copy(&[uid(1), uid(2)], &name("Copies")).unwrap();
    writeln!(done, "copied {} {}", copied.uids[0].1, copied.uids[1].1).unwrap();
    // So many that the uidlist is written anew.
    let target = select(account, &name("Copies"));
    let many = target.snapshot().unwrap().uids;
    target.copy(&many[1..=100], &name("More")).unwrap();
    writeln!(done, "copied-many").unwrap();
    let change = FlagChange::Add(flags("R", &["added"]));
    mailbox.store(&[uid(1), uid(2)], &change, None).unwrap();
    writeln!(done, "stored").unwrap();
    mailbox
        .store(&given, &FlagChange::Add(flags("T", &[])), None)
        .unwrap();
    writeln!(done, "condemned").unwrap();
    mailbox.expunge(Expunge::Deleted).unwrap();
    writeln!(done, "expunged").unwrap();
}

/// What a process that is to die is told: the root, where to note its answers, and the fault.
const ORDERS: &str = "MAILACCESS_STORE_TEST_ORDERS";

#[test]
fn a_process_that_lives_answers_everything() {
    #[expect(clippy::disallowed_methods, reason = "the process to die is told so")]
    let orders = std::env::var(ORDERS);
    if let Ok(orders) = orders {
        let mut orders = orders.lines();
        let mut order = || orders.next().unwrap();
        let (root, done, fault) = (order(), order(), order());
        let mut done = OpenOptions::new().append(true).open(done).unwrap();
        let fault = Some(fault.parse().unwrap());
        live(&*account(Path::new(root), fault), &mut done);
        return;
    }
    let volume = Volume::new();
    prepare(&volume);
    let mut done = Vec::new();
    live(&*account(volume.temp.path(), None), &mut done);
    let done = answers(&done);
    let noted = done.iter().map(|line| line.split(' ').next().unwrap());
    assert!(noted.eq(LIFE.iter().map(|(_, noted)| *noted)), "{done:?}");
    check(&volume, "nowhere", &done);
}

fn answers(done: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(done)
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Lets a process live and die by a fault; gives what it had answered.
fn die_at(root: &Path, fault: &str) -> Vec<String> {
    let done: PathBuf = root.join("done");
    fs::write(&done, "").unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args([
            "crash::a_process_that_lives_answers_everything",
            "--exact",
            "--nocapture",
        ])
        .env(
            ORDERS,
            format!("{}\n{}\n{fault}\n", root.display(), done.display()),
        )
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(9), "{fault} is reached: {status}");
    fs::read_to_string(done)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// The highest UID that a uidlist ever named.
fn highest_named(folder: &Path) -> u32 {
    let list = fs::read_to_string(folder.join("dovecot-uidlist")).unwrap();
    let (header, records) = list.split_once('\n').unwrap();
    let next = header.split(' ').find_map(|field| field.strip_prefix('N'));
    let record = |line: &str| line.split(' ').next().and_then(|uid| uid.parse().ok());
    let named = records.lines().filter_map(record).max().unwrap_or(0);
    named.max(next.unwrap().parse::<u32>().unwrap() - 1)
}

/// Messages by token, each there once.
fn by_token(mailbox: &dyn Mailbox) -> BTreeMap<String, (Uid, Flags)> {
    let mut messages = BTreeMap::new();
    for &uid in mailbox.snapshot().unwrap().uids.iter() {
        let text = text(mailbox, uid);
        let token = text
            .lines()
            .next()
            .unwrap()
            .strip_prefix("Subject: ")
            .unwrap()
            .to_owned();
        assert_eq!(text, wire(&token), "whole");
        let before = messages.insert(token.clone(), (uid, flags_of(mailbox, uid)));
        assert_eq!(before, None, "{token} is there twice");
    }
    messages
}

/// What a process found afterwards.
struct After<'a> {
    point: &'a str,
    done: &'a [String],
    inbox: BTreeMap<String, (Uid, Flags)>,
    copies: BTreeMap<String, (Uid, Flags)>,
    more: BTreeMap<String, (Uid, Flags)>,
}

impl After<'_> {
    fn answered(&self, what: &str) -> Option<&String> {
        let answer = |line: &&String| line.split(' ').next() == Some(what);
        self.done.iter().find(answer)
    }

    /// What was there keeps its UIDs and flags; STORE may have reached some of it.
    fn check_old(&self) {
        let point = self.point;
        for (token, number, before) in [("one", 1, "S"), ("two", 2, "FS")] {
            let (found, now) = &self.inbox[token];
            let after = flags(&format!("{before}R"), &["old", "added"]);
            let before = flags(before, &["old"]);
            assert_eq!(found.get(), number, "{point}: {token}");
            let allowed = *now == after || (self.answered("stored").is_none() && *now == before);
            assert!(allowed, "{point}: {token} has {now:?}");
        }
        assert!(
            self.inbox.contains_key("four"),
            "{point}: a delivery is there"
        );
        assert_eq!(self.copies["there"], (uid(1), flags("S", &[])), "{point}");
        if self.answered("condemned").is_none() {
            assert_eq!(
                self.inbox["three"],
                (uid(3), flags("ST", &["old"])),
                "{point}"
            );
        }
    }

    /// All or none, and what was answered is there under the UID answered.
    fn check_appended(&self) {
        let point = self.point;
        let pair = (self.inbox.get("five"), self.inbox.get("six"));
        match (self.answered("appended"), self.answered("condemned")) {
            (None, _) => assert_eq!(pair.0.is_some(), pair.1.is_some(), "{point}: one of two"),
            (Some(line), None) => {
                let given: Vec<u32> = line
                    .split(' ')
                    .skip(1)
                    .map(|n| n.parse().unwrap())
                    .collect();
                assert_eq!(pair.0.unwrap().0.get(), given[0], "{point}");
                assert_eq!(pair.1.unwrap().0.get(), given[1], "{point}");
            }
            (Some(_), Some(_)) if self.answered("expunged").is_some() => {
                assert_eq!(pair, (None, None), "{point}");
            }
            (Some(_), Some(_)) => {}
        }
        if let Some((_, now)) = pair.0 {
            let kept = now.changed(&FlagChange::Remove(flags("T", &[])));
            assert_eq!(kept, flags("F", &["new"]), "{point}");
        }
        let many = self
            .copies
            .keys()
            .filter(|token| token.starts_with("many"))
            .count();
        let none = many == 0 && self.answered("appended-many").is_none();
        assert!(many == 100 || none, "{point}: {many} of 100");
    }

    fn check_copied(&self) {
        let point = self.point;
        let copies = (self.copies.get("one"), self.copies.get("two"));
        assert_eq!(
            copies.0.is_some(),
            copies.1.is_some(),
            "{point}: one of two copies"
        );
        if let (Some(one), Some(two)) = copies {
            let expected = (&flags("S", &["old"]), &flags("FS", &["old"]));
            assert_eq!((&one.1, &two.1), expected, "{point}");
        }
        assert!(
            copies.0.is_some() || self.answered("copied").is_none(),
            "{point}"
        );
        let many = self.more.len();
        let none = many == 0 && self.answered("copied-many").is_none();
        assert!(many == 100 || none, "{point}: {many} of 100 copies");
    }
}

fn check(volume: &Volume, point: &str, done: &[String]) {
    let highest = highest_named(&volume.maildir());
    let account = account(volume.temp.path(), None);
    let mailbox = select(&*account, &inbox());
    let after = After {
        point,
        done,
        inbox: by_token(&*mailbox),
        copies: by_token(&*select(&*account, &name("Copies"))),
        more: by_token(&*select(&*account, &name("More"))),
    };
    after.check_old();
    after.check_appended();
    after.check_copied();
    // No UID is given again, and everything can be changed at once.
    assert!(
        append(
            &*account,
            &inbox(),
            &message("after"),
            flags("S", &["after"])
        )
        .get()
            > highest
    );
    mailbox
        .store(&[uid(1)], &FlagChange::Add(flags("D", &[])), None)
        .unwrap();
    mailbox.expunge(Expunge::Deleted).unwrap();
    assert!(!volume.maildir().join("dovecot-uidlist.lock").exists());
}

#[test]
fn a_process_may_die_between_any_two_steps() {
    for point in fault::NAMES {
        let commands = commands(point);
        let mut missing = commands.clone();
        for time in 1.. {
            let fault = format!("{point}:{time}");
            let volume = Volume::new();
            prepare(&volume);
            let done = die_at(volume.temp.path(), &fault);
            let (command, _) = LIFE[done.len()];
            assert!(commands.contains(command), "{fault}: died in {command}");
            missing.remove(command);
            check(&volume, &fault, &done);
            if missing.is_empty() {
                break;
            }
        }
    }
}
