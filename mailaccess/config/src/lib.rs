//! The documents that operator and pod exchange, and the pure rules that give them meaning: addresses,
//! logon names, passwords, groups, access.
//!
//! This is the only crate that both know. It knows neither kube nor tokio, opens no file and reads no
//! clock: a caller hands in bytes and `now`. Whatever it gives back is valid by its type, and the operator
//! parses what it publishes with these same functions before it publishes it.

pub mod access;
pub mod address;
pub mod certificates;
pub mod credentials;
pub mod document;
pub mod group;
pub mod group_name;
pub mod logon_name;
pub mod mail_path;
pub mod mailboxes;
pub mod passwd;
pub mod password;
pub mod rules;
pub mod settings;

pub use access::{Access, Denied, decide};
pub use address::{DomainName, MailboxAddress};
pub use certificates::{Certificate, CertificateId, Certificates};
pub use credentials::Credentials;
pub use document::{Digest, DocumentError, DocumentName, Header, Shard};
pub use group_name::GroupName;
pub use mail_path::{MailPath, PathTemplate};
pub use mailboxes::{MailboxRow, Mailboxes};
pub use password::{Cost, PasswordHash};
pub use rules::{Right, Rights, Rules};
pub use settings::{Protocol, ProtocolSettings, Settings};

/// The text of a document does not mean anything: where, and why. Never quotes what may be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Not the YAML that is expected here.
    #[error("read yaml: {0}")]
    Yaml(String),
    /// A row that cannot be read.
    #[error("line {line}: {reason}")]
    Row {
        /// Counted from one.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Each value is readable, but they contradict each other or exceed a bound.
    #[error("{field}: {reason}")]
    Field {
        /// Which one.
        field: String,
        /// What was expected.
        reason: String,
    },
}

impl ContentError {
    pub(crate) fn row(line: usize, reason: &impl ToString) -> Self {
        Self::Row {
            line,
            reason: reason.to_string(),
        }
    }

    pub(crate) fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Field {
            field: field.into(),
            reason: reason.into(),
        }
    }
}

#[cfg(test)]
mod tests;
