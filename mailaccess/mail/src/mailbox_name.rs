//! Names of mailboxes: Unicode inside, modified UTF-7 on the wire and on disk (RFC 3501 5.1.3).

use core::fmt;

/// Between the levels of a name, on the wire and in Maildir++.
pub const SEPARATOR: char = '.';

/// A name that a mailbox may have: one to [`MailboxName::MAX_DEPTH`] non-empty levels separated by
/// [`SEPARATOR`], without `/`, NUL or other control characters, at most [`MailboxName::MAX_LEN`] bytes in
/// modified UTF-7. `INBOX` in any case is INBOX; every other name counts by case. No level is empty, so
/// no name begins with a dot or climbs out of its directory.
///
/// ```
/// use mailaccess_mail::MailboxName;
/// let name = MailboxName::from_mutf7(b"Entw&APw-rfe").unwrap();
/// assert_eq!(name.as_str(), "Entwürfe");
/// assert_eq!(name.to_mutf7(), "Entw&APw-rfe");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailboxName(Box<str>);

/// Why a text is no mailbox name. Its message is fit for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// A control character, NUL or `/`.
    #[error("mailbox name holds a character that is not allowed")]
    Character,
    /// More levels than [`MailboxName::MAX_DEPTH`].
    #[error("mailbox name has too many levels")]
    Depth,
    /// An empty name or level: a leading, trailing or doubled separator.
    #[error("mailbox name has an empty level")]
    EmptyLevel,
    /// Not modified UTF-7.
    #[error("mailbox name is not valid modified UTF-7")]
    Encoding,
    /// Longer than [`MailboxName::MAX_LEN`].
    #[error("mailbox name is too long")]
    Length,
}

impl MailboxName {
    /// Longest name in modified UTF-7: with the leading dot of Maildir++ it is a directory entry (255).
    pub const MAX_LEN: usize = 254;
    /// Most levels of hierarchy.
    pub const MAX_DEPTH: usize = 32;

    /// The mailbox that every account has.
    pub fn inbox() -> Self {
        Self("INBOX".into())
    }

    /// Takes a name in Unicode.
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        if name.chars().any(|c| c.is_control() || c == '/') {
            return Err(InvalidName::Character);
        }
        if name.split(SEPARATOR).any(str::is_empty) {
            return Err(InvalidName::EmptyLevel);
        }
        if name.split(SEPARATOR).count() > Self::MAX_DEPTH {
            return Err(InvalidName::Depth);
        }
        if encode(name).len() > Self::MAX_LEN {
            return Err(InvalidName::Length);
        }
        let (first, rest) = name
            .split_once(SEPARATOR)
            .map_or((name, None), |(first, rest)| (first, Some(rest)));
        if first.eq_ignore_ascii_case("INBOX") {
            return Ok(Self(rest.map_or_else(
                || "INBOX".into(),
                |rest| format!("INBOX{SEPARATOR}{rest}").into(),
            )));
        }
        Ok(Self(name.into()))
    }

    /// Takes a name in modified UTF-7, as a client sends it and a directory is called.
    pub fn from_mutf7(name: &[u8]) -> Result<Self, InvalidName> {
        Self::new(&decode(name).ok_or(InvalidName::Encoding)?)
    }

    /// The name in Unicode.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name in modified UTF-7.
    pub fn to_mutf7(&self) -> String {
        encode(&self.0)
    }

    /// Whether this is INBOX itself.
    pub fn is_inbox(&self) -> bool {
        &*self.0 == "INBOX"
    }

    /// The name one level up, if there is one.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0
            .rsplit_once(SEPARATOR)
            .map(|(parent, _)| Self(parent.into()))
    }

    /// Whether this lies somewhere below `ancestor`.
    pub fn is_below(&self, ancestor: &Self) -> bool {
        self.0
            .strip_prefix(&*ancestor.0)
            .is_some_and(|rest| rest.starts_with(SEPARATOR))
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Unicode to modified UTF-7 (RFC 3501 5.1.3).
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run: Vec<u16> = Vec::new();
    for c in text.chars() {
        if (' '..='~').contains(&c) {
            encode_run(&mut run, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            run.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    encode_run(&mut run, &mut out);
    out
}

fn encode_run(run: &mut Vec<u16>, out: &mut String) {
    if run.is_empty() {
        return;
    }
    out.push('&');
    let (mut bits, mut count) = (0_u32, 0_u32);
    for unit in run.drain(..) {
        bits = bits << 16 | u32::from(unit);
        count += 16;
        while count >= 6 {
            count -= 6;
            out.push(char::from(BASE64[(bits >> count & 63) as usize]));
        }
        bits &= (1 << count) - 1;
    }
    if count > 0 {
        out.push(char::from(BASE64[(bits << (6 - count) & 63) as usize]));
    }
    out.push('-');
}

/// Modified UTF-7 to Unicode; `None` when it is not in the one form that RFC 3501 5.1.3 allows
/// (printable ASCII outside, no ASCII inside, no padding bits, no unpaired surrogate).
pub fn decode(text: &[u8]) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        if first != b'&' {
            if !(b' '..=b'~').contains(&first) {
                return None;
            }
            out.push(char::from(first));
            rest = after;
            continue;
        }
        let end = memchr::memchr(b'-', after)?;
        let (run, after) = (&after[..end], &after[end + 1..]);
        if run.is_empty() {
            out.push('&');
        } else {
            decode_run(run, &mut out)?;
        }
        rest = after;
    }
    // One form only: names that differ in bytes and not in meaning would be two directories.
    (encode(&out).as_bytes() == text).then_some(out)
}

fn decode_run(run: &[u8], out: &mut String) -> Option<()> {
    let mut units = Vec::with_capacity(run.len() * 6 / 16);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in run {
        let value = BASE64.iter().position(|b| b == byte)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        count += 6;
        if count >= 16 {
            count -= 16;
            units.push(u16::try_from(bits >> count & 0xffff).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    for c in char::decode_utf16(units) {
        out.push(c.ok()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_the_rfc_are_read_and_written() {
        for (wire, text) in [
            ("~peter.mail.&U,BTFw-.&ZeVnLIqe-", "~peter.mail.台北.日本語"),
            ("Hi There", "Hi There"),
            ("a&-b", "a&b"),
        ] {
            assert_eq!(decode(wire.as_bytes()).as_deref(), Some(text));
            assert_eq!(encode(text), wire);
        }
    }

    #[test]
    fn other_forms_of_a_name_are_refused() {
        for bad in [
            "&",
            "&!!-",
            "&AGE-",
            "&U,BTFw",
            "a\u{e9}",
            "&2AA-",
            "&Jjo!-",
            "&AOk--&AOk-x\u{7f}",
        ] {
            assert_eq!(
                MailboxName::from_mutf7(bad.as_bytes()),
                Err(InvalidName::Encoding),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_name_cannot_leave_its_directory() {
        for (bad, why) in [
            ("", InvalidName::EmptyLevel),
            (".", InvalidName::EmptyLevel),
            ("..", InvalidName::EmptyLevel),
            (".a", InvalidName::EmptyLevel),
            ("a..b", InvalidName::EmptyLevel),
            ("a.", InvalidName::EmptyLevel),
            ("a/b", InvalidName::Character),
            ("a\0b", InvalidName::Character),
            ("a\r\nb", InvalidName::Character),
        ] {
            assert_eq!(MailboxName::new(bad), Err(why), "{bad:?}");
        }
        assert_eq!(MailboxName::new(&"x".repeat(255)), Err(InvalidName::Length));
        assert_eq!(
            MailboxName::new(&vec!["x"; 33].join(".")),
            Err(InvalidName::Depth)
        );
    }

    #[test]
    fn inbox_has_no_case_and_others_have() {
        assert!(MailboxName::new("iNbOx").unwrap().is_inbox());
        assert_eq!(MailboxName::new("inbox.a").unwrap().as_str(), "INBOX.a");
        assert_ne!(
            MailboxName::new("a").unwrap(),
            MailboxName::new("A").unwrap()
        );
        assert!(
            MailboxName::new("a.b.c")
                .unwrap()
                .is_below(&MailboxName::new("a").unwrap())
        );
        assert!(
            !MailboxName::new("ab")
                .unwrap()
                .is_below(&MailboxName::new("a").unwrap())
        );
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "\\PC{0,40}") {
            prop_assert_eq!(decode(encode(&text).as_bytes()), Some(text));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(text) = decode(&bytes) {
                prop_assert_eq!(encode(&text).into_bytes(), bytes);
            }
        }

        #[test]
        fn near_valid_bytes_are_read_without_panic(text in "[a&-]{0,6}&[A-Za-z0-9+,]{0,12}-?[a&-]{0,6}") {
            if let Some(decoded) = decode(text.as_bytes()) {
                prop_assert_eq!(encode(&decoded), text);
            }
        }
    }
}
