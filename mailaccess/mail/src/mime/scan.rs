//! The scan that finds the parts of a message: one pass, line by line, no recursion.
//!
//! Boundaries are found as Dovecot finds them: a line that begins with `--` and a boundary that is open
//! is one, whatever follows; of several the longest, of equal ones the innermost. The line end before it
//! belongs to it (RFC 2046 5.1.1), to no body and to no header. A boundary of an outer part ends all
//! parts within. A header ends at a blank line, a boundary or the end of the message.

use super::content::Content;
use super::header::Header;
use super::lines::{Lines, Segment};
use super::part::{Kind, Node, Structure};
use crate::store::{Body, BodyLost};

/// A boundary is at most 70 bytes long (RFC 2046 5.1.1); of a longer one so many count.
const MAX_BOUNDARY: usize = 80;

/// A multipart that is not ended yet.
struct Open {
    part: usize,
    boundary: Box<[u8]>,
}

pub(super) struct Scan {
    nodes: Vec<Node>,
    /// The last child that each part has so far.
    last_child: Vec<Option<usize>>,
    open: Vec<Open>,
    current: usize,
    place: Place,
    /// Line ends seen before the current line.
    lines: u64,
    /// Where the blank line of the current part's header begins, or behind its boundary: a line end up to
    /// there belongs to a field or to that boundary already.
    mark: u64,
    /// Bytes of header fields that may still be kept.
    budget: usize,
}

/// Where in the current part the scan is.
enum Place {
    Header(Box<Header>),
    Body,
    /// On a boundary's line; behind it a part begins, or nothing does.
    Boundary {
        part_follows: bool,
    },
}

/// A boundary found on a line.
struct Found {
    /// Its place among the open ones.
    open: usize,
    /// Whether two hyphens follow it.
    closes: bool,
}

impl Scan {
    pub(super) fn run(body: &dyn Body) -> Result<Structure, BodyLost> {
        let mut scan = Self {
            nodes: Vec::new(),
            last_child: Vec::new(),
            open: Vec::new(),
            current: 0,
            place: Place::Body,
            lines: 0,
            mark: 0,
            budget: Structure::MAX_KEPT,
        };
        scan.begin_part(0, None, Kind::Message);
        let mut lines = Lines::new(body, 0..body.len());
        // The length of the line end before the current line.
        let mut line_end = 0;
        while let Some(segment) = lines.next()? {
            scan.segment(&segment, line_end);
            if segment.ends_line() {
                scan.lines += 1;
                line_end = (segment.bytes.len() - segment.text().len()) as u64;
            }
        }
        scan.end_parts(None, body.len(), scan.lines);
        Ok(Structure { parts: scan.nodes })
    }

    fn segment(&mut self, segment: &Segment<'_>, line_end: u64) {
        if segment.begins_line
            && let Some(found) = self.find_boundary(segment.text())
        {
            self.boundary(&found, segment, line_end);
            return;
        }
        match &mut self.place {
            Place::Body => {}
            Place::Header(header) => {
                if segment.is_blank_line() {
                    self.end_header(segment.range().end, self.lines + 1);
                    self.mark = segment.offset;
                } else {
                    header.add(segment, &mut self.budget);
                }
            }
            Place::Boundary { part_follows } => {
                if segment.ends_line() {
                    let part_follows = *part_follows;
                    self.behind_boundary(segment, part_follows);
                }
            }
        }
    }

    /// Whether the line is a boundary, of which part.
    fn find_boundary(&self, line: &[u8]) -> Option<Found> {
        let text = line.strip_prefix(b"--")?;
        let mut best: Option<(usize, &Open)> = None;
        for (place, open) in self.open.iter().enumerate().rev() {
            if text.starts_with(&open.boundary)
                && best.is_none_or(|(_, best)| best.boundary.len() < open.boundary.len())
            {
                best = Some((place, open));
                let behind = &text[open.boundary.len()..];
                if behind.is_empty() || behind == b"--" {
                    break;
                }
            }
        }
        let (place, open) = best?;
        let closes = text[open.boundary.len()..].starts_with(b"--");
        // A part too many is not begun; the one before it goes on.
        (closes || self.nodes.len() < Structure::MAX_PARTS).then_some(Found {
            open: place,
            closes,
        })
    }

    fn boundary(&mut self, found: &Found, segment: &Segment<'_>, line_end: u64) {
        let part = self.open[found.open].part;
        let (end, lines) = if segment.offset > self.mark {
            (segment.offset - line_end, self.lines - 1)
        } else {
            (segment.offset, self.lines)
        };
        self.end_parts(Some(part), end, lines);
        self.open.truncate(found.open + usize::from(!found.closes));
        self.current = part;
        self.place = Place::Boundary {
            part_follows: !found.closes,
        };
        if segment.ends_line() {
            self.behind_boundary(segment, !found.closes);
        }
    }

    fn behind_boundary(&mut self, segment: &Segment<'_>, part_follows: bool) {
        let at = segment.range().end;
        self.mark = at;
        self.place = Place::Body;
        if part_follows {
            self.begin_part(at, Some(self.current), Kind::Multipart);
        }
    }

    /// Ends the current part and those around it, up to `until`, which goes on.
    fn end_parts(&mut self, until: Option<usize>, at: u64, lines: u64) {
        // A message that begins here ends here.
        while matches!(self.place, Place::Header(_)) {
            self.end_header(at, lines);
        }
        let mut part = Some(self.current);
        while part != until
            && let Some(index) = part
        {
            let node = &mut self.nodes[index];
            // Where the blank line behind a header is a boundary's, it is the header's no more.
            for end in [
                &mut node.header.start,
                &mut node.header.end,
                &mut node.body.start,
            ] {
                *end = at.min(*end);
            }
            node.body.end = at;
            node.lines = lines.saturating_sub(node.lines);
            part = node.parent;
        }
    }

    /// Begins a part; the kind of what is around it decides whether it is a message with an envelope.
    fn begin_part(&mut self, at: u64, parent: Option<usize>, around: Kind) {
        let index = self.nodes.len();
        self.nodes.push(Node {
            header: at..at,
            body: at..at,
            lines: 0,
            parent,
            first_child: None,
            next_sibling: None,
            kind: Kind::Leaf,
            content: None,
            envelope: None,
        });
        self.last_child.push(None);
        if let Some(parent) = parent {
            match self.last_child[parent].replace(index) {
                Some(before) => self.nodes[before].next_sibling = Some(index),
                None => self.nodes[parent].first_child = Some(index),
            }
        }
        self.current = index;
        self.place = Place::Header(Box::new(Header::new(around == Kind::Message)));
    }

    /// Ends the header of the current part, says what the part is, and begins what lies in it; `lines`
    /// are the line ends before `at`.
    fn end_header(&mut self, at: u64, lines: u64) {
        let Place::Header(header) = std::mem::replace(&mut self.place, Place::Body) else {
            return;
        };
        let (content, envelope) = header.finish(&mut self.budget);
        let mut content = if self.is_in_digest() {
            Some(content.unwrap_or_default().or_message())
        } else {
            content
        };
        let kind = content
            .as_mut()
            .map_or(Kind::Leaf, |content| self.kind(content));
        if let Some(content) = &mut content {
            content.complete();
        }
        let boundary = content
            .as_ref()
            .filter(|_| kind == Kind::Multipart)
            .and_then(|content| content.parameter("boundary"))
            .map(|boundary| boundary[..boundary.len().min(MAX_BOUNDARY)].into());
        let part = self.current;
        let node = &mut self.nodes[part];
        node.header.end = at;
        node.body = at..at;
        node.lines = lines;
        node.kind = kind;
        node.content = content.map(Box::new);
        node.envelope = envelope.map(Box::new);
        if let Some(boundary) = boundary {
            self.open.push(Open { part, boundary });
        }
        if kind == Kind::Message {
            self.begin_part(at, Some(part), Kind::Message);
        }
    }

    /// Whether the current part lies directly in a `multipart/digest`.
    fn is_in_digest(&self) -> bool {
        self.nodes[self.current].parent.is_some_and(|parent| {
            let parent = &self.nodes[parent];
            parent.kind == Kind::Multipart
                && parent
                    .content
                    .as_ref()
                    .is_some_and(|content| content.subtype().eq_ignore_ascii_case(b"digest"))
        })
    }

    /// What a part is. One that would be too deep, or one too many, or a message that would have to be
    /// decoded first is not looked into, and is shown as what has no inside (RFC 2045 6.4).
    fn kind(&self, content: &mut Content) -> Kind {
        let kind = if content.media_type().eq_ignore_ascii_case(b"multipart") {
            Kind::Multipart
        } else if content.is_message() {
            Kind::Message
        } else {
            return Kind::Leaf;
        };
        let encoding = content.encoding().to_ascii_lowercase();
        let encoded = kind == Kind::Message && !matches!(&*encoding, b"7bit" | b"8bit" | b"binary");
        let depth = std::iter::successors(Some(self.current), |part| self.nodes[*part].parent)
            .take(Structure::MAX_DEPTH)
            .count();
        if encoded || depth >= Structure::MAX_DEPTH || self.nodes.len() >= Structure::MAX_PARTS {
            content.encoded_message = encoded;
            content.make_opaque();
            return Kind::Leaf;
        }
        kind
    }
}
