//! What an input leads to: the next state and the next step, or a complaint about the client.

use crate::encode::status::Status;
use crate::job::{Job, Work};
use crate::state::State;
use crate::tag::Tag;
use mailaccess_mail::step::{Output, Step};

/// The outcome of one input.
pub(crate) enum Turn {
    /// It goes on like this.
    Next(State, Step<Job>),
    /// The client made a mistake: it is told so, and after too many in a row the connection ends.
    Mistake(State, Option<Tag>, Status),
    /// A login failed: the client is told so, and after too many the connection ends.
    FailedLogOn(Tag, Status),
    /// The connection ends with these words.
    End(Output),
}

impl Turn {
    /// Answers, then goes on as the state wants.
    pub(crate) fn say(state: State, output: Output) -> Self {
        Self::Next(state, Step::Write(output))
    }

    /// Ends a command that needed no work.
    pub(crate) fn status(state: State, tag: &Tag, status: &Status) -> Self {
        let mut output = Output::new();
        status.write(Some(tag), &mut output);
        Self::say(state, output)
    }

    /// Ends a command that is refused, or that is a mistake.
    pub(crate) fn refuse(state: State, tag: Tag, status: Status) -> Self {
        if status.is_bad() {
            Self::Mistake(state, Some(tag), status)
        } else {
            Self::status(state, &tag, &status)
        }
    }

    /// Whether it counts as a mistake, or may still become one: the beginning of an exchange says nothing yet.
    pub(crate) const fn is_mistake(&self) -> bool {
        matches!(
            self,
            Self::Mistake(..) | Self::Next(State::Authenticating(_), _)
        )
    }

    /// Does work; the state comes back with it.
    pub(crate) fn run(work: Work) -> Self {
        Self::Next(State::Running, Step::Run(Job::new(work)))
    }

    /// The driver handed in something that was not asked for: its mistake, and nothing can be relied on.
    pub(crate) fn out_of_step() -> Self {
        let mut output = Output::new();
        crate::encode::bye(&mut output, "SERVERBUG", "Internal error.");
        Self::End(output)
    }
}
