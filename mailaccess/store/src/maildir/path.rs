//! Where an account lies below the root of the store.

use std::fmt;

/// The components of a directory below the root. None is empty, hidden or a step upwards, so nothing
/// that a person types can lead elsewhere.
///
/// ```
/// use mailaccess_store::maildir::AccountPath;
/// let path = AccountPath::new(["example.com", "ann", "Maildir"]).unwrap();
/// assert_eq!(path.to_string(), "example.com/ann/Maildir");
/// assert!(AccountPath::new(["example.com", "..", "bob"]).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountPath(Box<[Box<str>]>);

/// Why components are no path. The message names none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// A control character, NUL or `/`.
    #[error("a directory of the account's path holds a character that is not allowed")]
    Character,
    /// No component, or more than [`AccountPath::MAX_DEPTH`].
    #[error("the account's path has no directory or too many")]
    Depth,
    /// A component that is empty, begins with a dot or is longer than a directory's name may be.
    #[error("a directory of the account's path is empty, hidden or too long")]
    Name,
}

impl AccountPath {
    /// Most components.
    pub const MAX_DEPTH: usize = 16;

    /// Takes a path component by component.
    pub fn new<S: AsRef<str>>(
        components: impl IntoIterator<Item = S>,
    ) -> Result<Self, InvalidPath> {
        let components: Box<[Box<str>]> = components
            .into_iter()
            .take(Self::MAX_DEPTH + 1)
            .map(|component| component.as_ref().into())
            .collect();
        if !(1..=Self::MAX_DEPTH).contains(&components.len()) {
            return Err(InvalidPath::Depth);
        }
        for component in &components {
            if component.is_empty() || component.starts_with('.') || component.len() > 255 {
                return Err(InvalidPath::Name);
            }
            if component.chars().any(|c| c.is_control() || c == '/') {
                return Err(InvalidPath::Character);
            }
        }
        Ok(Self(components))
    }

    /// Takes a path with slashes between its components.
    pub fn parse(path: &str) -> Result<Self, InvalidPath> {
        Self::new(path.split('/'))
    }

    /// The components, outermost first.
    pub(crate) fn components(&self) -> Vec<&str> {
        self.0.iter().map(|component| &**component).collect()
    }
}

impl fmt::Display for AccountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::{AccountPath, InvalidPath};

    #[test]
    fn a_path_stays_below_the_root() {
        for (bad, why) in [
            ("", InvalidPath::Name),
            ("/etc", InvalidPath::Name),
            ("a//b", InvalidPath::Name),
            ("a/..", InvalidPath::Name),
            ("a/./b", InvalidPath::Name),
            (".hidden/a", InvalidPath::Name),
            ("a\0b", InvalidPath::Character),
            ("a\nb", InvalidPath::Character),
        ] {
            assert_eq!(AccountPath::parse(bad), Err(why), "{bad:?}");
        }
        assert_eq!(AccountPath::new(["a/b"]), Err(InvalidPath::Character));
        assert_eq!(AccountPath::new(["x"; 17]), Err(InvalidPath::Depth));
        assert_eq!(AccountPath::new([""; 0]), Err(InvalidPath::Depth));
        assert_eq!(AccountPath::new(["x".repeat(256)]), Err(InvalidPath::Name));
        assert!(AccountPath::parse("example.com/o'hara+x/Maildir").is_ok());
    }
}
