//! Who somebody is, and whether they may come in: names, passwords, rights.
//!
//! A verification takes memory and time that the password's owner chose, so it runs on threads that may
//! block, as many at once as there are processors, within one budget of memory. Whoever waits too long for
//! a turn is told to come again. A login that succeeded shortly before is not verified again: clients
//! reconnect all the time.
//!
//! Nobody learns from answer or time whether a person exists: for a name that means nobody, one
//! verification of the usual scheme and parameters is made. Nothing here logs a name or a password.

mod recent;
mod verifying;

use crate::documents::{Effective, NotAllowed, Password};
use mailaccess_config::{Denied, MailPath, MailboxAddress, PasswordHash, Protocol, logon_name};
use mailaccess_mail::step::{self, LogOn, NoAccess, Refusal};
use std::fmt;
use std::time::Duration;

pub use verifying::{Counts, People};

/// What verifications may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// KiB of memory for all at once.
    pub memory_kib: u32,
    /// How many at once.
    pub threads: u32,
    /// How long a login waits for its turn.
    pub wait: Duration,
    /// How long a successful one is remembered.
    pub remember: Duration,
    /// How many are.
    pub remembered: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let threads = std::thread::available_parallelism()
            .ok()
            .and_then(|threads| u32::try_from(threads.get()).ok())
            .unwrap_or(1);
        Self {
            memory_kib: mailaccess_config::Cost::MEMORY_LIMIT_KIB,
            threads,
            wait: Duration::from_secs(10),
            remember: Duration::from_mins(5),
            remembered: 100_000,
        }
    }
}

/// What everybody is told while it is not known who may come in.
const NOT_LOADED: Refusal = Refusal::NoAccess(NoAccess::NotLoaded);

/// Whether somebody may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They may.
    Granted {
        /// Who they are.
        address: MailboxAddress,
        /// Where their mail lies below the volume's root.
        path: MailPath,
    },
    /// They may not: what the client may know, and what the log says.
    Refused(Refusal, Reason),
}

/// Why somebody may not come in, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The name means no mailbox of the server's domains.
    Name,
    /// There is no such person, or their line is bad.
    Unknown(MailboxAddress),
    /// The password is wrong.
    Password(MailboxAddress),
    /// They want to act for somebody else.
    AuthorizeAs(MailboxAddress),
    /// The protocol is off for them.
    NotAllowed(MailboxAddress, NotAllowed),
    /// Their mailbox's path is longer than a file system takes.
    Path(MailboxAddress),
    /// What would tell was never loaded.
    NotLoaded,
    /// Too many others are being verified.
    Busy,
}

impl People {
    /// Judges a name and password by what is in force. Whoever is granted entry has to be asked once more,
    /// by [`may_stay`] and the newest value, once changes of it reach their session.
    pub async fn log_on(
        &self,
        effective: &Effective,
        protocol: step::Protocol,
        log_on: &LogOn,
    ) -> Verdict {
        use Verdict::Refused;
        let Some(settings) = effective.settings() else {
            return Refused(NOT_LOADED, Reason::NotLoaded);
        };
        let Some(address) = logon_name::resolve(settings, &log_on.name) else {
            let dummy = PasswordHash::dummy(effective.prevailing());
            return match self.verify_nobody(dummy, &log_on.password).await {
                Ok(()) => Refused(Refusal::Credentials, Reason::Name),
                Err(busy) => busy.into(),
            };
        };
        let hash = match effective.password(&address) {
            Password::NotLoaded => return Refused(NOT_LOADED, Reason::NotLoaded),
            Password::Unknown => {
                let dummy = PasswordHash::dummy(effective.prevailing());
                return match self.verify_nobody(dummy, &log_on.password).await {
                    Ok(()) => Refused(Refusal::Credentials, Reason::Unknown(address)),
                    Err(busy) => busy.into(),
                };
            }
            Password::Known(hash) => hash,
        };
        match self.verify(&address, hash, &log_on.password).await {
            Ok(true) => {}
            Ok(false) => return Refused(Refusal::Credentials, Reason::Password(address)),
            Err(busy) => return busy.into(),
        }
        // From here on the password was right, and the client may know more.
        let oneself = log_on.authorize_as.is_empty()
            || logon_name::resolve(settings, &log_on.authorize_as).as_ref() == Some(&address);
        if !oneself {
            return Refused(Refusal::AuthorizeAs, Reason::AuthorizeAs(address));
        }
        if let Err(why) = effective.access(of(protocol), &address) {
            let refusal = Refusal::NoAccess(told(&why));
            return Refused(refusal, Reason::NotAllowed(address, why));
        }
        match settings.store.path.expand(&address) {
            Ok(path) => Verdict::Granted { address, path },
            Err(_) => Refused(Refusal::Unavailable, Reason::Path(address)),
        }
    }
}

/// Whether somebody who is in may stay: they still exist, and still have the right. A changed password
/// changes nothing for who is in.
pub fn may_stay(
    effective: &Effective,
    address: &MailboxAddress,
    protocol: step::Protocol,
) -> Result<(), NoAccess> {
    // First what is wider: who took the protocol away may have taken the people away, too.
    effective
        .access(of(protocol), address)
        .map_err(|why| told(&why))?;
    match effective.password(address) {
        Password::NotLoaded => Err(NoAccess::NotLoaded),
        Password::Unknown => Err(NoAccess::PersonGone),
        Password::Known(_) => Ok(()),
    }
}

/// As much of it as the client may know.
fn told(why: &NotAllowed) -> NoAccess {
    match why {
        NotAllowed::NotLoaded(_) => NoAccess::NotLoaded,
        NotAllowed::Denied(Denied::ProtocolDisabled) => NoAccess::ProtocolDisabled,
        NotAllowed::Denied(Denied::Domain) => NoAccess::DomainNotServed,
        NotAllowed::Denied(
            Denied::BuiltInAccount | Denied::Mailbox(_) | Denied::Group(..) | Denied::Default,
        ) => NoAccess::MailboxDisabled,
    }
}

/// The protocol as the documents call it.
pub fn of(protocol: step::Protocol) -> Protocol {
    match protocol {
        step::Protocol::Imap => Protocol::Imap,
        step::Protocol::Pop3 => Protocol::Pop,
    }
}

impl From<verifying::Busy> for Verdict {
    fn from(_: verifying::Busy) -> Self {
        Self::Refused(Refusal::Busy, Reason::Busy)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("the name means no mailbox of this server"),
            Self::Unknown(address) => write!(f, "{address} has no password"),
            Self::Password(address) => write!(f, "wrong password for {address}"),
            Self::AuthorizeAs(address) => write!(f, "{address} wants to act for somebody else"),
            Self::NotAllowed(address, why) => write!(f, "{address} is not allowed in: {why}"),
            Self::Path(address) => write!(f, "the path of {address} is too long"),
            Self::NotLoaded => f.write_str("the documents that would tell were never loaded"),
            Self::Busy => f.write_str("too many passwords are being verified"),
        }
    }
}

#[cfg(test)]
mod tests;
