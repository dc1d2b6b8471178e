//! Two stores on one volume, as two processes would have them, and a program beside them that delivers.
//! Every message carries a token; each client owns its keyword and its messages, and only adds shared
//! flags: the results commute, so that the end is known whatever the order was.

use crate::fixture::*;
use mailaccess_mail::store::{Account, Change, Changes, Cursor, Expunge, Mailbox, Stored};
use mailaccess_mail::{FlagChange, Flags, Uid};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

const CLIENTS: u32 = 4;
const ROUNDS: u32 = 25;

/// What the clients were told.
#[derive(Default)]
struct Log {
    /// Which token got which UID.
    given: Mutex<BTreeMap<u32, String>>,
    /// Which token was removed, by whom it belonged to.
    removed: Mutex<BTreeSet<String>>,
    /// Flags added, by UID.
    added: Mutex<Vec<(Uid, Flags)>>,
}

impl Log {
    fn give(&self, uid: Uid, token: &str) {
        let before = self
            .given
            .lock()
            .unwrap()
            .insert(uid.get(), token.to_owned());
        assert!(
            before.is_none(),
            "UID {uid} is given to {before:?} and {token}"
        );
    }
}

/// A session's view, kept up to date by changes alone.
struct View {
    rows: BTreeMap<Uid, Flags>,
    cursor: Cursor,
}

impl View {
    fn open(mailbox: &dyn Mailbox) -> Self {
        let snapshot = mailbox.snapshot().unwrap();
        let rows = mailbox.rows(&snapshot.uids).unwrap().into_iter().flatten();
        Self {
            rows: rows.map(|row| (row.uid, row.flags)).collect(),
            cursor: snapshot.cursor,
        }
    }

    fn follow(&mut self, mailbox: &dyn Mailbox) {
        match mailbox.changes(self.cursor).unwrap() {
            Changes::Since { changes, cursor } => {
                self.cursor = cursor;
                for change in changes {
                    match change {
                        Change::Appended { row, .. } => {
                            let last = self.rows.keys().next_back();
                            assert!(last.is_none_or(|last| *last < row.uid), "UIDs ascend");
                            self.rows.insert(row.uid, row.flags);
                        }
                        Change::Flags(row) => {
                            let known = self.rows.insert(row.uid, row.flags);
                            assert!(known.is_some(), "flags of what was never told");
                        }
                        Change::Expunged(uid) => {
                            assert!(self.rows.remove(&uid).is_some(), "{uid} goes twice");
                        }
                    }
                }
            }
            Changes::Everything { rows, cursor, .. } => {
                self.cursor = cursor;
                self.rows = rows.into_iter().map(|row| (row.uid, row.flags)).collect();
            }
        }
    }
}

fn token_text(token: &str) -> String {
    format!("Subject: {token}\r\n\r\n")
}

/// Works, and gives its session and what it was told.
fn client(account: &dyn Account, number: u32, log: &Log) -> (Arc<dyn Mailbox>, View) {
    let mailbox = select(account, &inbox());
    let mut view = View::open(&*mailbox);
    let own = format!("client{number}");
    for round in 0..ROUNDS {
        let token = format!("{number}-{round}");
        let one = append(account, &inbox(), &token_text(&token), flags("", &[&own]));
        log.give(one, &token);
        view.follow(&*mailbox);
        // Everybody flags the same messages.
        let some: Vec<Uid> = view.rows.keys().rev().take(6).copied().collect();
        let letter = ["S", "F", "R", "D"][round as usize % 4];
        let add = flags(letter, &[&own]);
        for stored in mailbox
            .store(&some, &FlagChange::Add(add.clone()), None)
            .unwrap()
        {
            if let Stored::Row(row) = stored {
                assert!(row.flags.has_keyword(&keyword(&own)));
                log.added.lock().unwrap().push((row.uid, add.clone()));
            }
        }
        if round % 5 == 2 {
            let copied = mailbox.copy(&[one], &inbox()).unwrap();
            for (_, copy) in copied.uids {
                log.give(copy, &format!("{token} copied"));
            }
        }
        if round % 3 == 1 {
            let gone = mailbox.expunge(Expunge::These(&[one])).unwrap();
            assert_eq!(gone, [one], "nobody else removes it");
            log.removed.lock().unwrap().insert(token);
        }
        view.follow(&*mailbox);
    }
    (mailbox, view)
}

fn deliver(volume: &Volume, delivered: &AtomicU32, stop: &AtomicBool) {
    let dir = volume.maildir();
    while !stop.load(Ordering::SeqCst) && delivered.load(Ordering::SeqCst) < 200 {
        let number = delivered.fetch_add(1, Ordering::SeqCst);
        let name = format!("{}.d{number}.agent", 1_000_000 + number);
        let text = token_text(&format!("delivered-{number}"));
        fs::write(dir.join("tmp").join(&name), text).unwrap();
        fs::rename(dir.join("tmp").join(&name), dir.join("new").join(&name)).unwrap();
        thread::yield_now();
    }
}

#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    let volume = Volume::new();
    let processes = [volume.account(), volume.account()];
    let (log, delivered, stop) = (Log::default(), AtomicU32::new(0), AtomicBool::new(false));
    let sessions: Vec<_> = thread::scope(|scope| {
        scope.spawn(|| deliver(&volume, &delivered, &stop));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (account, log) = (&*processes[number as usize % 2], &log);
                scope.spawn(move || client(account, number, log))
            })
            .collect();
        let ended: Vec<_> = clients
            .into_iter()
            .map(thread::ScopedJoinHandle::join)
            .collect();
        stop.store(true, Ordering::SeqCst);
        ended.into_iter().map(Result::unwrap).collect()
    });

    let given = log.given.into_inner().unwrap();
    let removed = log.removed.into_inner().unwrap();
    let mut expected: BTreeSet<String> = (0..delivered.into_inner())
        .map(|number| format!("delivered-{number}"))
        .collect();
    for token in given.values().filter(|token| !removed.contains(*token)) {
        expected.insert(token.clone());
    }
    let views: Vec<BTreeMap<Uid, Flags>> = processes
        .iter()
        .chain([&volume.account()])
        .map(|account| View::open(&*select(&**account, &inbox())).rows)
        .collect();
    assert!(
        views.iter().all(|view| *view == views[2]),
        "every process sees the same"
    );
    for (mailbox, mut view) in sessions {
        view.follow(&*mailbox);
        assert_eq!(view.rows, views[2], "a session was told all of it");
    }
    let mailbox = select(&*processes[0], &inbox());
    let mut found = BTreeSet::new();
    for uid in views[0].keys() {
        let text = text(&*mailbox, *uid);
        let mut token = text
            .lines()
            .next()
            .unwrap()
            .strip_prefix("Subject: ")
            .unwrap()
            .to_owned();
        if let Some(told) = given.get(&uid.get()) {
            assert_eq!(
                told.strip_suffix(" copied").unwrap_or(told),
                token,
                "{uid} is what was told"
            );
            token.clone_from(told);
        }
        assert!(found.insert(token.clone()), "{token} is there twice");
    }
    assert_eq!(found, expected);
    for (uid, added) in log.added.into_inner().unwrap() {
        if let Some(now) = views[0].get(&uid) {
            assert_eq!(
                now.changed(&FlagChange::Add(added)),
                *now,
                "a flag of {uid} was lost"
            );
        }
    }
}

#[test]
fn one_message_flagged_by_two_processes_at_once_has_both_flags() {
    let volume = Volume::new();
    let processes = [volume.account(), volume.account()];
    let one = append(&*processes[0], &inbox(), "x\r\n", Flags::none());
    thread::scope(|scope| {
        for (account, half) in processes.iter().zip(["a", "b"]) {
            scope.spawn(move || {
                let mailbox = select(&**account, &inbox());
                for number in 0..12 {
                    let own = format!("{half}{number}");
                    let add = FlagChange::Add(flags("", &[&own]));
                    let stored = mailbox.store(&[one], &add, None).unwrap();
                    assert!(stored_flags(&stored[0]).has_keyword(&keyword(&own)));
                }
            });
        }
    });
    let mailbox = select(&*volume.account(), &inbox());
    assert_eq!(flags_of(&*mailbox, one).keywords().len(), 24);
}
