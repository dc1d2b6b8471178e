//! QUIT (RFC 1939 4 and 6): ends the session, and after a login removes what is marked. This is the only
//! way to the UPDATE state: a lost connection removes nothing.

use crate::job::{Job, Outcome, Work};
use crate::maildrop::Maildrop;
use crate::reply::{self, Code};
use crate::session::State;
use crate::turn::Turn;
use mailaccess_mail::step::{Output, Step};

/// Before a login.
pub(crate) fn quit() -> Turn {
    Turn::End(goodbye())
}

/// After a login.
pub(crate) fn update(maildrop: &Maildrop) -> Turn {
    let uids = maildrop.marked();
    if uids.is_empty() {
        return Turn::End(goodbye());
    }
    let work = Work::Remove {
        mailbox: maildrop.mailbox(),
        uids,
    };
    Turn::Next(State::Updating, Step::Run(Job(work)))
}

/// When the marked messages have been removed, or not.
pub(crate) fn updated(outcome: Outcome) -> Turn {
    match outcome {
        Outcome::Removed(Ok(())) => Turn::End(goodbye()),
        Outcome::Removed(Err(error)) => Turn::End(reply::refuse(
            Code::of(&error),
            "Some deleted messages were not removed.",
        )),
        _ => Turn::out_of_step(),
    }
}

fn goodbye() -> Output {
    reply::ok("POP3 server signing off.")
}
