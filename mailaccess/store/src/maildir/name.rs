//! Names of message files: `<seconds>.<unique>.<host>[,S=<bytes>][,W=<wire bytes>][:2,<flags>[,<rest>]]`.
//!
//! Other programs' names are taken as they are: what is not understood is kept where it stands.

use mailaccess_mail::SystemFlag;
use std::cmp::Ordering;
use std::time::Duration;

/// Longest name of a directory entry.
const NAME_MAX: usize = 255;

/// The part of a name that stays the same when flags change: up to the first colon.
pub(super) fn base(name: &[u8]) -> &[u8] {
    let end = memchr::memchr(b':', name).unwrap_or(name.len());
    &name[..end]
}

/// What stands behind the base: empty, or from the first colon on.
pub(super) fn suffix(name: &[u8]) -> &[u8] {
    &name[base(name).len()..]
}

/// Whether this is the name of a message at all: hidden files belong to others.
pub(super) fn is_message(name: &[u8]) -> bool {
    !name.is_empty() && name[0] != b'.' && !base(name).is_empty()
}

/// Whether its base would be two lines of a uidlist, the second made by whoever named the file.
pub(super) fn breaks_lines(name: &[u8]) -> bool {
    base(name).contains(&b'\n')
}

/// The letters of a name: those of flags, and the rest behind a second comma. `None` when it has no
/// `:2,`.
fn info(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memrchr(b':', name)?;
    let letters = name[colon + 1..].strip_prefix(b"2,")?;
    let end = memchr::memchr(b',', letters).unwrap_or(letters.len());
    Some(letters.split_at(end))
}

/// A set of letters of a name: system flags and `a` to `z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Letters {
    system: u8,
    keywords: u32,
}

const SYSTEM: [(u8, SystemFlag); 5] = [
    (b'D', SystemFlag::Draft),
    (b'F', SystemFlag::Flagged),
    (b'R', SystemFlag::Answered),
    (b'S', SystemFlag::Seen),
    (b'T', SystemFlag::Deleted),
];

impl Letters {
    /// The letters in a name. Unknown ones are not among them.
    pub(super) fn of(name: &[u8]) -> Self {
        let mut letters = Self::default();
        for &byte in info(name).map_or(&[][..], |(letters, _)| letters) {
            if let Some(at) = SYSTEM.iter().position(|(letter, _)| *letter == byte) {
                letters.system |= 1 << at;
            } else if byte.is_ascii_lowercase() {
                letters.insert_keyword(byte - b'a');
            }
        }
        letters
    }

    pub(super) fn insert(&mut self, flag: SystemFlag) {
        if let Some(at) = SYSTEM.iter().position(|(_, known)| *known == flag) {
            self.system |= 1 << at;
        }
    }

    /// Adds the letter of the keyword with this number, 0 to 25.
    pub(super) fn insert_keyword(&mut self, number: u8) {
        if number < 26 {
            self.keywords |= 1 << number;
        }
    }

    pub(super) fn system(self) -> impl Iterator<Item = SystemFlag> {
        SYSTEM
            .iter()
            .enumerate()
            .filter(move |(at, _)| self.system & 1 << at != 0)
            .map(|(_, (_, flag))| *flag)
    }

    /// The numbers of its keywords.
    pub(super) fn keywords(self) -> impl Iterator<Item = u8> {
        (0..26_u8).filter(move |number| self.keywords & 1 << number != 0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.system == 0 && self.keywords == 0
    }
}

/// The name with these letters in place of those it has; letters with no meaning here are kept.
pub(super) fn with_letters(name: &[u8], letters: Letters) -> Vec<u8> {
    let (old, rest) = info(name).unwrap_or((&[], &[]));
    let known = |byte: &u8| byte.is_ascii_lowercase() || SYSTEM.iter().any(|(l, _)| l == byte);
    let mut all: Vec<u8> = old.iter().copied().filter(|byte| !known(byte)).collect();
    for (at, (letter, _)) in SYSTEM.iter().enumerate() {
        if letters.system & 1 << at != 0 {
            all.push(*letter);
        }
    }
    all.extend(letters.keywords().map(|number| b'a' + number));
    all.sort_unstable();
    all.dedup();
    let prefix = memchr::memrchr(b':', name).map_or(name, |colon| &name[..colon]);
    let mut renamed = prefix.to_vec();
    renamed.extend_from_slice(b":2,");
    renamed.extend_from_slice(&all);
    renamed.extend_from_slice(rest);
    renamed
}

/// The name that a file gets when it leaves `new/`.
pub(super) fn seen_by_reader(name: &[u8]) -> Vec<u8> {
    if name.contains(&b':') {
        name.to_vec()
    } else {
        [name, b":2,"].concat()
    }
}

/// The size in the file, as `S=` says.
pub(super) fn size_on_disk(name: &[u8]) -> Option<u64> {
    field(name, b'S')
}

/// The size with every line ended by CRLF, as `W=` says.
pub(super) fn size_on_wire(name: &[u8]) -> Option<u64> {
    field(name, b'W')
}

fn field(name: &[u8], letter: u8) -> Option<u64> {
    base(name)
        .split(|byte| *byte == b',')
        .skip(1)
        .find_map(|field| {
            let digits = field.strip_prefix(&[letter, b'='])?;
            number(digits)
        })
}

/// A decimal number and nothing else.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The order in which new files get their UIDs: by seconds, then by `M<microseconds>`, then by the rest.
pub(super) fn arrival_order(a: &[u8], b: &[u8]) -> Ordering {
    let parts = |name| {
        let (seconds, rest) = leading_number(name);
        let unique = rest.strip_prefix(b".M").map(leading_number);
        (seconds, unique.map(|(micros, _)| micros))
    };
    let ((a_secs, a_micros), (b_secs, b_micros)) = (parts(base(a)), parts(base(b)));
    let micros = match (a_micros, b_micros) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => Ordering::Equal,
    };
    a_secs.cmp(&b_secs).then(micros).then_with(|| a.cmp(b))
}

fn leading_number(text: &[u8]) -> (u64, &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (number(digits).unwrap_or(0), rest)
}

/// A base name that nobody else makes: the time, who we are, and how many we made.
pub(super) fn unique(now: Duration, who: &Who<'_>) -> Vec<u8> {
    let name = format!(
        "{}.M{}P{}Q{}R{}.{}",
        now.as_secs(),
        now.subsec_micros(),
        who.process,
        who.count,
        who.token,
        who.host
    );
    name.into_bytes()
}

/// Who makes a name.
pub(super) struct Who<'a> {
    pub(super) process: u32,
    pub(super) count: u64,
    pub(super) token: &'a str,
    pub(super) host: &'a str,
}

/// The base name with the sizes in it.
pub(super) fn with_sizes(base: &[u8], on_disk: u64, on_wire: u64) -> Vec<u8> {
    let mut name = base.to_vec();
    name.extend_from_slice(format!(",S={on_disk},W={on_wire}").as_bytes());
    name
}

/// A fresh base name that keeps the sizes of another.
pub(super) fn with_sizes_of(fresh: &[u8], other: &[u8]) -> Vec<u8> {
    let mut name = fresh.to_vec();
    for letter in [b'S', b'W'] {
        if let Some(size) = field(other, letter) {
            name.extend_from_slice(format!(",{}={size}", char::from(letter)).as_bytes());
        }
    }
    name
}

/// Whether a directory can hold this name.
pub(super) fn fits(name: &[u8]) -> bool {
    name.len() <= NAME_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn renamed(name: &str, letters: &str) -> String {
        let letters = Letters::of(format!("x:2,{letters}").as_bytes());
        String::from_utf8(with_letters(name.as_bytes(), letters)).unwrap()
    }

    #[test]
    fn letters_are_sorted_and_strange_ones_kept() {
        for (name, letters, expected) in [
            ("1.a.h", "", "1.a.h:2,"),
            ("1.a.h", "TSa", "1.a.h:2,STa"),
            ("1.a.h:2,PS", "F", "1.a.h:2,FP"),
            ("1.a.h:2,PSa,X=1", "Db", "1.a.h:2,DPb,X=1"),
            ("1.a.h:1,experimental", "S", "1.a.h:2,S"),
            ("1.a,S=3:2,", "S", "1.a,S=3:2,S"),
        ] {
            assert_eq!(renamed(name, letters), expected);
        }
    }

    #[test]
    fn sizes_are_found_in_the_base_only() {
        let name = b"1.M2P3.h,S=10,W=12:2,S,W=9";
        assert_eq!(
            (size_on_disk(name), size_on_wire(name)),
            (Some(10), Some(12))
        );
        for none in ["1.a.h", "1.a.h,S=", "1.a.h,S=x", "S=1", "1.a.h,S=-1"] {
            assert_eq!(size_on_disk(none.as_bytes()), None, "{none}");
        }
        assert_eq!(with_sizes_of(b"2.b.h", name), b"2.b.h,S=10,W=12");
    }

    #[test]
    fn new_files_are_ordered_by_arrival() {
        let mut names: Vec<&[u8]> = vec![
            b"100.M20P1.h",
            b"100.M3P1.h",
            b"99.z",
            b"1000.a",
            b"100.M3P2.h",
            b"x",
        ];
        names.sort_by(|a, b| arrival_order(a, b));
        let expected: [&[u8]; 6] = [
            b"x",
            b"99.z",
            b"100.M3P1.h",
            b"100.M3P2.h",
            b"100.M20P1.h",
            b"1000.a",
        ];
        assert_eq!(names, expected);
    }

    fn any_name() -> impl Strategy<Value = Vec<u8>> {
        let valid = "[0-9]{1,20}\\.(M[0-9]{1,9})?[a-zP0-9]{0,8}(,S=[0-9]{1,22})?(,W=[0-9]{0,4})?(:2,[DFPRSTa-z]{0,6}(,[A-Z=,]{0,4})?)?";
        let mutated = (
            valid,
            prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        );
        mutated.prop_map(|(name, changes)| {
            let mut name = name.into_bytes();
            for (at, byte) in changes {
                let at = at.index(name.len());
                name[at] = byte;
            }
            name
        })
    }

    proptest! {
        #[test]
        fn setting_letters_sets_them_and_keeps_the_base(name in any_name(), other in any_name()) {
            let letters = Letters::of(&other);
            let renamed = with_letters(&name, letters);
            prop_assert_eq!(Letters::of(&renamed), letters);
            // A second colon is part of the prefix that is kept.
            prop_assert_eq!(base(&renamed), base(&name));
            prop_assert_eq!(with_letters(&renamed, letters), renamed);
        }

        #[test]
        fn any_name_is_taken_apart_without_panic(name in any_name(), other in any_name()) {
            let _ = (size_on_disk(&name), size_on_wire(&name), suffix(&name), is_message(&name), breaks_lines(&name));
            prop_assert_eq!(arrival_order(&name, &other), arrival_order(&other, &name).reverse());
        }
    }
}
