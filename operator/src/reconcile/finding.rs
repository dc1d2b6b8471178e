//! What is found out about an object, on its way to a condition.

use std::fmt;
use std::fmt::Write as _;

/// The status of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It is so.
    True,
    /// It is not so, and waiting will not help.
    False,
    /// It is not known yet.
    Unknown,
}

impl Truth {
    /// As conditions spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Why a condition has its status: every reason there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The object is valid and obeyed.
    Accepted,
    /// Administrator, Anonymous and Guest never read mail.
    BuiltInAccount,
    /// The certificate has expired, or is not valid yet.
    CertificateNotValid,
    /// Another object says something of the same target.
    Conflicted,
    /// The group is in no source.
    DistributionGroupNotFound,
    /// A document is too large for an object, or could not be made.
    DocumentNotPublishable,
    /// The domain is not one of the server's.
    DomainNotFound,
    /// An address stands twice among the users.
    DuplicateUser,
    /// Nothing is being worked on.
    Idle,
    /// The object cannot be obeyed as it is.
    Invalid,
    /// The certificate cannot be used.
    InvalidCertificate,
    /// A CASMailbox cannot be read so far that its target could be denied.
    InvalidMailboxes,
    /// A line of a users' Secret cannot be read; its person is denied.
    InvalidUserLine,
    /// The private key belongs to another certificate.
    KeyMismatch,
    /// Loaded by every pod; no handshake has shown it yet.
    Loaded,
    /// The mailbox is in no source.
    MailboxNotFound,
    /// An object of somebody else has a name that is needed.
    NameConflict,
    /// No pod is there to serve anything.
    NoPods,
    /// Another certificate answers clients that name no host.
    NotDefault,
    /// No pod can serve, though some have loaded everything.
    NotReady,
    /// Pods have not loaded it yet.
    Pending,
    /// A password stands readable in a users' Secret.
    PlainTextPassword,
    /// Every pod serves it.
    Programmed,
    /// What pods refuse to load.
    Refused,
    /// Everything that is pointed at is there.
    ResolvedRefs,
    /// Pods of the newest template come, one behind the other.
    RollingOut,
    /// Pods of the newest template cannot come.
    RolloutFailed,
    /// A Secret is not there.
    SecretNotFound,
    /// A Secret lacks what is needed.
    SecretUnreadable,
    /// The server cannot be obeyed as it is.
    ServerInvalid,
    /// The MailAccessServer is not there.
    ServerNotFound,
    /// The API server refuses an object that is needed, or does not answer.
    WriteRefused,
}

impl Reason {
    /// Whether it passes when another object comes or goes, as happens while many are applied at once.
    pub fn passes(self) -> bool {
        matches!(
            self,
            Self::DistributionGroupNotFound
                | Self::MailboxNotFound
                | Self::NameConflict
                | Self::SecretNotFound
                | Self::ServerNotFound
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A condition's status with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is so.
    pub truth: Truth,
    /// Why.
    pub reason: Reason,
    /// A sentence that names the field.
    pub message: String,
}

impl Finding {
    /// It is so.
    pub fn yes(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Truth::True, reason, message)
    }

    /// It is not so.
    pub fn no(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Truth::False, reason, message)
    }

    /// Nobody knows yet.
    pub fn unknown(reason: Reason, message: impl Into<String>) -> Self {
        Self::new(Truth::Unknown, reason, message)
    }

    fn new(truth: Truth, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            truth,
            reason,
            message: message.into(),
        }
    }
}

/// The most problems that one message lists.
const LISTED: usize = 8;

/// Some problems as one text; of many only the first, and how many more there are.
pub fn list<T: fmt::Display>(problems: &[T]) -> String {
    let mut text = problems
        .iter()
        .take(LISTED)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ");
    if problems.len() > LISTED {
        let _ = write!(text, "; and {} more", problems.len() - LISTED);
    }
    text
}
