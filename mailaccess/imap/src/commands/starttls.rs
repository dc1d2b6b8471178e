//! STARTTLS (RFC 3501 6.2.1).

use crate::encode::status::Status;
use crate::state::State;
use crate::tag::Tag;
use crate::turn::Turn;
use mailaccess_mail::step::{Channel, StartTls};

pub(crate) fn start_tls(tag: Tag, channel: Channel) -> Turn {
    match channel {
        Channel::Tls => {
            let status = Status::bad("TLS is active already.");
            Turn::Mistake(State::Guest, Some(tag), status)
        }
        Channel::Plain {
            start_tls: StartTls::Unavailable,
        } => {
            let text = "TLS is not available: the server has no certificate.";
            Turn::status(State::Guest, &tag, &Status::no("UNAVAILABLE", text))
        }
        Channel::Plain {
            start_tls: StartTls::Available,
        } => Turn::status(
            State::StartingTls,
            &tag,
            &Status::ok("Begin TLS negotiation now."),
        ),
    }
}
