//! What SEARCH asks for (RFC 3501 6.4.4), as a tree that a parser builds.

use crate::date::Day;
use crate::{Keyword, SystemFlag, Uid};
use std::ops::RangeInclusive;

/// A search key. The keys of RFC 3501 that are not here are made of these: `NEW` is `And([Recent,
/// Not(Flag(Seen))])`, `OLD` is `Not(Recent)`, `UNSEEN` is `Not(Flag(Seen))`, `SUBJECT x` is
/// `Header { name: "Subject", text: x }`. `FROM x` is not `HEADER From x`: the one asks for the envelope's
/// addresses, the other for the text of the field.
///
/// A parser must bound its depth: trees are dropped by recursion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// `ALL`
    All,
    /// All of these.
    And(Vec<Key>),
    /// `OR`
    Or(Box<Key>, Box<Key>),
    /// `NOT`
    Not(Box<Key>),
    /// A sequence set or `UID`, which a session resolves into UIDs first.
    Uids(UidSet),
    /// `ANSWERED`, `DELETED`, `DRAFT`, `FLAGGED`, `SEEN`
    Flag(SystemFlag),
    /// `KEYWORD`
    Keyword(Keyword),
    /// `RECENT`
    Recent,
    /// `BEFORE`
    Before(Day),
    /// `ON`
    On(Day),
    /// `SINCE`
    Since(Day),
    /// `SENTBEFORE`
    SentBefore(Day),
    /// `SENTON`
    SentOn(Day),
    /// `SENTSINCE`
    SentSince(Day),
    /// `LARGER`
    Larger(u64),
    /// `SMALLER`
    Smaller(u64),
    /// `BCC`, `CC`, `FROM`, `TO`
    Addresses {
        /// Whose addresses.
        field: AddressField,
        /// What they must contain, written anew; empty: there must be such a field.
        text: Box<[u8]>,
    },
    /// `HEADER`, `SUBJECT`
    Header {
        /// The field's name.
        name: Box<[u8]>,
        /// What it must contain; empty: there must be such a field.
        text: Box<[u8]>,
    },
    /// `BODY`: this text in the body.
    Body(Box<[u8]>),
    /// `TEXT`: this text in the header or the body.
    Text(Box<[u8]>),
}

/// A field whose addresses are searched as an envelope has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressField {
    /// `Bcc`
    Bcc,
    /// `Cc`
    Cc,
    /// `From`
    From,
    /// `To`
    To,
}

impl AddressField {
    /// Its name in a header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bcc => "Bcc",
            Self::Cc => "Cc",
            Self::From => "From",
            Self::To => "To",
        }
    }
}

/// A set of UIDs, kept as ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UidSet {
    /// Sorted, none touching the next.
    ranges: Vec<RangeInclusive<Uid>>,
}

impl UidSet {
    /// Whether this UID is in it.
    pub fn contains(&self, uid: Uid) -> bool {
        let after = self.ranges.partition_point(|range| *range.start() <= uid);
        after
            .checked_sub(1)
            .is_some_and(|at| self.ranges[at].contains(&uid))
    }

    /// Its ranges, ascending and not touching.
    pub fn ranges(&self) -> &[RangeInclusive<Uid>] {
        &self.ranges
    }
}

impl FromIterator<RangeInclusive<Uid>> for UidSet {
    fn from_iter<I: IntoIterator<Item = RangeInclusive<Uid>>>(ranges: I) -> Self {
        let mut sorted: Vec<_> = ranges.into_iter().filter(|r| !r.is_empty()).collect();
        sorted.sort_unstable_by_key(|range| *range.start());
        let mut set = Self::default();
        for range in sorted {
            match set.ranges.last_mut() {
                Some(last) if last.end().next().is_none_or(|next| *range.start() <= next) => {
                    let end = (*last.end()).max(*range.end());
                    *last = *last.start()..=end;
                }
                _ => set.ranges.push(range),
            }
        }
        set
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        uids.into_iter().map(|uid| uid..=uid).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_set_are_merged() {
        let uid = |n| Uid::new(n).unwrap();
        let ranges = [
            (5, 7),
            (1, 2),
            (3, 3),
            (9, 9),
            (6, 8),
            (20, u32::MAX),
            (30, 31),
        ];
        let set: UidSet = ranges.map(|(a, b)| uid(a)..=uid(b)).into_iter().collect();
        assert_eq!(
            set.ranges(),
            [uid(1)..=uid(3), uid(5)..=uid(9), uid(20)..=uid(u32::MAX)]
        );
        for (number, within) in [(1, true), (3, true), (4, false), (9, true), (10, false)] {
            assert_eq!(set.contains(uid(number)), within, "{number}");
        }
        assert!(!UidSet::default().contains(uid(1)));
    }
}
