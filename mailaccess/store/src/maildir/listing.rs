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

#[derive(Debug)]
pub(super) struct Listing {
    pub(super) files: HashMap<Arc<[u8]>, Found>,
    /// Files whose base another file has, too.
    pub(super) doubles: Vec<(Place, Vec<u8>)>,
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
            before,
            quiet: false,
        };
        for place in [Place::New, Place::Cur] {
            dirs.place(place).list(|file, kind| {
                if kind != EntryKind::File || !name::is_message(file) {
                    return;
                }
                if name::breaks_lines(file) {
                    // As Dovecot does: the list cannot say it.
                    let name = file.escape_ascii();
                    tracing::warn!(%name, "a file with a line end in its name is no message");
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
