//! Mail addresses in their one canonical form. They are the only source of path parts, so a character that
//! means something to a file system, a line format or a log never gets in.

use crate::document::Shard;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest local part (RFC 5321 4.5.3.1.1).
const LOCAL_LIMIT: usize = 64;
/// The longest domain as a name in DNS.
const DOMAIN_LIMIT: usize = 253;
/// The longest address that fits a path of SMTP (RFC 5321 4.5.3.1.3).
const ADDRESS_LIMIT: usize = 254;
/// The longest label of a domain.
const LABEL_LIMIT: usize = 63;

/// A mailbox's canonical address, `local@domain`, in lower case.
///
/// ```
/// use mailaccess_config::MailboxAddress;
/// let ann: MailboxAddress = "Ann@Example.com".parse().unwrap();
/// assert_eq!(ann.as_str(), "ann@example.com");
/// assert!("../ann@example.com".parse::<MailboxAddress>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailboxAddress(Arc<str>);

/// A mail domain in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(Arc<str>);

/// Why a text is no address or domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Not exactly one `@`.
    #[error("an address is local@domain")]
    Form,
    /// Longer than mail allows.
    #[error(
        "longer than {LOCAL_LIMIT} bytes before the @, {DOMAIN_LIMIT} behind it or {ADDRESS_LIMIT} altogether"
    )]
    Length,
    /// A character that is not allowed, such as `/`, a space or a control character.
    #[error("the part before the @ has ASCII letters, digits, dots and !#$%&'*+-=?^_`{{|}}~ only")]
    LocalCharacter,
    /// A dot at the start, at the end or beside another.
    #[error("the part before the @ has a dot at its start, at its end, or two together")]
    Dots,
    /// Not a host name.
    #[error("the domain is not labels of ASCII letters, digits and inner hyphens, joined by dots")]
    Domain,
}

impl MailboxAddress {
    /// Joins a local part, in any case, and a domain.
    pub fn new(local: &str, domain: &DomainName) -> Result<Self, InvalidAddress> {
        check_local(local)?;
        if local.len() + 1 + domain.0.len() > ADDRESS_LIMIT {
            return Err(InvalidAddress::Length);
        }
        Ok(Self(
            format!("{}@{domain}", local.to_ascii_lowercase()).into(),
        ))
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.parts().0
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.parts().1
    }

    /// Which documents speak of this mailbox. Never changes: operators and pods of every release agree.
    pub fn shard(&self) -> Shard {
        Shard::of_hash_byte(Sha256::digest(self.0.as_bytes())[0])
    }

    fn parts(&self) -> (&str, &str) {
        // There is always exactly one.
        self.0.split_once('@').unwrap_or((&self.0, ""))
    }
}

impl FromStr for MailboxAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let (local, domain) = text.split_once('@').ok_or(InvalidAddress::Form)?;
        if domain.contains('@') {
            return Err(InvalidAddress::Form);
        }
        Self::new(local, &domain.parse()?)
    }
}

fn check_local(local: &str) -> Result<(), InvalidAddress> {
    if local.is_empty() {
        return Err(InvalidAddress::Form);
    }
    if local.len() > LOCAL_LIMIT {
        return Err(InvalidAddress::Length);
    }
    // atext of RFC 5322 3.2.3 without the slash, which would be a path.
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-=?^_`{|}~.".contains(&b);
    if !local.bytes().all(allowed) {
        return Err(InvalidAddress::LocalCharacter);
    }
    if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err(InvalidAddress::Dots);
    }
    Ok(())
}

impl DomainName {
    /// The domain, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DomainName {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        if text.len() > DOMAIN_LIMIT {
            return Err(InvalidAddress::Length);
        }
        let label = |label: &str| {
            (1..=LABEL_LIMIT).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if !text.split('.').all(label) {
            return Err(InvalidAddress::Domain);
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}

macro_rules! text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidAddress;

            fn try_from(text: String) -> Result<Self, InvalidAddress> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                (*name.0).to_owned()
            }
        }
    };
}

text!(MailboxAddress);
text!(DomainName);
