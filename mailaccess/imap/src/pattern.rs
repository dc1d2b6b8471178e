//! Patterns of mailbox names: `*` stands for anything, `%` for anything within a level (RFC 3501 6.3.8).

use crate::grammar::Fault;
use alloc::boxed::Box;
use alloc::vec::Vec;
use mailaccess_mail::MailboxName;
use mailaccess_mail::mailbox_name::SEPARATOR;

/// Longest pattern: no longer name can match but for wildcards, of which runs are drawn together.
const MAX_LEN: usize = 2 * MailboxName::MAX_LEN;
const INBOX: &[u8] = b"INBOX";

/// A pattern over names as they are on the wire.
pub(crate) struct Pattern(Box<[u8]>);

impl Pattern {
    /// A pattern below a reference.
    pub(crate) fn new(reference: &[u8], pattern: &[u8]) -> Result<Self, Fault> {
        if pattern.is_empty() {
            return Ok(Self(Box::default()));
        }
        let mut whole: Vec<u8> = Vec::new();
        for &byte in reference.iter().chain(pattern) {
            match (whole.last(), byte) {
                (Some(b'*'), b'*' | b'%') | (Some(b'%'), b'%') => {}
                (Some(b'%'), b'*') => {
                    whole.pop();
                    whole.push(byte);
                }
                _ => whole.push(byte),
            }
            if whole.len() > MAX_LEN {
                return Err(Fault::TooMany("characters in a pattern"));
            }
        }
        Ok(Self(whole.into()))
    }

    /// Whether nothing was asked for but the separator.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the pattern stops at the end of a level.
    pub(crate) fn ends_in_percent(&self) -> bool {
        self.0.last() == Some(&b'%')
    }

    /// Whether a name on the wire matches. INBOX has no case, all others have.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let name = name.as_bytes();
        let inbox = match name.strip_prefix(INBOX) {
            Some([]) => INBOX.len(),
            Some([next, ..]) if char::from(*next) == SEPARATOR => INBOX.len(),
            _ => 0,
        };
        // Which places of the pattern can be reached by what was read of the name: linear in both.
        let mut reached = alloc::vec![false; self.0.len() + 1];
        reached[0] = true;
        self.pass_wildcards(&mut reached);
        for (at, byte) in name.iter().enumerate() {
            let mut next = alloc::vec![false; self.0.len() + 1];
            for (place, wanted) in self
                .0
                .iter()
                .enumerate()
                .filter(|(place, _)| reached[*place])
            {
                match wanted {
                    b'*' => next[place] = true,
                    b'%' => next[place] |= char::from(*byte) != SEPARATOR,
                    wanted if wanted == byte => next[place + 1] = true,
                    wanted => next[place + 1] |= at < inbox && wanted.eq_ignore_ascii_case(byte),
                }
            }
            self.pass_wildcards(&mut next);
            reached = next;
        }
        reached[self.0.len()]
    }

    /// A wildcard may stand for nothing.
    fn pass_wildcards(&self, reached: &mut [bool]) {
        for (place, byte) in self.0.iter().enumerate() {
            if matches!(byte, b'*' | b'%') && reached[place] {
                reached[place + 1] = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(reference: &str, pattern: &str, name: &str, expect: bool) {
        let pattern = Pattern::new(reference.as_bytes(), pattern.as_bytes()).unwrap();
        assert_eq!(pattern.matches(name), expect);
    }

    #[test]
    fn wildcards_cross_levels_or_stop_at_them() {
        check("", "*", "a.b.c", true);
        check("", "%", "a", true);
        check("", "%", "a.b", false);
        check("", "a.%", "a.b", true);
        check("a.", "%", "a.b", true);
        check("a", "%", "ab", true);
        check("", "*b", "a.b", true);
        check("", "%b", "a.b", false);
        check("", "%.%", "a.b", true);
        check("", "%*%", "a.b", true);
        check("", "a*c", "abc", true);
        check("", "a*c", "abd", false);
        check("", "a", "A", false);
    }

    #[test]
    fn inbox_has_no_case() {
        check("", "inbox", "INBOX", true);
        check("", "iN%", "INBOX", true);
        check("", "inbox.%", "INBOX.a", true);
        check("", "inbox.A", "INBOX.a", false);
        check("", "inboxes", "INBOXES", false);
    }

    /// The definition, word by word.
    fn model(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            ([b'*', rest @ ..], name) => (0..=name.len()).any(|taken| model(rest, &name[taken..])),
            ([b'%', rest @ ..], name) => (0..=name.len())
                .take_while(|taken| !name[..*taken].contains(&b'.'))
                .any(|taken| model(rest, &name[taken..])),
            ([wanted, pattern @ ..], [byte, name @ ..]) => wanted == byte && model(pattern, name),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn it_matches_as_it_is_defined(pattern in "[ab.*%]{1,8}", name in "[ab.]{0,8}") {
            let compiled = Pattern::new(b"", pattern.as_bytes()).unwrap();
            prop_assert_eq!(
                compiled.matches(&name),
                model(pattern.as_bytes(), name.as_bytes())
            );
        }
    }
}
