//! Verifications: bounded in memory, threads and waiting, and counted.

use super::Limits;
use super::recent::Recent;
use mailaccess_config::{Cost, MailboxAddress, PasswordHash};
use mailaccess_mail::Secret;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use zeroize::Zeroizing;

/// Verifies passwords for one pod.
pub struct People {
    limits: Limits,
    threads: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    recent: Mutex<Recent>,
    verified: AtomicU64,
    verified_nobody: AtomicU64,
    remembered: AtomicU64,
    busy: AtomicU64,
    /// What each verification took, in order.
    #[cfg(test)]
    pub(super) costs: Mutex<Vec<Cost>>,
}

/// What was done since the start, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Verifications of somebody's password.
    pub verified: u64,
    /// Verifications for names that mean nobody.
    pub verified_nobody: u64,
    /// Logins that needed none.
    pub remembered: u64,
    /// Logins that waited in vain.
    pub busy: u64,
}

/// Waited in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

/// The right to verify: one thread and some memory.
struct Turn {
    _thread: OwnedSemaphorePermit,
    _memory: OwnedSemaphorePermit,
}

impl People {
    /// Nobody has been verified yet. Fails only where the kernel has no random bytes.
    pub fn new(limits: Limits) -> Result<Self, getrandom::Error> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key)?;
        let permits = |count: u32| Arc::new(Semaphore::new(count.max(1) as usize));
        Ok(Self {
            limits,
            threads: permits(limits.threads),
            memory: permits(limits.memory_kib),
            recent: Mutex::new(Recent::new(key, limits.remember, limits.remembered)),
            verified: AtomicU64::new(0),
            verified_nobody: AtomicU64::new(0),
            remembered: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            #[cfg(test)]
            costs: Mutex::default(),
        })
    }

    /// What was done since the start.
    pub fn counts(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            verified: load(&self.verified),
            verified_nobody: load(&self.verified_nobody),
            remembered: load(&self.remembered),
            busy: load(&self.busy),
        }
    }

    /// Whether this is the person's password.
    pub(super) async fn verify(
        &self,
        address: &MailboxAddress,
        hash: &PasswordHash,
        password: &Secret,
    ) -> Result<bool, Busy> {
        // What takes no time needs no memory of it.
        if hash.is_plain() {
            return self.run(hash.clone(), password, &self.verified).await;
        }
        let ticket = {
            let mut recent = self.recent();
            let ticket = recent.ticket(address, hash, password.expose());
            if recent.contains(&ticket, Instant::now()) {
                self.remembered.fetch_add(1, Ordering::Relaxed);
                return Ok(true);
            }
            ticket
        };
        let right = self.run(hash.clone(), password, &self.verified).await?;
        if right {
            self.recent().insert(ticket, Instant::now());
        }
        Ok(right)
    }

    /// Takes as long as a person's verification does, for a name that means nobody.
    pub(super) async fn verify_nobody(
        &self,
        dummy: PasswordHash,
        password: &Secret,
    ) -> Result<(), Busy> {
        self.run(dummy, password, &self.verified_nobody)
            .await
            .map(drop)
    }

    async fn run(
        &self,
        hash: PasswordHash,
        password: &Secret,
        counter: &AtomicU64,
    ) -> Result<bool, Busy> {
        if hash.is_plain() {
            self.count(counter, hash.cost());
            return Ok(hash.verify(password.expose()));
        }
        let turn = tokio::time::timeout(self.limits.wait, self.turn(hash.cost())).await;
        let Ok(Some(turn)) = turn else {
            self.busy.fetch_add(1, Ordering::Relaxed);
            return Err(Busy);
        };
        self.count(counter, hash.cost());
        let password = password.clone();
        // The turn goes with the work: it is not over when the client goes away.
        let verified = tokio::task::spawn_blocking(move || {
            let right = hash.verify(password.expose());
            drop(turn);
            right
        });
        verified.await.map_err(|error| {
            tracing::error!(%error, "verify a password");
            Busy
        })
    }

    #[cfg_attr(
        not(test),
        expect(clippy::unused_self, reason = "tests also ask what it took")
    )]
    fn count(&self, counter: &AtomicU64, cost: Cost) {
        counter.fetch_add(1, Ordering::Relaxed);
        #[cfg(test)]
        self.costs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(cost);
        #[cfg(not(test))]
        let _ = cost;
    }

    async fn turn(&self, cost: Cost) -> Option<Turn> {
        let memory = cost.memory_kib().min(self.limits.memory_kib.max(1));
        let thread = Arc::clone(&self.threads).acquire_owned().await.ok()?;
        let memory = Arc::clone(&self.memory)
            .acquire_many_owned(memory)
            .await
            .ok()?;
        Some(Turn {
            _thread: thread,
            _memory: memory,
        })
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for People {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("People")
            .field("limits", &self.limits)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn limits() -> Limits {
        Limits {
            memory_kib: 300,
            threads: 2,
            wait: Duration::from_secs(10),
            remember: Duration::from_mins(5),
            remembered: 2,
        }
    }

    fn password(text: &str) -> Secret {
        Secret::from(text.as_bytes().to_vec())
    }

    /// 256 KiB of memory; "correct horse".
    fn hash() -> PasswordHash {
        "{ARGON2ID}$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$kunbXLUIdGdYO6YIhzAd9bJFmjpOR0O2"
            .parse()
            .unwrap()
    }

    fn ann() -> MailboxAddress {
        "ann@example.com".parse().unwrap()
    }

    async fn verify(people: &People, text: &str) -> Result<bool, Busy> {
        people.verify(&ann(), &hash(), &password(text)).await
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_too_long_for_memory_is_told_to_come_again() {
        let people = People::new(limits()).unwrap();
        let others = Arc::clone(&people.memory)
            .acquire_many_owned(100)
            .await
            .unwrap();
        let verified = verify(&people, "correct horse").await;
        assert_eq!(verified, Err(Busy));
        assert_eq!(
            people.counts(),
            Counts {
                busy: 1,
                ..Counts::default()
            }
        );
        drop(others);
        let verified = verify(&people, "correct horse").await;
        assert_eq!(verified, Ok(true));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_too_long_for_a_thread_is_told_to_come_again() {
        let people = People::new(limits()).unwrap();
        let _others = Arc::clone(&people.threads)
            .acquire_many_owned(2)
            .await
            .unwrap();
        let verified = verify(&people, "correct horse").await;
        assert_eq!(verified, Err(Busy));
        // A password that takes nothing waits for nothing.
        let plain: PasswordHash = "{PLAIN}x".parse().unwrap();
        assert_eq!(
            people.verify(&ann(), &plain, &password("x")).await,
            Ok(true)
        );
    }

    #[tokio::test]
    async fn a_hash_larger_than_the_budget_has_it_alone() {
        let people = People::new(Limits {
            memory_kib: 10,
            ..limits()
        })
        .unwrap();
        let verified = verify(&people, "correct horse").await;
        assert_eq!(verified, Ok(true));
        assert_eq!(people.memory.available_permits(), 10);
        assert_eq!(people.threads.available_permits(), 2);
    }

    #[tokio::test]
    async fn a_client_that_goes_away_keeps_its_turn_until_the_work_is_over() {
        const MEMORY_KIB: u32 = 64 << 10;
        let people = People::new(Limits {
            memory_kib: MEMORY_KIB,
            ..limits()
        })
        .unwrap();
        let slow = PasswordHash::dummy(Cost::Argon2id {
            memory_kib: MEMORY_KIB,
            passes: 3,
            lanes: 1,
        });
        let (who, text) = (ann(), password("x"));
        {
            let mut verified = std::pin::pin!(people.verify(&who, &slow, &text));
            tokio::select! {
                biased; // Begun, and then given up.
                early = &mut verified => panic!("{early:?} at once"),
                () = tokio::task::yield_now() => {}
            }
        }
        assert_eq!(people.counts().verified, 1);
        assert_eq!(people.memory.available_permits(), 0);
        let back = Arc::clone(&people.memory).acquire_many_owned(MEMORY_KIB);
        assert!(back.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_login_is_remembered_for_a_while_and_only_the_right_one() {
        let people = People::new(limits()).unwrap();
        let asked = async |text: &str| {
            let verified = verify(&people, text).await;
            (verified.unwrap(), people.counts().verified)
        };
        assert_eq!(asked("correct horse").await, (true, 1));
        assert_eq!(asked("correct horse").await, (true, 1));
        assert_eq!(asked("wrong").await, (false, 2));
        assert_eq!(asked("wrong").await, (false, 3));
        assert_eq!(asked("correct horse").await, (true, 3));
        tokio::time::advance(Duration::from_mins(5)).await;
        assert_eq!(asked("correct horse").await, (true, 4));
        assert_eq!(people.counts().remembered, 2);
    }
}
