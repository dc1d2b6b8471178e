//! STLS (RFC 2595 4): TLS on a connection that began in the clear.

use crate::reply;
use crate::session::{Authorization, State};
use crate::turn::Turn;
use mailaccess_mail::step::{Channel, Refused, StartTls};

pub(crate) fn stls(authorization: Authorization, channel: Channel) -> Turn {
    let state = State::Authorization(authorization);
    match channel {
        Channel::Tls => Turn::mistake(state, Refused::State, "TLS is active already."),
        Channel::Plain {
            start_tls: StartTls::Unavailable,
        } => Turn::mistake(
            state,
            Refused::Unsupported,
            "TLS is not available: the server has no certificate.",
        ),
        Channel::Plain {
            start_tls: StartTls::Available,
        } => Turn::say(State::StartingTls, reply::ok("Begin TLS negotiation.")),
    }
}

/// The handshake is over. What was said before it is forgotten (RFC 2595 4).
pub(crate) fn started() -> State {
    State::Authorization(Authorization::default())
}
