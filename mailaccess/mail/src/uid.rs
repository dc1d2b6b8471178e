//! Numbers that identify a message: unique identifier, its validity, and the modification sequence.

use core::fmt;
use core::num::{NonZeroU32, NonZeroU64};

/// A message's unique identifier within its mailbox (RFC 3501 2.3.1.1), 1 .. 2^32-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(NonZeroU32);

/// The validity of a mailbox's UIDs (RFC 3501 2.3.1.1): a new value means every UID is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UidValidity(NonZeroU32);

/// A modification sequence (RFC 7162 3.1), 1 .. 2^63-1; grows with every change of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModSeq(NonZeroU64);

impl Uid {
    /// The first UID of a new mailbox.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The UID with this number; `None` for zero.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(n) => Some(Self(n)),
            None => None,
        }
    }

    /// The number itself.
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The UID after this one; `None` when the mailbox has used its last.
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(n) => Some(Self(n)),
            None => None,
        }
    }
}

impl UidValidity {
    /// The validity with this number; `None` for zero.
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(n) => Some(Self(n)),
            None => None,
        }
    }

    /// The number itself.
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl ModSeq {
    /// The sequence of a mailbox that nobody has changed yet.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The sequence with this number; `None` for zero and beyond 2^63-1 (RFC 7162 3.1).
    pub const fn new(number: u64) -> Option<Self> {
        if number > i64::MAX as u64 {
            return None;
        }
        match NonZeroU64::new(number) {
            Some(n) => Some(Self(n)),
            None => None,
        }
    }

    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The sequence after this one. Saturates at 2^63-1, which no mailbox reaches.
    #[must_use]
    pub const fn next(self) -> Self {
        match Self::new(self.0.get().saturating_add(1)) {
            Some(next) => next,
            None => self,
        }
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for UidValidity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ModSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_identifier() {
        assert_eq!(Uid::new(0), None);
        assert_eq!(UidValidity::new(0), None);
        assert_eq!(ModSeq::new(0), None);
    }

    #[test]
    fn the_last_uid_has_no_successor() {
        assert_eq!(Uid::new(u32::MAX).and_then(Uid::next), None);
        assert_eq!(Uid::FIRST.next(), Uid::new(2));
    }

    #[test]
    fn a_modseq_stays_within_63_bits() {
        let last = ModSeq::new(i64::MAX as u64).unwrap();
        assert_eq!(last.next(), last);
        assert_eq!(ModSeq::new(1 << 63), None);
    }
}
