//! A client that changes a mailbox as fast as it is served, in ways whose results do not depend on the
//! order among clients: it adds shared flags and takes none away, its keywords are its own, and it removes
//! only messages that fell to it.

use super::log::{Act, Entry, Sign};
use crate::harness::{Imap, Reply, now};
use crate::session::{Session, code, copied, message};
use crate::view::{FlagNames, View};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// How many clients there are; a message's number says to whom it falls.
pub(super) const CLIENTS: usize = 8;
/// Keywords of each client; together they leave two of the 26 letters.
const KEYWORDS: usize = 3;
const SHARED: [&str; 3] = ["\\Answered", "\\Flagged", "\\Seen"];
/// Where copies go.
pub(super) const TARGET: &str = "Copies";
/// Messages whose token begins so are changed by everybody and removed by nobody.
pub(super) const HOT: &str = "hot-";

/// A client.
pub(super) struct Client {
    number: usize,
    process: usize,
    session: Session,
    pub(super) log: Vec<Entry>,
    /// Messages that this client has marked, or tried to.
    condemned: BTreeSet<u32>,
    appended: usize,
    random: Random,
}

impl Client {
    /// Selects INBOX and looks at all of it.
    pub(super) fn begin(number: usize, process: usize, imap: Imap) -> Self {
        Self {
            number,
            process,
            session: Session::select(imap, "INBOX").unwrap(),
            log: Vec::new(),
            condemned: BTreeSet::new(),
            appended: 0,
            random: Random(0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1)),
        }
    }

    /// One command after another until it is told to stop.
    pub(super) fn storm(&mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            match self.random.below(100) {
                0..35 => self.share(),
                35..55 => self.mark(),
                55..62 => self.share_by_number(),
                62..72 => self.copy(),
                72..82 => self.append(),
                82..92 => self.remove(),
                92..96 => self.noop(),
                _ => self.look(),
            }
            self.session.learn().unwrap();
        }
    }

    /// NOOP; and what it tells of is looked at.
    pub(super) fn catch_up(&mut self) {
        self.session.catch_up();
    }

    /// Idles until it is told to stop, and only listens.
    pub(super) fn watch(&mut self, stop: &AtomicBool) {
        self.session.watch(stop);
    }

    pub(super) fn view(&self) -> &View {
        &self.session.view
    }

    /// What was done and what was seen.
    pub(super) fn into_parts(self) -> (Vec<Entry>, View) {
        (self.log, self.session.view)
    }

    /// Gives a shared flag.
    fn share(&mut self) {
        let flag = SHARED[self.random.below(SHARED.len())];
        let uids = self.some();
        self.store(uids, Sign::Add, flag);
    }

    /// Gives or takes a keyword of its own.
    fn mark(&mut self) {
        let keyword = format!("c{}k{}", self.number, self.random.below(KEYWORDS));
        let sign = match self.random.below(3) {
            0 => Sign::Remove,
            _ => Sign::Add,
        };
        let uids = self.some();
        self.store(uids, sign, &keyword);
    }

    fn store(&mut self, uids: Vec<u32>, sign: Sign, flag: &str) {
        let item = match sign {
            Sign::Add => "+FLAGS",
            Sign::Remove => "-FLAGS",
        };
        let command = format!("UID STORE {} {item} ({flag})", set(&uids));
        let flag = flag.to_owned();
        self.run(&command, |_| Act::Store { uids, sign, flag });
    }

    /// The same by sequence number: while it runs, numbers may not change.
    fn share_by_number(&mut self) {
        let flag = SHARED[self.random.below(SHARED.len())];
        let Some((number, uid)) = self.pick(|_, _| true) else {
            return;
        };
        let expunges = self.session.view.expunges;
        self.run(&format!("STORE {number} +FLAGS ({flag})"), |_| Act::Store {
            uids: vec![uid],
            sign: Sign::Add,
            flag: flag.to_owned(),
        });
        assert_eq!(
            self.session.view.expunges, expunges,
            "EXPUNGE in answer to STORE"
        );
    }

    fn copy(&mut self) {
        let asked = self.some();
        self.run(&format!("UID COPY {} {TARGET}", set(&asked)), |status| {
            let pairs = copied(status);
            Act::Copy { asked, pairs }
        });
    }

    fn append(&mut self) {
        self.appended += 1;
        let token = format!("appended-{}-{}", self.number, self.appended);
        let mut flags = FlagNames::new();
        if self.random.below(2) == 0 {
            flags.insert("\\Draft".to_owned());
            flags.insert(format!("c{}k0", self.number));
        }
        let begin = now();
        let reply = self.session.append(&flags, &message(&token)).unwrap();
        let uid = code(&reply.status, "APPENDUID").map(|words| words[1].parse().unwrap());
        self.note(begin, &reply, Act::Append { token, flags, uid });
    }

    /// Marks a message that fell to this client and removes what is marked.
    fn remove(&mut self) {
        let number = self.number;
        let falls_here = |token: &str| match token.rsplit_once('-') {
            Some(("delivered", last)) => last
                .parse::<usize>()
                .is_ok_and(|turn| turn % (2 * CLIENTS) == number),
            _ => token.starts_with(&format!("appended-{number}-")),
        };
        let condemned = self.condemned.clone();
        let Some((_, uid)) = self.pick(|uid, token| falls_here(token) && !condemned.contains(&uid))
        else {
            return;
        };
        self.condemned.insert(uid);
        self.run(
            &format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"),
            |_| Act::Store {
                uids: vec![uid],
                sign: Sign::Add,
                flag: "\\Deleted".to_owned(),
            },
        );
        self.session.view.add_silently(uid, "\\Deleted");
        let command = match self.random.below(3) {
            0 => "EXPUNGE".to_owned(),
            _ => format!("UID EXPUNGE {uid}"),
        };
        self.run(&command, |_| Act::Expunge { uids: vec![uid] });
    }

    fn noop(&mut self) {
        self.run("NOOP", |_| Act::Look);
    }

    fn look(&mut self) {
        let Some((number, _)) = self.pick(|_, _| true) else {
            return;
        };
        let expunges = self.session.view.expunges;
        self.run(&format!("FETCH {number} (UID FLAGS)"), |_| Act::Look);
        assert_eq!(
            self.session.view.expunges, expunges,
            "EXPUNGE in answer to FETCH"
        );
    }

    /// One to three messages, half of the time those that everybody changes.
    fn some(&mut self) -> Vec<u32> {
        let hot = self.random.below(2) == 0;
        let count = 1 + self.random.below(3);
        let picked: BTreeSet<u32> = (0..count)
            .filter_map(|_| self.pick(|_, token| !hot || token.starts_with(HOT)))
            .map(|(_, uid)| uid)
            .collect();
        picked.into_iter().collect()
    }

    /// One of the messages that fit.
    fn pick(&mut self, fits: impl Fn(u32, &str) -> bool) -> Option<(usize, u32)> {
        let fitting: Vec<_> = self
            .session
            .view
            .messages()
            .filter(|(_, uid, token)| fits(*uid, token))
            .map(|(number, uid, _)| (number, uid))
            .collect();
        let index = self.random.below(fitting.len().max(1));
        fitting.get(index).copied()
    }

    fn run(&mut self, command: &str, act: impl FnOnce(&str) -> Act) {
        let begin = now();
        let reply = self
            .session
            .command(command)
            .unwrap_or_else(|error| panic!("client {}: {command}: {error}", self.number));
        let act = act(&reply.status);
        self.note(begin, &reply, act);
    }

    fn note(&mut self, begin: Instant, reply: &Reply, act: Act) {
        self.log.push(Entry {
            process: self.process,
            begin,
            end: now(),
            act,
            status: reply.status.clone(),
        });
    }
}

/// UIDs as a command names them.
fn set(uids: &[u32]) -> String {
    let words: Vec<_> = uids.iter().map(ToString::to_string).collect();
    words.join(",")
}

/// A repeatable choice (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (limit as u64)).unwrap()
    }
}
