//! IDLE (RFC 2177): what happens is told as it happens, until the client says DONE.

use crate::encode::{self, status::Status};
use crate::home::Home;
use crate::job::{Work, conclude, tell_news};
use crate::state::State;
use crate::tag::Tag;
use crate::turn::Turn;
use crate::view::Expunges;
use alloc::boxed::Box;
use core::time::Duration;
use mailaccess_mail::step::{Output, Wait};

/// How often a client that hears nothing else is told that all is well: address translators forget a
/// silent connection after a few minutes.
const KEEPALIVE: Duration = Duration::from_mins(2);

/// A session within IDLE.
pub(crate) struct Idling {
    pub(crate) tag: Tag,
    pub(crate) home: Home,
}

/// Why there is something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wake {
    /// The command came.
    Begin,
    /// The mailbox may have changed.
    Changed,
    /// The client said DONE.
    Done,
}

impl Idling {
    /// What it waits for besides DONE.
    pub(crate) fn wait(&self) -> Wait {
        Wait {
            changes: matches!(self.home, Home::Selected(_)),
            tick: Some(KEEPALIVE),
        }
    }

    /// Takes a line of the client.
    ///
    /// ```text
    /// idle = "IDLE" CRLF "DONE"
    /// ```
    pub(crate) fn respond(self: Box<Self>, line: &[u8]) -> Turn {
        if line.trim_ascii_end().eq_ignore_ascii_case(b"DONE") {
            return Turn::run(Work::Idle(self, Wake::Done));
        }
        self.fail()
    }

    /// Ends it, for which the client is to blame.
    pub(crate) fn fail(self) -> Turn {
        let status = Status::bad("Expected DONE.");
        Turn::Mistake(State::Home(self.home), Some(self.tag), status)
    }

    /// Says that all is well.
    pub(crate) fn tick(self: Box<Self>) -> Turn {
        let mut out = Output::new();
        encode::line(&mut out, format_args!("* OK Still here"));
        Turn::say(State::Idling(self), out)
    }

    pub(crate) fn run(mut self: Box<Self>, wake: Wake, out: &mut Output) -> State {
        match wake {
            Wake::Begin => out.bytes(b"+ idling\r\n"),
            Wake::Changed => {}
            Wake::Done => {
                let status = Status::ok("IDLE completed.");
                return conclude(self.home, &self.tag, &status, Expunges::Told, out);
            }
        }
        if tell_news(&mut self.home, Expunges::Told, out) {
            State::Idling(self)
        } else {
            State::Ending
        }
    }
}
