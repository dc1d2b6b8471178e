//! What all connections of this process share.

use crate::connection::{Pool, Sessions};
use crate::documents::Effective;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::people::{self, People};
use arc_swap::{ArcSwap, Guard};
use mailaccess_config::{MailboxAddress, Protocol};
use mailaccess_mail::step::{self, NoAccess};
use mailaccess_store::maildir::Store;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// What all connections of this process share.
pub(crate) struct Server {
    pub(crate) pool: Pool,
    pub(crate) metrics: Metrics,
    pub(crate) people: People,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) store: Store,
    /// Every connection, and every job that must end before the process does.
    pub(crate) tasks: TaskTracker,
    live: [ArcSwap<Live>; Protocol::ALL.len()],
    effective: watch::Receiver<Arc<Effective>>,
}

impl Server {
    pub(crate) fn new(
        effective: watch::Receiver<Arc<Effective>>,
        store: Store,
        people: People,
    ) -> Self {
        Self {
            pool: Pool::default(),
            metrics: Metrics::default(),
            people,
            sessions: Arc::default(),
            store,
            tasks: TaskTracker::new(),
            live: std::array::from_fn(|_| ArcSwap::default()),
            effective,
        }
    }

    /// What a protocol's settings mean now. Not to be held while anything is waited for.
    pub(crate) fn live(&self, protocol: Protocol) -> Guard<Arc<Live>> {
        self.live[protocol as usize].load()
    }

    pub(crate) fn set_live(&self, protocol: Protocol, live: Live) {
        self.live[protocol as usize].store(Arc::new(live));
    }

    /// What is in force now, perhaps a moment before it is obeyed.
    pub(crate) fn effective(&self) -> Arc<Effective> {
        Arc::clone(&self.effective.borrow())
    }

    /// Whether somebody who is in may stay, as of now.
    pub(crate) fn may_stay(
        &self,
        protocol: step::Protocol,
        person: &MailboxAddress,
    ) -> Result<(), NoAccess> {
        people::may_stay(&self.effective(), person, protocol)
    }
}
