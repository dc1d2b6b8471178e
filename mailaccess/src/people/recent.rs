//! Logins that succeeded shortly before.
//!
//! What is kept is a hash under a key that this process made for itself: of address, password line and
//! password. So another line, which is a changed password, is simply not found, and the memory of this
//! process holds nothing that is worth more than what lies beside it.

use mailaccess_config::{MailboxAddress, PasswordHash};
use sha2::{Digest as _, Sha256};
use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// What identifies one successful login.
pub(super) type Ticket = [u8; 32];

/// A bounded set of them, oldest first.
pub(super) struct Recent {
    key: Zeroizing<[u8; 32]>,
    remember: Duration,
    limit: usize,
    known: HashSet<Ticket>,
    /// All live equally long, so this is the order in which they end.
    ends: VecDeque<(Instant, Ticket)>,
}

impl Recent {
    /// An empty set; `key` is random and known to nobody.
    pub(super) fn new(key: Zeroizing<[u8; 32]>, remember: Duration, limit: usize) -> Self {
        Self {
            key,
            remember,
            limit,
            known: HashSet::new(),
            ends: VecDeque::new(),
        }
    }

    /// What identifies this login.
    pub(super) fn ticket(
        &self,
        address: &MailboxAddress,
        hash: &PasswordHash,
        password: &[u8],
    ) -> Ticket {
        let mut digest = Sha256::new();
        digest.update(*self.key);
        for part in [
            address.as_str().as_bytes(),
            hash.expose().as_bytes(),
            password,
        ] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }

    /// Whether it succeeded shortly before.
    pub(super) fn contains(&mut self, ticket: &Ticket, now: Instant) -> bool {
        self.forget(now);
        self.known.contains(ticket)
    }

    /// Remembers it.
    pub(super) fn insert(&mut self, ticket: Ticket, now: Instant) {
        self.forget(now);
        if self.limit == 0 || !self.known.insert(ticket) {
            return;
        }
        self.ends.push_back((now + self.remember, ticket));
        while self.known.len() > self.limit {
            self.forget_first();
        }
    }

    fn forget(&mut self, now: Instant) {
        while self.ends.front().is_some_and(|(end, _)| *end <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, ticket)) = self.ends.pop_front() {
            self.known.remove(&ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMEMBER: Duration = Duration::from_mins(5);

    fn recent(limit: usize) -> Recent {
        Recent::new(Zeroizing::new([7; 32]), REMEMBER, limit)
    }

    #[test]
    fn a_ticket_is_of_all_three_and_of_this_process() {
        let recent = recent(9);
        let address = |text: &str| text.parse::<MailboxAddress>().unwrap();
        let hash = |text: &str| text.parse::<PasswordHash>().unwrap();
        let ticket = recent.ticket(&address("a@b"), &hash("{PLAIN}x"), b"p");
        let others = [
            recent.ticket(&address("aa@b"), &hash("{PLAIN}x"), b"p"),
            recent.ticket(&address("a@b"), &hash("{PLAIN}y"), b"p"),
            recent.ticket(&address("a@b"), &hash("{PLAIN}x"), b"q"),
            recent.ticket(&address("a@b"), &hash("{PLAIN}xp"), b""),
            Recent::new(Zeroizing::new([8; 32]), REMEMBER, 9).ticket(
                &address("a@b"),
                &hash("{PLAIN}x"),
                b"p",
            ),
        ];
        assert!(!others.contains(&ticket));
        assert_eq!(
            ticket,
            recent.ticket(&address("a@b"), &hash("{PLAIN}x"), b"p")
        );
    }

    #[tokio::test]
    async fn the_oldest_are_forgotten_first() {
        let now = Instant::now();
        let mut recent = recent(2);
        for ticket in 1..=3 {
            recent.insert([ticket; 32], now);
            recent.insert([ticket; 32], now);
        }
        let known = [1, 2, 3].map(|ticket| recent.contains(&[ticket; 32], now));
        assert_eq!(known, [false, true, true]);
        assert!(!recent.contains(&[3; 32], now + REMEMBER));
        assert!(recent.known.is_empty() && recent.ends.is_empty());
    }

    #[tokio::test]
    async fn none_are_kept_where_none_may_be() {
        let mut recent = recent(0);
        recent.insert([1; 32], Instant::now());
        assert!(!recent.contains(&[1; 32], Instant::now()));
    }
}
