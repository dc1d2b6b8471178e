//! STARTTLS (RFC 3501 6.2.1).

use crate::encode::status::Status;
use crate::state::State;
use crate::tag::Tag;
use crate::turn::Turn;
use mailaccess_mail::step::{Channel, Refused, StartTls};

pub(crate) fn start_tls(tag: Tag, channel: Channel) -> Turn {
    match channel {
        Channel::Tls => {
            let status = Status::bad("TLS is active already.").because(Refused::State);
            Turn::Mistake(State::Guest, Some(tag), status)
        }
        Channel::Plain {
            start_tls: StartTls::Unavailable,
        } => {
            let text = "TLS is not available: the server has no certificate.";
            let status = Status::no("UNAVAILABLE", text).because(Refused::Unsupported);
            Turn::status(State::Guest, &tag, &status)
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
