//! RSET (RFC 1939 5): takes back every mark of DELE.

use crate::maildrop::Maildrop;
use crate::reply;
use crate::session::State;
use crate::turn::Turn;
use alloc::boxed::Box;

pub(crate) fn rset(mut maildrop: Box<Maildrop>) -> Turn {
    maildrop.reset();
    Turn::say(
        State::Transaction(maildrop),
        reply::ok("No message is marked as deleted."),
    )
}
