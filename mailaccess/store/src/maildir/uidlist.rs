//! The format of `dovecot-uidlist`: version 3, and version 1 for reading. Text in, values out; where the
//! file lies and when it may be written is decided in `list`.
//!
//! ```text
//! 3 V<uidvalidity> N<next uid> G<guid> [<letter><value> ...]
//! <uid> [<letter><value> ...] :<base name>
//! ```

use super::name::{self, number};
use mailaccess_mail::{Uid, UidValidity};
use std::sync::Arc;

/// The highest UID that Dovecot takes.
const LAST_UID: u32 = u32::MAX - 1;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) uid_validity: UidValidity,
    /// The next UID as it stands there; appended records make it stale. One beyond the last means none.
    pub(super) next: u32,
    /// The other fields, GUID among them, carried along as they are.
    pub(super) fields: Vec<Box<[u8]>>,
}

/// A line: which file has which UID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) uid: Uid,
    /// What stands between UID and name, fields separated by spaces, carried along as it is.
    pub(super) fields: Box<[u8]>,
    pub(super) base: Arc<[u8]>,
}

/// Why a line is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadLine {
    #[error("no header of version 1 or 3 with UIDVALIDITY and next UID")]
    Header,
    #[error("no UID between 1 and 2^32-2")]
    Uid,
    #[error("no file name")]
    Name,
}

/// Which form the lines behind a header have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Three,
}

impl Header {
    pub(super) fn new(uid_validity: UidValidity, guid: &str) -> Self {
        Self {
            uid_validity,
            next: 1,
            fields: vec![format!("G{guid}").into_bytes().into()],
        }
    }

    pub(super) fn parse(line: &[u8]) -> Result<(Version, Self), BadLine> {
        let mut words = line
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty());
        match words.next() {
            Some(b"3") => Self::parse_fields(words).map(|header| (Version::Three, header)),
            Some(b"1") => {
                let header = || {
                    let uid_validity = UidValidity::new(number_32(words.next()?)?)?;
                    let next = number_32(words.next()?).filter(|next| *next > 0)?;
                    Some(Self {
                        uid_validity,
                        next,
                        fields: Vec::new(),
                    })
                };
                let mut header = header;
                header()
                    .map(|header| (Version::One, header))
                    .ok_or(BadLine::Header)
            }
            _ => Err(BadLine::Header),
        }
    }

    fn parse_fields<'a>(words: impl Iterator<Item = &'a [u8]>) -> Result<Self, BadLine> {
        let (mut uid_validity, mut next, mut fields) = (None, None, Vec::new());
        for word in words {
            match word {
                [b'V', value @ ..] => uid_validity = number_32(value).and_then(UidValidity::new),
                [b'N', value @ ..] => next = number_32(value).filter(|next| *next > 0),
                other => fields.push(other.into()),
            }
        }
        match (uid_validity, next) {
            (Some(uid_validity), Some(next)) => Ok(Self {
                uid_validity,
                next,
                fields,
            }),
            _ => Err(BadLine::Header),
        }
    }

    /// The folder's GUID, where there is one.
    pub(super) fn has_guid(&self) -> bool {
        self.fields.iter().any(|field| field.first() == Some(&b'G'))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let numbers = format!("3 V{} N{}", self.uid_validity, self.next);
        out.extend_from_slice(numbers.as_bytes());
        for field in &self.fields {
            out.push(b' ');
            out.extend_from_slice(field);
        }
        out.push(b'\n');
    }
}

impl Record {
    pub(super) fn new(uid: Uid, base: Arc<[u8]>) -> Self {
        Self {
            uid,
            fields: Box::default(),
            base,
        }
    }

    pub(super) fn parse(version: Version, line: &[u8]) -> Result<Self, BadLine> {
        let end = memchr::memchr(b' ', line).unwrap_or(line.len());
        let (uid, rest) = line.split_at(end);
        let uid = number_32(uid)
            .filter(|uid| *uid <= LAST_UID)
            .and_then(Uid::new)
            .ok_or(BadLine::Uid)?;
        let (fields, file) = match version {
            Version::One => (&[][..], rest.strip_prefix(b" ").ok_or(BadLine::Name)?),
            Version::Three => {
                let colon = memchr::memmem::find(rest, b" :").ok_or(BadLine::Name)?;
                (rest[..colon].trim_ascii(), &rest[colon + 2..])
            }
        };
        let base = name::base(file);
        if base.is_empty() || base.contains(&b'/') || base.contains(&0) {
            return Err(BadLine::Name);
        }
        Ok(Self {
            uid,
            fields: fields.into(),
            base: base.into(),
        })
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.uid.to_string().as_bytes());
        if !self.fields.is_empty() {
            out.push(b' ');
            out.extend_from_slice(&self.fields);
        }
        out.extend_from_slice(b" :");
        out.extend_from_slice(&self.base);
        out.push(b'\n');
    }

    fn field(&self, letter: u8) -> Option<&[u8]> {
        self.fields
            .split(|byte| *byte == b' ')
            .find_map(|field| field.strip_prefix(&[letter]))
    }

    /// The size with every line ended by CRLF (`W`), from here or from the name.
    pub(super) fn size_on_wire(&self) -> Option<u64> {
        name::size_on_wire(&self.base).or_else(|| self.field(b'W').and_then(number))
    }

    /// Keeps the size with every line ended by CRLF; says whether that is news.
    pub(super) fn set_size_on_wire(&mut self, size: u64) -> bool {
        if self.field(b'W').and_then(number) == Some(size) {
            return false;
        }
        let mut fields: Vec<u8> = Vec::new();
        let kept = self.fields.split(|byte| *byte == b' ');
        for field in kept.filter(|field| !field.is_empty() && !field.starts_with(b"W")) {
            fields.extend_from_slice(field);
            fields.push(b' ');
        }
        fields.extend_from_slice(format!("W{size}").as_bytes());
        self.fields = fields.into();
        true
    }

    /// The unique-id for POP3 (`P`); written empty it is the base name.
    pub(super) fn unique_id(&self) -> Option<&[u8]> {
        self.field(b'P')
            .map(|id| if id.is_empty() { &*self.base } else { id })
    }
}

/// The UID behind this one, as far as Dovecot counts.
pub(super) fn following(uid: Uid) -> u32 {
    uid.get().saturating_add(1)
}

/// The UID of this number if a message may have it.
pub(super) fn assignable(next: u32) -> Option<Uid> {
    Uid::new(next).filter(|uid| uid.get() <= LAST_UID)
}

fn number_32(digits: &[u8]) -> Option<u32> {
    number(digits).and_then(|number| u32::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(line: &str) -> Result<(Version, Header), BadLine> {
        Header::parse(line.as_bytes())
    }

    fn record(line: &str) -> Result<Record, BadLine> {
        Record::parse(Version::Three, line.as_bytes())
    }

    fn written(record: &Record) -> String {
        let mut out = Vec::new();
        record.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_header_keeps_what_it_does_not_know() {
        let line = "3 V1795485669 N1 Gc5d2c2f2 X1 P%08Xu";
        let (version, header) = header(line).unwrap();
        assert_eq!(
            (version, header.uid_validity.get(), header.next),
            (Version::Three, 1_795_485_669, 1)
        );
        assert!(header.has_guid());
        let mut out = Vec::new();
        header.write(&mut out);
        assert_eq!(out, format!("{line}\n").into_bytes());
    }

    #[test]
    fn a_header_without_its_numbers_is_broken() {
        for bad in [
            "",
            "3",
            "3 V1",
            "3 N1",
            "3 V0 N1",
            "3 V1 N0",
            "2 V1 N1",
            "1 5",
            "3 V4294967296 N1",
            "x",
        ] {
            assert_eq!(header(bad), Err(BadLine::Header), "{bad}");
        }
        assert_eq!(header("1 5 7").unwrap().0, Version::One);
    }

    #[test]
    fn a_record_is_read_and_written() {
        for line in [
            "1 :1.a.h",
            "7 S10 W12 Pxyz :1.a.h,S=3",
            "4294967294 Z: :1 2",
        ] {
            assert_eq!(written(&record(line).unwrap()), format!("{line}\n"));
        }
        assert_eq!(&*record("1 :1.a.h:2,S").unwrap().base, b"1.a.h");
        let one = Record::parse(Version::One, b"3 1.a.h:2,S").unwrap();
        assert_eq!(written(&one), "3 :1.a.h\n");
    }

    #[test]
    fn a_line_that_is_no_record_is_refused() {
        for (bad, why) in [
            ("", BadLine::Uid),
            ("0 :a", BadLine::Uid),
            ("4294967295 :a", BadLine::Uid),
            ("x :a", BadLine::Uid),
            ("1", BadLine::Name),
            ("1 :", BadLine::Name),
            ("1 a", BadLine::Name),
            ("1 :a/b", BadLine::Name),
            ("1 ::2,S", BadLine::Name),
        ] {
            assert_eq!(record(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn fields_are_found_and_the_wire_size_replaced() {
        let mut entry = record("7 S10 W11 P :1.a.h").unwrap();
        assert_eq!(entry.size_on_wire(), Some(11));
        assert_eq!(entry.unique_id(), Some(&b"1.a.h"[..]));
        assert!(!entry.set_size_on_wire(11));
        assert!(entry.set_size_on_wire(12));
        assert_eq!(written(&entry), "7 S10 P W12 :1.a.h\n");
        assert_eq!(record("1 Pid :a").unwrap().unique_id(), Some(&b"id"[..]));
        assert_eq!(record("1 :a").unwrap().unique_id(), None);
    }

    fn mutated(valid: &'static str) -> impl Strategy<Value = Vec<u8>> {
        (
            valid,
            prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        )
            .prop_map(|(line, changes)| {
                let mut line = line.into_bytes();
                for (at, byte) in changes {
                    let at = at.index(line.len());
                    line[at] = byte;
                }
                line
            })
    }

    proptest! {
        #[test]
        fn what_is_read_of_a_record_is_what_is_written(
            line in mutated("[0-9]{1,11}( [A-Z][a-z0-9]{0,6}){0,3} :[0-9]{1,4}\\.[a-z]{1,6}(:2,[A-Z]{0,3})?")
        ) {
            for version in [Version::One, Version::Three] {
                if let Ok(record) = Record::parse(version, &line) {
                    let mut out = Vec::new();
                    record.write(&mut out);
                    let again = Record::parse(Version::Three, out.strip_suffix(b"\n").unwrap());
                    prop_assert_eq!(again, Ok(record));
                }
            }
        }

        #[test]
        fn what_is_read_of_a_header_is_what_is_written(
            line in mutated("[13]( V?[0-9]{1,11}| N?[0-9]{1,11}| G[0-9a-f]{0,8}| [A-Z][a-z]{0,3}){0,5}")
        ) {
            if let Ok((_, header)) = Header::parse(&line) {
                let mut out = Vec::new();
                header.write(&mut out);
                let again = Header::parse(out.strip_suffix(b"\n").unwrap());
                prop_assert_eq!(again, Ok((Version::Three, header)));
            }
        }
    }
}
