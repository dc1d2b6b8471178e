//! From a name and password to an open maildrop, whichever command brought them.

use crate::job::{Job, Opened, Outcome, Work};
use crate::maildrop::Maildrop;
use crate::reply::{self, Code};
use crate::session::State;
use crate::turn::Turn;
use alloc::boxed::Box;
use mailaccess_mail::step::{
    Channel, Context, Granted, LogOnAnswer, LoginType, NoAccess, Output, Refusal, StartTls, Step,
};

/// Whether a password may be sent now; if not, what a client is told. Asked before each command that would
/// carry one, since the setting is hot.
pub(crate) const fn allowed(cx: &Context<'_>) -> Result<(), &'static str> {
    match (cx.channel, cx.settings.login_type) {
        (Channel::Tls, _) | (Channel::Plain { .. }, LoginType::PlainTextLogin) => Ok(()),
        (
            Channel::Plain {
                start_tls: StartTls::Available,
            },
            LoginType::SecureLogin,
        ) => Err("Logging on needs TLS: use STLS first."),
        (
            Channel::Plain {
                start_tls: StartTls::Unavailable,
            },
            LoginType::SecureLogin,
        ) => Err("Logging on needs TLS, which is not available now."),
    }
}

/// What the directory of people said.
pub(crate) fn answered(cx: &Context<'_>, answer: LogOnAnswer) -> Result<Turn, Output> {
    match answer {
        LogOnAnswer::Refused(refusal) => Err(refused(refusal)),
        LogOnAnswer::Granted(Granted { account }) => {
            let work = Work::Open {
                account,
                hint: cx.hint.clone(),
            };
            Ok(Turn::Next(State::Opening, Step::Run(Job(work))))
        }
    }
}

/// The maildrop was opened, or not.
pub(crate) fn opened(outcome: Outcome) -> Result<Turn, Output> {
    match outcome {
        Outcome::Opened(Ok(Opened { mailbox, uids })) => {
            let maildrop = Box::new(Maildrop::new(mailbox, uids));
            Ok(Turn::say(
                State::Transaction(maildrop),
                reply::ok("User successfully logged on."),
            ))
        }
        Outcome::Opened(Err(error)) => Err(reply::failed(&error)),
        _ => Ok(Turn::out_of_step()),
    }
}

fn refused(refusal: Refusal) -> Output {
    match refusal {
        Refusal::Credentials => reply::refuse(
            Code::Auth,
            "Logon failure: unknown user name or bad password.",
        ),
        Refusal::AuthorizeAs => reply::refuse(
            Code::Auth,
            "The password is right, but nobody may log on for somebody else.",
        ),
        Refusal::NoAccess(why) => no_access(why),
        Refusal::Unavailable => reply::refuse(Code::SysTemp, "The mailbox is not available now."),
        Refusal::Busy => reply::refuse(Code::SysTemp, "The server is busy, try again later."),
    }
}

/// What is said to whoever may not come in, or may stay no longer.
pub(crate) fn no_access(why: NoAccess) -> Output {
    let (code, text) = match why {
        NoAccess::MailboxDisabled => (Code::SysPerm, "POP3 is disabled for this mailbox."),
        NoAccess::ProtocolDisabled => (Code::SysPerm, "POP3 is disabled on this server."),
        NoAccess::DomainNotServed => (
            Code::SysPerm,
            "This server does not serve the mailbox's domain.",
        ),
        NoAccess::PersonGone => (Code::SysPerm, "This server no longer knows the user."),
        NoAccess::NotLoaded => (
            Code::SysTemp,
            "The server is not ready yet, try again later.",
        ),
    };
    reply::refuse(code, text)
}
