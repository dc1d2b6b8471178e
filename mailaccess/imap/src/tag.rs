//! The tag by which a client finds the answer to its command (RFC 3501 2.2.1).

use alloc::boxed::Box;
use core::fmt;

/// A tag.
///
/// ```text
/// tag = 1*<any ASTRING-CHAR except "+">                            ; RFC 3501 9
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag(Box<str>);

impl Tag {
    /// The longest taken: it is held for as long as a command runs.
    pub(crate) const MAX_LEN: usize = 64;

    /// The tag with these bytes, if they are one.
    pub(crate) fn new(bytes: &[u8]) -> Option<Self> {
        let fits = (1..=Self::MAX_LEN).contains(&bytes.len())
            && bytes.iter().all(|byte| is_tag_char(*byte));
        core::str::from_utf8(bytes)
            .ok()
            .filter(|_| fits)
            .map(|tag| Self(tag.into()))
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The tag at the beginning of a command that may be wrong behind it.
    pub(crate) fn recover(command: &[u8]) -> Option<Self> {
        let len = command
            .iter()
            .take(Self::MAX_LEN + 1)
            .take_while(|byte| is_tag_char(**byte))
            .count();
        match command.get(len) {
            None | Some(b' ' | b'\r' | b'\n') => Self::new(&command[..len]),
            Some(_) => None,
        }
    }
}

const fn is_tag_char(byte: u8) -> bool {
    crate::grammar::is_astring_char(byte) && byte != b'+'
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Tag;
    use alloc::string::ToString;

    #[test]
    fn a_tag_is_found_before_anything_wrong() {
        for (command, tag) in [
            ("a1 NOOP\r\n", Some("a1")),
            ("]x!", Some("]x!")),
            ("a\r\n", Some("a")),
            ("a+ NOOP", None),
            ("(a NOOP", None),
            ("", None),
            (" NOOP", None),
        ] {
            let found = Tag::recover(command.as_bytes()).map(|tag| tag.to_string());
            assert_eq!(found.as_deref(), tag, "{command}");
        }
        assert_eq!(Tag::recover(&[b'x'; 65]), None);
        assert!(Tag::recover(&[b'x'; 64]).is_some());
    }
}
