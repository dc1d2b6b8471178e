//! Logging on, whatever the command: whether it is allowed on this connection, and what came of it.

use crate::encode::status::Status;
use crate::home::Home;
use crate::state::State;
use crate::tag::Tag;
use crate::turn::Turn;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use mailaccess_mail::Secret;
use mailaccess_mail::step::{
    Channel, Context, Granted, LogOn, LogOnAnswer, LoginType, Mechanism, NoAccess, Refusal,
    Refused, StartTls, Step,
};

/// A command whose name and password are being verified.
pub(crate) struct LoggingOn {
    tag: Tag,
    /// How the command is called.
    command: &'static str,
}

/// A name and password as they came over the wire.
pub(crate) struct Credentials {
    pub(crate) name: alloc::vec::Vec<u8>,
    pub(crate) authorize_as: alloc::vec::Vec<u8>,
    pub(crate) password: Secret,
}

/// Whether a password may be sent over this connection (`LoginType`).
pub(crate) fn permitted(cx: &Context<'_>) -> Result<(), Status> {
    let text = match (cx.channel, cx.settings.login_type) {
        (Channel::Tls, _) | (Channel::Plain { .. }, LoginType::PlainTextLogin) => return Ok(()),
        (
            Channel::Plain {
                start_tls: StartTls::Available,
            },
            LoginType::SecureLogin,
        ) => "Logging on needs TLS: use STARTTLS first.",
        (
            Channel::Plain {
                start_tls: StartTls::Unavailable,
            },
            LoginType::SecureLogin,
        ) => "Logging on needs TLS, which is not available now.",
    };
    Err(Status::no("PRIVACYREQUIRED", text).because(Refused::Privacy))
}

/// Has a name and password verified.
pub(crate) fn verify(
    tag: Tag,
    command: &'static str,
    mechanism: Mechanism,
    credentials: Credentials,
) -> Turn {
    let name = String::from_utf8(credentials.name);
    let authorize_as = String::from_utf8(credentials.authorize_as);
    let (Ok(name), Ok(authorize_as)) = (name, authorize_as) else {
        // Nobody has such a name.
        return Turn::FailedLogOn(tag, refused(Refusal::Credentials));
    };
    let log_on = LogOn {
        name,
        authorize_as,
        password: credentials.password,
        mechanism,
    };
    let waiting = Box::new(LoggingOn { tag, command });
    Turn::Next(State::LoggingOn(waiting), Step::LogOn(log_on))
}

/// What the directory of people said.
pub(crate) fn answered(waiting: LoggingOn, answer: LogOnAnswer) -> Turn {
    let LoggingOn { tag, command } = waiting;
    match answer {
        LogOnAnswer::Refused(refusal) => Turn::FailedLogOn(tag, refused(refusal)),
        LogOnAnswer::Granted(Granted { account }) => {
            let state = State::Home(Home::Authenticated(account));
            Turn::status(state, &tag, &Status::ok(format!("{command} completed.")))
        }
    }
}

/// RFC 5530 3. That a protocol is off is said only after a right password, so it tells a stranger nothing.
fn refused(refusal: Refusal) -> Status {
    match refusal {
        Refusal::Credentials => Status::no(
            "AUTHENTICATIONFAILED",
            "Logon failure: unknown user name or bad password.",
        ),
        Refusal::AuthorizeAs => Status::no(
            "AUTHORIZATIONFAILED",
            "The password is right, but nobody may log on for somebody else.",
        ),
        Refusal::NoAccess(why) => {
            let (code, text) = no_access(why);
            Status::no(code, text)
        }
        Refusal::Unavailable => Status::no("UNAVAILABLE", "The mailbox is not available now."),
        Refusal::Busy => Status::no("UNAVAILABLE", "The server is busy, try again later."),
    }
}

/// The response code and text for whoever may not come in, or may stay no longer.
pub(crate) const fn no_access(why: NoAccess) -> (&'static str, &'static str) {
    match why {
        NoAccess::MailboxDisabled => ("CONTACTADMIN", "IMAP is disabled for this mailbox."),
        NoAccess::ProtocolDisabled => ("CONTACTADMIN", "IMAP is disabled on this server."),
        NoAccess::DomainNotServed => (
            "CONTACTADMIN",
            "This server does not serve the mailbox's domain.",
        ),
        NoAccess::PersonGone => ("CONTACTADMIN", "This server no longer knows the user."),
        NoAccess::NotLoaded => (
            "UNAVAILABLE",
            "The server is not ready yet, try again later.",
        ),
    }
}
