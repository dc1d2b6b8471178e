//! How an answer is written: `+OK`, `-ERR`, and the response codes of RFC 2449 8 and RFC 3206.

use crate::maildrop::Missing;
use alloc::string::String;
use core::fmt::{self, Write as _};
use mailaccess_mail::step::{Output, Refused};
use mailaccess_mail::store::{ErrorKind, StoreError};

/// Why something was refused, for a program to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// Name or password are wrong (RFC 3206 5).
    Auth,
    /// Another holds the mailbox (RFC 2449 8.1.2).
    InUse,
    /// Only the administrator can help (RFC 3206 4).
    SysPerm,
    /// It may work later (RFC 3206 4).
    SysTemp,
}

impl Code {
    const fn name(self) -> &'static str {
        match self {
            Self::Auth => "[AUTH]",
            Self::InUse => "[IN-USE]",
            Self::SysPerm => "[SYS/PERM]",
            Self::SysTemp => "[SYS/TEMP]",
        }
    }

    /// The code for what the store could not do.
    pub(crate) const fn of(error: &StoreError) -> Self {
        match error.kind() {
            ErrorKind::InUse => Self::InUse,
            ErrorKind::Cannot | ErrorKind::Corruption | ErrorKind::NoPermission => Self::SysPerm,
            ErrorKind::AlreadyExists
            | ErrorKind::Limit
            | ErrorKind::NonExistent
            | ErrorKind::OverQuota
            | ErrorKind::ServerBug
            | ErrorKind::Unavailable => Self::SysTemp,
        }
    }
}

/// `+OK` and a text.
pub(crate) fn ok(text: impl fmt::Display) -> Output {
    line(format_args!("+OK {text}"))
}

/// `-ERR` and a text.
pub(crate) fn err(text: impl fmt::Display) -> Output {
    line(format_args!("-ERR {text}"))
}

/// `-ERR` and a text for what the client should not have sent.
pub(crate) fn mistake(why: Refused, text: impl fmt::Display) -> Output {
    let mut output = err(text);
    output.refuse(why);
    output
}

/// `-ERR` for a message that is not there.
pub(crate) fn missing(missing: Missing) -> Output {
    mistake(Refused::Message, missing)
}

/// `-ERR`, a code and a text.
pub(crate) fn refuse(code: Code, text: impl fmt::Display) -> Output {
    line(format_args!("-ERR {} {text}", code.name()))
}

/// `-ERR` for what the store could not do.
pub(crate) fn failed(error: &StoreError) -> Output {
    refuse(Code::of(error), error.kind().client_text())
}

/// One line with its end.
pub(crate) fn line(text: fmt::Arguments<'_>) -> Output {
    let mut line = String::new();
    // Writing to a string does not fail.
    let _ = write!(line, "{text}\r\n");
    let mut output = Output::new();
    output.bytes(line.as_bytes());
    output
}
