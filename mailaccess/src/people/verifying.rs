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
            counter.fetch_add(1, Ordering::Relaxed);
            return Ok(hash.verify(password.expose()));
        }
        let turn = tokio::time::timeout(self.limits.wait, self.turn(hash.cost())).await;
        let Ok(Some(turn)) = turn else {
            self.busy.fetch_add(1, Ordering::Relaxed);
            return Err(Busy);
        };
        counter.fetch_add(1, Ordering::Relaxed);
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
