//! All connections of this process: how many there are, and how each can be reached.

use super::Signals;
use mailaccess_config::{MailboxAddress, Protocol};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many connections that are refused may wait for their farewell at once. More are closed unheard.
const FAREWELLS: usize = 256;

/// Whether a connection gets a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It does.
    Welcome,
    /// There are too many; it is told so.
    Full,
}

/// The connections of one process.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<u64, Entry>,
    next: u64,
    welcome: [usize; Protocol::ALL.len()],
    full: usize,
}

#[derive(Debug)]
struct Entry {
    protocol: Protocol,
    signals: Arc<Signals>,
}

/// A connection's place among all; given up when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    sessions: Arc<Sessions>,
    id: u64,
    protocol: Protocol,
    admission: Admission,
    signals: Arc<Signals>,
}

impl Sessions {
    /// Takes a connection in, or takes it in to be told that there are too many, or does neither.
    pub(crate) fn admit(self: &Arc<Self>, protocol: Protocol, limit: usize) -> Option<Place> {
        let mut table = self.lock();
        let admission = if table.welcome[protocol as usize] < limit {
            table.welcome[protocol as usize] += 1;
            Admission::Welcome
        } else if table.full < FAREWELLS {
            table.full += 1;
            Admission::Full
        } else {
            return None;
        };
        let id = table.next;
        table.next += 1;
        let signals = Arc::new(Signals::default());
        let entry = Entry {
            protocol,
            signals: Arc::clone(&signals),
        };
        table.entries.insert(id, entry);
        Some(Place {
            sessions: Arc::clone(self),
            id,
            protocol,
            admission,
            signals,
        })
    }

    /// How many connections of this protocol there are.
    pub(crate) fn count(&self, protocol: Protocol) -> usize {
        self.lock().welcome[protocol as usize]
    }

    /// Everybody of this protocol.
    pub(crate) fn of(&self, protocol: Protocol) -> Vec<Arc<Signals>> {
        self.lock()
            .entries
            .values()
            .filter(|entry| entry.protocol == protocol)
            .map(|entry| Arc::clone(&entry.signals))
            .collect()
    }

    /// Everybody who is logged on.
    pub(crate) fn people(&self) -> Vec<(Protocol, MailboxAddress, Arc<Signals>)> {
        self.lock()
            .entries
            .values()
            .filter_map(|entry| {
                let person = entry.signals.person()?;
                Some((entry.protocol, person, Arc::clone(&entry.signals)))
            })
            .collect()
    }

    /// Everybody.
    pub(crate) fn all(&self) -> Vec<Arc<Signals>> {
        self.lock()
            .entries
            .values()
            .map(|entry| Arc::clone(&entry.signals))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    pub(crate) fn admission(&self) -> Admission {
        self.admission
    }

    pub(crate) fn signals(&self) -> &Arc<Signals> {
        &self.signals
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.sessions.lock();
        table.entries.remove(&self.id);
        match self.admission {
            Admission::Welcome => table.welcome[self.protocol as usize] -= 1,
            Admission::Full => table.full -= 1,
        }
        if table.entries.len() * 4 < table.entries.capacity() {
            // After a wave has left.
            let len = table.entries.len();
            table.entries.shrink_to(len * 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_until_it_is_dropped() {
        let sessions = Arc::new(Sessions::default());
        let first = sessions.admit(Protocol::Imap, 1).unwrap();
        assert_eq!(first.admission(), Admission::Welcome);
        let second = sessions.admit(Protocol::Imap, 1).unwrap();
        assert_eq!(second.admission(), Admission::Full);
        let other = sessions.admit(Protocol::Pop, 1).unwrap();
        assert_eq!(other.admission(), Admission::Welcome);
        assert_eq!(sessions.count(Protocol::Imap), 1);
        drop(first);
        assert_eq!(sessions.count(Protocol::Imap), 0);
        let third = sessions.admit(Protocol::Imap, 1).unwrap();
        assert_eq!(third.admission(), Admission::Welcome);
    }

    #[test]
    fn farewells_are_bounded() {
        let sessions = Arc::new(Sessions::default());
        let told: Vec<_> = std::iter::from_fn(|| sessions.admit(Protocol::Pop, 0))
            .take(1000)
            .collect();
        assert_eq!(told.len(), FAREWELLS);
        drop(told);
        assert!(sessions.admit(Protocol::Pop, 0).is_some());
    }

    #[test]
    fn people_are_those_who_are_logged_on() {
        let sessions = Arc::new(Sessions::default());
        let places: Vec<_> = (0..3)
            .map(|_| sessions.admit(Protocol::Imap, 9).unwrap())
            .collect();
        places[1]
            .signals()
            .set_person("ann@example.com".parse().unwrap());
        let people = sessions.people();
        assert_eq!(people.len(), 1);
        assert_eq!(people[0].1.to_string(), "ann@example.com");
        assert_eq!(sessions.all().len(), 3);
    }
}
