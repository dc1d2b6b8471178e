//! The states of a session (RFC 3501 3), and those between a command and its answer. Each holds what is
//! meaningful in it and nothing else.

use crate::commands::append::Appending;
use crate::commands::authenticate::Exchange;
use crate::commands::idle::Idling;
use crate::home::{Home, Selected};
use crate::job::{Job, Work};
use crate::log_on::LoggingOn;
use crate::turn::Turn;
use alloc::boxed::Box;
use mailaccess_mail::step::{Phase, Step, Wait};

/// Where a session stands.
pub(crate) enum State {
    /// Nothing has been said.
    Connected,
    /// Nobody is logged on (RFC 3501 3.1).
    Guest,
    /// Within AUTHENTICATE, before a response of the client.
    Authenticating(Box<Exchange>),
    /// A name and password are being verified.
    LoggingOn(Box<LoggingOn>),
    /// STARTTLS was accepted; its answer is on its way, or the handshake.
    StartingTls,
    /// Between commands (RFC 3501 3.2, 3.3).
    Home(Home),
    /// Within IDLE.
    Idling(Box<Idling>),
    /// Within the message of an APPEND.
    Appending(Box<Appending>),
    /// An answer is on its way, and there is more of it.
    Continuing(Box<Work>),
    /// A job is running; it has taken everything along and brings it back.
    Running,
    /// The last word is on its way (RFC 3501 3.4).
    Ending,
}

impl State {
    /// What this state waits for once everything is written.
    pub(crate) fn resume(self) -> (Self, Step<Job>) {
        match self {
            Self::Continuing(work) => (Self::Running, Step::Run(Job(work))),
            Self::StartingTls => (Self::StartingTls, Step::StartTls),
            Self::Idling(idling) => {
                let wait = idling.wait();
                (Self::Idling(idling), Step::Read(wait))
            }
            Self::Ending => (Self::Ending, Step::Close),
            state => (state, Step::Read(Wait::default())),
        }
    }

    /// The same where nothing is to be written.
    pub(crate) fn wait(self) -> Turn {
        let (state, step) = self.resume();
        Turn::Next(state, step)
    }

    /// Whether somebody is logged on.
    pub(crate) const fn phase(&self) -> Phase {
        match self {
            Self::Connected
            | Self::Guest
            | Self::Authenticating(_)
            | Self::LoggingOn(_)
            | Self::StartingTls => Phase::PreAuthenticated,
            Self::Home(_)
            | Self::Idling(_)
            | Self::Appending(_)
            | Self::Continuing(_)
            | Self::Running
            | Self::Ending => Phase::Authenticated,
        }
    }
}

impl From<Home> for State {
    fn from(home: Home) -> Self {
        Self::Home(home)
    }
}

impl From<Box<Selected>> for State {
    fn from(selected: Box<Selected>) -> Self {
        Self::Home(Home::Selected(selected))
    }
}
