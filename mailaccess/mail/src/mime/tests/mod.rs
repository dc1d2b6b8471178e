//! Known answers, and what holds of any bytes.

mod envelope;
mod parts;
pub(crate) mod properties;
mod sections;

use crate::mime::Structure;
use crate::store::{Body, BodyLost};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// A message in memory that is given out a few bytes at a time and counts them.
pub(crate) struct Bytes {
    text: Vec<u8>,
    step: usize,
    read: AtomicU64,
}

impl Bytes {
    pub(crate) fn new(text: impl Into<Vec<u8>>) -> Self {
        Self::in_steps(text, usize::MAX)
    }

    pub(crate) fn in_steps(text: impl Into<Vec<u8>>, step: usize) -> Self {
        Self {
            text: text.into(),
            step,
            read: AtomicU64::new(0),
        }
    }

    /// Bytes given out so far.
    pub(crate) fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(crate) fn slice(&self, range: &Range<u64>) -> String {
        let at = |n| usize::try_from(n).unwrap();
        String::from_utf8_lossy(&self.text[at(range.start)..at(range.end)]).into_owned()
    }
}

impl Body for Bytes {
    fn len(&self) -> u64 {
        self.text.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, BodyLost> {
        let rest = &self.text[usize::try_from(offset).unwrap().min(self.text.len())..];
        let take = rest.len().min(buffer.len()).min(self.step);
        buffer[..take].copy_from_slice(&rest[..take]);
        self.read.fetch_add(take as u64, Ordering::Relaxed);
        Ok(take)
    }

    fn try_read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<Option<usize>, BodyLost> {
        self.read_at(offset, buffer).map(Some)
    }
}

/// Lines as they go over the wire.
pub(crate) fn wire(text: &str) -> String {
    text.replace('\n', "\r\n")
}

fn scan(text: impl Into<Vec<u8>>) -> Structure {
    Structure::scan(&Bytes::new(text)).unwrap()
}
