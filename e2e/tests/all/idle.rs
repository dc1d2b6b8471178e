//! Several sessions on one mailbox, of one process and of two: who is told what, and when.

use crate::harness::{Imap, Local, Maildir, Pod, figure, now};
use std::fs;
use std::time::Duration;

/// The goal is two seconds, and the figure is printed.
const LIMIT: Duration = Duration::from_secs(10);
const ANN: &str = "ann@example.com";

/// A message with a subject of its own.
fn message(subject: &str) -> Vec<u8> {
    format!("From: a@example.com\r\nSubject: {subject}\r\n\r\nText.\r\n").into_bytes()
}

/// One session that idles, one of the same process, one of another, and a program outside.
struct Hands {
    idling: Imap,
    here: Imap,
    there: Imap,
    maildir: Maildir,
}

impl Hands {
    /// Does something and waits until the idling session is told of it.
    #[track_caller]
    fn reach(&mut self, what: &str, text: &str, act: impl FnOnce(&mut Self)) {
        let begin = now();
        act(self);
        self.idling.told(text);
        figure(
            &format!("{what} reaches IDLE"),
            format!("{:?}", begin.elapsed()),
        );
    }

    fn add(&mut self, messages: u32) {
        let exists = |more: u32| format!("* {} EXISTS", messages + more);
        self.reach("a delivery", &exists(1), |hands| {
            hands.maildir.deliver(&message("delivered"));
        });
        self.reach("an append of this process", &exists(2), |hands| {
            hands.here.append("INBOX", "", &message("here")).unwrap();
        });
        self.reach("an append of another process", &exists(3), |hands| {
            hands.there.append("INBOX", "", &message("there")).unwrap();
        });
    }

    fn flag(&mut self) {
        self.reach("a flag of this process", "\\Flagged", |hands| {
            hands.here.ok("STORE 1 +FLAGS (\\Flagged)");
        });
        self.there.ok("NOOP");
        self.reach("a flag of another process", "\\Answered", |hands| {
            hands.there.ok("STORE 2 +FLAGS (\\Answered)");
        });
        self.reach("a keyword of another process", "$Label1", |hands| {
            hands.there.ok("STORE 2 +FLAGS ($Label1)");
        });
        self.reach("a flag by an outside program", "\\Draft", |hands| {
            let files = hands.maildir.files().into_values();
            let mut names = files.map(|file| file.into_os_string().into_string().unwrap());
            let name = names.find(|name| name.contains(":2,")).unwrap();
            let (base, flags) = name.rsplit_once(":2,").unwrap();
            fs::rename(&name, format!("{base}:2,D{flags}")).unwrap();
        });
    }

    fn remove(&mut self) {
        self.here.ok("NOOP");
        self.reach("an expunge of this process", "* 1 EXPUNGE", |hands| {
            hands.here.ok("STORE 1 +FLAGS (\\Deleted)");
            hands.here.ok("EXPUNGE");
        });
        self.there.ok("NOOP");
        self.reach("an expunge of another process", "* 1 EXPUNGE", |hands| {
            hands.there.ok("STORE 1 +FLAGS (\\Deleted)");
            hands.there.ok("EXPUNGE");
        });
        self.reach("a removal by an outside program", " EXPUNGE", |hands| {
            fs::remove_file(hands.maildir.files().into_values().next().unwrap()).unwrap();
        });
    }
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
    let mut hands = Hands {
        idling: local.imap(ANN, "quickstart"),
        here: local.imap(ANN, "quickstart"),
        there: second.imap(ANN, "quickstart"),
        maildir: local.maildir(ANN),
    };
    let messages = count(&mut hands.idling, "INBOX");
    hands.here.ok("SELECT INBOX");
    hands.there.ok("SELECT INBOX");
    hands.idling.set_patience(LIMIT);
    let tag = hands.idling.idle();
    hands.add(messages);
    hands.flag();
    hands.remove();
    assert!(hands.idling.done(&tag).is_ok());
    let status = hands.idling.ok("STATUS INBOX (MESSAGES)").find("STATUS");
    // Three came, three went.
    assert!(status.contains(&format!("MESSAGES {messages}")), "{status}");
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
