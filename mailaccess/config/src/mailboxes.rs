//! A `mailboxes` document: one shard of what is said of single mailboxes, one JSON object a line, sorted.
//!
//! ```text
//! {"address":"ann@example.com","rights":{"imap":"allow"},"groups":["Field Engineers"]}
//! ```

use crate::document::Shard;
use crate::rules::Rights;
use crate::{ContentError, GroupName, MailboxAddress};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is said of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailboxRow {
    /// By its own objects.
    pub rights: Rights,
    /// The groups it is in, as far as the users' Secrets say.
    pub groups: BTreeSet<GroupName>,
}

impl MailboxRow {
    /// Whether the row says nothing and need not be published.
    pub fn is_empty(&self) -> bool {
        self.rights.is_empty() && self.groups.is_empty()
    }
}

/// One shard of all mailboxes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mailboxes {
    /// By address; a mailbox that nothing is said of has no row.
    pub rows: BTreeMap<MailboxAddress, MailboxRow>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    address: MailboxAddress,
    #[serde(default, skip_serializing_if = "skip_rights")]
    rights: Rights,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    groups: BTreeSet<GroupName>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it in so")]
fn skip_rights(rights: &Rights) -> bool {
    rights.is_empty()
}

impl Mailboxes {
    /// The document's content. Equal rows give equal text.
    pub fn to_text(&self) -> Result<String, ContentError> {
        let mut text = String::new();
        for (number, (address, row)) in self.rows.iter().enumerate() {
            let MailboxRow { rights, groups } = row.clone();
            let line = Line {
                address: address.clone(),
                rights,
                groups,
            };
            let line = serde_json::to_string(&line)
                .map_err(|error| ContentError::row(number + 1, &error))?;
            text.push_str(&line);
            text.push('\n');
        }
        Ok(text)
    }

    /// Reads the content of this shard's document.
    pub fn from_text(shard: Shard, text: &str) -> Result<Self, ContentError> {
        let mut rows = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let Line {
                address,
                rights,
                groups,
            } = serde_json::from_str(line)
                .map_err(|error| ContentError::row(number + 1, &error))?;
            check_place(shard, &address, &rows, number + 1)?;
            rows.insert(address, MailboxRow { rights, groups });
        }
        Ok(Self { rows })
    }
}

/// A row stands in the shard of its address and behind all lower ones.
pub(crate) fn check_place<T>(
    shard: Shard,
    address: &MailboxAddress,
    before: &BTreeMap<MailboxAddress, T>,
    line: usize,
) -> Result<(), ContentError> {
    if address.shard() != shard {
        let reason = format!(
            "{address} belongs to shard {}, not {shard}",
            address.shard()
        );
        return Err(ContentError::row(line, &reason));
    }
    if before
        .last_key_value()
        .is_some_and(|(last, _)| last >= address)
    {
        let reason = format!("{address} is not in order");
        return Err(ContentError::row(line, &reason));
    }
    Ok(())
}
