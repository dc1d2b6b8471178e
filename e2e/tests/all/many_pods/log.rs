//! What clients did and what came of it, each with its time on one clock.

use crate::view::FlagNames;
use std::time::{Duration, Instant};

/// The status of a command whose connection broke before its answer: it came to pass or not.
pub(crate) const LOST: &str = "LOST";

/// A command of a client.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// A new message; its UID when the server said one.
    Append {
        token: String,
        flags: FlagNames,
        uid: Option<u32>,
    },
    /// Copies: UIDs asked for, and source and copy where the server said so.
    Copy {
        asked: Vec<u32>,
        pairs: Vec<(u32, u32)>,
    },
    /// `UID EXPUNGE` or `EXPUNGE` of messages that this client had marked.
    Expunge { uids: Vec<u32> },
    /// Nothing was changed.
    Look,
    /// A flag given or taken.
    Store {
        uids: Vec<u32>,
        sign: Sign,
        flag: String,
    },
}

/// Whether a flag is given or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Add,
    Remove,
}

/// A finished command.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) process: usize,
    pub(crate) begin: Instant,
    pub(crate) end: Instant,
    pub(crate) act: Act,
    /// What followed the tag.
    pub(crate) status: String,
}

impl Entry {
    pub(crate) fn is_ok(&self) -> bool {
        self.status.starts_with("OK")
    }

    /// Whether nobody knows what came of it.
    pub(crate) fn is_lost(&self) -> bool {
        self.status == LOST
    }

    /// The messages of INBOX that the command changed or copied.
    fn touched(&self) -> &[u32] {
        match &self.act {
            Act::Copy { asked: uids, .. } | Act::Expunge { uids } | Act::Store { uids, .. } => uids,
            Act::Append { .. } | Act::Look => &[],
        }
    }
}

/// How often two processes finished with one UID within this time.
pub(crate) fn meetings(log: &[Entry], within: Duration) -> usize {
    let mut touches: Vec<_> = log
        .iter()
        .filter(|entry| entry.is_ok())
        .flat_map(|entry| {
            entry
                .touched()
                .iter()
                .map(|uid| (*uid, entry.end, entry.process))
        })
        .collect();
    touches.sort_unstable();
    touches
        .windows(2)
        .filter(|pair| {
            let [(uid, at, process), (next_uid, next_at, next_process)] = pair else {
                return false;
            };
            uid == next_uid && process != next_process && next_at.duration_since(*at) <= within
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::now;

    fn entry(process: usize, uid: u32, end: Instant) -> Entry {
        Entry {
            process,
            begin: end,
            end,
            act: Act::Expunge { uids: vec![uid] },
            status: "OK".to_owned(),
        }
    }

    #[test]
    fn only_two_processes_on_one_uid_at_one_time_meet() {
        let at = now();
        let millis = |millis| at + Duration::from_millis(millis);
        let within = Duration::from_millis(50);
        let first = entry(0, 7, at);
        for (second, expected) in [
            (entry(1, 7, millis(50)), 1),
            (entry(1, 7, millis(51)), 0),
            (entry(0, 7, millis(1)), 0),
            (entry(1, 8, millis(1)), 0),
        ] {
            assert_eq!(
                meetings(&[second.clone(), first.clone()], within),
                expected,
                "{second:?}"
            );
        }
    }
}
