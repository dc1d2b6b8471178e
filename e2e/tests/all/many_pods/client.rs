//! A client that changes a mailbox as fast as it is served, in ways whose results do not depend on the
//! order among clients: it adds shared flags and takes none away, its keywords are its own, and it removes
//! only messages that fell to it.

use super::log::{Act, Entry, LOST, Sign};
use crate::harness::{Imap, now};
use crate::session::{Session, code, copied, message};
use crate::view::{FlagNames, View};
use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// How many clients there are; a message's number says to whom it falls.
pub(crate) const CLIENTS: usize = 8;
/// Keywords of each client; together they leave two of the 26 letters.
const KEYWORDS: usize = 3;
const SHARED: [&str; 3] = ["\\Answered", "\\Flagged", "\\Seen"];
/// Where copies go.
pub(crate) const TARGET: &str = "Copies";
/// Messages whose token begins so are changed by everybody and removed by nobody.
pub(crate) const HOT: &str = "hot-";

/// Logs on, and says by what process the session is served.
pub(crate) type Connect = Box<dyn Fn() -> (usize, Imap) + Send>;

/// What a broken connection means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Break {
    /// That the test has failed.
    Fault,
    /// That nobody knows what became of the command, and another session is begun.
    Lost,
}

/// A client.
pub(crate) struct Client {
    number: usize,
    process: usize,
    session: Session,
    connect: Connect,
    on_break: Break,
    /// What earlier sessions were told.
    past: Vec<View>,
    log: Vec<Entry>,
    /// Messages that this client has marked, or tried to.
    condemned: BTreeSet<u32>,
    appended: usize,
    random: Random,
}

impl Client {
    /// Selects INBOX and looks at all of it.
    pub(crate) fn begin(number: usize, on_break: Break, connect: Connect) -> Self {
        let (process, imap) = connect();
        Self {
            number,
            process,
            connect,
            on_break,
            past: Vec::new(),
            session: Session::select(imap, "INBOX").unwrap(),
            log: Vec::new(),
            condemned: BTreeSet::new(),
            appended: 0,
            random: Random(0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1)),
        }
    }

    /// One command after another until it is told to stop.
    pub(crate) fn storm(&mut self, stop: &AtomicBool) {
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
            if let Err(error) = self.session.learn() {
                self.begin_again("UID FETCH", &error);
            }
        }
    }

    /// Another session, where broken ones are to be expected.
    fn begin_again(&mut self, command: &str, error: &io::Error) {
        let number = self.number;
        assert_eq!(
            self.on_break,
            Break::Lost,
            "client {number}: {command}: {error}"
        );
        let session = loop {
            let (process, imap) = (self.connect)();
            self.process = process;
            if let Ok(session) = Session::select(imap, "INBOX") {
                break session;
            }
        };
        let broken = std::mem::replace(&mut self.session, session);
        self.past.push(broken.view);
    }

    /// NOOP; and what it tells of is looked at.
    pub(crate) fn catch_up(&mut self) {
        self.session.catch_up();
    }

    /// Idles until it is told to stop, and only listens.
    pub(crate) fn watch(&mut self, stop: &AtomicBool) {
        while let Err(error) = self.session.watch(stop) {
            self.begin_again("IDLE", &error);
        }
    }

    pub(crate) fn view(&self) -> &View {
        &self.session.view
    }

    /// What was done and what each session was told.
    pub(crate) fn into_parts(mut self) -> (Vec<Entry>, Vec<View>) {
        self.past.push(self.session.view);
        (self.log, self.past)
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
        let before = (self.past.len(), self.session.view.expunges);
        self.run(&format!("STORE {number} +FLAGS ({flag})"), |_| Act::Store {
            uids: vec![uid],
            sign: Sign::Add,
            flag: flag.to_owned(),
        });
        self.assert_no_expunge(before, "STORE");
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
        match self.session.append(&flags, &message(&token)) {
            Ok(reply) => {
                let uid = code(&reply.status, "APPENDUID").map(|words| words[1].parse().unwrap());
                self.note(begin, &reply.status, Act::Append { token, flags, uid });
            }
            Err(error) => {
                let uid = None;
                self.note(begin, LOST, Act::Append { token, flags, uid });
                self.begin_again("APPEND", &error);
            }
        }
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
        let sessions = self.past.len();
        self.run(
            &format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)"),
            |_| Act::Store {
                uids: vec![uid],
                sign: Sign::Add,
                flag: "\\Deleted".to_owned(),
            },
        );
        if self.past.len() > sessions {
            // It may be marked or not; whoever removes it later says so.
            return;
        }
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
        let before = (self.past.len(), self.session.view.expunges);
        self.run(&format!("FETCH {number} (UID FLAGS)"), |_| Act::Look);
        self.assert_no_expunge(before, "FETCH");
    }

    /// While numbers are used, they do not change; before there were so many sessions and removals.
    fn assert_no_expunge(&self, (sessions, expunges): (usize, usize), command: &str) {
        if self.past.len() == sessions {
            let after = self.session.view.expunges;
            assert_eq!(after, expunges, "EXPUNGE in answer to {command}");
        }
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
        match self.session.command(command) {
            Ok(reply) => {
                let act = act(&reply.status);
                self.note(begin, &reply.status, act);
            }
            Err(error) => {
                let act = act(LOST);
                self.note(begin, LOST, act);
                self.begin_again(command, &error);
            }
        }
    }

    fn note(&mut self, begin: Instant, status: &str, act: Act) {
        self.log.push(Entry {
            process: self.process,
            begin,
            end: now(),
            act,
            status: status.to_owned(),
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
