//! A mailbox in memory, shared by all sessions on it: rows by UID, a bounded log of what happened, and
//! who was given what as recent. Knows nothing of where messages lie; `M` is what a store keeps beside a
//! row. It takes no lock: whoever owns it does.

use mailaccess_mail::store::{Change, Changes, Cursor, OpenMode, Row};
use mailaccess_mail::{Flags, ModSeq, SystemFlag, Uid};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Events remembered; who asks for older ones is given everything.
const LOG_LIMIT: usize = 8192;

/// One message.
#[derive(Debug)]
pub(crate) struct Entry<M> {
    pub(crate) flags: Flags,
    pub(crate) modseq: ModSeq,
    pub(crate) message: M,
}

impl<M> Entry<M> {
    pub(crate) fn row(&self, uid: Uid) -> Row {
        Row {
            uid,
            modseq: self.modseq,
            flags: self.flags.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Appended(Uid),
    Flags(Uid),
    Expunged(Uid),
}

/// What one session was given or shown as recent; kept so that it is told the same twice.
#[derive(Debug)]
pub(crate) struct Claims {
    mode: OpenMode,
    given: BTreeSet<Uid>,
    /// Among them what the session has not been told of.
    untold: Vec<Uid>,
}

impl Claims {
    pub(crate) fn new(mode: OpenMode) -> Self {
        Self {
            mode,
            given: BTreeSet::new(),
            untold: Vec::new(),
        }
    }

    /// Shows messages as recent to a session that examines: it takes them from nobody (RFC 3501 6.3.2).
    pub(crate) fn show(&mut self, recent: impl Iterator<Item = Uid>) {
        if self.mode == OpenMode::Examine {
            let news = recent.filter(|uid| self.given.insert(*uid));
            self.untold.extend(news);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Index<M> {
    entries: BTreeMap<Uid, Entry<M>>,
    log: VecDeque<Event>,
    /// The cursor of the first event in `log`.
    log_begins: u64,
    modseq: ModSeq,
    /// Recent, and given to no session yet.
    unclaimed: BTreeSet<Uid>,
}

impl<M> Index<M> {
    pub(crate) fn new(modseq: ModSeq) -> Self {
        Self {
            entries: BTreeMap::new(),
            log: VecDeque::new(),
            log_begins: 0,
            modseq,
            unclaimed: BTreeSet::new(),
        }
    }

    pub(crate) fn entry(&self, uid: Uid) -> Option<&Entry<M>> {
        self.entries.get(&uid)
    }

    /// What the store keeps of a message; a change of it is no change of the mailbox.
    pub(crate) fn message_mut(&mut self, uid: Uid) -> Option<&mut M> {
        self.entries.get_mut(&uid).map(|entry| &mut entry.message)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Uid, &Entry<M>)> {
        self.entries.iter().map(|(uid, entry)| (*uid, entry))
    }

    pub(crate) fn row(&self, uid: Uid) -> Option<Row> {
        self.entry(uid).map(|entry| entry.row(uid))
    }

    pub(crate) fn uids(&self) -> Arc<[Uid]> {
        self.entries.keys().copied().collect()
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn unseen(&self) -> u32 {
        let unseen = |entry: &&Entry<M>| !entry.flags.has(SystemFlag::Seen);
        u32::try_from(self.entries.values().filter(unseen).count()).unwrap_or(u32::MAX)
    }

    pub(crate) fn first_unseen(&self) -> Option<Uid> {
        self.iter()
            .find(|(_, entry)| !entry.flags.has(SystemFlag::Seen))
            .map(|(uid, _)| uid)
    }

    /// Messages that are recent and given to no session yet.
    pub(crate) fn unclaimed(&self) -> u32 {
        u32::try_from(self.unclaimed.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn modseq(&self) -> ModSeq {
        self.modseq
    }

    /// The sequence of the next batch of changes; the batch passes it to each of them.
    pub(crate) fn next_modseq(&mut self) -> ModSeq {
        self.modseq = self.modseq.next();
        self.modseq
    }

    /// Adds a message whose UID is not in use.
    pub(crate) fn append(&mut self, uid: Uid, entry: Entry<M>) {
        self.entries.insert(uid, entry);
        self.record(Event::Appended(uid));
    }

    /// Lets the next session that is told of this message have it as recent.
    pub(crate) fn make_recent(&mut self, uid: Uid) {
        if self.entries.contains_key(&uid) {
            self.unclaimed.insert(uid);
        }
    }

    /// Sets the flags of a message; says whether that changed them.
    pub(crate) fn set_flags(&mut self, uid: Uid, flags: Flags, modseq: ModSeq) -> bool {
        match self.entries.get_mut(&uid) {
            Some(entry) if entry.flags != flags => {
                entry.flags = flags;
                entry.modseq = modseq;
                self.record(Event::Flags(uid));
                true
            }
            _ => false,
        }
    }

    /// Removes a message; gives what was kept of it.
    pub(crate) fn expunge(&mut self, uid: Uid) -> Option<Entry<M>> {
        let entry = self.entries.remove(&uid)?;
        self.unclaimed.remove(&uid);
        self.record(Event::Expunged(uid));
        Some(entry)
    }

    pub(crate) fn cursor(&self) -> Cursor {
        Cursor(self.log_begins + self.log.len() as u64)
    }

    /// The messages given or shown to this session as recent, now or before, that are still here.
    pub(crate) fn claim_all(&mut self, claims: &mut Claims) -> Vec<Uid> {
        self.claim(claims);
        claims.given.retain(|uid| self.entries.contains_key(uid));
        claims.given.iter().copied().collect()
    }

    fn claim(&mut self, claims: &mut Claims) -> Vec<Uid> {
        match claims.mode {
            OpenMode::Maildrop => Vec::new(),
            OpenMode::Examine => {
                claims.show(self.unclaimed.iter().copied());
                let mut newly = std::mem::take(&mut claims.untold);
                newly.sort_unstable();
                newly
            }
            OpenMode::Select => {
                let newly: Vec<Uid> = std::mem::take(&mut self.unclaimed).into_iter().collect();
                claims.given.extend(&newly);
                newly
            }
        }
    }

    /// What happened after `since`. A message that came and went in between is not mentioned, and each
    /// message's newest flags are given once.
    pub(crate) fn changes(&mut self, since: Cursor, claims: &mut Claims) -> Changes {
        let cursor = self.cursor();
        let newly = self.claim(claims);
        let skip = since
            .0
            .checked_sub(self.log_begins)
            .and_then(|skip| usize::try_from(skip).ok())
            .filter(|skip| *skip <= self.log.len());
        let Some(skip) = skip else {
            return Changes::Everything {
                rows: self.iter().map(|(uid, entry)| entry.row(uid)).collect(),
                recent: newly,
                cursor,
            };
        };
        let mut appended = BTreeSet::new();
        let mut told = BTreeSet::new();
        let mut changes = Vec::new();
        for event in self.log.range(skip..) {
            match *event {
                Event::Appended(uid) => {
                    appended.insert(uid);
                    changes.extend(self.row(uid).map(|row| Change::Appended {
                        row,
                        recent: claims.given.contains(&uid),
                    }));
                }
                Event::Flags(uid) if !appended.contains(&uid) && told.insert(uid) => {
                    changes.extend(self.row(uid).map(Change::Flags));
                }
                Event::Expunged(uid) if !appended.contains(&uid) => {
                    changes.push(Change::Expunged(uid));
                }
                Event::Flags(_) | Event::Expunged(_) => {}
            }
        }
        Changes::Since { changes, cursor }
    }

    fn record(&mut self, event: Event) {
        if self.log.len() == LOG_LIMIT {
            self.log.pop_front();
            self.log_begins += 1;
        }
        self.log.push_back(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(number: u32) -> Uid {
        Uid::new(number).unwrap()
    }

    fn index(messages: u32) -> Index<()> {
        let mut index = Index::new(ModSeq::FIRST);
        for number in 1..=messages {
            let modseq = index.next_modseq();
            index.append(
                uid(number),
                Entry {
                    flags: Flags::none(),
                    modseq,
                    message: (),
                },
            );
        }
        index
    }

    fn since(changes: Changes) -> Vec<Change> {
        match changes {
            Changes::Since { changes, .. } => changes,
            Changes::Everything { .. } => panic!("the log still reaches back"),
        }
    }

    #[test]
    fn what_came_and_went_is_not_mentioned() {
        let mut index = index(1);
        let cursor = index.cursor();
        let modseq = index.next_modseq();
        index.append(
            uid(2),
            Entry {
                flags: Flags::none(),
                modseq,
                message: (),
            },
        );
        index.set_flags(uid(2), Flags::from_iter([SystemFlag::Seen]), modseq);
        index.expunge(uid(2));
        index.expunge(uid(1));
        let changes = since(index.changes(cursor, &mut Claims::new(OpenMode::Select)));
        assert_eq!(changes, [Change::Expunged(uid(1))]);
    }

    #[test]
    fn flags_changed_twice_are_told_once_with_the_newest() {
        let mut index = index(1);
        let cursor = index.cursor();
        for flag in [SystemFlag::Seen, SystemFlag::Flagged] {
            let modseq = index.next_modseq();
            assert!(index.set_flags(uid(1), Flags::from_iter([flag]), modseq));
        }
        let changes = since(index.changes(cursor, &mut Claims::new(OpenMode::Examine)));
        assert_eq!(changes, [Change::Flags(index.row(uid(1)).unwrap())]);
        assert!(
            changes
                .iter()
                .all(|change| matches!(change, Change::Flags(row) if row.modseq == index.modseq()))
        );
    }

    #[test]
    fn flags_that_stay_are_no_change() {
        let mut index = index(1);
        let (cursor, before) = (index.cursor(), index.row(uid(1)));
        let modseq = index.next_modseq();
        assert!(!index.set_flags(uid(1), Flags::none(), modseq));
        assert_eq!((index.cursor(), index.row(uid(1))), (cursor, before));
    }

    #[test]
    fn recent_is_given_once_and_to_who_selects() {
        let mut index = index(2);
        index.make_recent(uid(2));
        let mut examining = Claims::new(OpenMode::Examine);
        let (mut first, mut second) =
            (Claims::new(OpenMode::Select), Claims::new(OpenMode::Select));
        let mut maildrop = Claims::new(OpenMode::Maildrop);
        assert_eq!(index.claim_all(&mut maildrop), []);
        assert_eq!(index.claim_all(&mut examining), [uid(2)], "it is shown");
        assert_eq!(index.claim_all(&mut first), [uid(2)], "and not taken away");
        let mut examining_later = Claims::new(OpenMode::Examine);
        assert_eq!(index.claim_all(&mut examining_later), []);
        assert_eq!(index.claim_all(&mut second), []);
        assert_eq!(index.claim_all(&mut first), [uid(2)], "told the same twice");
        assert_eq!(index.unclaimed(), 0);
    }

    #[test]
    fn a_log_that_no_longer_reaches_back_gives_everything() {
        let mut index = index(2);
        let cursor = index.cursor();
        let mut on = false;
        for _ in 0..=LOG_LIMIT {
            on = !on;
            let flags = on.then_some(SystemFlag::Seen).into_iter().collect();
            let modseq = index.next_modseq();
            index.set_flags(uid(1), flags, modseq);
        }
        let changes = index.changes(cursor, &mut Claims::new(OpenMode::Select));
        assert!(matches!(changes, Changes::Everything { rows, .. } if rows.len() == 2));
        let ahead = Cursor(index.cursor().0 + 1);
        let changes = index.changes(ahead, &mut Claims::new(OpenMode::Select));
        assert!(matches!(changes, Changes::Everything { .. }));
    }
}
