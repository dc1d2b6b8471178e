//! DELE (RFC 1939 5): marks a message; QUIT removes it.

use crate::command::Number;
use crate::maildrop::Maildrop;
use crate::reply;
use crate::session::State;
use crate::turn::Turn;
use alloc::boxed::Box;

pub(crate) fn dele(mut maildrop: Box<Maildrop>, number: Number) -> Turn {
    let output = match maildrop.delete(number) {
        Ok(()) => reply::ok(format_args!("Message {number} deleted.")),
        Err(missing) => reply::missing(missing),
    };
    Turn::say(State::Transaction(maildrop), output)
}
