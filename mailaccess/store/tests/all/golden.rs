//! Files as Dovecot and others write them: read, changed, written and read again.

use crate::fixture::*;
use mailaccess_mail::store::{Change, ErrorKind, Expunge, NewKeywords, OpenMode};
use mailaccess_mail::{FlagChange, Flags, InternalDate, Keyword};
use mailaccess_store::maildir::{Delivery, Skipped};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

fn write(dir: &Path, file: &str, text: &str) {
    fs::write(dir.join(file), text).unwrap();
}

fn read(dir: &Path, file: &str) -> String {
    fs::read_to_string(dir.join(file)).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

const GUID: &str = "G0123456789abcdef0123456789abcdef";

/// A Maildir as a Dovecot leaves it.
fn dovecot() -> Volume {
    let volume = Volume::new();
    let dir = volume.maildir();
    write(
        &dir,
        "dovecot-uidlist",
        &format!(
            "3 V1795485669 N3 {GUID} Xkept\n\
             3 :1000.M1P1.host,S=3,W=3\n\
             5 W7 Zkept Pold-id :1000.M2P1.host,S=5\n\
             9 :1000.M3P1.host,S=3,W=3\n\
             12 P :gone.host\n"
        ),
    );
    write(&dir, "dovecot-keywords", "0 $Forwarded\n2 Junk\n");
    write(&dir.join("cur"), "1000.M1P1.host,S=3,W=3:2,Sac", "a\r\n");
    write(&dir.join("cur"), "1000.M2P1.host,S=5:2,FPR,odd", "b\nc\nd");
    write(&dir.join("new"), "1000.M3P1.host,S=3,W=3", "e\r\n");
    volume
}

#[test]
fn what_dovecot_wrote_is_served() {
    let volume = dovecot();
    let mailbox = open(&*volume.account(), &inbox(), OpenMode::Examine);
    let snapshot = mailbox.snapshot().unwrap();
    assert_eq!(snapshot.uid_validity.get(), 1_795_485_669);
    assert_eq!(uids(&*mailbox), [3, 5, 9]);
    assert_eq!(snapshot.uid_next, Some(uid(13)), "the header's N is stale");
    assert_eq!(
        flags_of(&*mailbox, uid(3)),
        flags("S", &["$Forwarded", "Junk"])
    );
    assert_eq!(flags_of(&*mailbox, uid(5)), flags("FR", &[]));
    assert_eq!(text(&*mailbox, uid(5)), "b\r\nc\r\nd");
    assert_eq!(
        mailbox.unique_ids(&[uid(3), uid(5)]).unwrap(),
        [
            Some("000000036b04efe5".to_owned()),
            Some("old-id".to_owned())
        ]
    );
    assert_eq!(
        names(&volume.maildir().join("new")).len(),
        1,
        "EXAMINE leaves it there"
    );
}

#[test]
fn what_dovecot_does_not_expect_is_not_written() {
    let volume = dovecot();
    let dir = volume.maildir();
    let account = volume.account();
    let mailbox = select(&*account, &inbox());
    assert_eq!(mailbox.snapshot().unwrap().recent, [uid(9)]);
    mailbox
        .store(&[uid(5)], &FlagChange::Add(flags("S", &["NonJunk"])), None)
        .unwrap();
    assert_eq!(
        names(&dir.join("cur")),
        [
            "1000.M1P1.host,S=3,W=3:2,Sac",
            "1000.M2P1.host,S=5:2,FPRSb,odd",
            "1000.M3P1.host,S=3,W=3:2,"
        ]
    );
    assert_eq!(
        read(&dir, "dovecot-keywords"),
        "0 $Forwarded\n1 NonJunk\n2 Junk\n"
    );
    let one = append(&*account, &inbox(), "new\n", flags("T", &["junk"]));
    assert_eq!(one, uid(13));
    let list = read(&dir, "dovecot-uidlist");
    let added = list.lines().last().unwrap();
    assert!(
        added.starts_with("13 :") && added.ends_with(",S=4,W=5"),
        "{added}"
    );
    assert!(
        names(&dir.join("cur"))
            .iter()
            .any(|name| name.ends_with(",S=4,W=5:2,Tc"))
    );
    assert!(names(&dir.join("tmp")).is_empty());
    assert!(!dir.join("dovecot-uidlist.lock").exists());
    let mode = fs::metadata(dir.join("dovecot-uidlist"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(
        mode & 0o077,
        0o044,
        "the file that was there stays the same file"
    );
}

#[test]
fn a_list_written_anew_carries_what_it_does_not_know() {
    let volume = dovecot();
    let account = volume.account();
    let mailbox = select(&*account, &inbox());
    mailbox.expunge(Expunge::These(&[uid(3)])).unwrap();
    assert_eq!(
        read(&volume.maildir(), "dovecot-uidlist"),
        format!(
            "3 V1795485669 N13 {GUID} Xkept\n\
             5 W7 Zkept Pold-id :1000.M2P1.host,S=5\n\
             9 :1000.M3P1.host,S=3,W=3\n"
        )
    );
    assert_eq!(uids(&*select(&*volume.account(), &inbox())), [5, 9]);
}

#[test]
fn version_1_is_read_and_becomes_version_3() {
    let volume = Volume::new();
    let dir = volume.maildir();
    write(
        &dir,
        "dovecot-uidlist",
        "1 1234567890 8\n4 100.a.h:2,S\n7 101.b.h\n",
    );
    write(&dir.join("cur"), "100.a.h:2,S", "a\r\n");
    write(&dir.join("cur"), "101.b.h:2,", "b\r\n");
    let account = volume.account();
    assert_eq!(uids(&*select(&*account, &inbox())), [4, 7]);
    assert_eq!(append(&*account, &inbox(), "c\r\n", Flags::none()), uid(8));
    let list = read(&dir, "dovecot-uidlist");
    assert!(list.starts_with("3 V1234567890 N9 G"), "{list}");
    assert!(list.contains("\n4 :100.a.h\n7 :101.b.h\n8 :"), "{list}");
}

#[test]
fn a_list_that_cannot_be_read_is_begun_anew() {
    for broken in [
        "",
        "garbage\n",
        "3 V0 N1\n1 :100.a.h\n",
        "3 V5 N1 no line end",
    ] {
        let volume = Volume::new();
        let dir = volume.maildir();
        write(&dir, "dovecot-uidlist", broken);
        write(&dir, "dovecot-uidvalidity", "6b0400e5");
        write(&dir.join("new"), "100.a.h", "a\r\n");
        let mailbox = select(&*volume.account(), &inbox());
        assert_eq!(uids(&*mailbox), [1], "{broken:?}");
        assert_eq!(mailbox.snapshot().unwrap().uid_validity.get(), 0x6b04_00e6);
    }
}

#[test]
fn bad_lines_are_skipped_and_no_uid_in_them_is_given_again() {
    let volume = Volume::new();
    let dir = volume.maildir();
    let torn = "3 V5 N2 G00\n1 :100.a.h\nnonsense\n7 :101.b.h\n6 :102.c.h\n8 :103.d.h\n9 :104";
    write(&dir, "dovecot-uidlist", torn);
    for (name, body) in [
        ("100.a.h:2,", "a"),
        ("101.b.h:2,", "b"),
        ("102.c.h:2,", "c"),
        ("104.e.h:2,", "e"),
    ] {
        write(&dir.join("cur"), name, body);
    }
    let account = volume.account();
    let mailbox = select(&*account, &inbox());
    assert_eq!(uids(&*mailbox), [1, 7, 9, 10]);
    assert_eq!(
        (text(&*mailbox, uid(9)), text(&*mailbox, uid(10))),
        ("c".to_owned(), "e".to_owned())
    );
    let list = read(&dir, "dovecot-uidlist");
    assert!(
        list.ends_with("7 :101.b.h\n9 :102.c.h\n10 :104.e.h\n"),
        "{list}"
    );
    assert_eq!(uids(&*select(&*volume.account(), &inbox())), [1, 7, 9, 10]);
}

#[test]
fn new_files_get_uids_in_the_order_of_arrival() {
    let volume = Volume::new();
    let dir = volume.maildir();
    for (name, body) in [
        ("200.M5P1.h", "third"),
        ("100.z", "first"),
        ("200.M10P1.h", "fourth"),
        ("200.M4P9.h:2,S", "second"),
    ] {
        write(&dir.join("new"), name, body);
    }
    let mailbox = select(&*volume.account(), &inbox());
    let bodies: Vec<String> = (1..=4).map(|number| text(&*mailbox, uid(number))).collect();
    assert_eq!(bodies, ["first", "second", "third", "fourth"]);
    assert_eq!(flags_of(&*mailbox, uid(2)), flags("S", &[]));
    assert_eq!(mailbox.snapshot().unwrap().recent.len(), 4);
}

#[test]
fn what_other_hands_do_is_seen() {
    let volume = dovecot();
    let (dir, account) = (volume.maildir(), volume.account());
    let mailbox = select(&*account, &inbox());
    let cursor = mailbox.snapshot().unwrap().cursor;
    write(&dir.join("new"), "2000.new.host", "hello\n");
    let (changes, cursor) = since(&*mailbox, cursor);
    assert!(
        matches!(&changes[..], [Change::Appended { row, recent: true }] if row.uid == uid(13)),
        "{changes:?}"
    );
    let cur = dir.join("cur");
    fs::rename(cur.join("2000.new.host:2,"), cur.join("2000.new.host:2,FS")).unwrap();
    let (changes, cursor) = since(&*mailbox, cursor);
    assert!(
        matches!(&changes[..], [Change::Flags(row)] if row.flags == flags("FS", &[])),
        "{changes:?}"
    );
    fs::remove_file(cur.join("2000.new.host:2,FS")).unwrap();
    let (changes, cursor) = since(&*mailbox, cursor);
    assert_eq!(changes, [Change::Expunged(uid(13))]);
    write(&dir, "dovecot-keywords", "0 Renamed\n2 Junk\n");
    let (changes, _) = since(&*mailbox, cursor);
    assert!(
        matches!(&changes[..], [Change::Flags(row)] if row.flags == flags("S", &["Renamed", "Junk"])),
        "{changes:?}"
    );
}

#[test]
fn a_change_is_made_to_the_flags_on_disk() {
    let volume = dovecot();
    let (dir, account) = (volume.maildir(), volume.account());
    let mailbox = select(&*account, &inbox());
    let cur = dir.join("cur");
    // Behind its back, and undone nowhere.
    fs::rename(
        cur.join("1000.M1P1.host,S=3,W=3:2,Sac"),
        cur.join("1000.M1P1.host,S=3,W=3:2,FRSc"),
    )
    .unwrap();
    let stored = mailbox
        .store(&[uid(3)], &FlagChange::Remove(flags("S", &[])), None)
        .unwrap();
    assert_eq!(*stored_flags(&stored[0]), flags("FR", &["Junk"]));
    assert!(cur.join("1000.M1P1.host,S=3,W=3:2,FRc").exists());
    // What was to be removed because it was \Deleted is not any more.
    mailbox
        .store(&[uid(3)], &FlagChange::Add(flags("T", &[])), None)
        .unwrap();
    fs::rename(
        cur.join("1000.M1P1.host,S=3,W=3:2,FRTc"),
        cur.join("1000.M1P1.host,S=3,W=3:2,F"),
    )
    .unwrap();
    assert_eq!(mailbox.expunge(Expunge::Deleted).unwrap(), []);
    assert_eq!(flags_of(&*mailbox, uid(3)), flags("F", &[]));
}

#[test]
fn a_body_is_found_under_its_new_name() {
    let volume = dovecot();
    let mailbox = select(&*volume.account(), &inbox());
    mailbox.snapshot().unwrap();
    let cur = volume.maildir().join("cur");
    fs::rename(
        cur.join("1000.M2P1.host,S=5:2,FPR,odd"),
        cur.join("1000.M2P1.host,S=5:2,P,odd"),
    )
    .unwrap();
    assert_eq!(text(&*mailbox, uid(5)), "b\r\nc\r\nd");
    fs::remove_file(cur.join("1000.M2P1.host,S=5:2,P,odd")).unwrap();
    assert!(mailbox.body(uid(5)).unwrap().is_none());
    assert_eq!(uids(&*mailbox), [3, 9]);
}

#[test]
fn a_size_in_a_name_that_is_wrong_is_not_believed() {
    let volume = Volume::new();
    let dir = volume.maildir();
    write(&dir.join("cur"), "100.a.h,S=99,W=99:2,", "a\nb\n");
    write(&dir.join("cur"), "101.b.h,S=4,W=2:2,", "a\nb\n");
    let mailbox = select(&*volume.account(), &inbox());
    for number in [1, 2] {
        assert_eq!(text(&*mailbox, uid(number)), "a\r\nb\r\n");
        assert_eq!(mailbox.sizes(&[uid(number)]).unwrap(), [Some(6)]);
    }
}

#[test]
fn a_size_that_was_counted_is_kept_in_the_uidlist() {
    let volume = Volume::new();
    let dir = volume.maildir();
    write(&dir.join("new"), "100.a.h", "a\nb\n");
    let mailbox = select(&*volume.account(), &inbox());
    assert_eq!(mailbox.sizes(&[uid(1)]).unwrap(), [Some(6)]);
    Patience::until("saving the size", || {
        read(&dir, "dovecot-uidlist").contains("\n1 W6 :100.a.h\n")
    });
    // A name does not say it, so the list does: nobody opens the file for it again.
    let again = select(&*volume.account(), &inbox());
    write(&dir.join("cur"), "100.a.h:2,", "longer now\n");
    assert_eq!(again.sizes(&[uid(1)]).unwrap(), [Some(6)]);
}

#[test]
fn two_files_of_one_name_are_two_messages() {
    let volume = Volume::new();
    let dir = volume.maildir();
    write(&dir.join("new"), "100.a.h,S=1", "a");
    write(&dir.join("cur"), "100.a.h,S=1:2,S", "b");
    let mailbox = select(&*volume.account(), &inbox());
    mailbox.snapshot().unwrap();
    let mut bodies = vec![text(&*mailbox, uid(1)), text(&*mailbox, uid(2))];
    bodies.sort();
    assert_eq!(bodies, ["a", "b"]);
    assert_eq!(uids(&*select(&*volume.account(), &inbox())), [1, 2]);
}

#[test]
fn two_names_of_one_file_are_one_message() {
    let volume = Volume::new();
    let dir = volume.maildir();
    write(&dir.join("new"), "100.a.h", "a");
    fs::hard_link(dir.join("new/100.a.h"), dir.join("cur/100.a.h:2,")).unwrap();
    let mailbox = open(&*volume.account(), &inbox(), OpenMode::Examine);
    assert_eq!(uids(&*mailbox), [1]);
    assert_eq!(
        fs::metadata(dir.join("new/100.a.h")).unwrap().nlink(),
        2,
        "it may still be moved"
    );
}

#[test]
fn nothing_but_regular_files_is_a_message() {
    let volume = Volume::new();
    let dir = volume.maildir();
    write(&dir, "secret", "not yours");
    symlink(dir.join("secret"), dir.join("cur/100.a.h:2,")).unwrap();
    fs::create_dir(dir.join("cur/101.b.h:2,")).unwrap();
    write(&dir.join("cur"), ".hidden", "x");
    let outside = tempfile::tempdir().unwrap();
    for part in ["cur", "new", "tmp"] {
        fs::create_dir(outside.path().join(part)).unwrap();
    }
    symlink(outside.path(), dir.join(".Linked")).unwrap();
    fs::create_dir(dir.join(".Half")).unwrap();
    fs::create_dir_all(dir.join(".&bad/cur")).unwrap();
    fs::create_dir_all(dir.join(".INBOX/cur")).unwrap();
    write(&dir.join("new"), "102.c.h\n1", "x");
    let store = store(volume.temp.path());
    let account = store.account(&ann()).unwrap();
    assert_eq!(uids(&*select(&*account, &inbox())), []);
    for why in Skipped::ALL {
        assert!(store.skipped(why) >= 1, "{why:?}");
    }
    assert_eq!(account.mailboxes().unwrap(), [inbox()]);
    assert!(
        account
            .open(&name("Linked"), OpenMode::Select, no_hint())
            .is_err()
    );
}

#[test]
fn a_message_replaced_by_a_link_is_not_followed() {
    let volume = dovecot();
    let mailbox = select(&*volume.account(), &inbox());
    mailbox.snapshot().unwrap();
    let file = volume.maildir().join("cur/1000.M1P1.host,S=3,W=3:2,Sac");
    fs::remove_file(&file).unwrap();
    symlink("/etc/passwd", &file).unwrap();
    assert!(!matches!(mailbox.body(uid(3)), Ok(Some(_))));
}

#[test]
fn a_new_folder_is_whole() {
    let volume = Volume::new();
    volume.account().create(&name("Entwürfe.Neu")).unwrap();
    let dir = volume.maildir().join(".Entw&APw-rfe.Neu");
    assert_eq!(
        names(&dir),
        ["cur", "dovecot-uidlist", "maildirfolder", "new", "tmp"]
    );
    let mode = fs::metadata(&dir).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert!(read(&dir, "dovecot-uidlist").starts_with("3 V"));
    assert_eq!(
        names(&volume.maildir())
            .into_iter()
            .filter(|name| name.starts_with("mailaccess.new"))
            .count(),
        0
    );
}

#[test]
fn a_folder_that_was_being_deleted_is_swept() {
    let volume = Volume::new();
    let left = volume.maildir().join("mailaccess.trash.0123/cur");
    fs::create_dir_all(&left).unwrap();
    write(&left, "100.a.h:2,", "x");
    let account = volume.account();
    assert_eq!(account.mailboxes().unwrap(), [inbox()]);
    account.create(&name("Any")).unwrap();
    assert!(!volume.maildir().join("mailaccess.trash.0123").exists());
}

#[test]
fn subscriptions_of_both_forms_are_gone_on_with() {
    for (before, after) in [
        ("V\t2\n\nSent\nWork\tA\n", "V\t2\n\nSent\nWork\tA\nNew\tB\n"),
        ("Sent\nWork.A\n", "Sent\nWork.A\nNew.B\n"),
    ] {
        let volume = Volume::new();
        write(&volume.maildir(), "subscriptions", before);
        let account = volume.account();
        account
            .set_subscribed(&name("New.B"), mailaccess_mail::store::Subscribed::Yes)
            .unwrap();
        assert_eq!(read(&volume.maildir(), "subscriptions"), after);
        assert!(!volume.maildir().join("subscriptions.lock").exists());
    }
}

#[test]
fn the_27th_keyword_is_refused() {
    let volume = Volume::new();
    let account = volume.account();
    let all: Vec<String> = (0..26).map(|number| format!("k{number}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let one = append(&*account, &inbox(), "x\r\n", flags("", &all[..25]));
    let mailbox = select(&*account, &inbox());
    assert_eq!(
        mailbox.snapshot().unwrap().new_keywords,
        NewKeywords::Accepted
    );
    mailbox
        .store(&[one], &FlagChange::Add(flags("", &all[25..])), None)
        .unwrap();
    let snapshot = mailbox.snapshot().unwrap();
    assert_eq!(snapshot.new_keywords, NewKeywords::Refused);
    assert_eq!(snapshot.keywords.len(), 26);
    let error = mailbox.store(&[one], &FlagChange::Add(flags("S", &["one-more"])), None);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(flags_of(&*mailbox, one), flags("", &all), "not even \\Seen");
    let error = append_all(&*account, &inbox(), &[("y\r\n", flags("", &["one-more"]))]);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(uids(&*mailbox), [1]);
    assert!(names(&volume.maildir().join("tmp")).is_empty());
    mailbox
        .store(&[one], &FlagChange::Replace(flags("", &["K3"])), None)
        .unwrap();
    assert_eq!(flags_of(&*mailbox, one), flags("", &["k3"]));
}

#[test]
fn letters_without_a_name_are_shown_and_not_given_away() {
    let volume = Volume::new();
    let dir = volume.maildir();
    write(&dir.join("cur"), "100.a.h:2,ac", "x");
    write(&dir, "dovecot-keywords", "2 Known\n");
    let mailbox = select(&*volume.account(), &inbox());
    mailbox.snapshot().unwrap();
    assert_eq!(
        flags_of(&*mailbox, uid(1)),
        flags("", &["unknown-0", "Known"])
    );
    let new: Keyword = keyword("New");
    let mut added = Flags::none();
    added.insert_keyword(new);
    mailbox
        .store(&[uid(1)], &FlagChange::Add(added), None)
        .unwrap();
    assert_eq!(read(&dir, "dovecot-keywords"), "1 New\n2 Known\n");
    assert_eq!(
        flags_of(&*mailbox, uid(1)),
        flags("", &["unknown-0", "Known", "New"])
    );
}

#[test]
fn a_delivery_lies_as_it_was_given() {
    let volume = Volume::new();
    let store = store(volume.temp.path());
    let deliver = |bytes: &[u8], letters: &str| {
        let delivery = Delivery {
            bytes,
            flags: flags(letters, &[]),
            internal_date: Some(InternalDate::from_unix_secs(1_234_567_890)),
        };
        store.deliver(&ann(), &inbox(), &delivery).unwrap();
    };
    deliver(b"new\n", "");
    deliver(b"old\r\n", "FS");
    let dir = volume.maildir();
    assert_eq!(
        (names(&dir.join("new")).len(), names(&dir.join("cur")).len()),
        (1, 1)
    );
    let file = fs::read(dir.join("new").join(&names(&dir.join("new"))[0])).unwrap();
    assert_eq!(file, b"new\n");
    let mailbox = select(&*volume.account(), &inbox());
    mailbox.snapshot().unwrap();
    assert_eq!(
        (text(&*mailbox, uid(1)), text(&*mailbox, uid(2))),
        ("new\r\n".into(), "old\r\n".into())
    );
    assert_eq!(flags_of(&*mailbox, uid(2)), flags("FS", &[]));
    assert_eq!(
        mailbox.internal_dates(&[uid(2)]).unwrap(),
        [Some(InternalDate::from_unix_secs(1_234_567_890))]
    );
}

#[test]
fn the_last_uid_is_given_and_none_after_it() {
    let volume = Volume::new();
    let dir = volume.maildir();
    write(&dir, "dovecot-uidlist", "3 V5 N4294967293 G00\n");
    let account = volume.account();
    let two = append_all(
        &*account,
        &inbox(),
        &[("a\r\n", Flags::none()), ("b\r\n", Flags::none())],
    );
    assert_eq!(two.unwrap(), [uid(4_294_967_293), uid(4_294_967_294)]);
    let mailbox = select(&*account, &inbox());
    assert_eq!(mailbox.snapshot().unwrap().uid_next, None);
    let error = append_all(&*account, &inbox(), &[("c\r\n", Flags::none())]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(uids(&*mailbox).len(), 2);
    assert!(names(&dir.join("tmp")).is_empty());
}

#[test]
fn a_list_that_is_taken_away_ends_its_sessions_and_no_more() {
    let volume = dovecot();
    let account = volume.account();
    let mailbox = select(&*account, &inbox());
    let before = mailbox.snapshot().unwrap();
    fs::remove_file(volume.maildir().join("dovecot-uidlist")).unwrap();
    // Every UID means something else now, so this session must not go on.
    let error = mailbox.changes(before.cursor).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let add = FlagChange::Add(flags("T", &[]));
    assert!(mailbox.store(&[uid(3)], &add, None).is_err());
    assert!(mailbox.expunge(Expunge::These(&[uid(3)])).is_err());
    let after = select(&*account, &inbox()).snapshot().unwrap();
    assert_ne!(after.uid_validity, before.uid_validity);
    assert_eq!(after.uids.len(), 3);
    // Whoever finds it so by opening is not turned away.
    fs::remove_file(volume.maildir().join("dovecot-uidlist")).unwrap();
    assert_eq!(account.status(&inbox()).unwrap().messages, 3);
}
