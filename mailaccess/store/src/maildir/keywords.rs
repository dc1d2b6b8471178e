//! The format of `dovecot-keywords`: lines `<0..25> <name>`, the letters `a` to `z` in file names.

use super::name::{Letters, number};
use crate::volume::{Identity, Stamp};
use mailaccess_mail::{Flags, Keyword};

/// Letters there are.
pub(super) const LETTERS: usize = 26;

/// Which writing of the file this is: it is replaced as a whole, each time with a later time.
pub(super) type Version = (Identity, (i64, u32));

/// The version of the file with this stamp.
pub(super) fn version(stamp: &Stamp) -> Version {
    (stamp.identity, stamp.modified)
}

/// Which letter means which keyword.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Keywords {
    names: [Option<Name>; LETTERS],
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Keyword(Keyword),
    /// No keyword that IMAP could name: its letter is taken, and stays in the names that have it.
    Strange(Box<[u8]>),
}

/// No letter is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("all 26 keywords of the mailbox are in use")]
pub(super) struct NoLetterLeft;

impl Keywords {
    /// Reads a file; a line that is none, or for a letter that has one, is skipped.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut keywords = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            let Some(space) = memchr::memchr(b' ', line) else {
                continue;
            };
            let (letter, name) = (number(&line[..space]), &line[space + 1..]);
            let slot = letter
                .and_then(|letter| usize::try_from(letter).ok())
                .and_then(|letter| keywords.names.get_mut(letter));
            if let Some(slot @ None) = slot
                && !name.is_empty()
            {
                let keyword = std::str::from_utf8(name).ok().and_then(Keyword::new);
                *slot = Some(keyword.map_or_else(|| Name::Strange(name.into()), Name::Keyword));
            }
        }
        keywords
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (letter, name) in self.names.iter().enumerate() {
            let name = match name {
                None => continue,
                Some(Name::Keyword(keyword)) => keyword.as_str().as_bytes(),
                Some(Name::Strange(name)) => name,
            };
            out.extend_from_slice(format!("{letter} ").as_bytes());
            out.extend_from_slice(name);
            out.push(b'\n');
        }
        out
    }

    /// The flags that these letters mean. A letter without a name gets one made up, as Dovecot does.
    pub(super) fn flags(&self, letters: Letters) -> Flags {
        let mut flags: Flags = letters.system().collect();
        for letter in letters.keywords() {
            match &self.names[usize::from(letter)] {
                Some(Name::Keyword(keyword)) => flags.insert_keyword(keyword.clone()),
                Some(Name::Strange(_)) => {}
                None => {
                    if let Some(keyword) = Keyword::new(&made_up(letter)) {
                        flags.insert_keyword(keyword);
                    }
                }
            }
        }
        flags
    }

    /// The letters of these flags, where each keyword has one, together with those letters of `old`
    /// that IMAP cannot name.
    pub(super) fn letters(&self, flags: &Flags, old: Letters) -> Option<Letters> {
        let mut letters = Letters::default();
        for flag in flags.system() {
            letters.insert(flag);
        }
        for keyword in flags.keywords() {
            letters.insert_keyword(self.letter(keyword)?);
        }
        for letter in old.keywords() {
            if matches!(self.names[usize::from(letter)], Some(Name::Strange(_))) {
                letters.insert_keyword(letter);
            }
        }
        Some(letters)
    }

    /// The letter of a keyword, if it has one.
    fn letter(&self, keyword: &Keyword) -> Option<u8> {
        (0_u8..)
            .zip(&self.names)
            .find(|(letter, name)| match name {
                Some(Name::Keyword(known)) => known == keyword,
                Some(Name::Strange(_)) => false,
                None => keyword.as_str() == made_up(*letter),
            })
            .map(|(letter, _)| letter)
    }

    /// Gives each of these keywords a letter; says whether that changed anything. Letters in `used` mean
    /// something though they have no name: they are given to nobody. All or none.
    pub(super) fn learn(
        &mut self,
        keywords: &[Keyword],
        used: Letters,
    ) -> Result<Learnt, NoLetterLeft> {
        let mut learnt = self.clone();
        let used: Vec<u8> = used.keywords().collect();
        for keyword in keywords {
            if learnt.letter(keyword).is_some() {
                continue;
            }
            let (_, slot) = (0_u8..)
                .zip(&mut learnt.names)
                .find(|(letter, name)| name.is_none() && !used.contains(letter))
                .ok_or(NoLetterLeft)?;
            *slot = Some(Name::Keyword(keyword.clone()));
        }
        if learnt == *self {
            return Ok(Learnt::Nothing);
        }
        *self = learnt;
        Ok(Learnt::Something)
    }

    /// Whether a new keyword finds a letter.
    pub(super) fn has_room(&self, used: Letters) -> bool {
        let used: Vec<u8> = used.keywords().collect();
        (0_u8..)
            .zip(&self.names)
            .any(|(letter, name)| name.is_none() && !used.contains(&letter))
    }

    /// All that have a letter.
    pub(super) fn known(&self) -> impl Iterator<Item = &Keyword> {
        self.names.iter().filter_map(|name| match name {
            Some(Name::Keyword(keyword)) => Some(keyword),
            _ => None,
        })
    }
}

/// Whether a new keyword got a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Learnt {
    Nothing,
    Something,
}

fn made_up(letter: u8) -> String {
    format!("unknown-{letter}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailaccess_mail::SystemFlag;
    use proptest::prelude::*;

    fn keyword(name: &str) -> Keyword {
        Keyword::new(name).unwrap()
    }

    fn letters(text: &str) -> Letters {
        Letters::of(format!("x:2,{text}").as_bytes())
    }

    #[test]
    fn letters_get_their_meaning_and_back() {
        let keywords = Keywords::parse(b"0 $Forwarded\n2 Junk\n");
        let flags = keywords.flags(letters("Sacz"));
        assert!(flags.has(SystemFlag::Seen));
        for name in ["$forwarded", "junk", "unknown-25"] {
            assert!(flags.has_keyword(&keyword(name)), "{name}");
        }
        assert_eq!(
            keywords.letters(&flags, Letters::default()),
            Some(letters("Sacz"))
        );
    }

    #[test]
    fn the_first_free_letter_is_given_and_none_that_is_in_use() {
        let mut keywords = Keywords::parse(b"0 a\n");
        assert_eq!(
            keywords.learn(&[keyword("A"), keyword("new")], letters("b")),
            Ok(Learnt::Something)
        );
        assert_eq!(keywords.write(), b"0 a\n2 new\n");
        assert_eq!(
            keywords.learn(&[keyword("NEW")], letters("")),
            Ok(Learnt::Nothing)
        );
    }

    #[test]
    fn the_27th_keyword_is_refused_and_changes_nothing() {
        let mut keywords = Keywords::default();
        let all: Vec<Keyword> = (0..27).map(|n| keyword(&format!("k{n}"))).collect();
        assert_eq!(keywords.learn(&all, letters("")), Err(NoLetterLeft));
        assert_eq!(keywords, Keywords::default());
        assert_eq!(
            keywords.learn(&all[..26], letters("")),
            Ok(Learnt::Something)
        );
        assert!(!keywords.has_room(letters("")));
        assert_eq!(keywords.known().count(), 26);
        assert_eq!(keywords.learn(&all[26..], letters("")), Err(NoLetterLeft));
    }

    #[test]
    fn strange_names_and_lines_are_lived_with() {
        let mut keywords =
            Keywords::parse(b"0 (no atom)\n0 twice\n26 beyond\nx y\n\n1\n-1 z\n1 ok\n");
        assert_eq!(keywords.write(), b"0 (no atom)\n1 ok\n");
        assert_eq!(keywords.flags(letters("a")), Flags::none());
        assert_eq!(
            keywords.letters(&Flags::none(), letters("a")),
            Some(letters("a"))
        );
        keywords.learn(&[keyword("more")], letters("")).unwrap();
        assert_eq!(keywords.write(), b"0 (no atom)\n1 ok\n2 more\n");
    }

    proptest! {
        #[test]
        fn any_file_is_read_without_panic_and_written_as_read(
            lines in prop::collection::vec("[0-9]{1,3} [$a-z(\\x00-\\x7f]{0,8}", 0..30),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let mut text = lines.join("\n").into_bytes();
            for (at, byte) in changes {
                if !text.is_empty() {
                    let at = at.index(text.len());
                    text[at] = byte;
                }
            }
            let keywords = Keywords::parse(&text);
            prop_assert_eq!(Keywords::parse(&keywords.write()), keywords);
        }
    }
}
