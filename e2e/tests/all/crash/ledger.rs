//! What a client may count on: each change is in doubt from the moment it is asked for until it is
//! acknowledged.

use crate::session::{Session, code, copied, message};
use crate::view::{FlagNames, Known, View, flag_names};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::RangeInclusive;

const DELETED: &str = "\\Deleted";

/// Two mailboxes as they have to be.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    inbox: Mailbox,
    target: Mailbox,
    /// Copies of a command whose answer has not come: all are there or none.
    together: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Mailbox {
    /// By token.
    messages: BTreeMap<String, Expected>,
    /// The message of each UID that was ever named.
    uids: BTreeMap<u32, String>,
}

#[derive(Debug, Clone)]
struct Expected {
    presence: Presence,
    must: FlagNames,
    may: FlagNames,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Sure,
    InDoubt,
}

impl Ledger {
    /// A message was delivered.
    pub(super) fn arrived(&mut self, token: &str) {
        let expected = Expected::with(Presence::Sure, &FlagNames::new());
        self.inbox.messages.insert(token.to_owned(), expected);
    }

    /// A session named UIDs of INBOX.
    pub(super) fn saw(&mut self, view: &View) {
        for (uid, token) in &view.ever {
            assert_eq!(self.inbox.name(*uid, token), None);
        }
    }

    /// The highest UID of INBOX that was ever named.
    pub(super) fn highest_uid(&self) -> u32 {
        self.inbox.uids.keys().next_back().copied().unwrap_or(0)
    }

    /// Appends a message to INBOX and gives its UID.
    pub(super) fn append(
        &mut self,
        session: &mut Session,
        token: &str,
        flags: &str,
    ) -> io::Result<u32> {
        let flags = flag_names(flags);
        let messages = &mut self.inbox.messages;
        messages.insert(token.to_owned(), Expected::with(Presence::InDoubt, &flags));
        let reply = session.append(&flags, &message(token))?;
        assert!(reply.is_ok(), "{}", reply.status);
        messages.insert(token.to_owned(), Expected::with(Presence::Sure, &flags));
        let uid = code(&reply.status, "APPENDUID").expect(&reply.status)[1];
        let uid = uid.parse().unwrap();
        assert_eq!(self.inbox.name(uid, token), None);
        Ok(uid)
    }

    /// Copies messages, which were never copied before.
    pub(super) fn copy(
        &mut self,
        session: &mut Session,
        numbers: RangeInclusive<usize>,
        target: &str,
    ) -> io::Result<()> {
        let tokens = tokens(session, &numbers);
        for token in &tokens {
            let mut copy = self.inbox.messages[token].clone();
            copy.presence = Presence::InDoubt;
            self.target.messages.insert(token.clone(), copy);
        }
        self.together = tokens.iter().cloned().collect();
        let (from, to) = numbers.into_inner();
        let sources: BTreeMap<u32, String> = session.view.ever.clone();
        ok(session, &format!("COPY {from}:{to} {target}"), |status| {
            self.together.clear();
            for token in &tokens {
                let copy = self.target.messages.get_mut(token).unwrap();
                copy.presence = Presence::Sure;
            }
            let pairs = copied(status);
            assert_eq!(pairs.len(), tokens.len(), "{status}");
            for (source, copy) in pairs {
                assert_eq!(self.target.name(copy, &sources[&source]), None);
            }
        })
    }

    /// Gives messages of INBOX flags.
    pub(super) fn add(
        &mut self,
        session: &mut Session,
        numbers: RangeInclusive<usize>,
        flags: &str,
    ) -> io::Result<()> {
        let tokens = tokens(session, &numbers);
        for message in self.inbox.these(&tokens) {
            message.may.extend(flag_names(flags));
        }
        let (from, to) = numbers.into_inner();
        ok(
            session,
            &format!("STORE {from}:{to} +FLAGS ({flags})"),
            |_| {
                for message in self.inbox.these(&tokens) {
                    message.must.extend(flag_names(flags));
                }
            },
        )
    }

    /// Takes flags from messages of INBOX.
    pub(super) fn remove(
        &mut self,
        session: &mut Session,
        numbers: RangeInclusive<usize>,
        flags: &str,
    ) -> io::Result<()> {
        let tokens = tokens(session, &numbers);
        let gone = flag_names(flags);
        for message in self.inbox.these(&tokens) {
            message.must.retain(|flag| !gone.contains(flag));
        }
        let (from, to) = numbers.into_inner();
        ok(
            session,
            &format!("STORE {from}:{to} -FLAGS ({flags})"),
            |_| {
                for message in self.inbox.these(&tokens) {
                    message.may.retain(|flag| !gone.contains(flag));
                }
            },
        )
    }

    /// Marks messages and removes all that are marked.
    pub(super) fn expunge(
        &mut self,
        session: &mut Session,
        numbers: RangeInclusive<usize>,
    ) -> io::Result<()> {
        self.add(session, numbers, DELETED)?;
        for message in self.inbox.messages.values_mut() {
            if message.may.contains(DELETED) {
                message.presence = Presence::InDoubt;
            }
        }
        ok(session, "EXPUNGE", |_| {
            let messages = &mut self.inbox.messages;
            messages.retain(|_, message| !message.must.contains(DELETED));
        })
    }

    /// What differs, each as a sentence. What was in doubt is settled by what is there.
    pub(super) fn compare(&mut self, inbox: &[Known], target: &[Known]) -> Vec<String> {
        let copied = target
            .iter()
            .filter(|copy| self.together.contains(&copy.token));
        let count = copied.count();
        let half = count != 0 && count != self.together.len();
        self.together.clear();
        let mut faults = Vec::new();
        if half {
            faults.push(format!("a COPY was done by halves: {target:?}"));
        }
        faults.extend(self.inbox.compare(inbox));
        faults.extend(self.target.compare(target));
        faults
    }
}

impl Expected {
    fn with(presence: Presence, flags: &FlagNames) -> Self {
        Self {
            presence,
            must: flags.clone(),
            may: flags.clone(),
        }
    }
}

impl Mailbox {
    fn these(&mut self, tokens: &[String]) -> impl Iterator<Item = &mut Expected> {
        let chosen = |(token, _): &(&String, &mut Expected)| tokens.contains(token);
        let messages = self.messages.iter_mut().filter(chosen);
        messages.map(|(_, message)| message)
    }

    /// Learns whose UID this is; says so when it was another's.
    fn name(&mut self, uid: u32, token: &str) -> Option<String> {
        let before = self.uids.insert(uid, token.to_owned())?;
        (before != token).then(|| format!("UID {uid} was {before} and is {token}"))
    }

    fn compare(&mut self, found: &[Known]) -> Vec<String> {
        let mut faults = Vec::new();
        let mut here = BTreeSet::new();
        for Known { uid, token, flags } in found {
            faults.extend(self.name(*uid, token));
            if !here.insert(token.clone()) {
                faults.push(format!("{token} is there twice"));
            }
            match self.messages.get_mut(token) {
                None => faults.push(format!("{token}, UID {uid}, should not be there")),
                Some(message) => {
                    if !message.must.is_subset(flags) || !flags.is_subset(&message.may) {
                        faults.push(format!("{token} has {flags:?}: {message:?}"));
                    }
                    *message = Expected::with(Presence::Sure, flags);
                }
            }
        }
        self.messages.retain(|token, message| {
            let is_here = here.contains(token);
            if !is_here && message.presence == Presence::Sure {
                faults.push(format!("{token} is lost"));
            }
            is_here
        });
        faults
    }
}

/// Sends a command that must succeed if it is answered at all.
fn ok(session: &mut Session, command: &str, then: impl FnOnce(&str)) -> io::Result<()> {
    let reply = session.command(command)?;
    assert!(reply.is_ok(), "{command}: {}", reply.status);
    then(&reply.status);
    Ok(())
}

/// The messages with these numbers.
fn tokens(session: &Session, numbers: &RangeInclusive<usize>) -> Vec<String> {
    let messages = session.view.messages();
    let tokens: Vec<_> = messages
        .filter(|(number, _, _)| numbers.contains(number))
        .map(|(_, _, token)| token.to_owned())
        .collect();
    assert_eq!(tokens.len(), numbers.clone().count(), "{numbers:?}");
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(uid: u32, token: &str, flags: &str) -> Known {
        Known {
            uid,
            token: token.to_owned(),
            flags: flag_names(flags),
        }
    }

    /// INBOX with `a` for sure, perhaps flagged, and `b` in doubt; copies of both in doubt.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.arrived("a");
        ledger.inbox.uids.insert(1, "a".to_owned());
        let may = flag_names("\\Flagged");
        ledger
            .inbox
            .these(&["a".to_owned()])
            .for_each(|message| message.may = may.clone());
        let doubt = Expected::with(Presence::InDoubt, &FlagNames::new());
        ledger.inbox.messages.insert("b".to_owned(), doubt.clone());
        for token in ["a", "b"] {
            ledger
                .target
                .messages
                .insert(token.to_owned(), doubt.clone());
            ledger.together.insert(token.to_owned());
        }
        ledger
    }

    #[test]
    fn what_is_in_doubt_may_be_there_or_not_and_is_settled_then() {
        let (a, b) = (known(1, "a", ""), known(2, "b", ""));
        let none: [&str; 0] = [];
        let both = [a.clone(), b.clone()];
        for (inbox, target) in [(&both[..1], &both[..0]), (&both[..], &both[..])] {
            let mut ledger = ledger();
            assert_eq!(ledger.compare(inbox, target), none);
            assert_eq!(ledger.compare(inbox, target), none);
            assert_ne!(ledger.compare(&[known(1, "a", "\\Flagged")], target), none);
        }
        assert_eq!(ledger().compare(&[known(1, "a", "\\Flagged")], &[]), none);
    }

    #[test]
    fn each_kind_of_fault_is_found() {
        let (a, b) = (known(1, "a", ""), known(2, "b", ""));
        for (inbox, target, fault) in [
            (vec![], vec![], "a is lost"),
            (
                vec![known(3, "a", ""), a.clone()],
                vec![],
                "a is there twice",
            ),
            (
                vec![known(1, "b", ""), known(2, "a", "")],
                vec![],
                "UID 1 was a and is b",
            ),
            (
                vec![a.clone(), known(9, "c", "")],
                vec![],
                "c, UID 9, should not be there",
            ),
            (vec![a.clone()], vec![b], "a COPY was done by halves"),
            (
                vec![known(1, "a", "\\Seen")],
                vec![],
                "a has {\"\\\\Seen\"}",
            ),
        ] {
            let faults = ledger().compare(&inbox, &target);
            assert!(
                faults[0].starts_with(fault),
                "{faults:?} instead of {fault}"
            );
        }
    }
}
