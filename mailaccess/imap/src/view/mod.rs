//! One session's view of a mailbox: its sequence numbers, and what it has yet to be told.
//!
//! A message that another session expunged keeps its number here until the session may be told
//! (RFC 3501 7.4.1).

mod messages;
mod news;
mod targets;

pub(crate) use messages::Messages;
pub(crate) use news::Expunges;
pub(crate) use targets::{By, OutOfRange, Target, Targets};

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use mailaccess_mail::store::{Cursor, NewKeywords, Row, Snapshot};
use mailaccess_mail::{Flags, Keyword, ModSeq, Uid, UidValidity};

/// Whether a mailbox was opened for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// EXAMINE.
    ReadOnly,
    /// SELECT.
    ReadWrite,
}

/// A mailbox as one session sees it.
pub(crate) struct View {
    access: Access,
    uid_validity: UidValidity,
    messages: Messages,
    /// Expunged, and the session does not know.
    gone: BTreeSet<Uid>,
    /// Recent to this session, ascending.
    recent: Vec<Uid>,
    /// Keywords that the session knows of.
    keywords: Vec<Keyword>,
    new_keywords: NewKeywords,
    /// Where the changes begin that were not looked at.
    cursor: Cursor,
    /// Flags changed later are news.
    modseq: ModSeq,
    /// Flags newer than that which the session knows, since it set or fetched them.
    told: BTreeMap<Uid, ModSeq>,
}

impl View {
    pub(crate) fn new(snapshot: &Snapshot, access: Access) -> Self {
        Self {
            access,
            uid_validity: snapshot.uid_validity,
            messages: Messages::new(snapshot.uids.clone()),
            gone: BTreeSet::new(),
            recent: snapshot.recent.clone(),
            keywords: snapshot.keywords.clone(),
            new_keywords: snapshot.new_keywords,
            cursor: snapshot.cursor,
            modseq: snapshot.highest_modseq,
            told: BTreeMap::new(),
        }
    }

    pub(crate) const fn access(&self) -> Access {
        self.access
    }

    pub(crate) const fn uid_validity(&self) -> UidValidity {
        self.uid_validity
    }

    pub(crate) const fn messages(&self) -> &Messages {
        &self.messages
    }

    pub(crate) fn recent(&self) -> &[Uid] {
        &self.recent
    }

    pub(crate) fn is_recent(&self, uid: Uid) -> bool {
        self.recent.binary_search(&uid).is_ok()
    }

    /// Whether a message is known to be expunged.
    pub(crate) fn is_gone(&self, uid: Uid) -> bool {
        self.gone.contains(&uid)
    }

    pub(crate) fn keywords(&self) -> &[Keyword] {
        &self.keywords
    }

    pub(crate) const fn new_keywords(&self) -> NewKeywords {
        self.new_keywords
    }

    /// Notes that the mailbox takes no more keywords.
    pub(crate) const fn refuse_new_keywords(&mut self) {
        self.new_keywords = NewKeywords::Refused;
    }

    /// Notes keywords that the session has not heard of; says whether there were any.
    pub(crate) fn learn(&mut self, flags: &Flags) -> bool {
        let before = self.keywords.len();
        for keyword in flags.keywords() {
            if !self.keywords.contains(keyword) {
                self.keywords.push(keyword.clone());
            }
        }
        self.keywords.len() > before
    }

    /// Notes that the session knows these flags: it set or fetched them.
    pub(crate) fn told(&mut self, row: &Row) {
        if row.modseq > self.modseq {
            self.told.insert(row.uid, row.modseq);
        }
    }

    /// Forgets that the session knows any flags newer than those that it was told of at last.
    pub(crate) fn distrust(&mut self) {
        self.told.clear();
    }

    /// Whether the session has seen these flags.
    pub(crate) fn is_known(&self, row: &Row) -> bool {
        row.modseq <= self.modseq || self.knows(row)
    }

    /// Whether it has seen these new flags out of their turn.
    fn knows(&self, row: &Row) -> bool {
        self.told
            .get(&row.uid)
            .is_some_and(|known| *known >= row.modseq)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn uid(number: u32) -> Uid {
        Uid::new(number).unwrap()
    }

    /// A view of messages with these UIDs.
    pub(crate) fn view(uids: &[u32]) -> View {
        let snapshot = Snapshot {
            cursor: Cursor(0),
            uid_validity: UidValidity::new(1).unwrap(),
            uid_next: Some(uid(1000)),
            highest_modseq: ModSeq::FIRST,
            uids: uids.iter().copied().map(uid).collect(),
            recent: Vec::new(),
            first_unseen: None,
            keywords: Vec::new(),
            new_keywords: NewKeywords::Accepted,
            is_read_only: false,
        };
        View::new(&snapshot, Access::ReadWrite)
    }
}
