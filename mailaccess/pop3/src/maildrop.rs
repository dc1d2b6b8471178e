//! The maildrop as one session sees it (RFC 1939 5): messages numbered as they were when it was opened,
//! and which of them are marked as deleted. Nothing is removed before QUIT.
//!
//! The mailbox is not locked for the session, so another may remove a message meanwhile. Such a message
//! keeps its number and counts as deleted from the moment it is missed.

use crate::command::Number;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use mailaccess_mail::Uid;
use mailaccess_mail::store::Mailbox;

/// An open maildrop.
pub(crate) struct Maildrop {
    mailbox: Arc<dyn Mailbox>,
    uids: Arc<[Uid]>,
    deleted: BTreeSet<Number>,
    gone: BTreeSet<Number>,
}

/// Why there is no message with a number. The text is fit for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// This session deleted it.
    Deleted(Number),
    /// Another removed it.
    Gone(Number),
    /// There never was.
    NoSuch(Number),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deleted(number) => write!(f, "Message {number} is deleted."),
            Self::Gone(number) => write!(f, "Message {number} was removed by another session."),
            Self::NoSuch(number) => write!(f, "There is no message {number}."),
        }
    }
}

impl Maildrop {
    pub(crate) fn new(mailbox: Arc<dyn Mailbox>, uids: Arc<[Uid]>) -> Self {
        Self {
            mailbox,
            uids,
            deleted: BTreeSet::new(),
            gone: BTreeSet::new(),
        }
    }

    pub(crate) fn mailbox(&self) -> Arc<dyn Mailbox> {
        Arc::clone(&self.mailbox)
    }

    /// The message with this number.
    pub(crate) fn find(&self, number: Number) -> Result<Uid, Missing> {
        if self.gone.contains(&number) {
            return Err(Missing::Gone(number));
        }
        if self.deleted.contains(&number) {
            return Err(Missing::Deleted(number));
        }
        self.uids
            .get(number.index())
            .copied()
            .ok_or(Missing::NoSuch(number))
    }

    /// At most `limit` messages that are neither deleted nor gone, from the one at place `from` on.
    pub(crate) fn batch(&self, from: usize, limit: usize) -> Vec<(Number, Uid)> {
        (from..self.uids.len())
            .filter_map(Number::at)
            .filter_map(|number| self.find(number).ok().map(|uid| (number, uid)))
            .take(limit)
            .collect()
    }

    /// Marks a message as deleted.
    pub(crate) fn delete(&mut self, number: Number) -> Result<(), Missing> {
        self.find(number)?;
        self.deleted.insert(number);
        Ok(())
    }

    /// Takes every mark back.
    pub(crate) fn reset(&mut self) {
        self.deleted.clear();
    }

    /// Notes that a message was removed by another hand.
    pub(crate) fn lost(&mut self, number: Number) {
        self.gone.insert(number);
    }

    /// The messages that QUIT removes.
    pub(crate) fn marked(&self) -> Vec<Uid> {
        self.deleted
            .difference(&self.gone)
            .filter_map(|number| self.uids.get(number.index()).copied())
            .collect()
    }
}
