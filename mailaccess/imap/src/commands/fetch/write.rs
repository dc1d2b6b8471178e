//! One message of a FETCH as it is written. Everything that can fail comes before the first byte.

use super::batch::Loaded;
use super::request::{Extract, Item, Partial, Request};
use crate::encode::body_structure::{self, Detail};
use crate::encode::{self, envelope, flags};
use crate::home::Selected;
use alloc::sync::Arc;
use alloc::vec::Vec;
use mailaccess_mail::mime::{Part, Pieces, Section, Structure};
use mailaccess_mail::step::Output;
use mailaccess_mail::store::{Body, ErrorKind, Row, StoreError};

/// Most ranges of one message in all sections that are asked for: an honest request has one or a few for
/// each of them, and each is held until it is sent.
const MAX_RANGES: usize = 2 * Section::MAX_RANGES;

/// How writing a message ended.
pub(super) enum Written {
    /// All of it is held.
    Whole,
    /// So many ranges of it will be read when they are sent.
    Open(usize),
    /// It is gone.
    Gone,
}

/// What was found out of a message before it is written.
struct Opened {
    body: Arc<dyn Body>,
    structure: Option<Arc<Structure>>,
    /// The bytes of each section asked for, in order.
    sections: Vec<Pieces>,
}

/// Writes a message.
pub(super) fn message(
    request: &Request,
    message: &Loaded,
    selected: &mut Selected,
    out: &mut Output,
) -> Result<Written, StoreError> {
    let mut opened = None;
    if request.items.iter().any(Item::needs_body) {
        opened = open(request, &message.row, selected)?;
        if opened.is_none() {
            return Ok(Written::Gone);
        }
    }
    let tells_flags = message.newly_seen || request.items.contains(&Item::Flags);
    if tells_flags {
        selected.view.told(&message.row);
        flags::learn(&mut selected.view, &message.row.flags, out);
    }
    let recent = selected.view.is_recent(message.row.uid).into();
    out.text(format_args!("* {} FETCH (", message.number));
    let mut sections = opened.iter().flat_map(|opened| &opened.sections);
    let mut before: &[u8] = b"";
    for item in &request.items {
        out.bytes(before);
        before = b" ";
        match (item, &opened) {
            (Item::Section(extract), Some(opened)) => {
                extract.write_name(out);
                section(sections.next(), &opened.body, out);
            }
            (item, opened) => data(item, message, recent, opened.as_ref(), out),
        }
    }
    if tells_flags && !request.items.contains(&Item::Flags) {
        out.bytes(before);
        data(&Item::Flags, message, recent, None, out);
    }
    encode::line(out, format_args!(")"));
    Ok(match opened.map_or(0, |opened| opened.ranges()) {
        0 => Written::Whole,
        ranges => Written::Open(ranges),
    })
}

/// Opens a message; `None` when it is gone.
fn open(request: &Request, row: &Row, selected: &Selected) -> Result<Option<Opened>, StoreError> {
    let Some(body) = selected.mailbox.body(row.uid)? else {
        return Ok(None);
    };
    let mut structure = None;
    if request.items.iter().any(Item::needs_structure) {
        structure = Some(selected.mailbox.structure(row.uid, &*body)?);
    }
    let mut sections = Vec::new();
    for item in &request.items {
        if let Item::Section(extract) = item {
            sections.push(resolve(extract, structure.as_deref(), &*body)?);
        }
    }
    let opened = Opened {
        body,
        structure,
        sections,
    };
    if opened.ranges() > MAX_RANGES {
        let attempt = "fetch sections that are made of too many pieces";
        return Err(StoreError::new(ErrorKind::Limit, attempt));
    }
    Ok(Some(opened))
}

impl Opened {
    fn ranges(&self) -> usize {
        self.sections
            .iter()
            .map(|pieces| pieces.ranges().len())
            .sum()
    }
}

fn resolve(
    extract: &Extract,
    structure: Option<&Structure>,
    body: &dyn Body,
) -> Result<Pieces, StoreError> {
    let pieces = match structure {
        Some(structure) if !extract.is_whole_message() => {
            extract.section.resolve(structure, body)?
        }
        _ => Pieces::from(0..body.len()),
    };
    Ok(match extract.partial {
        Some(Partial { offset, count }) => pieces.slice(offset.into(), count.get().into()),
        None => pieces,
    })
}

/// ```text
/// msg-att-static = "BODY" section ["<" number ">"] SP nstring / ...
/// ```
fn section(pieces: Option<&Pieces>, body: &Arc<dyn Body>, out: &mut Output) {
    let Some(pieces) = pieces.filter(|pieces| !pieces.is_empty()) else {
        out.bytes(b" \"\"");
        return;
    };
    out.text(format_args!(" {{{}}}\r\n", pieces.len()));
    for range in pieces.ranges() {
        out.body(Arc::clone(body), range.clone());
    }
}

/// ```text
/// msg-att-static  = "ENVELOPE" SP envelope / "INTERNALDATE" SP date-time / "RFC822.SIZE" SP number /
///                   "BODY" ["STRUCTURE"] SP body / "UID" SP uniqueid
/// msg-att-dynamic = "FLAGS" SP "(" [flag-fetch *(SP flag-fetch)] ")"
/// ```
fn data(
    item: &Item,
    message: &Loaded,
    recent: flags::Recent,
    opened: Option<&Opened>,
    out: &mut Output,
) {
    let root = opened
        .and_then(|opened| opened.structure.as_ref())
        .map(|s| s.root());
    match item {
        Item::Uid => out.text(format_args!("UID {}", message.row.uid)),
        Item::Flags => out.text(format_args!(
            "FLAGS {}",
            flags::of_message(&message.row.flags, recent)
        )),
        Item::Size => out.text(format_args!("RFC822.SIZE {}", message.size.unwrap_or(0))),
        Item::InternalDate => {
            if let Some(date) = message.internal_date {
                out.text(format_args!("INTERNALDATE \"{date}\""));
            }
        }
        Item::Envelope => {
            out.bytes(b"ENVELOPE ");
            if let Some(of_it) = root.and_then(Part::envelope) {
                envelope::envelope(out, of_it);
            }
        }
        Item::Body => {
            out.bytes(b"BODY ");
            if let Some(root) = root {
                body_structure::body(out, root, Detail::Basic);
            }
        }
        Item::BodyStructure => {
            out.bytes(b"BODYSTRUCTURE ");
            if let Some(root) = root {
                body_structure::body(out, root, Detail::Extended);
            }
        }
        // Written with its bytes.
        Item::Section(_) => {}
    }
}
