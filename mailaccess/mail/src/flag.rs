//! Flags of a message (RFC 3501 2.3.2): five system flags that are stored, and an open set of keywords.
//! `\Recent` is no flag of a message but of a session's view, so it is not here.

use core::fmt;
use std::sync::Arc;

/// A flag with a meaning of its own (RFC 3501 2.3.2), in the order of the letters in a Maildir name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SystemFlag {
    /// `\Draft`, Maildir `D`.
    Draft,
    /// `\Flagged`, Maildir `F`.
    Flagged,
    /// `\Answered`, Maildir `R`.
    Answered,
    /// `\Seen`, Maildir `S`.
    Seen,
    /// `\Deleted`, Maildir `T`.
    Deleted,
}

impl SystemFlag {
    /// All of them, in the order in which RFC 3501 names them.
    pub const ALL: [Self; 5] = [
        Self::Answered,
        Self::Flagged,
        Self::Deleted,
        Self::Seen,
        Self::Draft,
    ];

    /// The name on the wire, with its backslash.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Answered => "\\Answered",
            Self::Deleted => "\\Deleted",
            Self::Draft => "\\Draft",
            Self::Flagged => "\\Flagged",
            Self::Seen => "\\Seen",
        }
    }

    /// The flag with this name on the wire; case does not count (RFC 3501 9).
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|flag| flag.name().as_bytes().eq_ignore_ascii_case(name))
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A keyword (RFC 3501 9 `flag-keyword`): an atom of at most [`Keyword::MAX_LEN`] bytes that begins
/// with no backslash. Two that differ in case only are one.
#[derive(Clone)]
pub struct Keyword(Arc<str>);

impl Keyword {
    /// The longest keyword taken: more than any client uses, and it fits a line of `dovecot-keywords`.
    pub const MAX_LEN: usize = 128;

    /// The keyword with this name, or `None` when it is empty, too long or no atom.
    pub fn new(name: &str) -> Option<Self> {
        let atom = |b: u8| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b);
        (1..=Self::MAX_LEN)
            .contains(&name.len())
            .then_some(name)
            .filter(|name| name.bytes().all(atom))
            .map(|name| Self(name.into()))
    }

    /// The name as it was first given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn folded(&self) -> impl Iterator<Item = u8> + '_ {
        self.0.bytes().map(|b| b.to_ascii_lowercase())
    }
}

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.folded().cmp(other.folded())
    }
}

impl core::hash::Hash for Keyword {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.folded().for_each(|b| state.write_u8(b));
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// The flags of one message: a set of system flags and a sorted set of keywords.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    system: u8,
    keywords: Box<[Keyword]>,
}

impl Flags {
    /// No flag at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether this system flag is set.
    pub fn has(&self, flag: SystemFlag) -> bool {
        self.system & flag.bit() != 0
    }

    /// Whether this keyword is set.
    pub fn has_keyword(&self, keyword: &Keyword) -> bool {
        self.keywords.binary_search(keyword).is_ok()
    }

    /// The system flags set, in the order of RFC 3501.
    pub fn system(&self) -> impl Iterator<Item = SystemFlag> + '_ {
        SystemFlag::ALL.into_iter().filter(|flag| self.has(*flag))
    }

    /// The keywords set, sorted.
    pub fn keywords(&self) -> &[Keyword] {
        &self.keywords
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.system == 0 && self.keywords.is_empty()
    }

    /// Sets a system flag.
    pub fn insert(&mut self, flag: SystemFlag) {
        self.system |= flag.bit();
    }

    /// Takes a system flag away.
    pub fn remove(&mut self, flag: SystemFlag) {
        self.system &= !flag.bit();
    }

    /// Sets a keyword.
    pub fn insert_keyword(&mut self, keyword: Keyword) {
        if let Err(at) = self.keywords.binary_search(&keyword) {
            let mut keywords = core::mem::take(&mut self.keywords).into_vec();
            keywords.insert(at, keyword);
            self.keywords = keywords.into();
        }
    }

    /// Takes a keyword away.
    pub fn remove_keyword(&mut self, keyword: &Keyword) {
        if let Ok(at) = self.keywords.binary_search(keyword) {
            let mut keywords = core::mem::take(&mut self.keywords).into_vec();
            keywords.remove(at);
            self.keywords = keywords.into();
        }
    }

    /// These flags after a change.
    #[must_use]
    pub fn changed(&self, change: &FlagChange) -> Self {
        let mut flags = self.clone();
        match change {
            FlagChange::Replace(wanted) => return wanted.clone(),
            FlagChange::Add(more) => {
                flags.system |= more.system;
                more.keywords
                    .iter()
                    .cloned()
                    .for_each(|keyword| flags.insert_keyword(keyword));
            }
            FlagChange::Remove(fewer) => {
                flags.system &= !fewer.system;
                fewer
                    .keywords
                    .iter()
                    .for_each(|keyword| flags.remove_keyword(keyword));
            }
        }
        flags
    }
}

impl FromIterator<SystemFlag> for Flags {
    fn from_iter<I: IntoIterator<Item = SystemFlag>>(flags: I) -> Self {
        let mut set = Self::none();
        flags.into_iter().for_each(|flag| set.insert(flag));
        set
    }
}

/// What STORE does to flags (RFC 3501 6.4.6). A store applies it to the flags that it finds, never to
/// flags remembered, so that two writers merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagChange {
    /// `+FLAGS`.
    Add(Flags),
    /// `-FLAGS`.
    Remove(Flags),
    /// `FLAGS`.
    Replace(Flags),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyword(name: &str) -> Keyword {
        Keyword::new(name).unwrap()
    }

    #[test]
    fn keywords_differ_not_by_case() {
        let mut flags = Flags::none();
        flags.insert_keyword(keyword("$Junk"));
        flags.insert_keyword(keyword("$JUNK"));
        assert_eq!(flags.keywords(), [keyword("$junk")]);
        assert_eq!(flags.keywords()[0].as_str(), "$Junk");
    }

    #[test]
    fn a_keyword_is_an_atom() {
        for bad in [
            "",
            "\\Seen",
            "a b",
            "a(b",
            "a]",
            "ü",
            "a\"b",
            &"x".repeat(129),
        ] {
            assert_eq!(Keyword::new(bad), None, "{bad}");
        }
        assert!(Keyword::new("$MDNSent").is_some());
    }

    #[test]
    fn changes_add_remove_and_replace() {
        let mut flags = Flags::from_iter([SystemFlag::Seen]);
        flags.insert_keyword(keyword("a"));
        let mut other = Flags::from_iter([SystemFlag::Deleted]);
        other.insert_keyword(keyword("b"));
        let added = flags.changed(&FlagChange::Add(other.clone()));
        assert!(added.has(SystemFlag::Seen) && added.has(SystemFlag::Deleted));
        assert_eq!(added.keywords().len(), 2);
        assert_eq!(added.changed(&FlagChange::Remove(other.clone())), flags);
        assert_eq!(added.changed(&FlagChange::Replace(other.clone())), other);
    }

    #[test]
    fn system_flags_are_found_by_name_without_case() {
        assert_eq!(SystemFlag::from_name(b"\\seen"), Some(SystemFlag::Seen));
        assert_eq!(SystemFlag::from_name(b"\\Recent"), None);
    }
}
