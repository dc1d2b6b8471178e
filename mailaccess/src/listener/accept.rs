//! One port: takes connections and starts a task for each.

use super::socket;
use crate::cause::Chain;
use crate::connection::{self, Accepted, Admission, Ended, Security};
use crate::server::Server;
use crate::span::UserSpan;
use arc_swap::ArcSwap;
use mailaccess_config::Protocol;
use mailaccess_imap::Imap;
use mailaccess_mail::step::{Session, Stop};
use mailaccess_pop3::Pop3;
use rustix::io::Errno;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

/// How long not to accept when the process or the system has run out of something.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// What a port is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) protocol: Protocol,
    pub(super) security: Security,
}

/// A port as its accepting task sees it.
pub(super) struct Door {
    /// As in the settings.
    pub(super) port: u16,
    pub(super) role: Arc<ArcSwap<Role>>,
    pub(super) close: CancellationToken,
}

/// Accepts until the port is closed.
pub(super) async fn run(server: Arc<Server>, listener: TcpListener, door: Door) {
    loop {
        let accepted = tokio::select! {
            // A port that is to be closed takes nobody more.
            biased;
            () = door.close.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => admit(&server, **door.role.load(), socket, peer),
            Err(error) => {
                server.metrics.accept_failed(door.port);
                if is_exhausted(&error) {
                    tracing::warn!(port = door.port, %error, "cannot accept connections now");
                    tokio::select! {
                        biased;
                        () = door.close.cancelled() => return,
                        () = tokio::time::sleep(EXHAUSTED_PAUSE) => {}
                    }
                } else {
                    // The connection was gone before it was accepted.
                    tracing::debug!(port = door.port, %error, "accept");
                }
            }
        }
    }
}

/// Whether accepting again at once would fail again at once.
fn is_exhausted(error: &io::Error) -> bool {
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS];
    error
        .raw_os_error()
        .is_some_and(|code| exhausted.iter().any(|errno| errno.raw_os_error() == code))
}

fn admit(server: &Arc<Server>, role: Role, socket: TcpStream, peer: SocketAddr) {
    let Role { protocol, security } = role;
    let metrics = server.metrics.protocol(protocol);
    let limit = server.live(protocol).max_connections;
    metrics.accepted.inc();
    let Some(place) = server.sessions.admit(protocol, limit) else {
        metrics.refused.inc();
        return;
    };
    if place.admission() == Admission::Full {
        metrics.refused.inc();
    }
    if let Err(error) = socket::prepare(&socket) {
        tracing::debug!(%error, %peer, "prepare the socket");
    }
    let span = UserSpan::new(protocol, security, peer);
    let accepted = Accepted {
        socket,
        security,
        place,
        span,
    };
    match protocol {
        Protocol::Imap => spawn::<Imap>(server, accepted),
        Protocol::Pop => spawn::<Pop3>(server, accepted),
    }
}

fn spawn<S: Session>(server: &Arc<Server>, accepted: Accepted) {
    let span = accepted.span.span().clone();
    let task = serve::<S>(Arc::clone(server), accepted).instrument(span);
    server.tasks.spawn(task);
}

/// One connection from its first to its last byte.
pub(super) async fn serve<S: Session>(server: Arc<Server>, accepted: Accepted) {
    let protocol = crate::people::of(S::PROTOCOL);
    let open = OpenGauge::new(&server, protocol);
    let ended = connection::serve::<S>(Arc::clone(&server), accepted).await;
    drop(open);
    server.metrics.ended(protocol, ended.reason());
    report(&ended);
}

/// Counts a connection as open until it is dropped, also when its task panics: which is counted, too.
struct OpenGauge<'a> {
    server: &'a Server,
    protocol: Protocol,
}

impl<'a> OpenGauge<'a> {
    fn new(server: &'a Server, protocol: Protocol) -> Self {
        server.metrics.protocol(protocol).open.inc();
        Self { server, protocol }
    }
}

impl Drop for OpenGauge<'_> {
    fn drop(&mut self) {
        self.server.metrics.protocol(self.protocol).open.dec();
        if std::thread::panicking() {
            self.server.metrics.ended(self.protocol, "panic");
        }
    }
}

fn report(ended: &Ended) {
    if ended.is_our_fault() {
        tracing::error!(cause = %Chain(ended), "connection ended");
    } else if let Ended::Stopped(Stop::AccessRevoked(_) | Stop::TooManyConnections)
    | Ended::Injection
    | Ended::NoCertificate = ended
    {
        tracing::info!(cause = %Chain(ended), "connection ended");
    } else {
        tracing::debug!(cause = %Chain(ended), "connection ended");
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.security {
            Security::Plain => write!(f, "{}", self.protocol),
            Security::Tls => write!(f, "{} with TLS", self.protocol),
        }
    }
}
