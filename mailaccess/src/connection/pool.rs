//! Buffers that a connection borrows while bytes are there. An idle connection holds none, so ten thousand
//! of them cost no more than the few that are busy.

use std::sync::{Mutex, PoisonError};
use zeroize::Zeroize as _;

/// What is read at once.
pub(super) const READ_SIZE: usize = 16 * 1024;
/// What is pulled and written at once.
pub(super) const WRITE_SIZE: usize = 64 * 1024;
/// As many as two processors keep busy; more are given back to the allocator.
const KEPT: usize = 32;

/// All buffers of a process that nobody borrows now.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    reading: Mutex<Vec<Vec<u8>>>,
    writing: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    /// An empty buffer with room for [`READ_SIZE`].
    pub(super) fn borrow_reading(&self) -> Vec<u8> {
        take(&self.reading, READ_SIZE)
    }

    /// An empty buffer with room for [`WRITE_SIZE`].
    pub(super) fn borrow_writing(&self) -> Vec<u8> {
        take(&self.writing, WRITE_SIZE)
    }

    /// Gives back what was read into, which may have held a password: it is wiped.
    pub(super) fn give_back_reading(&self, mut buffer: Vec<u8>) {
        buffer.as_mut_slice().zeroize();
        give_back(&self.reading, buffer);
    }

    /// Gives back what was written from.
    pub(super) fn give_back_writing(&self, buffer: Vec<u8>) {
        give_back(&self.writing, buffer);
    }
}

fn take(shelf: &Mutex<Vec<Vec<u8>>>, size: usize) -> Vec<u8> {
    let kept = shelf.lock().unwrap_or_else(PoisonError::into_inner).pop();
    kept.unwrap_or_else(|| Vec::with_capacity(size))
}

fn give_back(shelf: &Mutex<Vec<Vec<u8>>>, mut buffer: Vec<u8>) {
    buffer.clear();
    let mut shelf = shelf.lock().unwrap_or_else(PoisonError::into_inner);
    if shelf.len() < KEPT {
        shelf.push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_given_back_is_borrowed_again() {
        let pool = Pool::default();
        let mut buffer = pool.borrow_reading();
        buffer.extend_from_slice(b"a LOGIN ann secret");
        let address = buffer.as_ptr();
        pool.give_back_reading(buffer);
        let again = pool.borrow_reading();
        assert_eq!(again.as_ptr(), address);
        assert!(again.is_empty() && again.capacity() >= READ_SIZE);
        let another = pool.borrow_reading();
        assert_ne!(another.as_ptr(), address);
    }

    #[test]
    fn a_wave_leaves_a_bounded_number_behind() {
        let pool = Pool::default();
        let wave: Vec<_> = (0..200).map(|_| pool.borrow_writing()).collect();
        assert!(wave.iter().all(|buffer| buffer.capacity() >= WRITE_SIZE));
        for buffer in wave {
            pool.give_back_writing(buffer);
        }
        assert_eq!(pool.writing.lock().unwrap().len(), KEPT);
    }
}
