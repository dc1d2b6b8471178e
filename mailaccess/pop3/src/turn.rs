//! What a command leads to: the next state and the next step, or a complaint about the client.

use crate::job::Job;
use crate::session::State;
use alloc::borrow::Cow;
use mailaccess_mail::step::{Output, Refused, Step};

/// The outcome of one input.
pub(crate) enum Turn {
    /// It goes on like this.
    Next(State, Step<Job>),
    /// The client made a mistake: it is told so, and after too many in a row the connection ends.
    Mistake(State, Refused, Cow<'static, str>),
    /// The connection ends with these words.
    End(Output),
}

impl Turn {
    /// Answers and waits for the next command.
    pub(crate) fn say(state: State, output: Output) -> Self {
        Self::Next(state, Step::Write(output))
    }

    /// Tells the client of its mistake.
    pub(crate) fn mistake(state: State, why: Refused, text: impl Into<Cow<'static, str>>) -> Self {
        Self::Mistake(state, why, text.into())
    }

    /// Whether it counts as a mistake, or may still become one: the beginning of an exchange says nothing yet.
    pub(crate) const fn is_mistake(&self) -> bool {
        matches!(
            self,
            Self::Mistake(..) | Self::Next(State::Authenticating(_), _)
        )
    }

    /// The driver handed in something that answers no step of ours. Nothing can be said for sure any
    /// more, so nothing is said.
    pub(crate) fn out_of_step() -> Self {
        Self::End(Output::new())
    }
}
