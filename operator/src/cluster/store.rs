//! The caches of all namespaces, shared by everything, and who is woken by what changes in them.

use super::cache::{Affected, Beyond, Cache, Parts};
use super::kind::Kind;
use super::row::{PodRow, Row};
use kube::core::DynamicObject;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A server of some namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl std::fmt::Display for ServerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Everything that watches have said so far.
#[derive(Debug, Default)]
pub struct Store {
    state: Mutex<State>,
    /// A server came or went, an object waits for one, or a namespace is known whole.
    changed: Notify,
    /// An object that has a status of ours came or changed, and be it only by its status.
    statuses: Notify,
}

#[derive(Debug, Default)]
struct State {
    namespaces: BTreeMap<String, Cache>,
    listed: BTreeSet<(String, Kind)>,
    wakers: BTreeMap<ServerKey, Arc<Notify>>,
    /// Rises when a whole kind was read anew, so that what pods said may be of another time.
    epochs: BTreeMap<String, u64>,
}

impl Store {
    /// One object came, changed, or was written by the operator itself.
    pub fn put(&self, namespace: &str, kind: Kind, row: Row) {
        if kind.has_status() {
            self.statuses.notify_waiters();
        }
        let mut state = self.lock();
        let affected = state.cache(namespace).put(kind, row);
        self.wake(&state, namespace, &affected);
    }

    /// The same of an object as the API server sent it, if it can be read.
    pub fn take(&self, namespace: &str, kind: Kind, object: DynamicObject) {
        if let Some(row) = Row::of(kind, object) {
            self.put(namespace, kind, row);
        }
    }

    /// One object is gone.
    pub fn remove(&self, namespace: &str, kind: Kind, name: &str, uid: &str) {
        let mut state = self.lock();
        let affected = state.cache(namespace).remove(kind, name, uid);
        self.wake(&state, namespace, &affected);
    }

    /// Everything there is of a kind.
    pub fn replace(&self, namespace: &str, kind: Kind, rows: Vec<Row>) {
        let mut state = self.lock();
        let mut affected = state.cache(namespace).replace(kind, rows);
        let is_again = !state.listed.insert((namespace.to_owned(), kind));
        if is_again {
            *state.epochs.entry(namespace.to_owned()).or_default() += 1;
            affected.beyond.insert(Beyond::EveryServer);
        }
        self.wake(&state, namespace, &affected);
        self.changed.notify_waiters();
    }

    /// Whether every kind of a namespace was read once.
    pub fn is_known(&self, namespace: &str) -> bool {
        let state = self.lock();
        Kind::ALL
            .into_iter()
            .all(|kind| state.listed.contains(&(namespace.to_owned(), kind)))
    }

    /// What a server depends on, and in which epoch.
    pub fn parts(&self, key: &ServerKey) -> Option<(Parts, u64)> {
        let state = self.lock();
        let parts = state.namespaces.get(&key.namespace)?.parts(&key.name)?;
        let epoch = state.epochs.get(&key.namespace).copied();
        Some((parts, epoch.unwrap_or_default()))
    }

    /// The pods of a server.
    pub fn pods(&self, key: &ServerKey) -> Vec<PodRow> {
        let state = self.lock();
        state
            .namespaces
            .get(&key.namespace)
            .map(|cache| cache.pods(&key.name))
            .unwrap_or_default()
    }

    /// The servers of namespaces that are known whole.
    pub fn servers(&self) -> BTreeSet<ServerKey> {
        let state = self.lock();
        state
            .namespaces
            .iter()
            .flat_map(|(namespace, cache)| {
                cache.servers().map(|name| ServerKey {
                    namespace: namespace.clone(),
                    name: name.to_owned(),
                })
            })
            .collect()
    }

    /// Looks at the cache of a namespace.
    pub fn read<T>(&self, namespace: &str, look: impl FnOnce(&Cache) -> T) -> Option<T> {
        self.lock().namespaces.get(namespace).map(look)
    }

    /// How many objects of each namespace are kept.
    pub fn sizes(&self) -> Vec<(String, usize)> {
        let state = self.lock();
        state
            .namespaces
            .iter()
            .map(|(namespace, cache)| (namespace.clone(), cache.len()))
            .collect()
    }

    /// What wakes the reconciliation of a server.
    pub fn waker(&self, key: &ServerKey) -> Arc<Notify> {
        Arc::clone(self.lock().wakers.entry(key.clone()).or_default())
    }

    /// A server is not reconciled any more.
    pub fn forget(&self, key: &ServerKey) {
        self.lock().wakers.remove(key);
    }

    /// Resolves when servers or orphans have changed.
    pub fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// Resolves when a status may be another one than was written.
    pub fn statuses(&self) -> tokio::sync::futures::Notified<'_> {
        self.statuses.notified()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing between the lines of a change can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, state: &State, namespace: &str, affected: &Affected) {
        for (key, waker) in &state.wakers {
            let is_meant = affected.beyond.contains(&Beyond::EveryServer)
                || affected.servers.contains(&key.name);
            if key.namespace == namespace && is_meant {
                waker.notify_one();
            }
        }
        if affected.beyond.contains(&Beyond::Orphans) {
            self.changed.notify_waiters();
        }
    }
}

impl State {
    fn cache(&mut self, namespace: &str) -> &mut Cache {
        self.namespaces.entry(namespace.to_owned()).or_default()
    }
}
