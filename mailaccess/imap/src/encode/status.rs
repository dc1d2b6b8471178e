//! The answer that ends a command: `OK`, `NO` or `BAD`, a response code and a text (RFC 3501 7.1, RFC 5530).

use super::line;
use crate::grammar::Fault;
use crate::tag::Tag;
use alloc::borrow::Cow;
use alloc::format;
use mailaccess_mail::step::{Output, Refused};
use mailaccess_mail::store::{ErrorKind, StoreError};

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    kind: Kind,
    code: Cow<'static, str>,
    text: Cow<'static, str>,
    /// Why the client should not have sent it.
    refused: Option<Refused>,
}

/// Whose doing it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Done.
    Ok,
    /// Refused.
    No,
    /// The client's mistake.
    Bad,
}

impl Status {
    /// Done.
    pub(crate) fn ok(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Ok, "", text)
    }

    /// Done, with something for a program to read.
    pub(crate) fn ok_code(
        code: impl Into<Cow<'static, str>>,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(Kind::Ok, code, text)
    }

    /// Refused, and why.
    pub(crate) fn no(code: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::No, code, text)
    }

    /// The client made a mistake.
    pub(crate) fn bad(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Bad, "", text).because(Refused::Syntax)
    }

    /// The same with another reason why the client should not have sent it.
    pub(crate) fn because(self, why: Refused) -> Self {
        Self {
            refused: Some(why),
            ..self
        }
    }

    fn new(
        kind: Kind,
        code: impl Into<Cow<'static, str>>,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            kind,
            code: code.into(),
            text: text.into(),
            refused: None,
        }
    }

    /// The same where the target of a message is not there: the client may make it (RFC 3501 6.3.11).
    pub(crate) fn try_create(error: &StoreError) -> Self {
        match error.kind() {
            ErrorKind::NonExistent => Self::no("TRYCREATE", error.kind().client_text()),
            _ => Self::from(error),
        }
    }

    /// A message named by number was expunged by another (RFC 5530 3).
    pub(crate) fn expunge_issued() -> Self {
        Self::no("EXPUNGEISSUED", "Some of the messages no longer exist.")
    }

    /// A message number is higher than there are messages (RFC 3501 9 `seq-number`).
    pub(crate) fn out_of_range() -> Self {
        Self::bad("There are fewer messages.").because(Refused::Message)
    }

    /// Whether this counts as a mistake of the client.
    pub(crate) fn is_bad(&self) -> bool {
        self.kind == Kind::Bad
    }

    /// Writes it under a tag; without one where the tag itself could not be read.
    pub(crate) fn write(&self, tag: Option<&Tag>, out: &mut Output) {
        if let Some(why) = self.refused {
            out.refuse(why);
        }
        let kind = match self.kind {
            Kind::Ok => "OK",
            Kind::No => "NO",
            Kind::Bad => "BAD",
        };
        let (open, close) = if self.code.is_empty() {
            ("", "")
        } else {
            ("[", "] ")
        };
        let (code, text) = (&self.code, &self.text);
        match tag {
            Some(tag) => line(out, format_args!("{tag} {kind} {open}{code}{close}{text}")),
            None => line(out, format_args!("* {kind} {open}{code}{close}{text}")),
        }
    }
}

impl From<&StoreError> for Status {
    fn from(error: &StoreError) -> Self {
        Self::no(error.kind().response_code(), error.kind().client_text())
    }
}

impl From<StoreError> for Status {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Expected(what) | Fault::Incomplete(what) => {
                Self::bad(format!("Expected {what}."))
            }
            Fault::TooMany(what) => Self::bad(format!("Too many {what}.")).because(Refused::Limit),
            Fault::Name(why) => Self::no("CANNOT", format!("The {why}.")).because(Refused::Name),
            Fault::Charset => Self::no("BADCHARSET (US-ASCII UTF-8)", "The charset is not known.")
                .because(Refused::Unsupported),
            Fault::Mechanism => {
                Self::no("CANNOT", "The mechanism is not known.").because(Refused::Unsupported)
            }
        }
    }
}
