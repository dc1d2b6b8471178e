//! Work on the store, done by the driver on a thread that may block, and what came of it.

use crate::excerpt::{self, Excerpt, Extent};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use mailaccess_mail::store::{Account, Expunge, Hint, Mailbox, OpenMode, StoreError};
use mailaccess_mail::{MailboxName, Uid};

/// Work that blocks. Opaque: a driver hands it to [`Session::run`](mailaccess_mail::step::Session::run).
pub struct Job(pub(crate) Work);

/// What came of a [`Job`]. Opaque: a driver hands it in as an input.
pub struct Done(pub(crate) Outcome);

pub(crate) enum Work {
    /// Open the maildrop.
    Open {
        account: Arc<dyn Account>,
        hint: Hint,
    },
    /// Find sizes or unique-ids.
    Look {
        mailbox: Arc<dyn Mailbox>,
        column: Column,
        uids: Vec<Uid>,
    },
    /// Open a message and find where the part that is wanted ends.
    Fetch {
        mailbox: Arc<dyn Mailbox>,
        uid: Uid,
        extent: Extent,
    },
    /// Remove messages.
    Remove {
        mailbox: Arc<dyn Mailbox>,
        uids: Vec<Uid>,
    },
}

pub(crate) enum Outcome {
    Opened(Result<Opened, StoreError>),
    Looked(Result<Vec<Option<Cell>>, StoreError>),
    Fetched(Result<Option<Excerpt>, StoreError>),
    Removed(Result<(), StoreError>),
}

/// A maildrop that was just opened.
pub(crate) struct Opened {
    pub(crate) mailbox: Arc<dyn Mailbox>,
    pub(crate) uids: Arc<[Uid]>,
}

/// What is asked of each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// Its size in octets, as it would be sent.
    Size,
    /// Its unique-id.
    UniqueId,
}

/// What was found of one message.
pub(crate) enum Cell {
    Size(u64),
    UniqueId(String),
}

impl Cell {
    /// The size, where this is one.
    pub(crate) const fn octets(&self) -> u64 {
        match self {
            Self::Size(octets) => *octets,
            Self::UniqueId(_) => 0,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(octets) => octets.fmt(f),
            Self::UniqueId(id) => id.fmt(f),
        }
    }
}

impl Job {
    pub(crate) fn run(self) -> Done {
        Done(match self.0 {
            Work::Open { account, hint } => Outcome::Opened(open(&*account, hint)),
            Work::Look {
                mailbox,
                column,
                uids,
            } => Outcome::Looked(look(&*mailbox, column, &uids)),
            Work::Fetch {
                mailbox,
                uid,
                extent,
            } => Outcome::Fetched(excerpt::open(&*mailbox, uid, extent)),
            Work::Remove { mailbox, uids } => {
                Outcome::Removed(mailbox.expunge(Expunge::These(&uids)).map(drop))
            }
        })
    }
}

fn open(account: &dyn Account, hint: Hint) -> Result<Opened, StoreError> {
    let mailbox = account.open(&MailboxName::inbox(), OpenMode::Maildrop, hint)?;
    let uids = mailbox.snapshot()?.uids;
    Ok(Opened { mailbox, uids })
}

fn look(
    mailbox: &dyn Mailbox,
    column: Column,
    uids: &[Uid],
) -> Result<Vec<Option<Cell>>, StoreError> {
    Ok(match column {
        Column::Size => mailbox
            .sizes(uids)?
            .into_iter()
            .map(|size| size.map(Cell::Size))
            .collect(),
        Column::UniqueId => mailbox
            .unique_ids(uids)?
            .into_iter()
            .map(|id| id.map(Cell::UniqueId))
            .collect(),
    })
}
