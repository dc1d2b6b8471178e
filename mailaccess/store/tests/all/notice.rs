//! Hints about what other hands do.

use crate::fixture::*;
use mailaccess_mail::store::{Account, ErrorKind, Expunge, Hint, Mailbox, OpenMode};
use mailaccess_mail::{FlagChange, Flags};
use std::fs;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

fn listening(account: &dyn Account) -> (Arc<dyn Mailbox>, Receiver<()>) {
    let (send, receive) = channel();
    // Whoever listens may be gone.
    let hint: Hint = Arc::new(move || {
        let _ = send.send(());
    });
    let mailbox = account.open(&inbox(), OpenMode::Select, hint).unwrap();
    (mailbox, receive)
}

/// Waits for a hint that leads to a change; says how long it took.
#[track_caller]
fn reaches(mailbox: &dyn Mailbox, hints: &Receiver<()>, what: &str, act: impl FnOnce()) {
    let mut cursor = mailbox.snapshot().unwrap().cursor;
    let patience = Patience::new();
    act();
    loop {
        let left = patience.left(what);
        hints
            .recv_timeout(left)
            .unwrap_or_else(|_| panic!("no hint of {what}"));
        let (changes, next) = since(mailbox, cursor);
        cursor = next;
        if !changes.is_empty() {
            break;
        }
    }
    eprintln!("{what}: {:?}", patience.elapsed());
}

#[test]
fn what_another_process_does_reaches_a_session_that_waits() {
    let volume = Volume::new();
    let (here, there) = (volume.account(), volume.account());
    let (mailbox, hints) = listening(&*here);
    let new = volume.maildir().join("new");
    reaches(&*mailbox, &hints, "a delivery", || {
        fs::write(volume.maildir().join("tmp/x"), "x").unwrap();
        fs::rename(volume.maildir().join("tmp/x"), new.join("100.a.h")).unwrap();
    });
    let other = select(&*there, &inbox());
    reaches(&*mailbox, &hints, "a flag", || {
        other
            .store(&[uid(1)], &FlagChange::Add(flags("S", &[])), None)
            .unwrap();
    });
    reaches(&*mailbox, &hints, "an append", || {
        append(&*there, &inbox(), "y\r\n", Flags::none());
    });
    reaches(&*mailbox, &hints, "an expunge", || {
        other.expunge(Expunge::These(&[uid(1)])).unwrap();
    });
}

#[test]
fn a_folder_that_another_process_deletes_tells_its_sessions() {
    let volume = Volume::new();
    let (here, there) = (volume.account(), volume.account());
    here.create(&name("Gone")).unwrap();
    let (send, hints) = channel();
    let hint: Hint = Arc::new(move || {
        let _ = send.send(());
    });
    let mailbox = here.open(&name("Gone"), OpenMode::Select, hint).unwrap();
    let cursor = mailbox.snapshot().unwrap().cursor;
    there.delete(&name("Gone")).unwrap();
    let patience = Patience::new();
    loop {
        let left = patience.left("a hint that the folder is gone");
        hints
            .recv_timeout(left)
            .expect("a hint that the folder is gone");
        if let Err(error) = mailbox.changes(cursor) {
            assert_eq!(error.kind(), ErrorKind::NonExistent);
            break;
        }
    }
}

#[test]
fn a_store_that_is_dropped_ends_its_thread() {
    let threads = || {
        let tasks = fs::read_dir("/proc/self/task").unwrap();
        tasks
            .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
            .filter(|name| name.trim() == "mail-notice")
            .count()
    };
    // Other tests have theirs; many more of ours must go.
    for _ in 0..200 {
        let volume = Volume::new();
        drop(select(&*volume.account(), &inbox()));
    }
    Patience::until("the end of most threads", || threads() <= 100);
}
