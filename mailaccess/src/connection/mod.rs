//! The driver: carries out the steps of a session on one TCP connection.
//!
//! ```text
//! serve ── handshake, where the port begins with TLS
//!   └─ loop ─ busy   carries out steps until the session reads (boxed: an idle connection has none)
//!           └ wait   for bytes, a signal or a time; borrows a buffer only when bytes are there
//! ```
//!
//! The driver alone touches socket, clock and store. Jobs run in their own tasks on threads that may block,
//! so that a lost connection never drops a change half done. Everything that is sent is flushed before
//! anything is waited for.

mod busy;
mod ended;
mod output;
mod pool;
mod sessions;
mod signals;
#[cfg(test)]
mod tests;
mod transport;
mod wait;

pub(crate) use ended::Ended;
pub(crate) use pool::Pool;
pub(crate) use sessions::{Admission, Place, Sessions};
pub(crate) use signals::Signals;

use crate::people;
use crate::server::Server;
use crate::span::UserSpan;
use mailaccess_config::Protocol;
use mailaccess_mail::step::{Session, Stop};
use mailaccess_mail::store::Hint;
use output::Queue;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use transport::Transport;

/// The longest handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many times `preAuthenticatedConnectionTimeout` a connection lives on which nobody logs on, however
/// much is said.
const LOG_ON_TIMEOUTS: u32 = 3;

/// With what a port begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Security {
    /// In the clear; TLS may be started later.
    Plain,
    /// With a handshake.
    Tls,
}

/// A connection that was accepted.
pub(crate) struct Accepted {
    pub(crate) socket: TcpStream,
    pub(crate) security: Security,
    pub(crate) place: Place,
    pub(crate) span: UserSpan,
}

/// What a session is told next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Start,
    Received,
    Eof,
    Changed,
    Tick,
    Stop(Stop),
}

/// One connection and its session.
struct Connection<S> {
    server: Arc<Server>,
    place: Place,
    span: UserSpan,
    transport: Transport,
    /// `None` only while it is consumed into the next one.
    session: Option<S>,
    hint: Hint,
    queue: Queue,
    /// What was received and not yet taken: `input[taken..]`. No memory while it is empty.
    input: Vec<u8>,
    taken: usize,
    /// Whether the session took nothing of it: it needs more.
    starving: bool,
    /// When the client last said something (before a login: something whole), or was last answered.
    active: Instant,
    /// When it was accepted.
    begun: Instant,
    /// Why the session was told to end.
    stopped: Option<Stop>,
}

/// Serves a connection to its end.
pub(crate) async fn serve<S: Session>(server: Arc<Server>, accepted: Accepted) -> Ended {
    let signals = Arc::clone(accepted.place.signals());
    let mut event = match accepted.place.admission() {
        Admission::Welcome => Event::Start,
        Admission::Full => Event::Stop(Stop::TooManyConnections),
    };
    let security = accepted.security;
    let mut connection = Connection::<S>::new(server, accepted);
    if security == Security::Tls
        && let Err(ended) = Box::pin(connection.handshake()).await
    {
        return ended;
    }
    loop {
        let busy = Box::pin(connection.busy(event));
        let wait = tokio::select! {
            // Whoever is to be cut has had its time.
            biased;
            () = signals.until_cut() => return Ended::Cut,
            result = busy => match result {
                Ok(wait) => wait,
                Err(ended) => return ended,
            },
        };
        event = match connection.wait(wait).await {
            Ok(event) => event,
            Err(ended) => return ended,
        };
    }
}

impl<S: Session> Connection<S> {
    fn new(server: Arc<Server>, accepted: Accepted) -> Self {
        let Accepted {
            socket,
            security: _,
            place,
            span,
        } = accepted;
        let signals = Arc::clone(place.signals());
        Self {
            server,
            place,
            span,
            transport: Transport::Plain(socket),
            session: Some(S::new()),
            hint: Arc::new(move || signals.changed()),
            queue: Queue::default(),
            input: Vec::new(),
            taken: 0,
            starving: false,
            active: Instant::now(),
            begun: Instant::now(),
            stopped: None,
        }
    }

    /// When the connection ends if nobody has logged on by then, by the newest settings.
    fn log_on_deadline(&self) -> Instant {
        let timeouts = self.server.live(Self::protocol()).timeouts;
        self.begun + timeouts.pre_authenticated * LOG_ON_TIMEOUTS
    }

    fn protocol() -> Protocol {
        people::of(S::PROTOCOL)
    }

    /// Does a handshake, unless there is no certificate or the session must end.
    async fn handshake(&mut self) -> Result<(), Ended> {
        let (config, patience) = {
            let live = self.server.live(Self::protocol());
            (live.tls.clone(), live.timeouts.pre_authenticated)
        };
        let config = config.ok_or(Ended::NoCertificate)?;
        let limit = HANDSHAKE_TIMEOUT.min(patience);
        let signals = Arc::clone(self.place.signals());
        let result = tokio::select! {
            // Nobody who must go is worth a handshake.
            biased;
            () = signals.until_stop() => Err(Ended::Cut),
            result = timeout(limit, self.transport.start_tls(config)) => match result {
                Ok(result) => result.map_err(Ended::Handshake),
                Err(_) => Err(Ended::HandshakeTimeout),
            },
        };
        let protocol = self.server.metrics.protocol(Self::protocol());
        match &result {
            Ok(()) => protocol.handshakes.inc(),
            Err(_) => protocol.failed_handshakes.inc(),
        };
        self.active = Instant::now();
        result
    }
}
