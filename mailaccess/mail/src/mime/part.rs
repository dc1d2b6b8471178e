//! The parts of a message: a tree in one flat list, ordered as the parts lie in the message.

use super::content::Content;
use super::envelope::Envelope;
use super::scan::Scan;
use crate::store::{Body, BodyLost};
use std::ops::Range;

/// The parts of a message. There is always one, the message itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Structure {
    pub(super) parts: Vec<Node>,
}

/// What a part is, as far as that decides where its children are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing below it.
    Leaf,
    /// `multipart/*`: any number of parts below it, also none.
    Multipart,
    /// `message/rfc822`: exactly one part below it, that message.
    Message,
}

/// A part of a [`Structure`].
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    structure: &'a Structure,
    index: usize,
}

/// One part as the flat list holds it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) header: Range<u64>,
    pub(super) body: Range<u64>,
    pub(super) lines: u64,
    pub(super) parent: Option<usize>,
    pub(super) first_child: Option<usize>,
    pub(super) next_sibling: Option<usize>,
    pub(super) kind: Kind,
    pub(super) content: Option<Box<Content>>,
    pub(super) envelope: Option<Box<Envelope>>,
}

impl Structure {
    /// Parts lie at most so deep; what would lie deeper is shown as `application/octet-stream`.
    pub const MAX_DEPTH: usize = 100;
    /// A message has at most so many parts; the last one extends over what would be more.
    pub const MAX_PARTS: usize = 10_000;
    /// At most so many bytes of one header field are kept; an address list is cut between addresses.
    pub const MAX_FIELD: usize = 256 * 1024;
    /// At most so many bytes of header fields are kept of one message; later ones count as not there.
    pub const MAX_KEPT: usize = 2 * 1024 * 1024;

    /// Reads a message once, in pieces of 64 KiB, and finds its parts.
    pub fn scan(body: &dyn Body) -> Result<Self, BodyLost> {
        Scan::run(body)
    }

    /// The message itself.
    pub fn root(&self) -> Part<'_> {
        Part {
            structure: self,
            index: 0,
        }
    }

    /// Every part, in the order in which they begin: a parent before its children.
    pub fn parts(&self) -> impl ExactSizeIterator<Item = Part<'_>> {
        (0..self.parts.len()).map(|index| Part {
            structure: self,
            index,
        })
    }

    /// The part with this number (RFC 3501 6.4.5); the message itself for the empty one.
    ///
    /// Below a `multipart` the numbers are its parts; a message that is none has itself as part 1.
    pub fn find(&self, path: &[u32]) -> Option<Part<'_>> {
        let mut part = self.root();
        // Whether `part` is a message whose parts the next number counts.
        let mut message = true;
        for number in path {
            if part.kind() == Kind::Message && !message {
                part = part.children().next()?;
                message = true;
            }
            let position = usize::try_from(number.checked_sub(1)?).ok()?;
            if part.kind() == Kind::Multipart {
                part = part.children().nth(position)?;
            } else if !message || position > 0 {
                return None;
            }
            message = false;
        }
        Some(part)
    }
}

impl<'a> Part<'a> {
    fn node(self) -> &'a Node {
        &self.structure.parts[self.index]
    }

    /// Its place in [`Structure::parts`].
    pub fn index(self) -> usize {
        self.index
    }

    /// Where its header lies, the blank line included if there is one.
    pub fn header(self) -> Range<u64> {
        self.node().header.clone()
    }

    /// Where its body lies, without the line end that belongs to the boundary behind it.
    pub fn body(self) -> Range<u64> {
        self.node().body.clone()
    }

    /// Line ends in its body.
    pub fn lines(self) -> u64 {
        self.node().lines
    }

    /// What it is.
    pub fn kind(self) -> Kind {
        self.node().kind
    }

    /// What its header says of its content, with the defaults of RFC 2045 5.2.
    pub fn content(self) -> &'a Content {
        self.node()
            .content
            .as_deref()
            .unwrap_or_else(|| Content::plain())
    }

    /// The envelope: of the message itself and of each message in a `message/rfc822`, `None` of others.
    pub fn envelope(self) -> Option<&'a Envelope> {
        self.node().envelope.as_deref()
    }

    /// The part that this one lies in.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        let index = self.node().parent?;
        Some(Self { index, ..self })
    }

    /// The parts directly below it, in order. The only child of a [`Kind::Message`] is that message.
    pub fn children(self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.node().first_child, move |index| {
            self.structure.parts[*index].next_sibling
        })
        .map(move |index| Self { index, ..self })
    }
}
