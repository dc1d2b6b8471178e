//! Sections of a message (RFC 3501 6.4.5 `BODY[<section>]<<partial>>`) as ranges of it.

use super::field;
use super::lines::Lines;
use super::part::{Kind, Structure};
use crate::store::{Body, BodyLost};
use std::ops::Range;

/// Which bytes of a message: `section-spec` of RFC 3501 9.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Section {
    /// The part's number; empty is the whole message.
    pub path: Vec<u32>,
    /// What of that part.
    pub text: SectionText,
}

/// What of a part: `section-text`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SectionText {
    /// The whole message for the empty number, else the part's body.
    Full,
    /// The header of the message.
    Header,
    /// The fields of the message's header with these names, and a blank line.
    HeaderFields(Vec<Box<[u8]>>),
    /// The fields of the message's header with other names, and a blank line.
    HeaderFieldsNot(Vec<Box<[u8]>>),
    /// The body of the message.
    Text,
    /// The part's own header.
    Mime,
}

/// The bytes of a section: ranges of the message, to be read when they are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    ranges: Vec<Range<u64>>,
}

impl Pieces {
    /// Bytes in all.
    pub fn len(&self) -> u64 {
        self.ranges
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The ranges in order, none of them empty.
    pub fn ranges(&self) -> &[Range<u64>] {
        &self.ranges
    }

    /// At most `count` bytes from `offset` on (RFC 3501 6.4.5 `<<partial>>`); none beyond the end.
    #[must_use]
    pub fn slice(&self, offset: u64, count: u64) -> Self {
        let end = offset.saturating_add(count);
        let mut at = 0;
        let mut slice = Self::default();
        for range in &self.ranges {
            let len = range.end - range.start;
            let (from, to) = (at.max(offset), (at + len).min(end));
            if from < to {
                slice.push(range.start + from - at..range.start + to - at);
            }
            at += len;
        }
        slice
    }

    fn push(&mut self, range: Range<u64>) {
        match self.ranges.last_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ if range.is_empty() => {}
            _ => self.ranges.push(range),
        }
    }
}

impl From<Range<u64>> for Pieces {
    fn from(range: Range<u64>) -> Self {
        let mut pieces = Self::default();
        pieces.push(range);
        pieces
    }
}

impl Section {
    /// A header's fields are given as at most so many ranges; fields behind them are left out. It bounds
    /// memory: no honest message comes near.
    pub const MAX_RANGES: usize = 16 * 1024;

    /// The whole message, `BODY[]`.
    pub const fn full() -> Self {
        Self {
            path: Vec::new(),
            text: SectionText::Full,
        }
    }

    /// Finds the section in a message. Reads the header again where fields are asked for.
    ///
    /// It is empty where the message has no such part, or the part is no message and so has neither
    /// header nor text: RFC 3501 has no words for that, and Dovecot answers so.
    pub fn resolve(&self, structure: &Structure, body: &dyn Body) -> Result<Pieces, BodyLost> {
        let Some(part) = structure.find(&self.path) else {
            return Ok(Pieces::default());
        };
        let message = match part.kind() {
            _ if self.path.is_empty() => Some(part),
            Kind::Message => part.children().next(),
            Kind::Leaf | Kind::Multipart => None,
        };
        Ok(match (&self.text, message) {
            (SectionText::Full, Some(message)) if self.path.is_empty() => {
                (message.header().start..message.body().end).into()
            }
            (SectionText::Full, _) => part.body().into(),
            (SectionText::Mime, _) if !self.path.is_empty() => part.header().into(),
            (SectionText::Header, Some(message)) => message.header().into(),
            (SectionText::Text, Some(message)) => message.body().into(),
            (SectionText::HeaderFields(names), Some(message)) => {
                fields(body, message.header(), |name| is_among(name, names))?
            }
            (SectionText::HeaderFieldsNot(names), Some(message)) => {
                fields(body, message.header(), |name| !is_among(name, names))?
            }
            _ => Pieces::default(),
        })
    }
}

fn is_among(name: &[u8], names: &[Box<[u8]>]) -> bool {
    names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
}

/// The ranges of the fields whose names are wanted, and of the blank line. Where the header has none,
/// none is added: such a message has no body either, and RFC 3501 6.4.5 makes the exception for it. A
/// line without a colon is no field, and goes with the fields that were not named.
fn fields(
    body: &dyn Body,
    header: Range<u64>,
    wanted: impl Fn(&[u8]) -> bool,
) -> Result<Pieces, BodyLost> {
    let mut pieces = Pieces::default();
    // What continues a line that is not there is no field either.
    let mut take = wanted(b"");
    let mut lines = Lines::new(body, header);
    while let Some(segment) = lines.next()? {
        if segment.is_blank_line() {
            pieces.push(segment.range());
            break;
        }
        if segment.begins_line && !matches!(segment.bytes.first(), Some(b' ' | b'\t')) {
            let name = field::name(segment.bytes).unwrap_or_default();
            take = wanted(name) && pieces.ranges.len() < Section::MAX_RANGES;
        }
        if take {
            pieces.push(segment.range());
        }
    }
    Ok(pieces)
}
