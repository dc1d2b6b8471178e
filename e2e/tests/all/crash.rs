//! A process dies, as by kill -9, at each named place between two steps of APPEND, COPY, STORE, EXPUNGE and
//! SELECT; at a place that several of them pass, in each of them. Another process opens what is left, and a third had it open all the time: nothing that was
//! acknowledged is lost, nothing is there twice or by halves, no UID means another message.

mod ledger;

use crate::harness::{Imap, Maildir, Pod, eventually, figure, now};
use crate::pod::{Site, log_on};
use crate::session::{Session, differences, listing, message};
use ledger::Ledger;
use mailaccess_store::fault::NAMES;
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

const ANN: &str = "ann@example.com";
const TARGET: &str = "Target";
const DELIVERED: usize = 8;
/// How long what a dead process held may keep others out, and how long a session may take to be told.
const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn nothing_is_lost_wherever_the_process_dies() {
    let begin = now();
    let mut deaths = 0;
    for name in NAMES {
        let commands = commands(name);
        let mut missing = commands.clone();
        for time in 1.. {
            let fault = format!("{name}:{time}");
            let command = dies_at(&fault);
            let command = command.unwrap_or_else(|| panic!("{fault}: not in {missing:?}"));
            assert!(commands.contains(command), "{fault}: died in {command}");
            deaths += 1;
            missing.remove(command);
            if missing.is_empty() {
                break;
            }
        }
    }
    let took = begin.elapsed() / deaths;
    figure(
        "a process dies and another goes on",
        format!("{deaths} times at {} places, {took:?} each", NAMES.len()),
    );
}

/// The commands that come to a place.
fn commands(name: &str) -> BTreeSet<&'static str> {
    let commands: &[_] = match name {
        "keywords-written" => &["APPEND", "COPY", "STORE"],
        // So many at once that it is written anew by APPEND and COPY are in the test of the store.
        "list-written" | "list-replaced" => &["EXPUNGE"],
        "list-appended" => &["SELECT", "APPEND", "COPY"],
        "lock-file-made" => &["SELECT", "APPEND", "COPY", "STORE", "EXPUNGE"],
        own if own.starts_with("append-") => &["APPEND"],
        own if own.starts_with("copy-") => &["COPY"],
        own if own.starts_with("store-") => &["STORE"],
        own if own.starts_with("expunge-") => &["EXPUNGE"],
        own if own.starts_with("select-") => &["SELECT"],
        other => panic!("whose is {other}?"),
    };
    commands.iter().copied().collect()
}

/// The command in which the process died, if it did; what it left is looked at.
fn dies_at(name: &str) -> Option<&'static str> {
    let site = Site::of(ANN);
    let maildir = site.maildir(ANN);
    let survivor = site.start(&[]);
    log_on(&survivor, ANN).ok(&format!("CREATE {TARGET}"));
    let open = Session::select(log_on(&survivor, ANN), "INBOX").unwrap();
    let mut ledger = Ledger::default();
    for turn in 0..DELIVERED {
        let token = format!("delivered-{turn}");
        maildir.deliver(&message(&token));
        ledger.arrived(&token);
    }
    let mut dying = site.start(&["--fault-point", name]);
    let unanswered = work(&mut ledger, log_on(&dying, ANN)).err()?;
    let status = dying.process().ended(LIMIT);
    assert_eq!(
        status.signal(),
        Some(Signal::KILL.as_raw()),
        "{name}: {status}"
    );

    let begin = now();
    let next = site.start(&[]);
    let mut session = Session::select(log_on(&next, ANN), "INBOX").unwrap();
    let took = begin.elapsed();
    assert!(took < LIMIT, "{name}: opened after {took:?}");
    check(name, &mut ledger, &next);
    goes_on(name, &mut ledger, &mut session);
    check(name, &mut ledger, &survivor);
    agree(name, (open, session), &maildir);
    Some(unanswered)
}

/// Every kind of change, in order, until the server dies; the error is the command that it did not answer.
fn work(ledger: &mut Ledger, imap: Imap) -> Result<(), &'static str> {
    let during = |command| move |_: io::Error| command;
    let mut session = Session::select(imap, "INBOX").map_err(during("SELECT"))?;
    ledger.saw(&session.view);
    ledger
        .append(&mut session, "append-1", "\\Draft")
        .map_err(during("APPEND"))?;
    ledger
        .append(&mut session, "append-2", "\\Seen at-once")
        .map_err(during("APPEND"))?;
    session.command("NOOP").map_err(during("NOOP"))?;
    session.learn().map_err(during("FETCH"))?;
    ledger.saw(&session.view);
    ledger
        .copy(&mut session, 1..=3, TARGET)
        .map_err(during("COPY"))?;
    ledger
        .add(&mut session, 1..=3, "\\Flagged")
        .map_err(during("STORE"))?;
    ledger
        .add(&mut session, 2..=4, "one two")
        .map_err(during("STORE"))?;
    ledger
        .remove(&mut session, 3..=4, "two")
        .map_err(during("STORE"))?;
    ledger
        .add(&mut session, 1..=10, "\\Answered three")
        .map_err(during("STORE"))?;
    ledger
        .copy(&mut session, 4..=6, TARGET)
        .map_err(during("COPY"))?;
    // So many go that the uidlist is written anew.
    ledger
        .expunge(&mut session, 1..=8)
        .map_err(during("EXPUNGE"))?;
    ledger
        .append(&mut session, "append-3", "")
        .map_err(during("APPEND"))?;
    Ok(())
}

/// What a process finds that looks now.
#[track_caller]
fn check(name: &str, ledger: &mut Ledger, pod: &Pod) {
    let inbox = listing(log_on(pod, ANN), "INBOX");
    let copies = listing(log_on(pod, ANN), TARGET);
    let faults = ledger.compare(&inbox, &copies);
    assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
    for mailbox in ["INBOX", TARGET] {
        let mut imap = log_on(pod, ANN);
        let exists = imap.ok(&format!("SELECT {mailbox}")).find(" EXISTS");
        let count: usize = exists.split(' ').nth(1).unwrap().parse().unwrap();
        for number in 1..=count {
            let bytes = imap.fetch_whole(number);
            let text = String::from_utf8(bytes.clone()).unwrap();
            let token = text
                .lines()
                .next()
                .and_then(|line| line.strip_prefix("X-Token: "));
            let whole = token.map(message);
            assert_eq!(whole, Some(bytes), "{name}: {mailbox} {number}: {text:?}");
        }
    }
}

/// Every kind of change works on what was left, and no UID is given again.
fn goes_on(name: &str, ledger: &mut Ledger, session: &mut Session) {
    let highest = ledger.highest_uid();
    let uid = ledger.append(session, "after", "\\Draft three").unwrap();
    assert!(uid > highest, "{name}: UID {uid} after {highest}");
    session.catch_up();
    ledger.saw(&session.view);
    let last = session.view.messages().count();
    ledger.add(session, last..=last, "four").unwrap();
    ledger.append(session, "after-2", "").unwrap();
    session.catch_up();
    ledger.saw(&session.view);
    ledger.expunge(session, last..=last).unwrap();
}

/// A session that was open all the time, in a process that lived on, knows the same; and the disk holds a
/// file a message.
fn agree(name: &str, (mut open, mut session): (Session, Session), maildir: &Maildir) {
    eventually("both sessions know the same", LIMIT, || {
        open.catch_up();
        session.catch_up();
        let (open, other) = (open.view.known()?, session.view.known()?);
        differences(&open, &other).is_none().then_some(())
    });
    let messages = session.view.messages().count();
    let files: usize = ["new", "cur"]
        .into_iter()
        .map(|folder| fs::read_dir(maildir.0.join(folder)).unwrap().count())
        .sum();
    assert_eq!(files, messages, "{name}: files in new/ and cur/");
}

#[test]
fn an_append_in_flight_leaves_nothing_when_the_connection_is_lost() {
    let site = Site::of(ANN);
    let pod = site.start(&[]);
    let mut imap = log_on(&pod, ANN);
    imap.ok("SELECT INBOX");
    imap.begin("APPEND INBOX {1000000}").unwrap();
    let go_on = imap.response().unwrap();
    assert!(
        go_on.starts_with(b"+"),
        "{}",
        String::from_utf8_lossy(&go_on)
    );
    imap.wire().write(&vec![b'x'; 100_000]).unwrap();
    drop(imap);
    let tmp = site.maildir(ANN).0.join("tmp");
    eventually("the half message is removed", LIMIT, || {
        fs::read_dir(&tmp).unwrap().next().is_none().then_some(())
    });
    assert_eq!(listing(log_on(&pod, ANN), "INBOX"), []);
}
