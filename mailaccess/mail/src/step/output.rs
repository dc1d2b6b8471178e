//! What a session has to say: bytes at hand, and messages that are pulled from the store piece by piece
//! while they are sent, so that none is ever held whole.

use crate::store::{Body, BodyLost};
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Why something was refused that its client should not have sent, for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refused {
    /// It is no command, or not written as one.
    Syntax,
    /// It cannot be done now.
    State,
    /// It is longer, deeper or larger than is taken.
    Limit,
    /// No mailbox can have this name.
    Name,
    /// No message has this number.
    Message,
    /// It needs TLS first.
    Privacy,
    /// The server does not do it.
    Unsupported,
}

impl Refused {
    /// All there are.
    pub const ALL: [Self; 7] = [
        Self::Syntax,
        Self::State,
        Self::Limit,
        Self::Name,
        Self::Message,
        Self::Privacy,
        Self::Unsupported,
    ];
}

/// Bytes to send: some at hand, some to be pulled from messages piece by piece.
#[derive(Default)]
pub struct Output {
    pieces: VecDeque<Piece>,
    refused: Option<Refused>,
}

enum Piece {
    Bytes {
        bytes: Vec<u8>,
        sent: usize,
    },
    Body {
        body: Arc<dyn Body>,
        range: Range<u64>,
    },
    Stuffed {
        body: Arc<dyn Body>,
        range: Range<u64>,
        line: Line,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Begins,
    GoesOn,
}

/// Whether [`Output::pull`] may block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pull {
    /// On a thread that may block.
    Blocking,
    /// In a task that may not.
    NonBlocking,
}

/// How [`Output::pull`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulled {
    /// The next byte needs [`Pull::Blocking`].
    Blocked,
    /// All is pulled.
    Finished,
    /// The chunk is full.
    Full,
}

impl Output {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends bytes.
    pub fn bytes(&mut self, more: &[u8]) {
        if let Some(Piece::Bytes { bytes, .. }) = self.pieces.back_mut() {
            bytes.extend_from_slice(more);
        } else if !more.is_empty() {
            self.pieces.push_back(Piece::Bytes {
                bytes: more.to_vec(),
                sent: 0,
            });
        }
    }

    /// Appends formatted text: `output.text(format_args!("* {} EXISTS\r\n", 3))`.
    pub fn text(&mut self, text: fmt::Arguments<'_>) {
        // Writing into memory cannot fail.
        let _ = fmt::Write::write_fmt(self, text);
    }

    /// Appends a range of a message, which must lie within it, as what an IMAP literal may hold: any byte
    /// but NUL (RFC 3501 9 `CHAR8`), which becomes 0x80. The length stays, and a client goes on.
    pub fn body(&mut self, body: Arc<dyn Body>, range: Range<u64>) {
        if !range.is_empty() {
            self.pieces.push_back(Piece::Body { body, range });
        }
    }

    /// Appends a range of a message, which must begin at a line's start, with every leading dot doubled
    /// (RFC 1939 3). Neither a last CRLF nor the ending dot is added.
    pub fn stuffed(&mut self, body: Arc<dyn Body>, range: Range<u64>) {
        if !range.is_empty() {
            self.pieces.push_back(Piece::Stuffed {
                body,
                range,
                line: Line::Begins,
            });
        }
    }

    /// Appends another output.
    pub fn append(&mut self, mut other: Self) {
        self.pieces.append(&mut other.pieces);
        self.refused = self.refused.or(other.refused);
    }

    /// Notes that these bytes refuse something.
    pub fn refuse(&mut self, why: Refused) {
        self.refused = Some(why);
    }

    /// Takes the note that these bytes refuse something.
    pub fn take_refused(&mut self) -> Option<Refused> {
        self.refused.take()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Bytes held in memory, messages not counted.
    pub fn held(&self) -> usize {
        self.pieces
            .iter()
            .map(|piece| {
                if let Piece::Bytes { bytes, .. } = piece {
                    bytes.capacity()
                } else {
                    0
                }
            })
            .sum()
    }

    /// Moves the next bytes into `chunk` until it holds `limit` of them.
    pub fn pull(
        &mut self,
        chunk: &mut Vec<u8>,
        limit: usize,
        pull: Pull,
    ) -> Result<Pulled, BodyLost> {
        while let Some(piece) = self.pieces.front_mut() {
            let room = limit.saturating_sub(chunk.len());
            // A stuffed byte may become two.
            if room < 2 {
                return Ok(Pulled::Full);
            }
            let finished = match piece {
                Piece::Bytes { bytes, sent } => {
                    let take = room.min(bytes.len() - *sent);
                    chunk.extend_from_slice(&bytes[*sent..*sent + take]);
                    *sent += take;
                    *sent == bytes.len()
                }
                Piece::Body { body, range } => {
                    let from = chunk.len();
                    if !read_some(&**body, range, chunk, room, pull)? {
                        return Ok(Pulled::Blocked);
                    }
                    replace_nul(&mut chunk[from..]);
                    range.is_empty()
                }
                Piece::Stuffed { body, range, line } => {
                    let from = chunk.len();
                    if !read_some(&**body, range, chunk, room / 2, pull)? {
                        return Ok(Pulled::Blocked);
                    }
                    *line = stuff(chunk, from, *line);
                    range.is_empty()
                }
            };
            if finished {
                self.pieces.pop_front();
            }
        }
        Ok(Pulled::Finished)
    }
}

impl fmt::Write for Output {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

/// Reads at most `room` bytes of the range to the end of the chunk; `false` where that would block.
fn read_some(
    body: &dyn Body,
    range: &mut Range<u64>,
    chunk: &mut Vec<u8>,
    room: usize,
    pull: Pull,
) -> Result<bool, BodyLost> {
    let want = usize::try_from(range.end - range.start).map_or(room, |left| left.min(room));
    let from = chunk.len();
    chunk.resize(from + want, 0);
    let read = match pull {
        Pull::Blocking => body.read_at(range.start, &mut chunk[from..]).map(Some),
        Pull::NonBlocking => body.try_read_at(range.start, &mut chunk[from..]),
    };
    let got = read.as_ref().ok().copied().flatten().unwrap_or(0);
    chunk.truncate(from + got);
    range.start += got as u64;
    match read? {
        Some(0) => Err(BodyLost {
            offset: range.start,
            source: "the message ends before its announced length".into(),
        }),
        Some(_) => Ok(true),
        None => Ok(false),
    }
}

fn replace_nul(bytes: &mut [u8]) {
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(0, rest) {
        rest[at] = 0x80;
        rest = &mut rest[at + 1..];
    }
}

/// Doubles every dot that begins a line in `chunk[from..]`; says whether a line begins behind it.
fn stuff(chunk: &mut Vec<u8>, from: usize, mut line: Line) -> Line {
    let plain = chunk.split_off(from);
    for byte in plain {
        if byte == b'.' && line == Line::Begins {
            chunk.push(b'.');
        }
        chunk.push(byte);
        line = if byte == b'\n' {
            Line::Begins
        } else {
            Line::GoesOn
        };
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Text(&'static [u8]);

    impl Body for Text {
        fn len(&self) -> u64 {
            // One byte more than there is, when the text says so.
            self.0.len() as u64 + u64::from(self.0.ends_with(b"short"))
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, BodyLost> {
            let from = usize::try_from(offset).unwrap().min(self.0.len());
            let take = buffer.len().min(self.0.len() - from);
            buffer[..take].copy_from_slice(&self.0[from..from + take]);
            Ok(take)
        }

        fn try_read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<Option<usize>, BodyLost> {
            if self.0.starts_with(b"cold") {
                Ok(None)
            } else {
                self.read_at(offset, buffer).map(Some)
            }
        }
    }

    fn pull_all(mut output: Output, limit: usize) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let mut chunk = Vec::new();
            let pulled = output.pull(&mut chunk, limit, Pull::Blocking).unwrap();
            assert!(chunk.len() <= limit);
            all.extend_from_slice(&chunk);
            if pulled == Pulled::Finished {
                return all;
            }
        }
    }

    #[test]
    fn pieces_come_out_in_order_whatever_the_chunk() {
        for limit in 2..40 {
            let mut output = Output::new();
            output.bytes(b"* 1 FETCH (BODY[] {5}\r\n");
            output.body(Arc::new(Text(b"01234567")), 1..6);
            output.bytes(b")\r\n");
            assert_eq!(
                pull_all(output, limit),
                b"* 1 FETCH (BODY[] {5}\r\n12345)\r\n"
            );
        }
    }

    #[test]
    fn a_literal_holds_no_nul() {
        for limit in 2..9 {
            let mut output = Output::new();
            output.body(Arc::new(Text(b"\0a\0\0b\0")), 0..6);
            assert_eq!(pull_all(output, limit), b"\x80a\x80\x80b\x80");
        }
    }

    #[test]
    fn leading_dots_are_doubled_whatever_the_chunk() {
        let text = b".a\r\n..b\r\nc.\r\n.\r\n";
        for limit in 2..40 {
            let mut output = Output::new();
            output.stuffed(Arc::new(Text(text)), 0..text.len() as u64);
            assert_eq!(pull_all(output, limit), b"..a\r\n...b\r\nc.\r\n..\r\n");
        }
    }

    #[test]
    fn a_cold_message_blocks_and_goes_on() {
        let mut output = Output::new();
        output.bytes(b"x");
        output.body(Arc::new(Text(b"cold")), 0..4);
        let mut chunk = Vec::new();
        assert_eq!(
            output.pull(&mut chunk, 64, Pull::NonBlocking).unwrap(),
            Pulled::Blocked
        );
        assert_eq!(chunk, b"x");
        assert_eq!(
            output.pull(&mut chunk, 64, Pull::Blocking).unwrap(),
            Pulled::Finished
        );
        assert_eq!(chunk, b"xcold");
    }

    #[test]
    fn a_message_that_ends_early_is_an_error() {
        let body = Arc::new(Text(b"too short"));
        let mut output = Output::new();
        output.body(Arc::clone(&body) as Arc<dyn Body>, 0..body.len());
        assert_eq!(
            output
                .pull(&mut Vec::new(), 64, Pull::Blocking)
                .unwrap_err()
                .offset,
            9
        );
    }
}
