//! A `credentials` document: one shard of password hashes, one `address:{SCHEME}hash` a line, sorted.

use crate::document::Shard;
use crate::mailboxes::check_place;
use crate::password::{Cost, PasswordHash};
use crate::{ContentError, MailboxAddress};
use std::collections::BTreeMap;

/// One shard of all passwords.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// By address.
    pub rows: BTreeMap<MailboxAddress, PasswordHash>,
}

impl Credentials {
    /// The document's content. Equal rows give equal text.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (address, hash) in &self.rows {
            text.push_str(address.as_str());
            text.push(':');
            text.push_str(hash.expose());
            text.push('\n');
        }
        text
    }

    /// Reads the content of this shard's document.
    pub fn from_text(shard: Shard, text: &str) -> Result<Self, ContentError> {
        let mut rows = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let number = number + 1;
            let (address, hash) = line
                .split_once(':')
                .ok_or_else(|| ContentError::row(number, &"no colon"))?;
            let address: MailboxAddress = address
                .parse()
                .map_err(|error| ContentError::row(number, &error))?;
            let hash = hash
                .parse()
                .map_err(|error| ContentError::row(number, &error))?;
            check_place(shard, &address, &rows, number)?;
            rows.insert(address, hash);
        }
        Ok(Self { rows })
    }

    /// How many people have which scheme and parameters.
    pub fn costs(&self) -> BTreeMap<Cost, usize> {
        let mut costs = BTreeMap::new();
        for hash in self.rows.values() {
            *costs.entry(hash.cost()).or_default() += 1;
        }
        costs
    }
}
