//! The directories of one folder, and what shows at a glance whether anything happened in them.

use super::keywords;
use crate::volume::{Dir, Errno, Identity, Stamp};
use std::sync::Arc;

/// Where UIDs stand.
pub(super) const LIST: &[u8] = b"dovecot-uidlist";
/// Where letters of keywords stand.
pub(super) const KEYWORDS: &[u8] = b"dovecot-keywords";

/// In which directory a message lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    New,
    Cur,
}

#[derive(Debug)]
pub(super) struct Dirs {
    pub(super) folder: Arc<Dir>,
    pub(super) new: Dir,
    pub(super) cur: Dir,
    pub(super) tmp: Arc<Dir>,
}

impl Dirs {
    /// Opens a folder. What has no `cur/` is none; the others are made where they are missing.
    pub(super) fn open(folder: Dir) -> Result<Self, Errno> {
        let cur = folder.open_dir(b"cur")?;
        Ok(Self {
            new: open_or_make(&folder, b"new")?,
            tmp: Arc::new(open_or_make(&folder, b"tmp")?),
            cur,
            folder: Arc::new(folder),
        })
    }

    pub(super) fn place(&self, place: Place) -> &Dir {
        match place {
            Place::New => &self.new,
            Place::Cur => &self.cur,
        }
    }

    /// A look that takes no lock.
    pub(super) fn glance(&self) -> Result<Glance, Errno> {
        let moved = |dir: &Dir| dir.stamp().map(|stamp| (stamp.identity, stamp.modified));
        Ok(Glance {
            folder: self.folder.stamp()?.identity,
            list: existing(self.folder.file_stamp(LIST))?.map(|stamp| (stamp.identity, stamp.len)),
            keywords: existing(self.folder.file_stamp(KEYWORDS))?
                .map(|stamp| keywords::version(&stamp)),
            new: moved(&self.new)?,
            cur: moved(&self.cur)?,
        })
    }
}

/// When a directory's entries last changed, and which directory that is.
pub(super) type Moved = (Identity, (i64, u32));

/// What of a folder changes when something happens in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glance {
    pub(super) folder: Identity,
    pub(super) list: Option<(Identity, u64)>,
    pub(super) keywords: Option<keywords::Version>,
    pub(super) new: Moved,
    pub(super) cur: Moved,
}

impl Glance {
    /// When `new/` or `cur/` changed last.
    pub(super) fn moved_last(&self) -> (i64, u32) {
        self.new.1.max(self.cur.1)
    }
}

fn existing(stamp: Result<Stamp, Errno>) -> Result<Option<Stamp>, Errno> {
    match stamp {
        Ok(stamp) => Ok(Some(stamp)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn open_or_make(folder: &Dir, name: &[u8]) -> Result<Dir, Errno> {
    match folder.open_dir(name) {
        Err(Errno::NOENT) => {
            match folder.make_dir(name) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            folder.open_dir(name)
        }
        other => other,
    }
}
