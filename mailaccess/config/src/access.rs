//! Who may use which protocol: the one conversion from what was said to what it means.
//!
//! ```text
//! protocol off, domain not served, built-in account   denied
//! else the mailbox's own rule        where it speaks of this protocol
//! else the rules of all its groups   the most restrictive that speaks of it
//! else the server's default
//! ```

use crate::mailboxes::MailboxRow;
use crate::rules::{Right, Rules};
use crate::settings::{Protocol, Settings};
use crate::{GroupName, MailboxAddress};
use std::fmt;

/// Accounts that nobody reads mail with, in any domain: as in Exchange there is no switch for it.
const BUILT_IN: [&str; 3] = ["administrator", "anonymous", "guest"];

/// Whether this is one of the accounts that are always blocked.
pub fn is_built_in(address: &MailboxAddress) -> bool {
    BUILT_IN.contains(&address.local())
}

/// Whether a protocol may be used with a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// It may.
    Allowed,
    /// It may not.
    Denied(Denied),
}

/// Why a protocol may not be used, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// The server does not run it.
    ProtocolDisabled,
    /// The server no longer serves the mailbox's domain.
    Domain,
    /// Administrator, Anonymous and Guest never may.
    BuiltInAccount,
    /// By the mailbox's own rule.
    Mailbox(Right),
    /// By a rule of this group.
    Group(GroupName, Right),
    /// Nothing is said, and the server's default is no.
    Default,
}

/// Whether this protocol may be used with this mailbox. `row` is what is said of it, if anything.
pub fn decide(
    settings: &Settings,
    rules: &Rules,
    row: Option<&MailboxRow>,
    protocol: Protocol,
    address: &MailboxAddress,
) -> Access {
    if !settings.protocol(protocol).enabled {
        return Access::Denied(Denied::ProtocolDisabled);
    }
    if !settings.has_domain(address.domain()) {
        return Access::Denied(Denied::Domain);
    }
    if is_built_in(address) {
        return Access::Denied(Denied::BuiltInAccount);
    }
    match row.and_then(|row| row.rights.of(protocol)) {
        Some(Right::Allow) => return Access::Allowed,
        Some(right) => return Access::Denied(Denied::Mailbox(right)),
        None => {}
    }
    let by_groups = row
        .iter()
        .flat_map(|row| &row.groups)
        .filter_map(|group| Some((rules.groups.get(group)?.of(protocol)?, group)))
        .max_by_key(|(right, _)| *right);
    match by_groups {
        Some((Right::Allow, _)) => Access::Allowed,
        Some((right, group)) => Access::Denied(Denied::Group(group.clone(), right)),
        None if settings.mailbox_defaults.enabled(protocol) => Access::Allowed,
        None => Access::Denied(Denied::Default),
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = |right: &Right| match right {
            Right::Invalid => "invalid rule",
            Right::Allow | Right::Deny => "rule",
        };
        match self {
            Self::ProtocolDisabled => f.write_str("the protocol is off on this server"),
            Self::Domain => f.write_str("the server does not serve this domain"),
            Self::BuiltInAccount => f.write_str("a built-in account never reads mail"),
            Self::Mailbox(right) => write!(f, "{} of the mailbox", how(right)),
            Self::Group(group, right) => write!(f, "{} of group {group}", how(right)),
            Self::Default => f.write_str("the server's default for mailboxes"),
        }
    }
}
