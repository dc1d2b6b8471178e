//! Three processes on one Maildir, eight clients that change it all at once, and an outside program that
//! delivers. What is there in the end, and what each session was told, follows from what was acknowledged.
//! Then Dovecot opens the same Maildir.

pub(crate) mod client;
pub(crate) mod dovecot_and_back;
pub(crate) mod log;
pub(crate) mod model;

use crate::dovecot::OWNER;
use crate::harness::{Imap, Maildir, eventually, figure, now};
use crate::pod::{Site, log_on};
use crate::session::{differences, listing, message};
use crate::view::{Known, View};
use client::{Break, CLIENTS, Client, Connect, HOT, TARGET};
use dovecot_and_back::dovecot_and_back;
use log::{Act, Entry};
use model::{Found, Model};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::chown;
use std::sync::Arc;
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
pub(crate) const SHARED_MESSAGES: usize = 12;
const ENOUGH_OKS: usize = 2_000;
pub(crate) const ENOUGH_MEETINGS: usize = 100;
pub(crate) const AT_ONCE: Duration = Duration::from_millis(50);
/// How long a session may take to be told of everything.
const SETTLED: Duration = Duration::from_secs(10);

#[test]
#[ignore = "needs Debian's Dovecot and a root user: run by e2e/run"]
fn nothing_is_lost_when_three_processes_and_an_outside_program_change_one_maildir() {
    let site = Site::owned_by(OWNER, ANN);
    let maildir = site.maildir(ANN);
    let pods: Vec<_> = (0..PROCESSES).map(|_| Arc::new(site.start(&[]))).collect();
    log_on(&pods[0], ANN).ok(&format!("CREATE {TARGET}"));
    let mut delivered = deliver_shared(&maildir);
    let storm = Storm {
        maildir: &maildir,
        duration: STORM,
        on_break: Break::Fault,
        connect: &|number| {
            let process = number % PROCESSES;
            let pod = Arc::clone(&pods[process]);
            Box::new(move || (process, log_on(&pod, ANN)))
        },
    };
    let (clients, during) = storm.run(|| {});
    delivered.extend(during);
    let inbox = listing(log_on(&pods[1], ANN), "INBOX");
    let copies = listing(log_on(&pods[2], ANN), TARGET);
    let (log, views) = settle(clients, &inbox);

    let oks = report(&log);
    figure("delivered, left, copies", {
        format!("{}, {}, {}", delivered.len(), inbox.len(), copies.len())
    });
    let meetings = log::meetings(&log, AT_ONCE);
    figure("two processes on one UID within 50 ms", meetings);
    assert!(oks >= ENOUGH_OKS, "{oks} OKs");
    assert!(meetings >= ENOUGH_MEETINGS, "{meetings} meetings");
    check(&log, &delivered, &inbox, &copies, &views);
    check_files(&maildir, &inbox, highest(&views));
    check_files(&maildir.folder(TARGET), &copies, highest_copy(&log));
    let log_ons: Vec<_> = pods.iter().map(|pod| || log_on(pod, ANN)).collect();
    let log_ons: Vec<&dyn Fn() -> Imap> = log_ons.iter().map(|it| it as _).collect();
    dovecot_and_back(&log_ons, &maildir, &[("INBOX", inbox), (TARGET, copies)]);
}

/// Messages that everybody changes; gives their tokens.
pub(crate) fn deliver_shared(maildir: &Maildir) -> Vec<String> {
    let tokens = (0..SHARED_MESSAGES).map(|turn| format!("{HOT}{turn}"));
    tokens.inspect(|token| deliver(maildir, token)).collect()
}

/// Eight clients, one that only watches, and a program that delivers.
pub(crate) struct Storm<'a> {
    pub(crate) maildir: &'a Maildir,
    pub(crate) duration: Duration,
    pub(crate) on_break: Break,
    /// How the client of a number logs on.
    pub(crate) connect: &'a dyn Fn(usize) -> Connect,
}

impl Storm<'_> {
    /// Lets all clients loose and gives them back, with what was delivered meanwhile. Something else may
    /// happen at the same time; it has to come to its end before the storm does.
    pub(crate) fn run(&self, meanwhile: impl FnOnce() + Send) -> (Vec<Client>, Vec<String>) {
        let begin = |number| Client::begin(number, self.on_break, (self.connect)(number));
        let clients: Vec<_> = (0..CLIENTS).map(begin).collect();
        let mut watcher = begin(CLIENTS);
        let (stop, maildir) = (AtomicBool::new(false), self.maildir);
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
            let meanwhile = scope.spawn(meanwhile);
            let begin = now();
            while begin.elapsed() < self.duration
                && !storming.iter().any(ScopedJoinHandle::is_finished)
            {
                thread::park_timeout(PACE);
            }
            let is_over = meanwhile.is_finished();
            stop.store(true, Ordering::Relaxed);
            let clients = storming.into_iter().chain([watcher]);
            let clients = clients
                .map(|client| client.join().expect("a client failed"))
                .collect();
            drop(end);
            meanwhile.join().expect("what happened meanwhile failed");
            assert!(is_over, "the storm was over first");
            (
                clients,
                deliverer.join().expect("the outside program failed"),
            )
        })
    }
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
pub(crate) fn settle(clients: Vec<Client>, inbox: &[Known]) -> (Vec<Entry>, Vec<View>) {
    let mut log = Vec::new();
    let mut all = Vec::new();
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
        let (entries, views) = client.into_parts();
        log.extend(entries);
        all.extend(views);
    }
    (log, all)
}

/// Prints what the clients did; gives how many commands went well.
pub(crate) fn report(log: &[Entry]) -> usize {
    let oks = log.iter().filter(|entry| entry.is_ok()).count();
    let mut refusals: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in log.iter().filter(|entry| !entry.is_ok()) {
        *refusals.entry(&entry.status).or_default() += 1;
    }
    let removed = log
        .iter()
        .filter(|entry| matches!(entry.act, Act::Expunge { .. }))
        .count();
    figure("tagged OKs of eight clients in the storm", oks);
    figure("removed", removed);
    let slowest = log.iter().map(|entry| entry.end - entry.begin).max();
    figure("slowest command", format!("{:?}", slowest.unwrap()));
    for (status, count) in &refusals {
        figure("not answered OK", format!("{count} times {status}"));
        // Only a message that is gone is a reason, or a connection that broke where it may.
        let is_known = status.starts_with("NO [EXPUNGEISSUED]") || *status == log::LOST;
        assert!(is_known, "{status}");
    }
    oks
}

/// What is there follows from what was acknowledged.
pub(crate) fn check(
    log: &[Entry],
    delivered: &[String],
    inbox: &[Known],
    copies: &[Known],
    views: &[View],
) {
    let model = Model::new(log, delivered);
    let faults = model.compare(&Found {
        inbox,
        copies,
        views,
    });
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// The highest UID that any session was told of.
pub(crate) fn highest(views: &[View]) -> u32 {
    let uids = views.iter().filter_map(|view| view.ever.keys().max());
    *uids.max().unwrap()
}

/// The highest UID that any copy was given.
pub(crate) fn highest_copy(log: &[Entry]) -> u32 {
    let copies = log.iter().filter_map(|entry| match &entry.act {
        Act::Copy { pairs, .. } => pairs.iter().map(|(_, copy)| *copy).max(),
        _ => None,
    });
    copies.max().unwrap()
}

/// On the disk there is one file a message, and UIDs go on above all that were ever given.
pub(crate) fn check_files(maildir: &Maildir, messages: &[Known], highest: u32) {
    let count: usize = ["new", "cur"]
        .into_iter()
        .map(|folder| fs::read_dir(maildir.0.join(folder)).unwrap().count())
        .sum();
    let folder = maildir.0.display();
    assert_eq!(count, messages.len(), "files in new/ and cur/ of {folder}");
    let files = maildir.files();
    let listed: BTreeMap<u32, String> = maildir.uids().into_iter().collect();
    for message in messages {
        let text = fs::read_to_string(&files[&listed[&message.uid]]).unwrap();
        let token = format!("X-Token: {}", message.token);
        assert_eq!(
            text.lines().next(),
            Some(token.as_str()),
            "UID {}",
            message.uid
        );
    }
    let uidlist = fs::read_to_string(maildir.0.join("dovecot-uidlist")).unwrap();
    let header = uidlist.lines().next().unwrap();
    let next = header.split(' ').find_map(|field| field.strip_prefix('N'));
    let next: u32 = next.unwrap().parse().unwrap();
    let last = maildir.uids().last().map_or(0, |(uid, _)| *uid);
    assert!(
        next.max(last + 1) > highest,
        "{header}, last {last}, once given {highest}"
    );
}
