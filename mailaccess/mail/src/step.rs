//! How a protocol session talks to its driver: it is handed inputs and consumes itself into steps.
//!
//! A session does no I/O. The driver alone touches the socket, the clock, the directory of people and the
//! store; it carries out a step, and hands in what came of it. The contract, step by step, stands at
//! [`Step`].
//!
//! ```text
//! driver ──Start──▶ session ──Write(greeting)──▶ driver ──Written──▶ session ──Read──▶ driver …
//! ```

mod output;

pub use output::{Output, Pull, Pulled, Refused};

use crate::store::{Account, Hint};
use crate::{InternalDate, Secret};
use std::sync::Arc;
use std::time::Duration;

/// A protocol's side of one connection.
pub trait Session: Sized + Send + 'static {
    /// Work that blocks, such as reading messages from the store.
    type Job: Send + 'static;
    /// What such work gave.
    type Done: Send + 'static;

    /// Which protocol this is.
    const PROTOCOL: Protocol;

    /// A session whose connection has just been accepted. The first input is [`Input::Start`], or
    /// [`Input::Stop`] when the connection is refused at once.
    fn new() -> Self;

    /// Takes an input, gives the next step.
    fn handle(self, cx: &Context<'_>, input: Input<'_, '_, Self::Done>) -> (Self, Step<Self::Job>);

    /// Does a job; called on a thread that may block, without the session.
    fn run(job: Self::Job) -> Self::Done;

    /// Whether somebody is logged on, which decides the time-out that counts.
    fn phase(&self) -> Phase;
}

/// The two protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// IMAP4rev1, RFC 3501.
    Imap,
    /// POP3, RFC 1939.
    Pop3,
}

/// Whether somebody is logged on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nobody yet: `preAuthenticatedConnectionTimeout` counts, and at most 16 KiB are held.
    PreAuthenticated,
    /// Somebody: `authenticatedConnectionTimeout` counts.
    Authenticated,
}

/// What a session may know at the moment of an input. Settings are the newest: they are hot.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The time.
    pub now: InternalDate,
    /// Settings of this protocol.
    pub settings: &'a Settings,
    /// What the connection is now.
    pub channel: Channel,
    /// To be passed on to the store when a mailbox is opened; it makes the driver hand in
    /// [`Input::Changed`].
    pub hint: &'a Hint,
}

/// The settings of one protocol that its sessions obey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Text of the greeting (`Set-ImapSettings -Banner`), printable ASCII.
    pub banner: Arc<str>,
    /// What may be used to log on where there is no TLS (`-LoginType`).
    pub login_type: LoginType,
    /// The largest message that APPEND takes, in bytes.
    pub append_limit: u64,
}

/// `LoginType` of Exchange: what a connection without TLS may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginType {
    /// 1: name and password are taken also in the clear.
    PlainTextLogin,
    /// 3: nothing authenticates before TLS.
    SecureLogin,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// In the clear; STARTTLS or STLS may be used where there is a certificate.
    Plain {
        /// Whether TLS can be started.
        start_tls: StartTls,
    },
    /// Under TLS.
    Tls,
}

/// Whether TLS can be started on a connection in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTls {
    /// A certificate is loaded.
    Available,
    /// There is none.
    Unavailable,
}

/// What the driver hands in.
pub enum Input<'a, 'b, D> {
    /// The connection is up (and TLS with it, on a port that begins with TLS).
    Start,
    /// Bytes from the client. The session advances the slice over what it takes; what is left is handed
    /// in again after its next [`Step::Read`].
    Received(&'a mut &'b [u8]),
    /// The client will send no more.
    Eof,
    /// The output of the last [`Step::Write`] has been taken over and most of it sent.
    Written,
    /// The answer to [`Step::LogOn`].
    LogOn(LogOnAnswer),
    /// The result of [`Step::Run`].
    Done(D),
    /// The handshake asked for by [`Step::StartTls`] is over; the context's channel is now TLS.
    TlsStarted,
    /// The open mailbox may have changed. Only after a [`Step::Read`] with [`Wait::changes`].
    Changed,
    /// The time of [`Wait::tick`] has passed.
    Tick,
    /// The session must end, with a word to the client. Only instead of [`Input::Start`] or after a
    /// [`Step::Read`].
    Stop(Stop),
}

/// Why a session must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stop {
    /// Who was let in may stay no longer.
    AccessRevoked(NoAccess),
    /// Silent for too long.
    IdleTimeout,
    /// Nobody has logged on in time, however much was said.
    LogOnTimeout,
    /// The pod ends; the client should come again.
    ShuttingDown,
    /// There are as many connections as are allowed.
    TooManyConnections,
}

/// What a session asks of its driver. Exactly one input answers each step but [`Step::Close`].
pub enum Step<J> {
    /// Flush what is to be sent, then hand in [`Input::Received`], [`Input::Eof`], or what [`Wait`] asks
    /// for; [`Input::Stop`] when the session must end.
    Read(Wait),
    /// Take over this output, behind any that is not sent yet; [`Input::Written`] when the driver wants
    /// more. Bytes follow each other in the order of the steps.
    Write(Output),
    /// Verify a name and password; [`Input::LogOn`].
    LogOn(LogOn),
    /// Call [`Session::run`] on a thread that may block; [`Input::Done`]. It runs to its end also when
    /// the connection is lost meanwhile.
    Run(J),
    /// Flush, then do the handshake; [`Input::TlsStarted`]. A client that has sent something behind its
    /// command and before the handshake is cut off: that would be taken as sent under TLS.
    StartTls,
    /// Flush, then close: shut down the sending side, read for up to a second, so that the last word
    /// arrives. The session ends here.
    Close,
}

/// What to wait for besides bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wait {
    /// Whether [`Input::Changed`] is wanted. A hint that came since the last time counts.
    pub changes: bool,
    /// When [`Input::Tick`] is wanted.
    pub tick: Option<Duration>,
}

/// A name and password that a client gave.
#[derive(Debug)]
pub struct LogOn {
    /// `user`, `user@domain` or `DOMAIN\user`, as given.
    pub name: String,
    /// Whom to act for (SASL authzid); empty is oneself. Nobody else is allowed yet.
    pub authorize_as: String,
    /// The password as given.
    pub password: Secret,
    /// How it was given, for log and metrics.
    pub mechanism: Mechanism,
}

/// How a password was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// IMAP `LOGIN`.
    Login,
    /// SASL LOGIN.
    SaslLogin,
    /// SASL PLAIN (RFC 4616).
    SaslPlain,
    /// POP3 `USER` and `PASS`.
    UserPass,
}

/// Whether somebody may come in.
pub enum LogOnAnswer {
    /// Yes.
    Granted(Granted),
    /// No.
    Refused(Refusal),
}

/// What somebody may do who was let in.
pub struct Granted {
    /// Their mail.
    pub account: Arc<dyn Account>,
}

/// Why somebody is not let in, as far as the client may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Wrong name or password: nobody may learn which.
    Credentials,
    /// The password was right, but they may not act for whom they named.
    AuthorizeAs,
    /// The password was right, but here it opens nothing; or nobody's can be judged yet.
    NoAccess(NoAccess),
    /// The password was right, but the mailbox cannot be reached now.
    Unavailable,
    /// The server cannot verify anybody now: too many others are being verified.
    Busy,
}

/// Why a protocol may not be used with a mailbox, as far as its owner may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoAccess {
    /// The protocol is off for this mailbox.
    MailboxDisabled,
    /// The protocol is off for the whole server.
    ProtocolDisabled,
    /// The server does not serve the mailbox's domain.
    DomainNotServed,
    /// The server no longer knows the person: their line is gone, or all that it stood in.
    PersonGone,
    /// The server does not know yet who may come in.
    NotLoaded,
}

impl NoAccess {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::MailboxDisabled,
        Self::ProtocolDisabled,
        Self::DomainNotServed,
        Self::PersonGone,
        Self::NotLoaded,
    ];
}
