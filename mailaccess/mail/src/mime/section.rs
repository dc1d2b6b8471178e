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

/// Some bytes of a [`Pieces`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These bytes of the message.
    Body(Range<u64>),
    /// These bytes, which need not be in the message.
    Bytes(&'static [u8]),
}

/// The bytes of a section: ranges of the message, to be read when they are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    pieces: Vec<Piece>,
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Self::Body(range) => range.end - range.start,
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    fn slice(&self, from: u64, to: u64) -> Self {
        match self {
            Self::Body(range) => Self::Body(range.start + from..range.start + to),
            Self::Bytes(bytes) => {
                let at = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(bytes.len());
                Self::Bytes(&bytes[at(from)..at(to)])
            }
        }
    }
}

impl Pieces {
    /// Bytes in all.
    pub fn len(&self) -> u64 {
        self.pieces.iter().map(Piece::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// At most `count` bytes from `offset` on (RFC 3501 6.4.5 `<<partial>>`); none beyond the end.
    #[must_use]
    pub fn slice(&self, offset: u64, count: u64) -> Self {
        let end = offset.saturating_add(count);
        let mut at = 0;
        let mut slice = Self::default();
        for piece in &self.pieces {
            let (from, to) = (at.max(offset), (at + piece.len()).min(end));
            if from < to {
                slice.pieces.push(piece.slice(from - at, to - at));
            }
            at += piece.len();
        }
        slice
    }

    /// The pieces in order, none of them empty.
    pub fn iter(&self) -> impl Iterator<Item = Piece> {
        self.pieces.iter().cloned()
    }

    fn push(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some(Piece::Body(last)) if last.end == range.start => last.end = range.end,
            _ => self.pieces.push(Piece::Body(range)),
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

    /// Finds the section in a message; `None` where the message has no such part, or the part is no
    /// message and so has neither header nor text. Reads the header again where fields are asked for.
    ///
    /// FETCH answers such a section with `NIL`: RFC 3501 has no words for it, and Dovecot does the same.
    pub fn resolve(
        &self,
        structure: &Structure,
        body: &dyn Body,
    ) -> Result<Option<Pieces>, BodyLost> {
        let Some(part) = structure.find(&self.path) else {
            return Ok(None);
        };
        let message = match part.kind() {
            _ if self.path.is_empty() => Some(part),
            Kind::Message => part.children().next(),
            Kind::Leaf | Kind::Multipart => None,
        };
        Ok(match &self.text {
            SectionText::Full if self.path.is_empty() => {
                Some((part.header().start..part.body().end).into())
            }
            SectionText::Full => Some(part.body().into()),
            SectionText::Mime if self.path.is_empty() => None,
            SectionText::Mime => Some(part.header().into()),
            SectionText::Header => message.map(|message| message.header().into()),
            SectionText::Text => message.map(|message| message.body().into()),
            SectionText::HeaderFields(names) => message
                .map(|message| fields(body, message.header(), |name| is_among(name, names)))
                .transpose()?,
            SectionText::HeaderFieldsNot(names) => message
                .map(|message| fields(body, message.header(), |name| !is_among(name, names)))
                .transpose()?,
        })
    }
}

fn is_among(name: &[u8], names: &[Box<[u8]>]) -> bool {
    names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
}

/// The ranges of the fields whose names are wanted, and a blank line.
fn fields(
    body: &dyn Body,
    header: Range<u64>,
    wanted: impl Fn(&[u8]) -> bool,
) -> Result<Pieces, BodyLost> {
    let mut pieces = Pieces::default();
    let mut take = false;
    let mut lines = Lines::new(body, header);
    while let Some(segment) = lines.next()? {
        if segment.begins_line {
            if segment.is_blank_line() || pieces.pieces.len() >= Section::MAX_RANGES {
                break;
            }
            if !matches!(segment.bytes.first(), Some(b' ' | b'\t')) {
                take = field::name(segment.bytes).is_some_and(&wanted);
            }
        }
        if take {
            pieces.push(segment.range());
        }
    }
    pieces.pieces.push(Piece::Bytes(b"\r\n"));
    Ok(pieces)
}
