//! The messages of a mailbox in the order in which one session counts them.
//!
//! The UIDs that were there when the mailbox was opened are shared by all its sessions; a session keeps
//! what it was told since: which of them went, and which came.

use alloc::sync::Arc;
use alloc::vec::Vec;
use mailaccess_mail::Uid;

/// Differences kept before a session gets a list of its own, and as a share of the messages.
const MIN_DIFFERENCES: usize = 1024;
const DIFFERENCES_SHARE: usize = 4;

/// UIDs, ascending. A place here is a sequence number less one.
pub(crate) struct Messages {
    base: Arc<[Uid]>,
    /// Places in `base` of messages that went, ascending.
    removed: Vec<u32>,
    added: Vec<Uid>,
}

impl Messages {
    pub(crate) fn new(base: Arc<[Uid]>) -> Self {
        Self {
            base,
            removed: Vec::new(),
            added: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> u32 {
        as_u32(self.kept() + self.added.len())
    }

    /// Messages of `base` that are still here.
    fn kept(&self) -> usize {
        self.base.len() - self.removed.len()
    }

    pub(crate) fn last(&self) -> Option<Uid> {
        self.len().checked_sub(1).and_then(|last| self.uid(last))
    }

    /// The message at a place.
    pub(crate) fn uid(&self, place: u32) -> Option<Uid> {
        let place = place as usize;
        if place < self.kept() {
            self.base.get(self.in_base(place)).copied()
        } else {
            self.added.get(place - self.kept()).copied()
        }
    }

    /// Where in `base` the message at a place of what is kept lies.
    fn in_base(&self, place: usize) -> usize {
        // The entry at `i` has `removed[i] - i` kept ones before it, which never falls.
        let (mut low, mut high) = (0, self.removed.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.removed[middle] as usize - middle <= place {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        place + low
    }

    /// Where a message is.
    pub(crate) fn place(&self, uid: Uid) -> Option<u32> {
        let place = self.lower_bound(uid);
        (self.uid(place) == Some(uid)).then_some(place)
    }

    /// The place of the first message with this UID or a higher one.
    pub(crate) fn lower_bound(&self, uid: Uid) -> u32 {
        let in_base = self.base.partition_point(|other| *other < uid);
        let removed = self.removed.partition_point(|at| (*at as usize) < in_base);
        let place = in_base - removed;
        if place < self.kept() {
            as_u32(place)
        } else {
            as_u32(self.kept() + self.added.partition_point(|other| *other < uid))
        }
    }

    /// Adds a message with a UID above all others; says whether it was one.
    pub(crate) fn push(&mut self, uid: Uid) -> bool {
        let is_new = self.last().is_none_or(|last| last < uid);
        if is_new {
            self.added.push(uid);
        }
        is_new
    }

    /// Takes the message at a place away.
    pub(crate) fn remove(&mut self, place: u32) {
        let place = place as usize;
        if place < self.kept() {
            let at = as_u32(self.in_base(place));
            let index = self.removed.partition_point(|other| *other < at);
            self.removed.insert(index, at);
        } else if place - self.kept() < self.added.len() {
            self.added.remove(place - self.kept());
        }
    }

    /// Makes a list of its own when there are many differences.
    pub(crate) fn settle(&mut self) {
        let limit = MIN_DIFFERENCES.max(self.base.len() / DIFFERENCES_SHARE);
        if self.removed.len() + self.added.len() > limit {
            *self = Self::new(self.iter().collect());
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Uid> + '_ {
        let mut removed = self.removed.iter().copied().peekable();
        let kept = self
            .base
            .iter()
            .enumerate()
            .filter(move |(at, _)| removed.next_if_eq(&as_u32(*at)).is_none());
        kept.map(|(_, uid)| *uid).chain(self.added.iter().copied())
    }
}

/// There are no more messages than UIDs.
fn as_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn uid(number: u32) -> Uid {
        Uid::new(number).unwrap()
    }

    proptest! {
        #[test]
        fn it_behaves_like_a_list(
            base in prop::collection::btree_set(1_u32..60, 0..30),
            changes in prop::collection::vec((any::<bool>(), 0_u32..40), 0..60),
        ) {
            let mut model: Vec<Uid> = base.into_iter().map(uid).collect();
            let mut messages = Messages::new(model.clone().into());
            let mut next = 60;
            for (remove, place) in changes {
                if remove && !model.is_empty() {
                    let place = place % as_u32(model.len());
                    model.remove(place as usize);
                    messages.remove(place);
                } else {
                    next += 1 + place % 3;
                    model.push(uid(next));
                    prop_assert!(messages.push(uid(next)));
                    prop_assert!(!messages.push(uid(next)));
                }
                prop_assert_eq!(messages.len() as usize, model.len());
                prop_assert_eq!(messages.iter().collect::<Vec<_>>(), model.clone());
                prop_assert_eq!(messages.last(), model.last().copied());
                for (place, uid) in model.iter().enumerate() {
                    prop_assert_eq!(messages.uid(as_u32(place)), Some(*uid));
                    prop_assert_eq!(messages.place(*uid), Some(as_u32(place)));
                }
                for number in 1..next + 2 {
                    let bound = model.partition_point(|other| other.get() < number);
                    prop_assert_eq!(messages.lower_bound(uid(number)), as_u32(bound));
                }
                prop_assert_eq!(messages.uid(as_u32(model.len())), None);
            }
        }
    }

    #[test]
    fn many_differences_become_a_list_of_its_own() {
        let mut messages = Messages::new(Arc::from([uid(1)]));
        messages.remove(0);
        for number in 2..3000 {
            messages.push(uid(number));
            messages.settle();
        }
        assert!(messages.added.len() <= MIN_DIFFERENCES);
        assert_eq!(messages.len(), 2998);
        assert_eq!(messages.uid(0), Some(uid(2)));
    }
}
