//! Which messages of a view a command means.

use super::View;
use crate::grammar::set::SequenceSet;
use alloc::collections::VecDeque;
use core::ops::Range;
use mailaccess_mail::Uid;

/// How a command counts messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// By sequence number.
    Sequence,
    /// By UID: what does not exist is ignored (RFC 3501 6.4.8).
    Uid,
}

/// A sequence number above the largest (RFC 3501 9 `seq-number`: answered by BAD).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfRange;

/// Messages that a command still has to deal with, as places in a view that does not change meanwhile.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Targets(VecDeque<Range<u32>>);

/// A message of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    /// Its sequence number.
    pub(crate) number: u32,
    /// Its UID.
    pub(crate) uid: Uid,
}

impl Targets {
    /// All messages.
    pub(crate) fn all(view: &View) -> Self {
        Self::of(core::iter::once(0..view.messages().len()))
    }

    /// The messages of a set.
    pub(crate) fn resolve(view: &View, set: &SequenceSet, by: By) -> Result<Self, OutOfRange> {
        let messages = view.messages();
        match by {
            By::Sequence => {
                let ranges = set.ranges(messages.len());
                let in_range = |number: u32| (1..=messages.len()).contains(&number);
                if ranges
                    .iter()
                    .any(|r| !in_range(*r.start()) || !in_range(*r.end()))
                {
                    return Err(OutOfRange);
                }
                Ok(Self::of(ranges.iter().map(|r| r.start() - 1..*r.end())))
            }
            By::Uid => {
                // In an empty mailbox `*` is no UID at all, which is what zero stands for.
                let largest = messages.last().map_or(0, Uid::get);
                let place = |number: u32| match Uid::new(number) {
                    Some(uid) => messages.lower_bound(uid),
                    None => 0,
                };
                let end = |number: u32| match Uid::new(number) {
                    Some(uid) => uid
                        .next()
                        .map_or(messages.len(), |next| messages.lower_bound(next)),
                    None => 0,
                };
                let ranges = set.ranges(largest);
                Ok(Self::of(
                    ranges.iter().map(|r| place(*r.start())..end(*r.end())),
                ))
            }
        }
    }

    fn of(ranges: impl IntoIterator<Item = Range<u32>>) -> Self {
        Self(
            ranges
                .into_iter()
                .filter(|range| !range.is_empty())
                .collect(),
        )
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the next messages, at most so many.
    pub(crate) fn take(&mut self, view: &View, limit: usize) -> alloc::vec::Vec<Target> {
        let mut taken = alloc::vec::Vec::new();
        while taken.len() < limit {
            let Some(range) = self.0.front_mut() else {
                break;
            };
            match range.next() {
                Some(place) => taken.extend(view.messages().uid(place).map(|uid| Target {
                    number: place + 1,
                    uid,
                })),
                None => {
                    self.0.pop_front();
                }
            }
        }
        while self.0.front().is_some_and(Range::is_empty) {
            self.0.pop_front();
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::Scanner;
    use crate::view::tests::view;
    use alloc::vec::Vec;

    #[track_caller]
    fn check(uids: &[u32], set: &str, by: By, expect: Result<&[u32], OutOfRange>) {
        let view = view(uids);
        let set = SequenceSet::parse(&mut Scanner::new(set.as_bytes())).unwrap();
        let targets = Targets::resolve(&view, &set, by).map(|mut targets| {
            let mut all = Vec::new();
            while !targets.is_empty() {
                all.extend(targets.take(&view, 2).iter().map(|target| target.number));
            }
            all
        });
        assert_eq!(targets.as_deref().map_err(|out| *out), expect);
    }

    #[test]
    fn sequence_numbers_must_exist() {
        check(&[5, 7, 9], "1:*", By::Sequence, Ok(&[1, 2, 3]));
        check(&[5, 7, 9], "3,1", By::Sequence, Ok(&[1, 3]));
        check(&[5, 7, 9], "2:4", By::Sequence, Err(OutOfRange));
        check(&[], "*", By::Sequence, Err(OutOfRange));
    }

    #[test]
    fn uids_need_not_exist() {
        check(&[5, 7, 9], "1:*", By::Uid, Ok(&[1, 2, 3]));
        check(&[5, 7, 9], "6,7,8", By::Uid, Ok(&[2]));
        check(&[5, 7, 9], "100:*", By::Uid, Ok(&[3]));
        check(&[5, 7, 9], "10:4294967295", By::Uid, Ok(&[]));
        check(&[5, 7, 9], "*", By::Uid, Ok(&[3]));
        check(&[], "1:*", By::Uid, Ok(&[]));
    }
}
