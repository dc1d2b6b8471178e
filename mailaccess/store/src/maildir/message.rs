//! What is kept in memory of a message beside its row.

use super::dirs::Place;
use super::name::{self, Letters};
use super::uidlist::Record;
use mailaccess_mail::InternalDate;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) base: Arc<[u8]>,
    /// What follows the base in the file's name.
    pub(super) suffix: Box<[u8]>,
    pub(super) place: Place,
    /// The size with every line ended by CRLF, once known.
    pub(super) wire: Option<u64>,
    pub(super) date: Option<InternalDate>,
    /// What POP3 shows, where it is not made of the numbers.
    pub(super) unique_id: Option<Box<[u8]>>,
}

impl Message {
    pub(super) fn new(record: &Record, place: Place, suffix: Box<[u8]>) -> Self {
        Self {
            base: Arc::clone(&record.base),
            suffix,
            place,
            wire: record.size_on_wire(),
            date: None,
            unique_id: record.unique_id().map(Into::into),
        }
    }

    /// The name of its file.
    pub(super) fn name(&self) -> Vec<u8> {
        [&*self.base, &*self.suffix].concat()
    }

    pub(super) fn letters(&self) -> Letters {
        Letters::of(&self.suffix)
    }

    /// Notes where the file is now.
    pub(super) fn is_now(&mut self, place: Place, name: &[u8]) {
        self.place = place;
        self.suffix = name::suffix(name).into();
    }
}
