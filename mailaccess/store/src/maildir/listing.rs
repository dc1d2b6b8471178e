//! What lies in `new/` and `cur/`, read from the directories.

use super::dirs::{Dirs, Glance, Place};
use super::list::List;
use super::name;
use crate::volume::{EntryKind, Errno};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// Where a file was found, and what follows its base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) suffix: Box<[u8]>,
}

/// Why something that is named as a message is not shown as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skipped {
    /// It is a directory.
    Directory,
    /// A line end in its name: the uidlist could not say it.
    LineEnd,
    /// It is a symbolic link, a FIFO, a socket or a device.
    Special,
}

impl Skipped {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 3] = [Self::Directory, Self::LineEnd, Self::Special];

    fn of(file: &[u8], kind: EntryKind) -> Option<Self> {
        match kind {
            EntryKind::Directory => Some(Self::Directory),
            EntryKind::Other => Some(Self::Special),
            // As Dovecot does.
            EntryKind::File => name::breaks_lines(file).then_some(Self::LineEnd),
        }
    }
}

/// How much of each kind was skipped.
pub(super) type SkippedCounts = [u64; Skipped::ALL.len()];

#[derive(Debug)]
pub(super) struct Listing {
    pub(super) files: HashMap<Arc<[u8]>, Found>,
    /// Files whose base another file has, too.
    pub(super) doubles: Vec<(Place, Vec<u8>)>,
    /// What is named as a message and is none.
    pub(super) skipped: SkippedCounts,
    /// The directories before they were read.
    pub(super) before: Glance,
    /// Whether nothing moved while they were read.
    pub(super) quiet: bool,
}

impl Listing {
    /// Reads `new/`, then `cur/`: whoever moves a file from one to the other meanwhile is seen in one.
    pub(super) fn read(dirs: &Dirs, list: &List) -> Result<Self, Errno> {
        let before = dirs.glance()?;
        let mut listing = Self {
            files: HashMap::new(),
            doubles: Vec::new(),
            skipped: SkippedCounts::default(),
            before,
            quiet: false,
        };
        for place in [Place::New, Place::Cur] {
            dirs.place(place).list(|file, kind| {
                if !name::is_message(file) {
                    return;
                }
                if let Some(why) = Skipped::of(file, kind) {
                    let name = file.escape_ascii();
                    tracing::warn!(%name, ?why, "what lies among the messages is none");
                    listing.skipped[why as usize] += 1;
                    return;
                }
                listing.take(place, file, list);
            })?;
        }
        let after = dirs.glance()?;
        listing.quiet = (after.new, after.cur) == (before.new, before.cur);
        Ok(listing)
    }

    fn take(&mut self, place: Place, file: &[u8], list: &List) {
        match self.files.entry(list.shared_base(name::base(file))) {
            Entry::Vacant(entry) => {
                entry.insert(Found {
                    place,
                    suffix: name::suffix(file).into(),
                });
            }
            Entry::Occupied(_) => self.doubles.push((place, file.to_vec())),
        }
    }

    /// Takes a file that was moved since.
    pub(super) fn insert(&mut self, place: Place, file: &[u8], list: &List) {
        let found = Found {
            place,
            suffix: name::suffix(file).into(),
        };
        self.files.insert(list.shared_base(name::base(file)), found);
    }
}
