//! How a connection ended, for the log and the metrics.

use mailaccess_mail::step::Stop;
use mailaccess_mail::store::BodyLost;
use std::io;
use tokio::task::JoinError;

/// How a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// The session closed it: its client said goodbye or went away.
    #[error("closed")]
    Closed,
    /// The session closed it because it had to.
    #[error("told to end: {0:?}")]
    Stopped(Stop),
    /// The client took nothing for too long.
    #[error("the client takes nothing of what is sent")]
    Stalled,
    /// The socket failed.
    #[error("the connection is lost")]
    Lost(#[source] io::Error),
    /// No TLS came about.
    #[error("the handshake failed")]
    Handshake(#[source] io::Error),
    /// No TLS came about in time.
    #[error("the handshake took too long")]
    HandshakeTimeout,
    /// There is no certificate.
    #[error("there is no certificate for this protocol")]
    NoCertificate,
    /// Bytes in the clear stood behind the command that starts TLS.
    #[error("the client sent more before the handshake than its command")]
    Injection,
    /// A message was cut short below us.
    #[error("a message could not be read to its end")]
    BodyLost(#[source] BodyLost),
    /// A job broke an invariant of ours.
    #[error("a job panicked")]
    Panicked(#[source] JoinError),
    /// A session took none of a full buffer.
    #[error("the session takes nothing of what is received")]
    Stuck,
    /// It had ten seconds to end by itself.
    #[error("cut")]
    Cut,
}

impl Ended {
    /// A word for the metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Stopped(Stop::AccessRevoked(_)) => "access_revoked",
            Self::Stopped(Stop::IdleTimeout) => "idle_timeout",
            Self::Stopped(Stop::LogOnTimeout) => "log_on_timeout",
            Self::Stopped(Stop::ShuttingDown) => "shutting_down",
            Self::Stopped(Stop::TooManyConnections) => "too_many_connections",
            Self::Stalled => "stalled",
            Self::Lost(_) => "lost",
            Self::Handshake(_) => "handshake",
            Self::HandshakeTimeout => "handshake_timeout",
            Self::NoCertificate => "no_certificate",
            Self::Injection => "injection",
            Self::BodyLost(_) => "body_lost",
            Self::Panicked(_) | Self::Stuck => "bug",
            Self::Cut => "cut",
        }
    }

    /// Whose attention it deserves.
    pub(crate) fn is_our_fault(&self) -> bool {
        matches!(self, Self::BodyLost(_) | Self::Panicked(_) | Self::Stuck)
    }
}
