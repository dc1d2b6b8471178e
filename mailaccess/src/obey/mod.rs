//! Obeys the documents: whenever they change, everything that is hot becomes what they say.
//!
//! Settings and certificates are swapped, ports opened and closed, and whoever lost their right is told to
//! go: at once where the session waits, after its running command otherwise, and cut after ten seconds.
//! When thousands must go, they go spread over seconds. Nobody else notices.

use crate::connection::Signals;
use crate::documents::Effective;
use crate::listener::Listeners;
use crate::live::{Live, MakeTls};
use crate::server::Server;
use crate::tls;
use mailaccess_config::{MailboxAddress, Protocol};
use mailaccess_mail::step::{self, NoAccess};
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How long a port that could not be opened is left alone.
const RETRY_PORTS: Duration = Duration::from_secs(1);
/// How many are told to go at once.
const BATCH: usize = 100;
/// And then the next as many.
const BATCH_PAUSE: Duration = Duration::from_millis(100);
/// How long somebody who must go has to end a running command.
const CUT_AFTER: Duration = Duration::from_secs(10);

/// What is obeyed, and how far that is.
pub(crate) struct Obedience {
    server: Arc<Server>,
    newest: watch::Receiver<Arc<Effective>>,
    obeyed: watch::Sender<Arc<Effective>>,
    listeners: Listeners,
    make_tls: MakeTls,
    /// Who may have to go, and were not told yet.
    leaving: VecDeque<Leaver>,
    next_batch: Instant,
    /// When who was told is cut. In the order of time.
    cuts: VecDeque<(Instant, Weak<Signals>)>,
    retry_ports: Instant,
}

struct Leaver {
    protocol: Protocol,
    person: MailboxAddress,
    signals: Arc<Signals>,
    why: NoAccess,
}

impl Obedience {
    pub(crate) fn new(
        server: Arc<Server>,
        newest: watch::Receiver<Arc<Effective>>,
        listeners: Listeners,
    ) -> Self {
        let now = Instant::now();
        Self {
            server,
            newest,
            obeyed: watch::Sender::new(Arc::default()),
            listeners,
            make_tls: tls::server_config,
            leaving: VecDeque::new(),
            next_batch: now,
            cuts: VecDeque::new(),
            retry_ports: now,
        }
    }

    /// What is obeyed by now.
    pub(crate) fn obeyed(&self) -> watch::Receiver<Arc<Effective>> {
        self.obeyed.subscribe()
    }

    /// Obeys until `close`; then closes all ports. Rights are obeyed to the end of the process.
    pub(crate) async fn run(mut self, close: CancellationToken) {
        self.obey(&close).await;
        loop {
            let now = Instant::now();
            let next = self.next_timer(now);
            tokio::select! {
                // Ports are closed before anything else is done at them.
                biased;
                () = close.cancelled(), if !self.listeners.is_closed() => {
                    self.listeners.close_all().await;
                }
                changed = self.newest.changed() => {
                    if changed.is_err() {
                        // The watching task ended with the process.
                        return;
                    }
                    self.obey(&close).await;
                }
                () = sleep_until(next) => self.timers(),
            }
        }
    }

    async fn obey(&mut self, close: &CancellationToken) {
        let effective = Arc::clone(&self.newest.borrow_and_update());
        for protocol in Protocol::ALL {
            self.obey_settings(protocol, &effective);
        }
        if !close.is_cancelled() {
            self.listeners.obey(&effective).await;
            self.retry_ports = Instant::now() + RETRY_PORTS;
        }
        self.obey_rights(&effective);
        self.obeyed.send_replace(effective);
    }

    fn obey_settings(&self, protocol: Protocol, effective: &Effective) {
        let previous = self.server.live(protocol);
        let Some(live) = Live::next(&previous, effective, protocol, self.make_tls) else {
            return;
        };
        if let Some(fault) = &live.tls_fault {
            self.server.metrics.protocol(protocol).failed_tls.inc();
            let error = &fault.text;
            tracing::error!(%protocol, %error, "make a TLS configuration; the last one stays");
        }
        let timeouts_changed = live.timeouts != previous.timeouts;
        drop(previous);
        self.server.set_live(protocol, live);
        if timeouts_changed {
            for signals in self.server.sessions.of(protocol) {
                signals.settings_changed();
            }
        }
    }

    fn obey_rights(&mut self, effective: &Effective) {
        // Who waits to be told is among them, unless they got their right back.
        self.leaving = self
            .server
            .sessions
            .people()
            .into_iter()
            .filter(|(_, _, signals)| !signals.is_revoked())
            .filter_map(|(protocol, person, signals)| {
                let why = may_stay(effective, protocol, &person).err()?;
                Some(Leaver {
                    protocol,
                    person,
                    signals,
                    why,
                })
            })
            .collect();
        if !self.leaving.is_empty() {
            tracing::info!(sessions = self.leaving.len(), "rights were taken away");
        }
        self.timers();
    }

    /// Tells the next who must go, cuts who was told long ago, tries ports again.
    fn timers(&mut self) {
        let now = Instant::now();
        if !self.leaving.is_empty() && now >= self.next_batch {
            for leaver in self.leaving.drain(..BATCH.min(self.leaving.len())) {
                tracing::debug!(user = %leaver.person, why = ?leaver.why, "told to go");
                self.server.metrics.protocol(leaver.protocol).revoked.inc();
                leaver.signals.revoke(leaver.why);
                let signals = Arc::downgrade(&leaver.signals);
                self.cuts.push_back((now + CUT_AFTER, signals));
            }
            self.next_batch = now + BATCH_PAUSE;
        }
        while self.cuts.front().is_some_and(|(at, _)| now >= *at) {
            let gone = self.cuts.pop_front();
            if let Some(signals) = gone.and_then(|(_, signals)| signals.upgrade()) {
                signals.cut();
            }
        }
        if self.listeners.has_failed() && now >= self.retry_ports {
            self.listeners.retry();
            self.retry_ports = now + RETRY_PORTS;
        }
    }

    fn next_timer(&self, now: Instant) -> Instant {
        // Where there is nothing to do, often enough.
        let mut next = now + Duration::from_mins(1);
        if !self.leaving.is_empty() {
            next = next.min(self.next_batch);
        }
        if let Some((at, _)) = self.cuts.front() {
            next = next.min(*at);
        }
        if self.listeners.has_failed() {
            next = next.min(self.retry_ports);
        }
        next
    }
}

fn may_stay(
    effective: &Effective,
    protocol: Protocol,
    person: &MailboxAddress,
) -> Result<(), NoAccess> {
    let protocol = match protocol {
        Protocol::Imap => step::Protocol::Imap,
        Protocol::Pop => step::Protocol::Pop3,
    };
    crate::people::may_stay(effective, person, protocol)
}

#[cfg(test)]
mod tests;
