//! Texts in messages: in a header field, in a body, in all of a message. Parts are read piece by piece;
//! nothing is held whole but a header field of usual length, and a list of addresses up to the length that
//! an envelope shows.

use super::charset;
use super::needle::{Haystack, Needle};
use super::transfer::Transfer;
use super::words;
use crate::mime::address::AddressWriter;
use crate::mime::field::{self, unfold};
use crate::mime::lines::{Lines, Segment};
use crate::mime::{Addresses, Kind, Part, Structure};
use crate::store::{Body, BodyLost};
use encoding_rs::Decoder;
use std::ops::Range;

/// A header field is decoded in pieces of whole lines of about so many bytes.
const FIELD_PIECE: usize = 32 * 1024;

/// Whether a field of this name in the message's header contains the text.
///
/// Nothing behind the header is read, so no structure is needed: a message's own header ends with its
/// first blank line.
pub(super) fn in_field(body: &dyn Body, name: &[u8], needle: &Needle) -> Result<bool, BodyLost> {
    let wanted = |field: &[u8]| field.eq_ignore_ascii_case(name);
    Fields::new(needle, Shown::Values).read(body, 0..body.len(), wanted)
}

/// Whether a field of this name in the message's header contains the text in its addresses, which are read
/// as an envelope has them (RFC 3501 6.4.4) and written anew.
///
/// Of a field longer than [`Structure::MAX_FIELD`] an envelope shows the addresses up to there, and so they
/// are searched. The rest, which it leaves out, is searched as it is written: then a search may find more
/// than it should in a list of ten thousand people, but misses nobody.
pub(super) fn in_addresses(
    body: &dyn Body,
    name: &[u8],
    needle: &Needle,
) -> Result<bool, BodyLost> {
    let wanted = |field: &[u8]| field.eq_ignore_ascii_case(name);
    Fields::new(needle, Shown::Addresses).read(body, 0..body.len(), wanted)
}

/// The value of the last field of this name in the message's header, unfolded, or the beginning of it.
pub(super) fn last_value(body: &dyn Body, name: &[u8]) -> Result<Option<Vec<u8>>, BodyLost> {
    const MAX_VALUE: usize = 1000;
    let mut lines = Lines::new(body, 0..body.len());
    let mut value: Option<Vec<u8>> = None;
    let mut take = false;
    while let Some(segment) = lines.next()? {
        if segment.is_blank_line() {
            break;
        }
        let mut bytes = segment.bytes;
        if segment.begins_line && !matches!(bytes.first(), Some(b' ' | b'\t')) {
            take = field::name(bytes).is_some_and(|field| field.eq_ignore_ascii_case(name));
            if take {
                bytes = field::value(bytes);
                value = Some(Vec::new());
            }
        }
        if let Some(value) = value.as_mut().filter(|_| take) {
            let room = MAX_VALUE - value.len();
            value.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }
    Ok(value.map(|raw| unfold(&raw)))
}

/// Whether the body contains the text. Only parts that are text are searched, and no header of a part:
/// who looks for `image` does not mean a type.
pub(super) fn in_body(
    body: &dyn Body,
    structure: &Structure,
    needle: &Needle,
) -> Result<bool, BodyLost> {
    if needle.is_empty() {
        return Ok(true);
    }
    for part in structure.parts() {
        if in_leaf(body, part, needle)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the body, the header, or the header of any part contains the text.
pub(super) fn in_text(
    body: &dyn Body,
    structure: &Structure,
    needle: &Needle,
) -> Result<bool, BodyLost> {
    for part in structure.parts() {
        if in_header(body, part, needle)? || in_leaf(body, part, needle)? {
            return Ok(true);
        }
    }
    Ok(needle.is_empty())
}

fn in_header(body: &dyn Body, part: Part<'_>, needle: &Needle) -> Result<bool, BodyLost> {
    Fields::new(needle, Shown::Lines).read(body, part.header(), |_| true)
}

/// Whether the text is in a part without parts that a person may read.
fn in_leaf(body: &dyn Body, part: Part<'_>, needle: &Needle) -> Result<bool, BodyLost> {
    let content = part.content();
    if part.kind() != Kind::Leaf || !content.is_readable() {
        return Ok(false);
    }
    let mut decoded = Decoded {
        haystack: Haystack::new(needle),
        transfer: Transfer::new(content.encoding()),
        charset: charset::decoder(content.parameter("charset").unwrap_or(b"us-ascii")),
        bytes: Vec::new(),
        text: String::new(),
    };
    let mut lines = Lines::new(body, part.body());
    while let Some(piece) = lines.next_piece()? {
        decoded.add(Some(piece));
        if decoded.haystack.found() {
            return Ok(true);
        }
    }
    decoded.add(None);
    Ok(decoded.haystack.found())
}

/// A part's body on its way into a haystack.
struct Decoded<'n> {
    haystack: Haystack<'n>,
    transfer: Transfer,
    charset: Decoder,
    bytes: Vec<u8>,
    text: String,
}

impl Decoded<'_> {
    /// Adds a piece, or the end.
    fn add(&mut self, piece: Option<&[u8]>) {
        self.bytes.clear();
        self.transfer
            .decode(piece.unwrap_or_default(), &mut self.bytes);
        self.text.clear();
        // So much room that all of it fits, whatever the charset.
        let most = self.charset.max_utf8_buffer_length(self.bytes.len());
        self.text.reserve(most.unwrap_or_default());
        let (_, read, _) =
            self.charset
                .decode_to_string(&self.bytes, &mut self.text, piece.is_none());
        debug_assert_eq!(read, self.bytes.len());
        self.haystack.add(&self.text);
    }
}

/// What of a field is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// Its value.
    Values,
    /// Its addresses, written anew.
    Addresses,
    /// Its name, the colon and its value; one field follows the other.
    Lines,
}

/// The fields of a header on their way into a haystack.
struct Fields<'n> {
    haystack: Haystack<'n>,
    shown: Shown,
    /// The field being read, or the end of a long one, as it lies in the message.
    raw: Vec<u8>,
    place: Place,
}

/// Where in its field the text begins that is not searched yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Within,
}

impl<'n> Fields<'n> {
    fn new(needle: &'n Needle, shown: Shown) -> Self {
        Self {
            haystack: Haystack::new(needle),
            shown,
            raw: Vec::new(),
            place: Place::Start,
        }
    }

    /// Whether the text is in a field that is wanted.
    fn read(
        mut self,
        body: &dyn Body,
        header: Range<u64>,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Result<bool, BodyLost> {
        let mut lines = Lines::new(body, header);
        let mut take = false;
        while let Some(segment) = lines.next()? {
            if segment.is_blank_line() {
                break;
            }
            let folded = matches!(segment.bytes.first(), Some(b' ' | b'\t'));
            if segment.begins_line && !folded {
                if take && self.end_field() {
                    return Ok(true);
                }
                take = self.begin(&segment, &wanted);
            } else if take {
                if self.raw.len() > self.longest() {
                    self.end_piece();
                    self.haystack.add(if folded { " " } else { "" });
                }
                self.raw.extend_from_slice(segment.bytes);
            }
        }
        Ok(take && self.end_field())
    }

    /// How much is held before a piece of it is searched.
    fn longest(&self) -> usize {
        match (self.shown, self.place) {
            (Shown::Addresses, Place::Start) => Structure::MAX_FIELD,
            _ => FIELD_PIECE,
        }
    }

    fn end_piece(&mut self) {
        let mut text = self.raw.as_slice();
        if (self.shown, self.place) == (Shown::Addresses, Place::Start) {
            let (list, rest) = text.split_at(end_of_list(text));
            add_addresses(list, &mut self.haystack);
            self.haystack.cut();
            text = rest;
        }
        self.haystack.add(&words::decode(&unfold(text)));
        self.raw.clear();
        self.place = Place::Within;
    }

    /// Ends a field; says whether the text was found.
    fn end_field(&mut self) -> bool {
        self.end_piece();
        match self.shown {
            Shown::Values | Shown::Addresses => self.haystack.cut(),
            Shown::Lines => self.haystack.add("\r\n"),
        }
        self.haystack.found()
    }

    /// Begins a field, if it is wanted.
    fn begin(&mut self, segment: &Segment<'_>, wanted: &impl Fn(&[u8]) -> bool) -> bool {
        let name = field::name(segment.bytes);
        let take = match self.shown {
            Shown::Values | Shown::Addresses => name.is_some_and(wanted),
            Shown::Lines => true,
        };
        self.raw.clear();
        self.place = Place::Start;
        if take {
            self.raw.extend_from_slice(match self.shown {
                Shown::Values | Shown::Addresses => field::value(segment.bytes),
                Shown::Lines => segment.bytes,
            });
        }
        take
    }
}

/// How much of a field's value an envelope reads as addresses: all, or what fits up to a comma.
fn end_of_list(value: &[u8]) -> usize {
    if value.len() <= Structure::MAX_FIELD {
        return value.len();
    }
    memchr::memrchr(b',', &value[..Structure::MAX_FIELD]).unwrap_or(0)
}

/// Adds the addresses of a list one by one, so that never all are held.
fn add_addresses(list: &[u8], haystack: &mut Haystack<'_>) {
    let value = unfold(list);
    let mut writer = AddressWriter::default();
    let mut text = Vec::new();
    for address in Addresses::new(&value) {
        if haystack.found() {
            return;
        }
        text.clear();
        writer.write(&address, &mut text);
        haystack.add(&words::decode(&text));
    }
}
