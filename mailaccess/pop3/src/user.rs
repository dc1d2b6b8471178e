//! USER (RFC 1939 7): the first half of a login. The answer does not say whether there is such a user.

use crate::log_on;
use crate::reply;
use crate::session::{Authorization, State};
use crate::turn::Turn;
use alloc::string::String;
use mailaccess_mail::step::{Context, Refused};

pub(crate) fn user(cx: &Context<'_>, authorization: Authorization, name: String) -> Turn {
    if let Err(text) = log_on::allowed(cx) {
        return Turn::mistake(State::Authorization(authorization), Refused::Privacy, text);
    }
    let authorization = Authorization { user: Some(name) };
    Turn::say(
        State::Authorization(authorization),
        reply::ok("Send the password."),
    )
}
