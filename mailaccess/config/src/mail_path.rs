//! Where a mailbox lies below the volume's root.
//!
//! A template's literal parts are checked once; an address has no character that means something to a file
//! system. So whatever comes out is a relative path without `.`, `..` and empty parts.

use crate::MailboxAddress;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The longest template.
const LIMIT: usize = 255;
/// The longest name in a directory.
const NAME_LIMIT: usize = 255;

/// A path with `{domain}` and `{local}` in it.
///
/// ```
/// use mailaccess_config::PathTemplate;
/// let template: PathTemplate = "{domain}/{local}/Maildir".parse().unwrap();
/// let path = template.expand(&"ann@example.com".parse().unwrap()).unwrap();
/// assert_eq!(path.as_str(), "example.com/ann/Maildir");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PathTemplate(String);

/// Why a text is no template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// Empty or too long.
    #[error("the path has 1 to {LIMIT} characters")]
    Length,
    /// An empty part, `.` or `..`; also where the path begins or ends with a slash.
    #[error("the path is relative, and no part of it is empty, `.` or `..`")]
    Part,
    /// A brace that is not part of `{domain}` or `{local}`, or an unusual character.
    #[error("the path has {{domain}}, {{local}}, ASCII letters, digits and ._-+=@, only")]
    Character,
    /// Two people could get one directory.
    #[error("the path needs {{local}}, and an @ between two placeholders in one part")]
    Ambiguous,
}

/// A checked path below the volume's root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailPath(String);

/// A template and an address that together make a name longer than a file system takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a part of the mailbox's path is longer than {NAME_LIMIT} bytes")]
pub struct PathTooLong;

/// A piece of a part of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    Literal(&'a str),
    Domain,
    Local,
}

impl PathTemplate {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where this mailbox lies.
    pub fn expand(&self, address: &MailboxAddress) -> Result<MailPath, PathTooLong> {
        let path = self
            .0
            .replace("{domain}", address.domain())
            // The domain has no brace; a local part may, and comes last.
            .replace("{local}", address.local());
        if path.split('/').any(|name| name.len() > NAME_LIMIT) {
            return Err(PathTooLong);
        }
        Ok(MailPath(path))
    }

    /// Whether people of two domains can have the same local part.
    pub fn tells_domains_apart(&self) -> bool {
        self.0.contains("{domain}")
    }
}

impl FromStr for PathTemplate {
    type Err = InvalidTemplate;

    fn from_str(text: &str) -> Result<Self, InvalidTemplate> {
        if !(1..=LIMIT).contains(&text.len()) {
            return Err(InvalidTemplate::Length);
        }
        for part in text.split('/') {
            if matches!(part, "" | "." | "..") {
                return Err(InvalidTemplate::Part);
            }
            check_part(&pieces(part)?)?;
        }
        if !text.contains("{local}") {
            return Err(InvalidTemplate::Ambiguous);
        }
        Ok(Self(text.to_owned()))
    }
}

fn pieces(mut part: &str) -> Result<Vec<Piece<'_>>, InvalidTemplate> {
    let mut pieces = Vec::new();
    while !part.is_empty() {
        if let Some(rest) = part.strip_prefix("{domain}") {
            pieces.push(Piece::Domain);
            part = rest;
        } else if let Some(rest) = part.strip_prefix("{local}") {
            pieces.push(Piece::Local);
            part = rest;
        } else {
            let (literal, rest) = part.split_at(part.find('{').unwrap_or(part.len()));
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-+=@,".contains(&b);
            if literal.is_empty() || !literal.bytes().all(allowed) {
                return Err(InvalidTemplate::Character);
            }
            pieces.push(Piece::Literal(literal));
            part = rest;
        }
    }
    Ok(pieces)
}

/// Between two placeholders stands something that neither can contain, or `a` + `bc` would be `ab` + `c`.
fn check_part(pieces: &[Piece<'_>]) -> Result<(), InvalidTemplate> {
    let mut apart = true;
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => apart |= literal.contains('@'),
            Piece::Domain | Piece::Local if apart => apart = false,
            Piece::Domain | Piece::Local => return Err(InvalidTemplate::Ambiguous),
        }
    }
    Ok(())
}

impl MailPath {
    /// Relative, with `/` between the parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its parts: at least one, each a plain name.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl fmt::Display for MailPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for PathTemplate {
    type Error = InvalidTemplate;

    fn try_from(text: String) -> Result<Self, InvalidTemplate> {
        text.parse()
    }
}

impl From<PathTemplate> for String {
    fn from(template: PathTemplate) -> Self {
        template.0
    }
}
