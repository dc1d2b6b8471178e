//! What has to be there after a storm, made of what was acknowledged, and compared with what is there.

use super::log::{Act, Entry, Sign};
use crate::view::{FlagNames, Known, View};
use std::collections::{BTreeMap, BTreeSet};

/// What was found in the end.
pub(crate) struct Found<'a> {
    pub(crate) inbox: &'a [Known],
    pub(crate) copies: &'a [Known],
    /// What each session was told.
    pub(crate) views: &'a [View],
}

/// A flag that is there for sure is in both.
#[derive(Debug, Default)]
struct Bounds {
    must: FlagNames,
    may: FlagNames,
}

/// Everything that follows from the log.
pub(crate) struct Model<'a> {
    log: &'a [Entry],
    /// Tokens that came into INBOX.
    arrived: BTreeSet<&'a str>,
    /// Tokens that may have come, with their flags: nobody heard what became of them.
    lost: BTreeMap<&'a str, &'a FlagNames>,
    /// The message of each UID of INBOX that anybody ever saw.
    tokens: BTreeMap<u32, &'a str>,
    flags: BTreeMap<u32, Bounds>,
    /// Whose removal was acknowledged.
    removed: BTreeSet<u32>,
    /// Whose removal was asked for.
    condemned: BTreeSet<u32>,
    faults: Vec<String>,
}

impl<'a> Model<'a> {
    /// Of a log in which each client's commands are in their order, and of what was delivered.
    pub(crate) fn new(log: &'a [Entry], delivered: &'a [String]) -> Self {
        let mut model = Self {
            log,
            arrived: delivered.iter().map(String::as_str).collect(),
            lost: BTreeMap::new(),
            tokens: BTreeMap::new(),
            flags: BTreeMap::new(),
            removed: BTreeSet::new(),
            condemned: BTreeSet::new(),
            faults: Vec::new(),
        };
        let mut marked = BTreeSet::new();
        for entry in log {
            match &entry.act {
                Act::Append { token, flags, uid } if entry.is_ok() => {
                    model.arrived.insert(token);
                    if let Some(uid) = uid {
                        model.see(*uid, token);
                        let bounds = model.flags.entry(*uid).or_default();
                        bounds.must.extend(flags.iter().cloned());
                        bounds.may.extend(flags.iter().cloned());
                    } else {
                        model.faults.push(format!("no APPENDUID for {token}"));
                    }
                }
                Act::Append { token, flags, .. } if entry.is_lost() => {
                    model.lost.insert(token, flags);
                }
                Act::Expunge { uids } => {
                    model.condemned.extend(uids);
                    if entry.is_ok() {
                        model
                            .removed
                            .extend(uids.iter().filter(|uid| marked.contains(*uid)));
                    }
                }
                Act::Store { uids, sign, flag } => {
                    if flag == "\\Deleted" {
                        model.condemned.extend(uids);
                        marked.extend(uids.iter().filter(|_| entry.is_ok()).copied());
                    }
                    for uid in uids {
                        let bounds = model.flags.entry(*uid).or_default();
                        bounds.change(*sign, flag, entry.is_ok());
                    }
                }
                Act::Append { .. } | Act::Copy { .. } | Act::Look => {}
            }
        }
        model
    }

    /// What differs, each as a sentence.
    pub(crate) fn compare(mut self, found: &Found<'a>) -> Vec<String> {
        for view in found.views {
            for (uid, token) in &view.ever {
                self.see(*uid, token);
            }
            for uid in view.gone.difference(&self.condemned) {
                self.faults
                    .push(format!("UID {uid} went and nobody asked for it"));
            }
        }
        for message in found.inbox {
            self.see(message.uid, &message.token);
        }
        self.compare_messages(found.inbox);
        self.compare_flags(found.inbox);
        self.compare_copies(found.copies);
        self.faults
    }

    fn see(&mut self, uid: u32, token: &'a str) {
        let before = self.tokens.insert(uid, token);
        if let Some(before) = before.filter(|before| *before != token) {
            self.faults
                .push(format!("UID {uid} is {before} and {token}"));
        }
    }

    /// Nothing lost, nothing twice, nothing that was removed.
    fn compare_messages(&mut self, inbox: &[Known]) {
        let mut uids = BTreeMap::new();
        for (uid, token) in &self.tokens {
            if let Some(before) = uids.insert(*token, *uid) {
                self.faults
                    .push(format!("{token} is UID {before} and {uid}"));
            }
        }
        let here: BTreeSet<_> = inbox.iter().map(|message| message.token.as_str()).collect();
        if here.len() != inbox.len() {
            self.faults.push("a message is there twice".to_owned());
        }
        for token in &self.arrived {
            match uids.get(token) {
                None => self.faults.push(format!("{token} never appeared")),
                Some(uid) if here.contains(token) => {
                    if self.removed.contains(uid) {
                        self.faults
                            .push(format!("{token}, UID {uid}, was removed and is there"));
                    }
                }
                Some(uid) => {
                    if !self.condemned.contains(uid) {
                        self.faults.push(format!("{token}, UID {uid}, is lost"));
                    }
                }
            }
        }
        for token in here.difference(&self.arrived) {
            if !self.lost.contains_key(token) {
                self.faults.push(format!("{token} came from nowhere"));
            }
        }
    }

    fn compare_flags(&mut self, inbox: &[Known]) {
        let none = Bounds::default();
        for message in inbox {
            let bounds = self.flags.get(&message.uid).unwrap_or(&none);
            let lost: Vec<_> = bounds.must.difference(&message.flags).collect();
            let given = self.lost.get(message.token.as_str());
            let is_strange = |flag: &&String| {
                !bounds.may.contains(*flag) && !given.is_some_and(|given| given.contains(*flag))
            };
            let strange: Vec<_> = message.flags.iter().filter(is_strange).collect();
            if !lost.is_empty() || !strange.is_empty() {
                let Known { uid, token, .. } = message;
                self.faults.push(format!(
                    "{token}, UID {uid}: without {lost:?}, with {strange:?}"
                ));
            }
        }
    }

    fn compare_copies(&mut self, copies: &[Known]) {
        let mut made: BTreeMap<u32, (u32, &Entry)> = BTreeMap::new();
        for entry in self.log.iter().filter(|entry| entry.is_ok()) {
            let Act::Copy { asked, pairs } = &entry.act else {
                continue;
            };
            let sources: BTreeSet<_> = pairs.iter().map(|(uid, _)| *uid).collect();
            for uid in asked.iter().filter(|uid| !sources.contains(uid)) {
                if !self.condemned.contains(uid) {
                    self.faults
                        .push(format!("UID {uid} was not copied: {}", entry.status));
                }
            }
            for (uid, copy) in pairs {
                if made.insert(*copy, (*uid, entry)).is_some() {
                    self.faults
                        .push(format!("the copy's UID {copy} was given twice"));
                }
            }
        }
        let mut unheard = self.unheard_copies();
        for copy in copies {
            if let Some((uid, entry)) = made.remove(&copy.uid) {
                self.compare_copy(copy, uid, entry);
                continue;
            }
            let is_of = |(uid, _): &(u32, &Entry)| self.tokens.get(uid) == Some(&&*copy.token);
            match unheard.iter().position(is_of) {
                None => self.faults.push(format!("nobody made the copy {copy:?}")),
                Some(place) => {
                    let (uid, entry) = unheard.swap_remove(place);
                    self.compare_copy(copy, uid, entry);
                }
            }
        }
        for (copy, (uid, entry)) in made {
            let status = &entry.status;
            self.faults
                .push(format!("the copy {copy} of UID {uid} is lost: {status}"));
        }
    }

    /// Copies that may have been made, each once.
    fn unheard_copies(&self) -> Vec<(u32, &'a Entry)> {
        let lost = self.log.iter().filter(|entry| entry.is_lost());
        lost.flat_map(|entry| match &entry.act {
            Act::Copy { asked, .. } => asked.iter().map(|uid| (*uid, entry)).collect(),
            _ => Vec::new(),
        })
        .collect()
    }

    /// A copy has the flags that the message had at some moment of the command.
    fn compare_copy(&mut self, copy: &Known, uid: u32, made: &Entry) {
        let token = self.tokens.get(&uid).copied();
        if token != Some(copy.token.as_str()) {
            self.faults
                .push(format!("{copy:?} is a copy of {token:?}, UID {uid}"));
        }
        let (mut must, mut may) = (FlagNames::new(), FlagNames::new());
        if let Some(flags) = token.and_then(|token| self.lost.get(token)) {
            may.extend(flags.iter().cloned());
        }
        for entry in self.log {
            match &entry.act {
                Act::Append {
                    flags,
                    uid: Some(of),
                    ..
                } if *of == uid => {
                    // Its owner may have taken the keyword away since.
                    may.extend(flags.iter().cloned());
                    must.extend(flags.iter().filter(|flag| flag.starts_with('\\')).cloned());
                }
                Act::Store {
                    uids,
                    sign: Sign::Add,
                    flag,
                } if uids.contains(&uid) => {
                    if entry.begin <= made.end {
                        may.insert(flag.clone());
                    }
                    if entry.is_ok() && entry.end < made.begin && flag.starts_with('\\') {
                        must.insert(flag.clone());
                    }
                }
                _ => {}
            }
        }
        if !must.is_subset(&copy.flags) || !copy.flags.is_subset(&may) {
            self.faults.push(format!(
                "{copy:?}, of UID {uid}, needs {must:?} and may have {may:?}"
            ));
        }
    }
}

impl Bounds {
    fn change(&mut self, sign: Sign, flag: &str, is_ok: bool) {
        let flag = flag.to_owned();
        match (sign, is_ok) {
            (Sign::Add, true) => {
                self.must.insert(flag.clone());
                self.may.insert(flag);
            }
            (Sign::Add, false) => {
                self.may.insert(flag);
            }
            (Sign::Remove, true) => {
                self.must.remove(&flag);
                self.may.remove(&flag);
            }
            (Sign::Remove, false) => {
                self.must.remove(&flag);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::now;
    use crate::many_pods::log::LOST;
    use crate::view::flag_names;

    fn entry(status: &str, act: Act) -> Entry {
        let at = now();
        Entry {
            process: 0,
            begin: at,
            end: now(),
            act,
            status: status.to_owned(),
        }
    }

    fn store(uid: u32, sign: Sign, flag: &str) -> Act {
        Act::Store {
            uids: vec![uid],
            sign,
            flag: flag.to_owned(),
        }
    }

    fn known(uid: u32, token: &str, flags: &str) -> Known {
        Known {
            uid,
            token: token.to_owned(),
            flags: flag_names(flags),
        }
    }

    fn log() -> Vec<Entry> {
        let append = Act::Append {
            token: "b".to_owned(),
            flags: flag_names("\\Draft"),
            uid: Some(2),
        };
        vec![
            entry("OK", append),
            entry("OK", store(1, Sign::Add, "\\Seen")),
            entry("OK", store(1, Sign::Add, "k")),
            entry("OK", store(1, Sign::Remove, "k")),
            entry("NO", store(1, Sign::Add, "\\Flagged")),
            entry("OK", store(3, Sign::Add, "\\Deleted")),
            entry("OK", Act::Expunge { uids: vec![3] }),
            entry(
                "OK",
                Act::Copy {
                    asked: vec![1, 3],
                    pairs: vec![(1, 1)],
                },
            ),
        ]
    }

    #[track_caller]
    fn check(inbox: &[Known], copies: &[Known], expected: &[&str]) {
        let (log, delivered) = (log(), ["a".to_owned(), "c".to_owned()]);
        let mut view = View::default();
        view.ever.insert(3, "c".to_owned());
        let found = Found {
            inbox,
            copies,
            views: &[view],
        };
        assert_eq!(Model::new(&log, &delivered).compare(&found), expected);
    }

    #[test]
    fn what_was_acknowledged_is_enough() {
        let copies = [known(1, "a", "\\Seen")];
        for flags in ["\\Seen", "\\Seen \\Flagged"] {
            check(
                &[known(1, "a", flags), known(2, "b", "\\Draft")],
                &copies,
                &[],
            );
        }
    }

    #[test]
    fn what_nobody_heard_of_may_be_there_or_not() {
        let lost = |act| entry(LOST, act);
        let mut log = log();
        log.push(lost(Act::Append {
            token: "x".to_owned(),
            flags: flag_names("\\Draft"),
            uid: None,
        }));
        log.push(lost(Act::Copy {
            asked: vec![2],
            pairs: Vec::new(),
        }));
        log.push(lost(store(2, Sign::Add, "\\Answered")));
        log.push(lost(store(1, Sign::Remove, "\\Seen")));
        let delivered = ["a".to_owned(), "c".to_owned()];
        let compare = |inbox: &[Known], copies: &[Known]| {
            let mut view = View::default();
            view.ever.insert(3, "c".to_owned());
            let views = [view];
            let found = Found {
                inbox,
                copies,
                views: &views,
            };
            Model::new(&log, &delivered).compare(&found)
        };
        let none: [String; 0] = [];
        let copy = known(1, "a", "\\Seen");
        let before = [known(1, "a", "\\Seen"), known(2, "b", "\\Draft")];
        assert_eq!(compare(&before, std::slice::from_ref(&copy)), none);
        let after = [
            known(1, "a", ""),
            known(2, "b", "\\Draft \\Answered"),
            known(4, "x", "\\Draft"),
        ];
        let copies = [copy, known(2, "b", "\\Draft")];
        assert_eq!(compare(&after, &copies), none);
        let twice = [
            copies[0].clone(),
            copies[1].clone(),
            known(3, "b", "\\Draft"),
        ];
        assert_eq!(compare(&after, &twice).len(), 1);
    }

    #[test]
    fn each_kind_of_fault_is_found() {
        let (a, b, copy) = (
            known(1, "a", "\\Seen"),
            known(2, "b", "\\Draft"),
            known(1, "a", "\\Seen"),
        );
        let copies = std::slice::from_ref(&copy);
        check(std::slice::from_ref(&a), copies, &["b, UID 2, is lost"]);
        check(
            std::slice::from_ref(&b),
            copies,
            &[
                "a never appeared",
                "Known { uid: 1, token: \"a\", flags: {\"\\\\Seen\"} } is a copy of None, UID 1",
            ],
        );
        check(
            &[a.clone(), b.clone(), known(3, "c", "\\Deleted")],
            copies,
            &["c, UID 3, was removed and is there"],
        );
        check(
            &[a.clone(), b.clone(), known(4, "b", "")],
            copies,
            &["b is UID 2 and 4", "a message is there twice"],
        );
        check(
            &[known(1, "a", "k"), b.clone()],
            copies,
            &["a, UID 1: without [\"\\\\Seen\"], with [\"k\"]"],
        );
        check(
            &[a.clone(), b.clone(), known(5, "x", "")],
            copies,
            &["x came from nowhere"],
        );
        check(
            &[a.clone(), b.clone()],
            &[],
            &["the copy 1 of UID 1 is lost: OK"],
        );
        check(
            &[a, known(2, "z", "\\Draft")],
            copies,
            &[
                "UID 2 is b and z",
                "b never appeared",
                "z came from nowhere",
            ],
        );
    }
}
