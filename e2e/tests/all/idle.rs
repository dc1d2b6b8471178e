//! Several sessions on one mailbox, of one process and of two: who is told what, and when.

use crate::harness::{Imap, Local, Pod, figure, now};
use std::fs;
use std::time::Duration;

/// The goal is two seconds, and the figure is printed.
const LIMIT: Duration = Duration::from_secs(10);
const ANN: &str = "ann@example.com";

/// A message with a subject of its own.
fn message(subject: &str) -> Vec<u8> {
    format!("From: a@example.com\r\nSubject: {subject}\r\n\r\nText.\r\n").into_bytes()
}

/// Does something and waits until the idling session is told of it.
#[track_caller]
fn reaches(what: &str, idling: &mut Imap, text: &str, act: impl FnOnce()) {
    idling.set_patience(LIMIT);
    let begin = now();
    act();
    idling.told(text);
    figure(
        &format!("{what} reaches IDLE"),
        format!("{:?}", begin.elapsed()),
    );
}

fn count(imap: &mut Imap, mailbox: &str) -> u32 {
    let exists = imap.ok(&format!("SELECT {mailbox}")).find(" EXISTS");
    exists.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn an_idling_session_is_told_of_every_change_by_every_hand() {
    let local = Local::start("quickstart");
    let second = Pod::start(
        &local.data().join("documents"),
        &local.data().join("mail"),
        &[],
    );
    let mut idling = local.imap(ANN, "quickstart");
    let messages = count(&mut idling, "INBOX");
    let mut here = local.imap(ANN, "quickstart");
    here.ok("SELECT INBOX");
    let mut there = second.imap(ANN, "quickstart");
    there.ok("SELECT INBOX");
    let maildir = local.maildir(ANN);
    let tag = idling.idle();

    reaches(
        "a delivery",
        &mut idling,
        &format!("* {} EXISTS", messages + 1),
        || {
            maildir.deliver(&message("delivered"));
        },
    );
    reaches(
        "an append of this process",
        &mut idling,
        &format!("* {} EXISTS", messages + 2),
        || {
            here.append("INBOX", "", &message("here")).unwrap();
        },
    );
    reaches(
        "an append of another process",
        &mut idling,
        &format!("* {} EXISTS", messages + 3),
        || {
            there.append("INBOX", "", &message("there")).unwrap();
        },
    );
    reaches("a flag of this process", &mut idling, "\\Flagged", || {
        here.ok("STORE 1 +FLAGS (\\Flagged)");
    });
    there.ok("NOOP");
    reaches(
        "a flag of another process",
        &mut idling,
        "\\Answered",
        || {
            there.ok("STORE 2 +FLAGS (\\Answered)");
        },
    );
    reaches(
        "a keyword of another process",
        &mut idling,
        "$Label1",
        || {
            there.ok("STORE 2 +FLAGS ($Label1)");
        },
    );
    reaches(
        "an expunge of this process",
        &mut idling,
        "* 1 EXPUNGE",
        || {
            here.ok("STORE 1 +FLAGS (\\Deleted)");
            here.ok("EXPUNGE");
        },
    );
    there.ok("NOOP");
    reaches(
        "an expunge of another process",
        &mut idling,
        "* 1 EXPUNGE",
        || {
            there.ok("STORE 1 +FLAGS (\\Deleted)");
            there.ok("EXPUNGE");
        },
    );
    reaches(
        "a flag by an outside program",
        &mut idling,
        "\\Draft",
        || {
            let file = maildir
                .files()
                .into_values()
                .find(|file| file.to_str().unwrap().contains(":2,"));
            let file = file.unwrap();
            let name = file.to_str().unwrap();
            let (base, flags) = name.rsplit_once(":2,").unwrap();
            fs::rename(name, format!("{base}:2,D{flags}")).unwrap();
        },
    );
    reaches(
        "a removal by an outside program",
        &mut idling,
        "EXPUNGE",
        || {
            fs::remove_file(maildir.files().into_values().next().unwrap()).unwrap();
        },
    );
    assert!(idling.done(&tag).is_ok());
    let status = idling.ok("STATUS INBOX (MESSAGES)").find("STATUS");
    assert!(
        status.contains(&format!("MESSAGES {}", messages)),
        "{status}"
    );
}

#[test]
fn expunge_is_told_only_where_numbers_may_change() {
    let local = Local::start("quickstart");
    let mut one = local.imap(ANN, "quickstart");
    let messages = count(&mut one, "INBOX");
    let mut other = local.imap(ANN, "quickstart");
    other.ok("SELECT INBOX");
    other.ok("STORE 2 +FLAGS (\\Deleted)");
    assert_eq!(other.ok("EXPUNGE").lines().last().unwrap(), "* 2 EXPUNGE");

    // RFC 3501 7.4.1: not in answer to FETCH, STORE and SEARCH, whose numbers would be ambiguous.
    for command in ["FETCH 1 FLAGS", "STORE 1 +FLAGS (\\Flagged)", "SEARCH ALL"] {
        let lines = one.ok(command).lines();
        assert!(
            !lines.iter().any(|line| line.contains("EXPUNGE")),
            "{command}: {lines:?}"
        );
    }
    // The message is gone, its number is not: the others are sent, and the answer says so.
    let reply = one
        .command(&format!("FETCH 1:{messages} BODY.PEEK[]"))
        .unwrap();
    assert!(
        reply.status.starts_with("NO [EXPUNGEISSUED]"),
        "{}",
        reply.status
    );
    let bodies = reply
        .lines()
        .iter()
        .filter(|line| line.contains("BODY[]"))
        .count();
    assert_eq!(bodies, messages as usize - 1);
    // UID commands may tell.
    let lines = one.ok("UID SEARCH ALL").lines();
    assert!(lines.iter().any(|line| line == "* 2 EXPUNGE"), "{lines:?}");
    assert!(
        one.ok("NOOP")
            .lines()
            .iter()
            .all(|line| !line.contains("EXPUNGE"))
    );
    assert!(one.ok(&format!("FETCH 1:{} FLAGS", messages - 1)).is_ok());
}

#[test]
fn recent_is_given_to_one_session_only() {
    let local = Local::start("quickstart");
    let second = Pod::start(
        &local.data().join("documents"),
        &local.data().join("mail"),
        &[],
    );
    local.imap(ANN, "quickstart").ok("SELECT INBOX");
    for turn in 0..3 {
        local
            .maildir(ANN)
            .deliver(&message(&format!("recent {turn}")));
    }
    let recent = |imap: &mut Imap, command: &str| {
        let line = imap.ok(command).find(" RECENT");
        line.split(' ').nth(1).unwrap().parse::<u32>().unwrap()
    };
    let mut looking = local.imap(ANN, "quickstart");
    assert_eq!(
        recent(&mut looking, "EXAMINE INBOX"),
        3,
        "EXAMINE shows it and takes nothing"
    );
    let status = looking.ok("STATUS INBOX (RECENT)").find("STATUS");
    assert!(status.contains("RECENT 3"), "{status}");
    let mut pop3 = local.pop3(ANN, "quickstart");
    pop3.command("STAT").unwrap();
    pop3.command("QUIT").unwrap();
    let mut first = second.imap(ANN, "quickstart");
    assert_eq!(
        recent(&mut first, "SELECT INBOX"),
        3,
        "the first to select gets it"
    );
    let mut later = local.imap(ANN, "quickstart");
    assert_eq!(recent(&mut later, "SELECT INBOX"), 0, "nobody else does");
    let lines = first.ok("SEARCH RECENT").find("SEARCH");
    assert_eq!(lines.split(' ').count(), 2 + 3, "{lines}");
}
