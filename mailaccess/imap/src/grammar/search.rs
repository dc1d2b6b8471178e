//! Search keys (RFC 3501 6.4.4), read into a tree whose sets of messages a view has yet to resolve.

use super::{Fault, Scanner, date, flag, set::SequenceSet};
use crate::view::{By, View};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use mailaccess_mail::search::{AddressField, Charset, Key, UidSet};
use mailaccess_mail::{SystemFlag, Uid};

/// How deep keys lie within each other at most. Clients write a search for many words as a chain of `OR`,
/// each within the one before.
const MAX_DEPTH: u8 = 100;
/// Most keys in one search.
const MAX_KEYS: usize = 1024;

/// What a search asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of these.
    And(Vec<Wanted>),
    /// Something that needs no view.
    Key(Key),
    /// Not this.
    Not(Box<Wanted>),
    /// One of these.
    Or(Box<Wanted>, Box<Wanted>),
    /// These messages.
    Set(By, SequenceSet),
}

/// ```text
/// search = "SEARCH" [SP "CHARSET" SP astring] 1*(SP search-key)
/// ```
pub(crate) fn search(scanner: &mut Scanner<'_>) -> Result<(Wanted, Charset), Fault> {
    scanner.space()?;
    let mut charset = Charset::UsAscii;
    let mut ahead = scanner.clone();
    if ahead.eat_word("CHARSET") && ahead.peek() == Some(b' ') {
        ahead.space()?;
        let name = ahead.astring("a charset")?;
        charset = Charset::from_name(&name).ok_or(Fault::Charset)?;
        ahead.space()?;
        *scanner = ahead;
    }
    let mut keys = Keys { left: MAX_KEYS };
    let wanted = keys.some(scanner, MAX_DEPTH, Ends::Line)?;
    Ok((wanted, charset))
}

/// What ends a run of keys.
#[derive(Clone, Copy)]
enum Ends {
    Line,
    Parenthesis,
}

/// Counts the keys of one search.
struct Keys {
    left: usize,
}

impl Keys {
    /// Keys with spaces between them, up to what ends them.
    fn some(&mut self, scanner: &mut Scanner<'_>, depth: u8, ends: Ends) -> Result<Wanted, Fault> {
        let mut keys = Vec::new();
        loop {
            keys.push(self.key(scanner, depth)?);
            let at_end = match ends {
                Ends::Line => scanner.is_at_end(),
                Ends::Parenthesis => scanner.peek() == Some(b')'),
            };
            if at_end {
                break;
            }
            scanner.space()?;
        }
        match keys.pop() {
            Some(only) if keys.is_empty() => Ok(only),
            last => {
                keys.extend(last);
                Ok(Wanted::And(keys))
            }
        }
    }

    /// ```text
    /// search-key = "ALL" / "ANSWERED" / ... / sequence-set / "(" search-key *(SP search-key) ")"
    /// ```
    fn key(&mut self, scanner: &mut Scanner<'_>, depth: u8) -> Result<Wanted, Fault> {
        let deeper = depth
            .checked_sub(1)
            .ok_or(Fault::TooMany("levels of search keys"))?;
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(Fault::TooMany("search keys"))?;
        match scanner.peek() {
            Some(b'(') => {
                scanner.byte(b'(', "an opening parenthesis")?;
                let keys = self.some(scanner, deeper, Ends::Parenthesis)?;
                scanner.byte(b')', "a closing parenthesis")?;
                return Ok(keys);
            }
            Some(b'*' | b'0'..=b'9') => {
                return SequenceSet::parse(scanner).map(|set| Wanted::Set(By::Sequence, set));
            }
            _ => {}
        }
        let word = scanner.take_while(|byte| byte.is_ascii_alphabetic());
        let word = word.to_ascii_uppercase();
        match word.as_slice() {
            b"NOT" => {
                scanner.space()?;
                let key = self.key(scanner, deeper)?;
                Ok(Wanted::Not(Box::new(key)))
            }
            b"OR" => {
                scanner.space()?;
                let one = Box::new(self.key(scanner, deeper)?);
                scanner.space()?;
                let other = Box::new(self.key(scanner, deeper)?);
                Ok(Wanted::Or(one, other))
            }
            b"UID" => {
                scanner.space()?;
                SequenceSet::parse(scanner).map(|set| Wanted::Set(By::Uid, set))
            }
            word => match bare(word) {
                Some(key) => Ok(Wanted::Key(key)),
                None => with_argument(word, scanner).map(Wanted::Key),
            },
        }
    }
}

/// Keys that are a word alone.
fn bare(word: &[u8]) -> Option<Key> {
    let not = |key| Key::Not(Box::new(key));
    Some(match word {
        b"ALL" => Key::All,
        b"ANSWERED" => Key::Flag(SystemFlag::Answered),
        b"DELETED" => Key::Flag(SystemFlag::Deleted),
        b"DRAFT" => Key::Flag(SystemFlag::Draft),
        b"FLAGGED" => Key::Flag(SystemFlag::Flagged),
        b"NEW" => Key::And(alloc::vec![Key::Recent, not(Key::Flag(SystemFlag::Seen))]),
        b"OLD" => not(Key::Recent),
        b"RECENT" => Key::Recent,
        b"SEEN" => Key::Flag(SystemFlag::Seen),
        b"UNANSWERED" => not(Key::Flag(SystemFlag::Answered)),
        b"UNDELETED" => not(Key::Flag(SystemFlag::Deleted)),
        b"UNDRAFT" => not(Key::Flag(SystemFlag::Draft)),
        b"UNFLAGGED" => not(Key::Flag(SystemFlag::Flagged)),
        b"UNSEEN" => not(Key::Flag(SystemFlag::Seen)),
        _ => return None,
    })
}

/// Keys with an argument: an `astring`, a `date`, a `number`, a `flag-keyword`.
fn with_argument(word: &[u8], scanner: &mut Scanner<'_>) -> Result<Key, Fault> {
    let header = |name: &str, scanner: &mut Scanner<'_>| {
        Ok(Key::Header {
            name: name.as_bytes().into(),
            text: text(scanner)?,
        })
    };
    let addresses =
        |field, scanner: &mut Scanner<'_>| text(scanner).map(|text| Key::Addresses { field, text });
    match word {
        b"BCC" => addresses(AddressField::Bcc, scanner),
        b"BEFORE" => day(scanner).map(Key::Before),
        b"BODY" => text(scanner).map(Key::Body),
        b"CC" => addresses(AddressField::Cc, scanner),
        b"FROM" => addresses(AddressField::From, scanner),
        b"HEADER" => Ok(Key::Header {
            name: text(scanner)?,
            text: text(scanner)?,
        }),
        b"KEYWORD" => keyword(scanner),
        b"LARGER" => size(scanner).map(Key::Larger),
        b"ON" => day(scanner).map(Key::On),
        b"SENTBEFORE" => day(scanner).map(Key::SentBefore),
        b"SENTON" => day(scanner).map(Key::SentOn),
        b"SENTSINCE" => day(scanner).map(Key::SentSince),
        b"SINCE" => day(scanner).map(Key::Since),
        b"SMALLER" => size(scanner).map(Key::Smaller),
        b"SUBJECT" => header("Subject", scanner),
        b"TEXT" => text(scanner).map(Key::Text),
        b"TO" => addresses(AddressField::To, scanner),
        b"UNKEYWORD" => keyword(scanner).map(|key| Key::Not(Box::new(key))),
        [] => Err(scanner.fault("a search key")),
        _ => Err(Fault::Expected("a search key that is known")),
    }
}

fn text(scanner: &mut Scanner<'_>) -> Result<Box<[u8]>, Fault> {
    scanner.space()?;
    let text = scanner.astring("a text to search for")?;
    Ok(text.into_owned().into_boxed_slice())
}

fn day(scanner: &mut Scanner<'_>) -> Result<mailaccess_mail::date::Day, Fault> {
    scanner.space()?;
    date::date(scanner)
}

fn size(scanner: &mut Scanner<'_>) -> Result<u64, Fault> {
    scanner.space()?;
    scanner.number().map(u64::from)
}

fn keyword(scanner: &mut Scanner<'_>) -> Result<Key, Fault> {
    scanner.space()?;
    flag::keyword(scanner).map(Key::Keyword)
}

impl Wanted {
    /// The same with sets as UIDs. A sequence number that is too high names no message.
    pub(crate) fn resolve(self, view: &View) -> Key {
        match self {
            Self::And(all) => Key::And(all.into_iter().map(|one| one.resolve(view)).collect()),
            Self::Key(key) => key,
            Self::Not(one) => Key::Not(Box::new(one.resolve(view))),
            Self::Or(one, other) => {
                Key::Or(Box::new(one.resolve(view)), Box::new(other.resolve(view)))
            }
            Self::Set(By::Sequence, set) => Key::Uids(by_number(view, &set)),
            Self::Set(By::Uid, set) => Key::Uids(by_uid(view, &set)),
        }
    }
}

fn by_number(view: &View, set: &SequenceSet) -> UidSet {
    let messages = view.messages();
    let uids = |range: &RangeInclusive<u32>| {
        let first = messages.uid(range.start().checked_sub(1)?)?;
        let last = messages.uid((*range.end()).min(messages.len()).checked_sub(1)?)?;
        Some(first..=last)
    };
    set.ranges(messages.len()).iter().filter_map(uids).collect()
}

fn by_uid(view: &View, set: &SequenceSet) -> UidSet {
    let largest = view.messages().last().map_or(0, Uid::get);
    let uids = |range: &RangeInclusive<u32>| {
        let first = Uid::new((*range.start()).max(1))?;
        Some(first..=Uid::new(*range.end())?)
    };
    set.ranges(largest).iter().filter_map(uids).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::view;
    use alloc::format;
    use alloc::string::String;

    fn shown(key: &Key) -> String {
        match key {
            Key::And(keys) => {
                let keys: Vec<String> = keys.iter().map(shown).collect();
                format!("({})", keys.join(" "))
            }
            Key::Not(key) => format!("!{}", shown(key)),
            Key::Or(one, other) => format!("({}|{})", shown(one), shown(other)),
            Key::Flag(flag) => flag.name().into(),
            Key::Keyword(keyword) => format!("{keyword}"),
            Key::Uids(set) => {
                let ranges = set.ranges().iter();
                let ranges: Vec<String> = ranges
                    .map(|range| format!("{}:{}", range.start(), range.end()))
                    .collect();
                format!("[{}]", ranges.join(","))
            }
            Key::Header { name, text } => format!(
                "{}={}",
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(text)
            ),
            Key::Addresses { field, text } => {
                format!("{}~{}", field.name(), String::from_utf8_lossy(text))
            }
            Key::Body(text) => format!("body={}", String::from_utf8_lossy(text)),
            Key::Text(text) => format!("text={}", String::from_utf8_lossy(text)),
            key => format!("{key:?}"),
        }
    }

    #[track_caller]
    fn check(input: &str, expect: Result<&str, Fault>) {
        let view = view(&[5, 7, 9]);
        let read = search(&mut Scanner::new(input.as_bytes())).map(|(wanted, charset)| {
            let utf8 = if charset == Charset::Utf8 {
                "utf8 "
            } else {
                ""
            };
            format!("{utf8}{}", shown(&wanted.resolve(&view)))
        });
        assert_eq!(read.as_deref().map_err(|fault| *fault), expect, "{input}");
    }

    #[test]
    fn keys_are_read() {
        check(" ALL\r\n", Ok("All"));
        check(" answered unSeen\r\n", Ok("(\\Answered !\\Seen)"));
        check(" NEW\r\n", Ok("(Recent !\\Seen)"));
        check(
            " OLD KEYWORD $Junk UNKEYWORD b\r\n",
            Ok("(!Recent $Junk !b)"),
        );
        check(
            " OR SEEN (DRAFT NOT DELETED)\r\n",
            Ok("(\\Seen|(\\Draft !\\Deleted))"),
        );
        check(
            " SUBJECT \"a b\" HEADER X-A {2}\r\nbc\r\n",
            Ok("(Subject=a b X-A=bc)"),
        );
        check(" BODY x TEXT \"\"\r\n", Ok("(body=x text=)"));
        check(
            " LARGER 10 SMALLER 4294967295\r\n",
            Ok("(Larger(10) Smaller(4294967295))"),
        );
        check(" SINCE 1-Feb-1994\r\n", Ok("Since(Day(8797))"));
        check(" CHARSET UTF-8 TO x\r\n", Ok("utf8 To~x"));
        check(
            " FROM a CC b BCC c HEADER From d\r\n",
            Ok("(From~a Cc~b Bcc~c From=d)"),
        );
        check(" CHARSET us-ascii ALL\r\n", Ok("All"));
    }

    #[test]
    fn sets_become_uids_of_the_view() {
        check(" 1:2\r\n", Ok("[5:7]"));
        check(" 2:*\r\n", Ok("[7:9]"));
        check(" 4\r\n", Ok("[]"));
        check(" 3:17\r\n", Ok("[9:9]"));
        check(" UID 6:*\r\n", Ok("[6:9]"));
        check(" UID 4294967295\r\n", Ok("[4294967295:4294967295]"));
        let (wanted, _) = search(&mut Scanner::new(b" OR 1:* UID 1:*\r\n")).unwrap();
        assert_eq!(shown(&wanted.resolve(&view(&[]))), "([]|[1:1])");
    }

    #[test]
    fn what_is_no_key_is_a_fault() {
        check(" ", Err(Fault::Incomplete("a search key")));
        check(" OR SEEN", Err(Fault::Incomplete("a space")));
        check(" SUBJECT ", Err(Fault::Incomplete("a text to search for")));
        check(" (SEEN", Err(Fault::Incomplete("a space")));
        check(
            " XYZZY\r\n",
            Err(Fault::Expected("a search key that is known")),
        );
        check(" ()\r\n", Err(Fault::Expected("a search key")));
        check(" SINCE 31-Feb-1994\r\n", Err(Fault::Expected("a date")));
        check(" CHARSET KOI8-R ALL\r\n", Err(Fault::Charset));
        let deep = format!(" {}ALL\r\n", "NOT ".repeat(100));
        check(&deep, Err(Fault::TooMany("levels of search keys")));
        check(&deep[4..], Ok(format!("{}All", "!".repeat(99)).as_str()));
        let many = format!("{}\r\n", " SEEN".repeat(1025));
        check(&many, Err(Fault::TooMany("search keys")));
    }

    /// Mail clients ask for a dozen senders by a chain of OR, each within the one before.
    #[test]
    fn a_long_chain_of_or_is_read_and_needs_little_of_the_stack() {
        // A quarter of what the threads have that do this; without optimisation frames are large.
        const STACK: usize = 2 * 1024 * 1024 / 4;
        let chain = |len: usize, or: &str, last: &str| format!(" {}{last}\r\n", or.repeat(len));
        let run = move || {
            for (or, last) in [("OR FROM a ", "FROM b"), ("NOT ", "ALL"), ("(", "ALL")] {
                let last = if or == "(" {
                    format!("{last}{}", ")".repeat(99))
                } else {
                    last.into()
                };
                let text = chain(99, or, &last);
                let (wanted, _) = search(&mut Scanner::new(text.as_bytes())).unwrap();
                // Resolved, compiled and dropped: whatever goes down into it.
                let key = wanted.resolve(&view(&[5, 7, 9]));
                mailaccess_mail::search::Search::compile(&key, Charset::UsAscii).unwrap();
                let text = chain(100, or, &last);
                let fault = search(&mut Scanner::new(text.as_bytes())).unwrap_err();
                assert_eq!(fault, Fault::TooMany("levels of search keys"));
            }
        };
        let thread = std::thread::Builder::new().stack_size(STACK);
        thread.spawn(run).unwrap().join().unwrap();
    }
}
