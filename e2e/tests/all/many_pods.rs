//! Three processes on one Maildir, eight clients that change it all at once, and an outside program that
//! delivers. What is there in the end, and what each session was told, follows from what was acknowledged.
//! Then Dovecot opens the same Maildir.

mod client;
mod dovecot_and_back;
mod log;
mod model;

use crate::dovecot::OWNER;
use crate::harness::{Imap, Maildir, eventually, figure, now};
use crate::pod::{Site, log_on};
use crate::session::{differences, listing, message};
use crate::view::{Known, View};
use client::{CLIENTS, Client, HOT, TARGET};
use dovecot_and_back::dovecot_and_back;
use log::{Act, Entry};
use model::{Found, Model};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::chown;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

const ANN: &str = "ann@example.com";
const PROCESSES: usize = 3;
const STORM: Duration = Duration::from_secs(30);
/// Between two deliveries.
const PACE: Duration = Duration::from_millis(60);
/// Messages that everybody changes.
const SHARED_MESSAGES: usize = 12;
const ENOUGH_OKS: usize = 2_000;
const ENOUGH_MEETINGS: usize = 100;
const AT_ONCE: Duration = Duration::from_millis(50);
/// How long a session may take to be told of everything.
const SETTLED: Duration = Duration::from_secs(10);

#[test]
#[ignore = "needs Debian's Dovecot and a root user: run by e2e/run"]
fn nothing_is_lost_when_three_processes_and_an_outside_program_change_one_maildir() {
    let site = Site::owned_by(OWNER, ANN);
    let maildir = site.maildir(ANN);
    let pods: Vec<_> = (0..PROCESSES).map(|_| site.start(&[])).collect();
    log_on(&pods[0], ANN).ok(&format!("CREATE {TARGET}"));
    let mut delivered: Vec<_> = (0..SHARED_MESSAGES)
        .map(|turn| format!("{HOT}{turn}"))
        .collect();
    for token in &delivered {
        deliver(&maildir, token);
    }

    let (clients, during) = storm(|process| log_on(&pods[process], ANN), &maildir);
    delivered.extend(during);
    let inbox = listing(log_on(&pods[1], ANN), "INBOX");
    let copies = listing(log_on(&pods[2], ANN), TARGET);
    let (log, views) = settle(clients, &inbox);

    report(&log, delivered.len(), &inbox, &copies);
    let model = Model::new(&log, &delivered);
    let faults = model.compare(&Found {
        inbox: &inbox,
        copies: &copies,
        views: &views,
    });
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    check_files(&maildir, &inbox, &views);
    dovecot_and_back(&pods, &maildir, &inbox);
}

/// Lets all clients loose and gives them back, with what was delivered meanwhile.
fn storm(log_on: impl Fn(usize) -> Imap, maildir: &Maildir) -> (Vec<Client>, Vec<String>) {
    let begin = |number: usize| {
        let process = number % PROCESSES;
        Client::begin(number, process, log_on(process))
    };
    let clients: Vec<_> = (0..CLIENTS).map(begin).collect();
    let mut watcher = begin(CLIENTS);
    let stop = AtomicBool::new(false);
    let (end, ended) = channel::<()>();
    thread::scope(|scope| {
        let stop = &stop;
        let deliverer = scope.spawn(move || {
            let mut tokens = Vec::new();
            while ended.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                let token = format!("delivered-{}", tokens.len());
                deliver(maildir, &token);
                tokens.push(token);
            }
            tokens
        });
        let watcher = scope.spawn(move || {
            watcher.watch(stop);
            watcher
        });
        let storming: Vec<_> = clients
            .into_iter()
            .map(|mut client| {
                scope.spawn(move || {
                    client.storm(stop);
                    client
                })
            })
            .collect();
        let begin = now();
        while begin.elapsed() < STORM && !storming.iter().any(ScopedJoinHandle::is_finished) {
            thread::park_timeout(PACE);
        }
        stop.store(true, Ordering::Relaxed);
        let clients = storming.into_iter().chain([watcher]);
        let clients = clients
            .map(|client| client.join().expect("a client failed"))
            .collect();
        drop(end);
        (
            clients,
            deliverer.join().expect("the outside program failed"),
        )
    })
}

/// Every second message comes by `link`, as some delivery agents do it.
fn deliver(maildir: &Maildir, token: &str) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("1700000000.M{number}P{}.outside", std::process::id());
    let [tmp, new] = ["tmp", "new"].map(|folder| maildir.0.join(folder).join(&name));
    fs::write(&tmp, message(token)).unwrap();
    chown(&tmp, Some(OWNER), Some(OWNER)).unwrap();
    if number.is_multiple_of(2) {
        fs::rename(tmp, new).unwrap();
    } else {
        fs::hard_link(&tmp, new).unwrap();
        fs::remove_file(tmp).unwrap();
    }
}

/// Each session, once it has asked, knows what one that looks for the first time sees.
fn settle(clients: Vec<Client>, inbox: &[Known]) -> (Vec<Entry>, Vec<View>) {
    let mut log = Vec::new();
    let mut views = Vec::new();
    for (number, mut client) in clients.into_iter().enumerate() {
        eventually("a session knows everything", SETTLED, || {
            client.catch_up();
            let known = client.view().known()?;
            let differs = differences(&known, inbox);
            if let Some(differs) = &differs {
                figure(&format!("client {number} asks again"), differs);
            }
            differs.is_none().then_some(())
        });
        let (entries, view) = client.into_parts();
        log.extend(entries);
        views.push(view);
    }
    (log, views)
}

fn report(log: &[Entry], delivered: usize, inbox: &[Known], copies: &[Known]) {
    let oks = log.iter().filter(|entry| entry.is_ok()).count();
    let meetings = log::meetings(log, AT_ONCE);
    let mut refusals: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in log.iter().filter(|entry| !entry.is_ok()) {
        *refusals.entry(&entry.status).or_default() += 1;
    }
    let removed = log
        .iter()
        .filter(|entry| matches!(entry.act, Act::Expunge { .. }))
        .count();
    figure(
        "tagged OKs of eight clients on three processes in 30 s",
        oks,
    );
    figure("two processes on one UID within 50 ms", meetings);
    figure("delivered, removed, left, copies", {
        format!("{delivered}, {removed}, {}, {}", inbox.len(), copies.len())
    });
    let slowest = log.iter().map(|entry| entry.end - entry.begin).max();
    figure("slowest command", format!("{:?}", slowest.unwrap()));
    for (status, count) in &refusals {
        figure("answered NO", format!("{count} times {status}"));
        // Only a message that is gone is a reason.
        assert!(status.starts_with("NO [EXPUNGEISSUED]"), "{status}");
    }
    assert!(oks >= ENOUGH_OKS, "{oks} OKs");
    assert!(meetings >= ENOUGH_MEETINGS, "{meetings} meetings");
}

/// On the disk there is one file a message, and UIDs go on above all that were ever given.
fn check_files(maildir: &Maildir, inbox: &[Known], views: &[View]) {
    let count: usize = ["new", "cur"]
        .into_iter()
        .map(|folder| fs::read_dir(maildir.0.join(folder)).unwrap().count())
        .sum();
    assert_eq!(count, inbox.len(), "files in new/ and cur/");
    let files = maildir.files();
    let listed: BTreeMap<u32, String> = maildir.uids().into_iter().collect();
    for message in inbox {
        let text = fs::read_to_string(&files[&listed[&message.uid]]).unwrap();
        let token = format!("X-Token: {}", message.token);
        assert_eq!(
            text.lines().next(),
            Some(token.as_str()),
            "UID {}",
            message.uid
        );
    }
    let highest = views
        .iter()
        .filter_map(|view| view.ever.keys().max())
        .max()
        .unwrap();
    let uidlist = fs::read_to_string(maildir.0.join("dovecot-uidlist")).unwrap();
    let header = uidlist.lines().next().unwrap();
    let next = header.split(' ').find_map(|field| field.strip_prefix('N'));
    let next: u32 = next.unwrap().parse().unwrap();
    let last = maildir.uids().last().map_or(0, |(uid, _)| *uid);
    assert!(
        next.max(last + 1) > *highest,
        "{header}, last {last}, once given {highest}"
    );
}
