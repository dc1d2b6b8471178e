//! What every store promises.

use crate::fixture::*;
use mailaccess_mail::store::{
    Account, Change, Changes, ErrorKind, Expunge, Hint, NewKeywords, NewMessage, OpenMode, Stored,
    Subscribed,
};
use mailaccess_mail::{FlagChange, Flags, InternalDate, ModSeq};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

macro_rules! suite {
    ($($test:ident,)*) => {
        mod memory {
            $(#[test] fn $test() { super::$test(&*crate::fixture::memory().account); })*
        }
        mod maildir {
            $(#[test] fn $test() { super::$test(&*crate::fixture::maildir().account); })*
        }
    };
}

suite! {
    a_new_account_has_an_empty_inbox,
    mailboxes_are_made_and_deleted,
    what_cannot_be_done_to_a_mailbox_is_refused,
    a_mailbox_made_again_has_a_higher_validity,
    an_open_mailbox_that_is_deleted_is_gone,
    subscriptions_are_kept_for_names_that_do_not_exist,
    an_appended_message_comes_back_byte_for_byte,
    bare_line_feeds_are_served_as_crlf,
    a_body_is_read_at_any_offset,
    a_body_stays_whole_when_expunged,
    several_messages_are_appended_at_once_or_not_at_all,
    a_message_of_another_length_is_not_appended,
    an_append_that_is_dropped_leaves_nothing,
    flags_are_added_removed_and_replaced,
    storing_what_is_there_answers_with_the_row,
    unchanged_since_leaves_newer_messages_alone,
    copies_keep_flags_and_dates,
    a_copy_of_what_is_gone_is_left_out,
    a_copy_into_the_same_mailbox_is_a_new_message,
    copying_to_a_mailbox_that_is_not_there_is_refused,
    expunge_takes_what_is_deleted_and_asked_for,
    a_uid_is_never_given_again,
    sessions_see_each_other,
    a_session_that_examines_changes_nothing,
    hints_come_when_something_happens,
    a_closed_session_gets_no_hints,
    recent_is_given_to_one_session_and_once,
    examine_and_maildrop_leave_recent_alone,
    status_counts,
    first_unseen_is_found,
    changes_fall_back_to_everything,
    unique_ids_are_those_of_dovecot,
    keywords_are_an_open_set,
}

/// A hint that counts how often it is given.
fn counting(hints: &Arc<AtomicUsize>) -> Hint {
    let hints = Arc::clone(hints);
    Arc::new(move || {
        hints.fetch_add(1, Ordering::SeqCst);
    })
}

fn a_new_account_has_an_empty_inbox(account: &dyn Account) {
    assert_eq!(account.mailboxes().unwrap(), [inbox()]);
    assert_eq!(account.subscriptions().unwrap(), BTreeSet::new());
    let status = account.status(&inbox()).unwrap();
    assert_eq!((status.messages, status.recent, status.unseen), (0, 0, 0));
    assert_eq!(status.uid_next, Some(uid(1)));
    let snapshot = select(account, &inbox()).snapshot().unwrap();
    assert!(snapshot.uids.is_empty() && snapshot.first_unseen.is_none());
    assert_eq!(snapshot.uid_validity, status.uid_validity);
    assert_eq!(snapshot.new_keywords, NewKeywords::Accepted);
}

fn mailboxes_are_made_and_deleted(account: &dyn Account) {
    for mailbox in ["Sent", "Work.Entwürfe", "a b&c"] {
        account.create(&name(mailbox)).unwrap();
    }
    let mut there = account.mailboxes().unwrap();
    there.sort();
    let mut expected = vec![inbox(), name("Sent"), name("Work.Entwürfe"), name("a b&c")];
    expected.sort();
    assert_eq!(there, expected, "a parent is not made");
    append(account, &name("Work.Entwürfe"), "x\r\n", Flags::none());
    account.delete(&name("Work.Entwürfe")).unwrap();
    assert!(
        !account
            .mailboxes()
            .unwrap()
            .contains(&name("Work.Entwürfe"))
    );
}

fn what_cannot_be_done_to_a_mailbox_is_refused(account: &dyn Account) {
    account.create(&name("Sent")).unwrap();
    let kind = |result: Result<(), mailaccess_mail::store::StoreError>| result.unwrap_err().kind();
    assert_eq!(
        kind(account.create(&name("Sent"))),
        ErrorKind::AlreadyExists
    );
    assert_eq!(kind(account.create(&inbox())), ErrorKind::AlreadyExists);
    assert_eq!(kind(account.delete(&inbox())), ErrorKind::Cannot);
    let none = name("None");
    assert_eq!(kind(account.delete(&none)), ErrorKind::NonExistent);
    assert_eq!(
        kind(account.status(&none).map(|_| ())),
        ErrorKind::NonExistent
    );
    assert_eq!(
        kind(account.append(&none).map(|_| ())),
        ErrorKind::NonExistent
    );
    let opened = account.open(&none, OpenMode::Select, no_hint());
    assert_eq!(kind(opened.map(|_| ())), ErrorKind::NonExistent);
}

fn a_mailbox_made_again_has_a_higher_validity(account: &dyn Account) {
    let mailbox = name("Sent");
    account.create(&mailbox).unwrap();
    append(account, &mailbox, "x\r\n", Flags::none());
    let before = account.status(&mailbox).unwrap().uid_validity;
    account.delete(&mailbox).unwrap();
    account.create(&mailbox).unwrap();
    let status = account.status(&mailbox).unwrap();
    assert!(status.uid_validity > before);
    assert_eq!((status.messages, status.uid_next), (0, Some(uid(1))));
}

fn an_open_mailbox_that_is_deleted_is_gone(account: &dyn Account) {
    let mailbox = name("Sent");
    account.create(&mailbox).unwrap();
    let one = append(account, &mailbox, "x\r\n", Flags::none());
    let hints = Arc::new(AtomicUsize::new(0));
    let session = account
        .open(&mailbox, OpenMode::Select, counting(&hints))
        .unwrap();
    let cursor = session.snapshot().unwrap().cursor;
    let before = hints.load(Ordering::SeqCst);
    account.delete(&mailbox).unwrap();
    assert!(
        hints.load(Ordering::SeqCst) > before,
        "its session must learn it"
    );
    account.create(&mailbox).unwrap();
    append(account, &mailbox, "y\r\n", Flags::none());
    let kind = session.changes(cursor).unwrap_err().kind();
    assert_eq!(kind, ErrorKind::NonExistent);
    let seen = FlagChange::Add(flags("S", &[]));
    assert_eq!(
        session.store(&[one], &seen, None).unwrap_err().kind(),
        ErrorKind::NonExistent
    );
    let fresh = select(account, &mailbox);
    assert_eq!(text(&*fresh, one), "y\r\n");
}

fn subscriptions_are_kept_for_names_that_do_not_exist(account: &dyn Account) {
    for _ in 0..2 {
        account
            .set_subscribed(&name("Later.Entwürfe"), Subscribed::Yes)
            .unwrap();
    }
    account.set_subscribed(&inbox(), Subscribed::Yes).unwrap();
    account
        .set_subscribed(&name("Never"), Subscribed::No)
        .unwrap();
    assert_eq!(
        account.subscriptions().unwrap(),
        [inbox(), name("Later.Entwürfe")].into()
    );
    account.set_subscribed(&inbox(), Subscribed::No).unwrap();
    assert_eq!(
        account.subscriptions().unwrap(),
        [name("Later.Entwürfe")].into()
    );
}

fn an_appended_message_comes_back_byte_for_byte(account: &dyn Account) {
    let message = "Subject: ü\r\n\r\nbody\r\n";
    let one = append(account, &inbox(), message, flags("SF", &["$Label1"]));
    let mailbox = select(account, &inbox());
    assert_eq!(text(&*mailbox, one), message);
    assert_eq!(mailbox.sizes(&[one]).unwrap(), [Some(message.len() as u64)]);
    assert_eq!(
        mailbox.internal_dates(&[one]).unwrap(),
        [Some(InternalDate::from_unix_secs(1_000_000_000))]
    );
    assert_eq!(flags_of(&*mailbox, one), flags("SF", &["$Label1"]));
    let none = uid(one.get() + 1);
    assert!(mailbox.body(none).unwrap().is_none());
    assert_eq!(
        mailbox.sizes(&[none, one]).unwrap(),
        [None, Some(message.len() as u64)]
    );
    assert_eq!(mailbox.internal_dates(&[none]).unwrap(), [None]);
    assert_eq!(mailbox.rows(&[none]).unwrap(), [None]);
    assert_eq!(mailbox.unique_ids(&[none]).unwrap(), [None]);
}

fn bare_line_feeds_are_served_as_crlf(account: &dyn Account) {
    let one = append(account, &inbox(), "a\nb\r\n\rc\n\n", Flags::none());
    let mailbox = select(account, &inbox());
    let wire = "a\r\nb\r\n\rc\r\n\r\n";
    assert_eq!(mailbox.sizes(&[one]).unwrap(), [Some(wire.len() as u64)]);
    assert_eq!(text(&*mailbox, one), wire);
}

fn a_body_is_read_at_any_offset(account: &dyn Account) {
    let lines: Vec<String> = (0..30_000).map(|n| format!("line {n}\n")).collect();
    let message = lines.concat();
    let wire = message.replace('\n', "\r\n");
    let one = append(account, &inbox(), &message, Flags::none());
    let body = select(account, &inbox()).body(one).unwrap().unwrap();
    assert_eq!(body.len(), wire.len() as u64);
    assert!(!body.is_empty());
    for offset in [
        0,
        1,
        65_535,
        65_536,
        65_537,
        200_001,
        wire.len() - 1,
        wire.len(),
        wire.len() + 9,
    ] {
        let mut buffer = vec![0; 70_000];
        let read = body.read_at(offset as u64, &mut buffer).unwrap();
        let from = offset.min(wire.len());
        let expected = &wire.as_bytes()[from..(from + buffer.len()).min(wire.len())];
        assert_eq!(&buffer[..read], expected, "{offset}");
        // It was just read, so it is at hand; where the system cannot tell it says so.
        if let Some(read) = body.try_read_at(offset as u64, &mut buffer).unwrap() {
            assert_eq!(&buffer[..read], &expected[..read], "{offset}");
            assert!(read > 0 || expected.is_empty());
        }
    }
    assert_eq!(body.read_at(0, &mut []).unwrap(), 0);
}

fn a_body_stays_whole_when_expunged(account: &dyn Account) {
    let one = append(account, &inbox(), "still\r\nhere\r\n", Flags::none());
    let mailbox = select(account, &inbox());
    let body = mailbox.body(one).unwrap().unwrap();
    assert_eq!(mailbox.expunge(Expunge::These(&[one])).unwrap(), [one]);
    let mut bytes = [0; 13];
    assert_eq!(body.read_at(0, &mut bytes).unwrap(), 13);
    assert_eq!(&bytes, b"still\r\nhere\r\n");
}

fn several_messages_are_appended_at_once_or_not_at_all(account: &dyn Account) {
    let mailbox = select(account, &inbox());
    let cursor = mailbox.snapshot().unwrap().cursor;
    let messages: Vec<(String, Flags)> = (0..200)
        .map(|n| (format!("Subject: {n}\r\n\r\n"), flags("S", &["many"])))
        .collect();
    let messages: Vec<(&str, Flags)> = messages.iter().map(|(t, f)| (&**t, f.clone())).collect();
    let given = append_all(account, &inbox(), &messages).unwrap();
    let numbers: Vec<u32> = given.iter().map(|uid| uid.get()).collect();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
    assert_eq!(text(&*mailbox, given[150]), "Subject: 150\r\n\r\n");
    let (changes, _) = since(&*mailbox, cursor);
    assert_eq!(changes.len(), 200);
    assert!(
        changes
            .iter()
            .all(|change| matches!(change, Change::Appended { .. }))
    );

    let mut append = account.append(&inbox()).unwrap();
    let new = |len| NewMessage {
        flags: Flags::none(),
        internal_date: None,
        len,
    };
    append.begin(new(1)).unwrap();
    append.write(b"x").unwrap();
    append.begin(new(2)).unwrap();
    append.write(b"y").unwrap();
    assert!(append.commit().is_err(), "the second is too short");
    assert_eq!(account.status(&inbox()).unwrap().messages, 200);
}

fn a_message_of_another_length_is_not_appended(account: &dyn Account) {
    let mut append = account.append(&inbox()).unwrap();
    assert!(append.write(b"x").is_err(), "nothing was begun");
    let message = NewMessage {
        flags: Flags::none(),
        internal_date: None,
        len: 3,
    };
    append.begin(message.clone()).unwrap();
    append.write(b"1234").unwrap();
    assert!(append.begin(message).is_err());
    assert_eq!(account.status(&inbox()).unwrap().messages, 0);
}

fn an_append_that_is_dropped_leaves_nothing(account: &dyn Account) {
    let mut append = account.append(&inbox()).unwrap();
    append
        .begin(NewMessage {
            flags: Flags::none(),
            internal_date: None,
            len: 10,
        })
        .unwrap();
    append.write(b"12345").unwrap();
    drop(append);
    let status = account.status(&inbox()).unwrap();
    assert_eq!((status.messages, status.uid_next), (0, Some(uid(1))));
}

fn flags_are_added_removed_and_replaced(account: &dyn Account) {
    let one = append(account, &inbox(), "x\r\n", flags("F", &[]));
    let mailbox = select(account, &inbox());
    let store = |change: FlagChange| {
        let stored = mailbox.store(&[one], &change, None).unwrap();
        assert_eq!(*stored_flags(&stored[0]), flags_of(&*mailbox, one));
        flags_of(&*mailbox, one)
    };
    let added = store(FlagChange::Add(flags("S", &["$Junk", "b"])));
    assert_eq!(added, flags("FS", &["$Junk", "b"]));
    let removed = store(FlagChange::Remove(flags("FT", &["$JUNK", "none"])));
    assert_eq!(removed, flags("S", &["b"]));
    assert_eq!(
        store(FlagChange::Replace(flags("DR", &["c"]))),
        flags("DR", &["c"])
    );
    assert_eq!(store(FlagChange::Replace(Flags::none())), Flags::none());
}

fn storing_what_is_there_answers_with_the_row(account: &dyn Account) {
    let one = append(account, &inbox(), "x\r\n", flags("S", &[]));
    let mailbox = select(account, &inbox());
    let cursor = mailbox.snapshot().unwrap().cursor;
    let before = mailbox.rows(&[one]).unwrap();
    let asked = [uid(99), one];
    let stored = mailbox
        .store(&asked, &FlagChange::Add(flags("S", &[])), None)
        .unwrap();
    assert_eq!(stored[0], Stored::Gone(uid(99)));
    assert_eq!(stored[1], Stored::Row(before[0].clone().unwrap()));
    assert_eq!(since(&*mailbox, cursor).0, [], "nothing changed");
}

fn unchanged_since_leaves_newer_messages_alone(account: &dyn Account) {
    let given = append_all(
        account,
        &inbox(),
        &[("a\r\n", Flags::none()), ("b\r\n", Flags::none())],
    )
    .unwrap();
    let mailbox = select(account, &inbox());
    let limit = mailbox.snapshot().unwrap().highest_modseq;
    let add = |flag| FlagChange::Add(flags(flag, &[]));
    mailbox.store(&given[..1], &add("S"), None).unwrap();
    let stored = mailbox.store(&given, &add("F"), Some(limit)).unwrap();
    assert_eq!(stored[0], Stored::Modified(given[0]));
    assert_eq!(*stored_flags(&stored[1]), flags("F", &[]));
    assert_eq!(flags_of(&*mailbox, given[0]), flags("S", &[]));
    let highest = mailbox.snapshot().unwrap().highest_modseq;
    let row = mailbox.rows(&given[1..]).unwrap()[0].clone().unwrap();
    assert!(row.modseq > limit && row.modseq <= highest);
    assert!(highest < ModSeq::new(i64::MAX as u64).unwrap());
}

fn copies_keep_flags_and_dates(account: &dyn Account) {
    account.create(&name("Copies")).unwrap();
    // Letters in the target must not be those of the source.
    append(
        account,
        &name("Copies"),
        "other\r\n",
        flags("", &["first", "second"]),
    );
    let one = append(
        account,
        &inbox(),
        "a\nb\r\n",
        flags("SF", &["third", "second"]),
    );
    let two = append(account, &inbox(), "c\r\n", Flags::none());
    let mailbox = open(account, &inbox(), OpenMode::Examine);
    let copied = mailbox.copy(&[two, one], &name("Copies")).unwrap();
    let status = account.status(&name("Copies")).unwrap();
    assert_eq!(
        (status.messages, status.uid_validity),
        (3, copied.uid_validity)
    );
    assert_eq!(copied.uids, [(two, uid(2)), (one, uid(3))]);
    let target = select(account, &name("Copies"));
    assert_eq!(text(&*target, uid(3)), "a\r\nb\r\n");
    assert_eq!(
        flags_of(&*target, uid(3)),
        flags("SF", &["third", "second"])
    );
    assert_eq!(flags_of(&*target, uid(2)), Flags::none());
    assert_eq!(flags_of(&*target, uid(1)), flags("", &["first", "second"]));
    assert_eq!(
        target.internal_dates(&[uid(3)]).unwrap(),
        [Some(InternalDate::from_unix_secs(1_000_000_000))]
    );
    assert_eq!(target.sizes(&[uid(3)]).unwrap(), [Some(6)]);
}

fn a_copy_of_what_is_gone_is_left_out(account: &dyn Account) {
    account.create(&name("Copies")).unwrap();
    let one = append(account, &inbox(), "a\r\n", Flags::none());
    let mailbox = select(account, &inbox());
    let copied = mailbox
        .copy(&[uid(7), one, uid(8)], &name("Copies"))
        .unwrap();
    assert_eq!(copied.uids, [(one, uid(1))]);
    assert_eq!(mailbox.copy(&[uid(7)], &name("Copies")).unwrap().uids, []);
    assert_eq!(account.status(&name("Copies")).unwrap().messages, 1);
}

fn a_copy_into_the_same_mailbox_is_a_new_message(account: &dyn Account) {
    let one = append(account, &inbox(), "a\r\n", flags("S", &["k"]));
    let mailbox = select(account, &inbox());
    let copied = mailbox.copy(&[one], &inbox()).unwrap();
    assert_eq!(copied.uids, [(one, uid(2))]);
    mailbox.expunge(Expunge::These(&[one])).unwrap();
    assert_eq!(uids(&*mailbox), [2]);
    assert_eq!(text(&*mailbox, uid(2)), "a\r\n");
    assert_eq!(flags_of(&*mailbox, uid(2)), flags("S", &["k"]));
}

fn copying_to_a_mailbox_that_is_not_there_is_refused(account: &dyn Account) {
    let one = append(account, &inbox(), "a\r\n", Flags::none());
    let error = select(account, &inbox())
        .copy(&[one], &name("None"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NonExistent);
    assert_eq!(account.mailboxes().unwrap(), [inbox()]);
}

fn expunge_takes_what_is_deleted_and_asked_for(account: &dyn Account) {
    for letters in ["T", "T", "", "T", ""] {
        append(account, &inbox(), "x\r\n", flags(letters, &[]));
    }
    let mailbox = select(account, &inbox());
    let among = [uid(4), uid(3), uid(9), uid(4)];
    assert_eq!(
        mailbox.expunge(Expunge::DeletedAmong(&among)).unwrap(),
        [uid(4)]
    );
    assert_eq!(mailbox.expunge(Expunge::Deleted).unwrap(), [uid(1), uid(2)]);
    assert_eq!(mailbox.expunge(Expunge::Deleted).unwrap(), []);
    assert_eq!(
        mailbox.expunge(Expunge::These(&[uid(5), uid(1)])).unwrap(),
        [uid(5)]
    );
    assert_eq!(uids(&*mailbox), [3]);
}

fn a_uid_is_never_given_again(account: &dyn Account) {
    for round in 1..=5 {
        let one = append(account, &inbox(), "x\r\n", Flags::none());
        assert_eq!(one, uid(round));
        let mailbox = select(account, &inbox());
        mailbox.expunge(Expunge::These(&[one])).unwrap();
        assert_eq!(mailbox.snapshot().unwrap().uid_next, Some(uid(round + 1)));
    }
    assert_eq!(account.status(&inbox()).unwrap().uid_next, Some(uid(6)));
}

fn sessions_see_each_other(account: &dyn Account) {
    let one = append(account, &inbox(), "x\r\n", Flags::none());
    let (first, second) = (select(account, &inbox()), select(account, &inbox()));
    let cursor = second.snapshot().unwrap().cursor;
    first
        .store(&[one], &FlagChange::Add(flags("S", &[])), None)
        .unwrap();
    let row = first.rows(&[one]).unwrap()[0].clone().unwrap();
    let (changes, cursor) = since(&*second, cursor);
    assert_eq!(changes, [Change::Flags(row)]);
    first.expunge(Expunge::These(&[one])).unwrap();
    let two = append(account, &inbox(), "y\r\n", flags("F", &[]));
    let (changes, cursor) = since(&*second, cursor);
    let row = second.rows(&[two]).unwrap()[0].clone().unwrap();
    assert_eq!(changes[0], Change::Expunged(one));
    assert!(matches!(&changes[1..], [Change::Appended { row: told, .. }] if *told == row));
    assert_eq!(since(&*second, cursor).0, []);
}

fn a_session_that_examines_changes_nothing(account: &dyn Account) {
    let one = append(account, &inbox(), "x\r\n", flags("T", &[]));
    let mailbox = open(account, &inbox(), OpenMode::Examine);
    let stored = mailbox.store(&[one], &FlagChange::Add(flags("S", &[])), None);
    assert_eq!(stored.unwrap_err().kind(), ErrorKind::NoPermission);
    assert_eq!(
        mailbox.expunge(Expunge::Deleted).unwrap_err().kind(),
        ErrorKind::NoPermission
    );
    assert_eq!(flags_of(&*mailbox, one), flags("T", &[]));
}

fn hints_come_when_something_happens(account: &dyn Account) {
    let hints = Arc::new(AtomicUsize::new(0));
    let waiting = account
        .open(&inbox(), OpenMode::Select, counting(&hints))
        .unwrap();
    let other = select(account, &inbox());
    let expect_hint = |what: &str, before: usize| {
        assert!(hints.load(Ordering::SeqCst) > before, "no hint of {what}");
        hints.load(Ordering::SeqCst)
    };
    let one = append(account, &inbox(), "x\r\n", flags("S", &[]));
    let count = expect_hint("an append", 0);
    other
        .store(&[one], &FlagChange::Add(flags("T", &[])), None)
        .unwrap();
    let count = expect_hint("a flag", count);
    other.copy(&[one], &inbox()).unwrap();
    let count = expect_hint("a copy", count);
    other.expunge(Expunge::Deleted).unwrap();
    expect_hint("an expunge", count);
    drop(waiting);
}

fn a_closed_session_gets_no_hints(account: &dyn Account) {
    let hints = Arc::new(AtomicUsize::new(0));
    let session = account
        .open(&inbox(), OpenMode::Select, counting(&hints))
        .unwrap();
    drop(session);
    let before = hints.load(Ordering::SeqCst);
    append(account, &inbox(), "x\r\n", Flags::none());
    assert_eq!(hints.load(Ordering::SeqCst), before);
    assert_eq!(Arc::strong_count(&hints), 1, "the hint is kept by nobody");
}

fn recent_is_given_to_one_session_and_once(account: &dyn Account) {
    let one = append(account, &inbox(), "x\r\n", Flags::none());
    assert_eq!(account.status(&inbox()).unwrap().recent, 1);
    let (first, second) = (select(account, &inbox()), select(account, &inbox()));
    let snapshot = first.snapshot().unwrap();
    assert_eq!(snapshot.recent, [one]);
    let cursor = second.snapshot().unwrap().cursor;
    assert_eq!(second.snapshot().unwrap().recent, []);
    let two = append(account, &inbox(), "y\r\n", Flags::none());
    let told = |changes: &[Change]| {
        changes.iter().any(
            |change| matches!(change, Change::Appended { row, recent: true } if row.uid == two),
        )
    };
    assert!(
        told(&since(&*second, cursor).0),
        "who asks first is given it"
    );
    assert!(!told(&since(&*first, snapshot.cursor).0));
    assert_eq!(account.status(&inbox()).unwrap().recent, 0);
    drop((first, second));
    assert_eq!(select(account, &inbox()).snapshot().unwrap().recent, []);
}

fn examine_and_maildrop_leave_recent_alone(account: &dyn Account) {
    let one = append(account, &inbox(), "x\r\n", Flags::none());
    for (mode, recent) in [(OpenMode::Examine, vec![one]), (OpenMode::Maildrop, vec![])] {
        let mailbox = open(account, &inbox(), mode);
        let snapshot = mailbox.snapshot().unwrap();
        assert_eq!((snapshot.recent, &*snapshot.uids), (recent, &[one][..]));
        assert_eq!(text(&*mailbox, one), "x\r\n");
    }
    assert_eq!(account.status(&inbox()).unwrap().recent, 1);
    assert_eq!(select(account, &inbox()).snapshot().unwrap().recent, [one]);
    let examining = open(account, &inbox(), OpenMode::Examine);
    let snapshot = examining.snapshot().unwrap();
    assert_eq!(snapshot.recent, [], "it was given away");
    let two = append(account, &inbox(), "y\r\n", Flags::none());
    let (changes, cursor) = since(&*examining, snapshot.cursor);
    assert!(matches!(&changes[..], [Change::Appended { row, recent: true }] if row.uid == two));
    assert_eq!(since(&*examining, cursor).0, []);
    assert_eq!(account.status(&inbox()).unwrap().recent, 1);
    let maildrop = open(account, &inbox(), OpenMode::Maildrop);
    assert_eq!(maildrop.expunge(Expunge::These(&[one])).unwrap(), [one]);
}

fn status_counts(account: &dyn Account) {
    append(account, &inbox(), "x\r\n", flags("S", &[]));
    append(account, &inbox(), "y\r\n", Flags::none());
    append(account, &inbox(), "z\r\n", flags("F", &[]));
    let status = account.status(&inbox()).unwrap();
    assert_eq!(
        (status.messages, status.unseen, status.uid_next),
        (3, 2, Some(uid(4)))
    );
    let mailbox = select(account, &inbox());
    mailbox
        .store(&[uid(2)], &FlagChange::Add(flags("S", &[])), None)
        .unwrap();
    let after = account.status(&inbox()).unwrap();
    assert_eq!(after.unseen, 1);
    assert!(after.highest_modseq > status.highest_modseq);
}

fn first_unseen_is_found(account: &dyn Account) {
    for letters in ["S", "FS", "F", ""] {
        append(account, &inbox(), "x\r\n", flags(letters, &[]));
    }
    assert_eq!(
        select(account, &inbox()).snapshot().unwrap().first_unseen,
        Some(uid(3))
    );
}

fn changes_fall_back_to_everything(account: &dyn Account) {
    let one = append(account, &inbox(), "x\r\n", Flags::none());
    let mailbox = select(account, &inbox());
    let ahead = mailaccess_mail::store::Cursor(u64::MAX);
    match mailbox.changes(ahead).unwrap() {
        Changes::Everything { rows, cursor, .. } => {
            assert_eq!(rows.iter().map(|row| row.uid).collect::<Vec<_>>(), [one]);
            assert_eq!(since(&*mailbox, cursor).0, []);
        }
        Changes::Since { .. } => panic!("nobody knows this cursor"),
    }
}

fn unique_ids_are_those_of_dovecot(account: &dyn Account) {
    let one = append(account, &inbox(), "x\r\n", Flags::none());
    let mailbox = open(account, &inbox(), OpenMode::Maildrop);
    let validity = mailbox.snapshot().unwrap().uid_validity;
    let id = mailbox.unique_ids(&[one]).unwrap()[0].clone().unwrap();
    assert_eq!(id, format!("00000001{:08x}", validity.get()));
}

fn keywords_are_an_open_set(account: &dyn Account) {
    let one = append(account, &inbox(), "x\r\n", flags("", &["given"]));
    let mailbox = select(account, &inbox());
    mailbox
        .store(&[one], &FlagChange::Add(flags("", &["later"])), None)
        .unwrap();
    let snapshot = mailbox.snapshot().unwrap();
    assert!(
        snapshot.keywords.contains(&keyword("GIVEN"))
            && snapshot.keywords.contains(&keyword("later"))
    );
    assert_eq!(snapshot.new_keywords, NewKeywords::Accepted);
    assert_eq!(flags_of(&*mailbox, one), flags("", &["given", "later"]));
}
