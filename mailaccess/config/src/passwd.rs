//! The `passwd` key of a users' Secret: `address:{SCHEME}hash`, one person a line.
//!
//! Empty lines and lines that begin with `#` count as nothing. A line that cannot be read denies that
//! person and nobody else, even when another line of theirs could: the first one counts.

use crate::MailboxAddress;
use crate::address::InvalidAddress;
use crate::password::{PasswordError, PasswordHash};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What a `passwd` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Passwd {
    /// Everybody that a line speaks of; `None` is denied because the line is bad.
    pub people: BTreeMap<MailboxAddress, Option<PasswordHash>>,
    /// What its owner should know, in the order of the lines.
    pub problems: Vec<Problem>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Counted from one.
    pub line: usize,
    /// Whose line it is, as far as that can be read.
    pub address: Option<MailboxAddress>,
    /// What it is.
    pub fault: Fault,
}

/// What can be wrong with a line. Never quotes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No `address:` in front.
    #[error("a line is address:{{SCHEME}}hash in UTF-8")]
    Form,
    /// What stands before the colon is no address.
    #[error("read the address: {0}")]
    Address(InvalidAddress),
    /// What stands behind it is no password line.
    #[error("{0}")]
    Password(PasswordError),
    /// An earlier line counts.
    #[error("this address stands in line {first} already, which counts")]
    Duplicate {
        /// Which line counts.
        first: usize,
    },
    /// A warning: the line counts.
    #[error("the password is readable; use `hash-password` to make a hash")]
    PlainText,
}

impl Fault {
    /// Whether the line counts nevertheless.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::PlainText)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(address) = &self.address {
            write!(f, " ({address})")?;
        }
        write!(f, ": {}", self.fault)
    }
}

/// Reads a `passwd`. Any bytes will do: what cannot be read is a problem.
pub fn parse(bytes: &[u8]) -> Passwd {
    let mut passwd = Passwd::default();
    let mut first_lines = BTreeMap::new();
    for (index, line) in lines(bytes).enumerate() {
        let line_number = index + 1;
        let mut report = |address, fault| {
            passwd.problems.push(Problem {
                line: line_number,
                address,
                fault,
            });
        };
        if is_blank(line) {
            continue;
        }
        // The address is read by itself, so that a line with a broken rest denies its person.
        let Some(colon) = line.iter().position(|&b| b == b':') else {
            report(None, Fault::Form);
            continue;
        };
        let address = match std::str::from_utf8(&line[..colon]).map(str::parse) {
            Ok(Ok(address)) => address,
            Ok(Err(error)) => {
                report(None, Fault::Address(error));
                continue;
            }
            Err(_) => {
                report(None, Fault::Form);
                continue;
            }
        };
        let address: MailboxAddress = address;
        let entry = match passwd.people.entry(address.clone()) {
            Entry::Occupied(_) => {
                let first = first_lines.get(&address).copied().unwrap_or(line_number);
                report(Some(address), Fault::Duplicate { first });
                continue;
            }
            Entry::Vacant(entry) => entry,
        };
        first_lines.insert(address.clone(), line_number);
        let hash = std::str::from_utf8(&line[colon + 1..])
            .map_err(|_| Fault::Form)
            .and_then(|hash| hash.parse::<PasswordHash>().map_err(Fault::Password));
        match hash {
            Ok(hash) => {
                if hash.is_plain() {
                    report(Some(address), Fault::PlainText);
                }
                entry.insert(Some(hash));
            }
            Err(fault) => {
                report(Some(address), fault);
                entry.insert(None);
            }
        }
    }
    passwd
}

/// Lines without their end, LF or CRLF.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|&b| b == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.first() == Some(&b'#') || line.iter().all(u8::is_ascii_whitespace)
}
