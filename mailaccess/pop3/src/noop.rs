//! NOOP (RFC 1939 5): nothing but an answer.

use crate::maildrop::Maildrop;
use crate::reply;
use crate::session::State;
use crate::turn::Turn;
use alloc::boxed::Box;

pub(crate) fn noop(maildrop: Box<Maildrop>) -> Turn {
    Turn::say(State::Transaction(maildrop), reply::ok("NOOP completed."))
}
