//! The `rules` document: what is said of whole groups, and the one shape of a rule at every level.

use crate::settings::Protocol;
use crate::{ContentError, GroupName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a rule says of one protocol. Ordered: the greater is the more restrictive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// May be used.
    Allow,
    /// May not be used.
    Deny,
    /// May not be used, because what was said cannot be understood.
    Invalid,
}

/// What a rule says of both protocols; what it does not say is inherited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rights {
    /// IMAP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imap: Option<Right>,
    /// POP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pop: Option<Right>,
}

impl Rights {
    /// Of an object that cannot be understood: nothing is allowed.
    pub const INVALID: Self = Self {
        imap: Some(Right::Invalid),
        pop: Some(Right::Invalid),
    };

    /// What is said of one protocol.
    pub fn of(self, protocol: Protocol) -> Option<Right> {
        match protocol {
            Protocol::Imap => self.imap,
            Protocol::Pop => self.pop,
        }
    }

    /// Two rules at one level: what either says, and where both speak the more restrictive.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            imap: self.imap.max(other.imap),
            pop: self.pop.max(other.pop),
        }
    }

    /// Whether nothing is said.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// What is said of groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// By group, without case.
    pub groups: BTreeMap<GroupName, Rights>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    groups: Vec<GroupRule>,
}

// Not flattened: a flattened struct would let unknown fields pass.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupRule {
    name: GroupName,
    rights: Rights,
}

impl Rules {
    /// The document's content. Equal rules give equal text.
    pub fn to_text(&self) -> Result<String, ContentError> {
        let groups = self
            .groups
            .iter()
            .map(|(name, rights)| GroupRule {
                name: name.clone(),
                rights: *rights,
            })
            .collect();
        serde_yaml::to_string(&Text { groups })
            .map_err(|error| ContentError::Yaml(error.to_string()))
    }

    /// Reads a document's content.
    pub fn from_text(text: &str) -> Result<Self, ContentError> {
        let text: Text =
            serde_yaml::from_str(text).map_err(|error| ContentError::Yaml(error.to_string()))?;
        let mut rules = Self::default();
        for GroupRule { name, rights } in text.groups {
            if rules.groups.contains_key(&name) {
                let reason = format!("{name} stands twice");
                return Err(ContentError::field("groups", reason));
            }
            rules.groups.insert(name, rights);
        }
        Ok(rules)
    }
}
