//! What a FETCH asks for.

use super::Fetch;
use crate::command::MailboxCommand;
use crate::grammar::section::{self, section};
use crate::grammar::{Fault, Scanner, list, set::SequenceSet};
use crate::view::By;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::num::NonZeroU32;
use mailaccess_mail::mime::{Section, SectionText};
use mailaccess_mail::step::Output;

/// Most items of one message.
const MAX_ITEMS: usize = 256;

/// Data of each message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// In the order in which they are answered.
    pub(super) items: Vec<Item>,
    /// Whether this makes messages seen (RFC 3501 6.4.5 `BODY[]`).
    pub(super) seen: Seen,
}

/// What happens to `\Seen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is set.
    Set,
    /// It stays.
    Kept,
}

/// A `fetch-att`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    Body,
    BodyStructure,
    Envelope,
    Flags,
    InternalDate,
    Section(Box<Extract>),
    Size,
    Uid,
}

/// Some bytes of a message, under the name by which they were asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Extract {
    name: Name,
    pub(super) section: Section,
    pub(super) partial: Option<Partial>,
}

/// ```text
/// "<" number "." nz-number ">"
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Partial {
    pub(super) offset: u32,
    pub(super) count: NonZeroU32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Body,
    Rfc822,
    Rfc822Header,
    Rfc822Text,
}

pub(crate) fn read(scanner: &mut Scanner<'_>, by: By) -> Result<MailboxCommand, Fault> {
    scanner.space()?;
    let set = SequenceSet::parse(scanner)?;
    scanner.space()?;
    let mut request = request(scanner)?;
    if by == By::Uid && !request.items.contains(&Item::Uid) {
        request.items.insert(0, Item::Uid);
    }
    Ok(MailboxCommand::Fetch(Box::new(Fetch { set, by, request })))
}

fn request(scanner: &mut Scanner<'_>) -> Result<Request, Fault> {
    let mut seen = Seen::Kept;
    let mut items = if scanner.peek() == Some(b'(') {
        list::some(scanner, MAX_ITEMS, |scanner| fetch_att(scanner, &mut seen))?
    } else if let Some(items) = macro_items(scanner) {
        items
    } else {
        vec![fetch_att(scanner, &mut seen)?]
    };
    // Asked for twice, a small item is answered once; sections are answered as often as they are asked for.
    let mut small: Vec<core::mem::Discriminant<Item>> = Vec::new();
    items.retain(|item| {
        let kind = core::mem::discriminant(item);
        let again = small.contains(&kind);
        small.push(kind);
        !again || matches!(item, Item::Section(_))
    });
    Ok(Request { items, seen })
}

/// ```text
/// ALL  = (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)
/// FAST = (FLAGS INTERNALDATE RFC822.SIZE)
/// FULL = (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY)
/// ```
fn macro_items(scanner: &mut Scanner<'_>) -> Option<Vec<Item>> {
    let mut items = vec![Item::Flags, Item::InternalDate, Item::Size];
    let mut ahead = scanner.clone();
    let word = ahead.take_while(|byte| byte.is_ascii_alphanumeric());
    if word.eq_ignore_ascii_case(b"ALL") {
        items.push(Item::Envelope);
    } else if word.eq_ignore_ascii_case(b"FULL") {
        items.extend([Item::Envelope, Item::Body]);
    } else if !word.eq_ignore_ascii_case(b"FAST") {
        return None;
    }
    *scanner = ahead;
    Some(items)
}

/// ```text
/// fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822" [".HEADER" / ".SIZE" / ".TEXT"] /
///             "BODY" ["STRUCTURE"] / "UID" / "BODY" section ["<" number "." nz-number ">"] /
///             "BODY.PEEK" section ["<" number "." nz-number ">"]
/// ```
fn fetch_att(scanner: &mut Scanner<'_>, seen: &mut Seen) -> Result<Item, Fault> {
    const EXPECTED: &str = "a data item of a message";
    let before = scanner.clone();
    let word = scanner.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    let word = word.to_ascii_uppercase();
    let item = match (word.as_slice(), scanner.peek()) {
        (b"BODY", Some(b'[')) => {
            *seen = Seen::Set;
            body_section(scanner)?
        }
        (b"BODY.PEEK", Some(b'[')) => body_section(scanner)?,
        (b"BODY.PEEK", _) => return Err(scanner.fault("a section in brackets")),
        (b"BODY", _) => Item::Body,
        (b"BODYSTRUCTURE", _) => Item::BodyStructure,
        (b"ENVELOPE", _) => Item::Envelope,
        (b"FLAGS", _) => Item::Flags,
        (b"INTERNALDATE", _) => Item::InternalDate,
        (b"RFC822", _) => {
            *seen = Seen::Set;
            Item::whole(Name::Rfc822, SectionText::Full)
        }
        (b"RFC822.HEADER", _) => Item::whole(Name::Rfc822Header, SectionText::Header),
        (b"RFC822.SIZE", _) => Item::Size,
        (b"RFC822.TEXT", _) => {
            *seen = Seen::Set;
            Item::whole(Name::Rfc822Text, SectionText::Text)
        }
        (b"UID", _) => Item::Uid,
        ([], _) => return Err(before.fault(EXPECTED)),
        _ => return Err(Fault::Expected(EXPECTED)),
    };
    Ok(item)
}

fn body_section(scanner: &mut Scanner<'_>) -> Result<Item, Fault> {
    let section = section(scanner)?;
    let partial = if scanner.eat(b'<') {
        let offset = scanner.number()?;
        scanner.byte(b'.', "a dot in a range of bytes")?;
        let count = scanner.nz_number()?;
        scanner.byte(b'>', "the end of a range of bytes")?;
        Some(Partial { offset, count })
    } else {
        None
    };
    Ok(Item::Section(Box::new(Extract {
        name: Name::Body,
        section,
        partial,
    })))
}

impl Item {
    /// A section of the whole message under an old name.
    fn whole(name: Name, text: SectionText) -> Self {
        let path = Vec::new();
        Self::Section(Box::new(Extract {
            name,
            section: Section { path, text },
            partial: None,
        }))
    }

    /// Whether the message must be opened for it.
    pub(super) const fn needs_body(&self) -> bool {
        matches!(
            self,
            Self::Body | Self::BodyStructure | Self::Envelope | Self::Section(_)
        )
    }

    /// Whether its structure must be known.
    pub(super) fn needs_structure(&self) -> bool {
        match self {
            Self::Section(extract) => !extract.is_whole_message(),
            item => item.needs_body(),
        }
    }
}

impl Extract {
    /// Whether these are all bytes of the message, whatever is in it.
    pub(super) fn is_whole_message(&self) -> bool {
        self.section.path.is_empty() && self.section.text == SectionText::Full
    }

    /// Writes the name by which it was asked for, with the place where its bytes begin.
    pub(super) fn write_name(&self, out: &mut Output) {
        match self.name {
            Name::Body => {
                out.bytes(b"BODY");
                section::write(out, &self.section);
            }
            Name::Rfc822 => out.bytes(b"RFC822"),
            Name::Rfc822Header => out.bytes(b"RFC822.HEADER"),
            Name::Rfc822Text => out.bytes(b"RFC822.TEXT"),
        }
        if let Some(Partial { offset, .. }) = self.partial {
            out.text(format_args!("<{offset}>"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::String;
    use mailaccess_mail::step::Pull;

    fn shown(item: &Item) -> String {
        match item {
            Item::Section(extract) => {
                let mut out = Output::new();
                extract.write_name(&mut out);
                let mut bytes = Vec::new();
                out.pull(&mut bytes, usize::MAX, Pull::Blocking).unwrap();
                String::from_utf8(bytes).unwrap()
            }
            item => format!("{item:?}"),
        }
    }

    #[track_caller]
    fn check(input: &str, expect: Result<(&str, Seen), Fault>) {
        let read = request(&mut Scanner::new(input.as_bytes())).map(|request| {
            let items: Vec<String> = request.items.iter().map(shown).collect();
            (items.join(" "), request.seen)
        });
        let read = read.as_ref().map(|(items, seen)| (items.as_str(), *seen));
        assert_eq!(read.map_err(|fault| *fault), expect, "{input}");
    }

    #[test]
    fn requests_are_read() {
        use Seen::{Kept, Set};
        check("ALL\r\n", Ok(("Flags InternalDate Size Envelope", Kept)));
        check("fast\r\n", Ok(("Flags InternalDate Size", Kept)));
        check(
            "FULL\r\n",
            Ok(("Flags InternalDate Size Envelope Body", Kept)),
        );
        check("FLAGS\r\n", Ok(("Flags", Kept)));
        check("(UID FLAGS UID)", Ok(("Uid Flags", Kept)));
        check("BODY\r\n", Ok(("Body", Kept)));
        check("bodystructure\r\n", Ok(("BodyStructure", Kept)));
        check("BODY[]\r\n", Ok(("BODY[]", Set)));
        check("BODY.PEEK[TEXT]<5.10>\r\n", Ok(("BODY[TEXT]<5>", Kept)));
        check("(BODY.PEEK[1] BODY[2])", Ok(("BODY[1] BODY[2]", Set)));
        check("RFC822\r\n", Ok(("RFC822", Set)));
        check("RFC822.HEADER\r\n", Ok(("RFC822.HEADER", Kept)));
        check("RFC822.TEXT\r\n", Ok(("RFC822.TEXT", Set)));
        check("RFC822.SIZE\r\n", Ok(("Size", Kept)));
    }

    #[test]
    fn what_is_no_request_is_a_fault() {
        check("", Err(Fault::Incomplete("a data item of a message")));
        check(
            "(FLAGS",
            Err(Fault::Incomplete("a space or a closing parenthesis")),
        );
        check(
            "BODY[TEXT]<5",
            Err(Fault::Incomplete("a dot in a range of bytes")),
        );
        check("BODY[TEXT]<5.", Err(Fault::Incomplete("a number")));
        check(
            "BODY.PEEK\r\n",
            Err(Fault::Expected("a section in brackets")),
        );
        check("()", Err(Fault::Expected("an item in the list")));
        check("(ALL)", Err(Fault::Expected("a data item of a message")));
        check(
            "MODSEQ\r\n",
            Err(Fault::Expected("a data item of a message")),
        );
        check(
            "BODY[]<0.0>\r\n",
            Err(Fault::Expected("a number above zero")),
        );
        check("*\r\n", Err(Fault::Expected("a data item of a message")));
        let many = format!("({})", vec!["BODY[]"; 257].join(" "));
        check(&many, Err(Fault::TooMany("items in a list")));
    }
}
