//! Sets of messages, by sequence number or by UID.

use super::{Fault, Scanner};
use alloc::vec::Vec;
use core::num::NonZeroU32;
use core::ops::RangeInclusive;

/// Most ranges in one set: more than fit most command lines.
const MAX_RANGES: usize = 16_384;

/// A set of numbers, not empty; what `*` stands for is known only to a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SequenceSet(Vec<(SeqNumber, SeqNumber)>);

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SeqNumber {
    /// This number.
    Number(NonZeroU32),
    /// `*`: the largest number in use.
    Largest,
}

impl SequenceSet {
    /// ```text
    /// sequence-set = (seq-number / seq-range) *("," sequence-set)
    /// seq-range    = seq-number ":" seq-number
    /// seq-number   = nz-number / "*"
    /// ```
    pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<Self, Fault> {
        let mut ranges = Vec::new();
        loop {
            let from = SeqNumber::parse(scanner)?;
            let to = if scanner.eat(b':') {
                SeqNumber::parse(scanner)?
            } else {
                from
            };
            if ranges.len() == MAX_RANGES {
                return Err(Fault::TooMany("ranges of messages"));
            }
            ranges.push((from, to));
            if !scanner.eat(b',') {
                return Ok(Self(ranges));
            }
        }
    }

    /// The numbers meant when `largest` is in use, ascending, each once.
    pub(crate) fn ranges(&self, largest: u32) -> Vec<RangeInclusive<u32>> {
        let mut ranges: Vec<RangeInclusive<u32>> = self
            .0
            .iter()
            .map(|(from, to)| {
                let (from, to) = (from.resolve(largest), to.resolve(largest));
                from.min(to)..=from.max(to)
            })
            .collect();
        ranges.sort_unstable_by_key(|range| *range.start());
        let mut merged: Vec<RangeInclusive<u32>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        merged
    }
}

impl SeqNumber {
    fn parse(scanner: &mut Scanner<'_>) -> Result<Self, Fault> {
        if scanner.eat(b'*') {
            Ok(Self::Largest)
        } else {
            scanner.nz_number().map(Self::Number)
        }
    }

    fn resolve(self, largest: u32) -> u32 {
        match self {
            Self::Number(number) => number.get(),
            Self::Largest => largest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[track_caller]
    fn check(input: &str, expect: Result<&[RangeInclusive<u32>], Fault>) {
        let set = SequenceSet::parse(&mut Scanner::new(input.as_bytes()));
        let ranges = set.map(|set| set.ranges(10));
        assert_eq!(ranges.as_deref().map_err(|fault| *fault), expect, "{input}");
    }

    #[test]
    fn sets_are_read_and_put_in_order() {
        check("1", Ok(&[1..=1]));
        check("2,4:7,9,12:*", Ok(&[2..=2, 4..=7, 9..=12]));
        check("*:4,5:7", Ok(&[4..=10]));
        check("5:1,3,*", Ok(&[1..=5, 10..=10]));
        check("1,2,3", Ok(&[1..=3]));
        check("4294967295,4294967295", Ok(&[u32::MAX..=u32::MAX]));
        check("1:", Err(Fault::Incomplete("a number")));
        check("", Err(Fault::Incomplete("a number")));
        check("1,,2", Err(Fault::Expected("a number")));
        check("0", Err(Fault::Expected("a number above zero")));
        check("$", Err(Fault::Expected("a number")));
    }

    #[test]
    fn a_set_has_a_limit() {
        let set = vec!["1"; MAX_RANGES + 1].join(",");
        check(&set, Err(Fault::TooMany("ranges of messages")));
        check(&set[2..], Ok(&[1..=1]));
    }
}
