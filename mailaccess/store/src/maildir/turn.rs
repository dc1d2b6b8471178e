//! The queue of a process before the lock of a folder: one at a time, first come first served, and
//! nobody waits for ever.

use crate::volume::Moment;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

#[derive(Debug, Default)]
pub(super) struct Turns {
    queue: Mutex<Queue>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    waiting: VecDeque<u64>,
}

/// Somebody's turn; dropped, it is the next one's.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    ticket: u64,
}

impl Turns {
    /// Waits for one's turn; `None` when the time is over.
    pub(super) fn wait(&self, since: Moment, timeout: Duration) -> Option<Turn<'_>> {
        let mut queue = self.lock();
        let ticket = queue.next;
        queue.next += 1;
        queue.waiting.push_back(ticket);
        // From here on the place in the queue is given back, however this ends.
        let turn = Turn {
            turns: self,
            ticket,
        };
        while queue.waiting.front() != Some(&ticket) {
            let Some(left) = timeout
                .checked_sub(since.elapsed())
                .filter(|left| !left.is_zero())
            else {
                drop(queue);
                return None;
            };
            queue = self
                .moved
                .wait_timeout(queue, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        Some(turn)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns
            .lock()
            .waiting
            .retain(|other| *other != self.ticket);
        self.turns.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_ends_and_a_wait_does_too() {
        let turns = Turns::default();
        let first = turns.wait(Moment::now(), Duration::ZERO).unwrap();
        assert!(
            turns
                .wait(Moment::now(), Duration::from_millis(1))
                .is_none()
        );
        drop(first);
        assert!(turns.wait(Moment::now(), Duration::ZERO).is_some());
    }

    #[test]
    fn turns_come_in_the_order_of_asking() {
        let turns = Turns::default();
        let order = Mutex::new(Vec::new());
        let first = turns.wait(Moment::now(), Duration::ZERO).unwrap();
        std::thread::scope(|scope| {
            for number in 1..=3 {
                let (turns, order) = (&turns, &order);
                scope.spawn(move || {
                    let _turn = turns.wait(Moment::now(), Duration::from_secs(20)).unwrap();
                    order.lock().unwrap().push(number);
                });
                while turns.lock().waiting.len() <= number {
                    std::thread::yield_now();
                }
            }
            drop(first);
        });
        assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    }
}
