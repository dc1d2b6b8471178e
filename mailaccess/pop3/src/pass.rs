//! PASS (RFC 1939 7): the second half of a login.

use crate::log_on;
use crate::session::{Authorization, State};
use crate::turn::Turn;
use alloc::string::String;
use mailaccess_mail::Secret;
use mailaccess_mail::step::{Context, LogOn, Mechanism, Refused, Step};

pub(crate) fn pass(cx: &Context<'_>, authorization: Authorization, password: Secret) -> Turn {
    if let Err(text) = log_on::allowed(cx) {
        return Turn::mistake(State::Authorization(authorization), Refused::Privacy, text);
    }
    let Some(name) = authorization.user else {
        return Turn::mistake(
            State::Authorization(Authorization::default()),
            Refused::State,
            "Send USER before PASS.",
        );
    };
    let log_on = LogOn {
        name,
        authorize_as: String::new(),
        password,
        mechanism: Mechanism::UserPass,
    };
    Turn::Next(State::LoggingOn, Step::LogOn(log_on))
}
