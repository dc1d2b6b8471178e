//! Names of distribution groups: kept as written, compared without case.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

/// The longest name in characters.
const LIMIT: usize = 256;

/// A group's name. `Field Engineers` and `field engineers` are the same.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GroupName {
    written: Arc<str>,
    folded: Arc<str>,
}

/// Why a text is no group name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGroupName {
    /// Nothing, or only spaces.
    #[error("the group has no name")]
    Empty,
    /// Too long.
    #[error("the group's name is longer than {LIMIT} characters")]
    Length,
    /// A control character.
    #[error("the group's name has a control character")]
    Character,
}

impl GroupName {
    /// The name as somebody wrote it.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl FromStr for GroupName {
    type Err = InvalidGroupName;

    fn from_str(text: &str) -> Result<Self, InvalidGroupName> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidGroupName::Empty);
        }
        if text.chars().count() > LIMIT {
            return Err(InvalidGroupName::Length);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidGroupName::Character);
        }
        let written: Arc<str> = text.into();
        let folded = text.to_lowercase();
        let folded = if *folded == *written {
            Arc::clone(&written)
        } else {
            folded.into()
        };
        Ok(Self { written, folded })
    }
}

impl PartialEq for GroupName {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}

impl Eq for GroupName {}

impl PartialOrd for GroupName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for GroupName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.folded.cmp(&other.folded)
    }
}

impl Hash for GroupName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.written, f)
    }
}

impl TryFrom<String> for GroupName {
    type Error = InvalidGroupName;

    fn try_from(text: String) -> Result<Self, InvalidGroupName> {
        text.parse()
    }
}

impl From<GroupName> for String {
    fn from(name: GroupName) -> Self {
        (*name.written).to_owned()
    }
}
