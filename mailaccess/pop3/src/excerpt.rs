//! A message, or its beginning, on the way to a client: how much of it is sent is found by reading it in
//! pieces, and it is sent from where it lies, never held whole.

use crate::command::Number;
use crate::job::{Job, Outcome, Work};
use crate::maildrop::{Maildrop, Missing};
use crate::reply;
use crate::session::State;
use crate::turn::Turn;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use mailaccess_mail::Uid;
use mailaccess_mail::step::{Output, Step};
use mailaccess_mail::store::{Body, BodyLost, Mailbox, StoreError};

/// Bytes read at once when looking for the end of an excerpt.
const PIECE: usize = 16 * 1024;

/// How much of a message is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// Its header, the blank line, and so many lines of its body.
    Top(u32),
}

/// An open message and how much of it is sent.
pub(crate) struct Excerpt {
    body: Arc<dyn Body>,
    end: u64,
    last_line: LastLine,
}

/// Whether the last line of an excerpt has its CRLF. The dot that ends an answer must stand alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LastLine {
    Ended,
    Open,
}

/// A message that a session waits for.
pub(crate) struct Fetching {
    maildrop: Box<Maildrop>,
    number: Number,
    extent: Extent,
}

/// Begins to send a message.
pub(crate) fn fetch(maildrop: Box<Maildrop>, number: Number, extent: Extent) -> Turn {
    match maildrop.find(number) {
        Err(missing) => Turn::say(State::Transaction(maildrop), reply::missing(missing)),
        Ok(uid) => {
            let work = Work::Fetch {
                mailbox: maildrop.mailbox(),
                uid,
                extent,
            };
            let fetching = Fetching {
                maildrop,
                number,
                extent,
            };
            Turn::Next(State::Fetching(Box::new(fetching)), Step::Run(Job(work)))
        }
    }
}

impl Fetching {
    /// Goes on with what the store gave.
    pub(crate) fn done(mut self, outcome: Outcome) -> Turn {
        let output = match outcome {
            Outcome::Fetched(Ok(Some(excerpt))) => excerpt.output(self.extent),
            Outcome::Fetched(Ok(None)) => {
                self.maildrop.lost(self.number);
                reply::missing(Missing::Gone(self.number))
            }
            Outcome::Fetched(Err(error)) => reply::failed(&error),
            _ => return Turn::out_of_step(),
        };
        Turn::say(State::Transaction(self.maildrop), output)
    }
}

impl Excerpt {
    fn output(self, extent: Extent) -> Output {
        let mut output = match extent {
            Extent::Whole => reply::ok(format_args!("{} octets", self.end)),
            Extent::Top(_) => reply::ok("Top of the message follows."),
        };
        output.stuffed(self.body, 0..self.end);
        if self.last_line == LastLine::Open {
            output.bytes(b"\r\n");
        }
        output.bytes(b".\r\n");
        output
    }
}

/// Opens a message and measures what is wanted of it. `None` when the message is gone.
pub(crate) fn open(
    mailbox: &dyn Mailbox,
    uid: Uid,
    extent: Extent,
) -> Result<Option<Excerpt>, StoreError> {
    let Some(body) = mailbox.body(uid)? else {
        return Ok(None);
    };
    let end = match extent {
        Extent::Whole => body.len(),
        Extent::Top(lines) => top(&*body, lines)?,
    };
    let last_line = last_line(&*body, end)?;
    Ok(Some(Excerpt {
        body,
        end,
        last_line,
    }))
}

/// Where the header and so many lines of the body end (RFC 1939 7, TOP).
fn top(body: &dyn Body, lines: u32) -> Result<u64, BodyLost> {
    let mut piece = vec![0; PIECE];
    let mut offset = 0;
    // `None` within the header.
    let mut left: Option<u32> = None;
    let mut line_start = 0;
    let mut first = None;
    while offset < body.len() {
        let got = body.read_at(offset, &mut piece)?;
        if got == 0 {
            return Err(BodyLost {
                offset,
                source: "the message ends before its announced length".into(),
            });
        }
        let mut from = 0;
        while let Some(found) = memchr::memchr(b'\n', &piece[from..got]) {
            let line_end = offset + (from + found) as u64;
            let first_byte = first.take().unwrap_or(piece[from]);
            let blank =
                line_end == line_start || (line_end == line_start + 1 && first_byte == b'\r');
            from += found + 1;
            line_start = line_end + 1;
            left = match left {
                None if blank => Some(lines),
                None => None,
                Some(left) => Some(left - 1),
            };
            if left == Some(0) {
                return Ok(line_start);
            }
        }
        if from < got {
            first = first.or(Some(piece[from]));
        }
        offset += got as u64;
    }
    Ok(body.len())
}

fn last_line(body: &dyn Body, end: u64) -> Result<LastLine, BodyLost> {
    if end == 0 {
        return Ok(LastLine::Ended);
    }
    let mut tail = [0; 2];
    let wanted = if end == 1 { 1 } else { 2 };
    let mut got = 0;
    while got < wanted {
        match body.read_at(end - (wanted - got) as u64, &mut tail[got..wanted])? {
            0 => {
                return Err(BodyLost {
                    offset: end,
                    source: "the message ends before its announced length".into(),
                });
            }
            more => got += more,
        }
    }
    Ok(if tail == *b"\r\n" {
        LastLine::Ended
    } else {
        LastLine::Open
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message read in pieces of at most so many bytes.
    struct Text(&'static [u8], usize);

    impl Body for Text {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }

        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, BodyLost> {
            let from = usize::try_from(offset).unwrap().min(self.0.len());
            let take = buffer.len().min(self.0.len() - from).min(self.1);
            buffer[..take].copy_from_slice(&self.0[from..from + take]);
            Ok(take)
        }

        fn try_read_at(&self, _: u64, _: &mut [u8]) -> Result<Option<usize>, BodyLost> {
            Ok(None)
        }
    }

    #[track_caller]
    fn check(message: &'static [u8], lines: u32, expect: &[u8]) {
        for piece in [1, 2, 3, 5, 1000] {
            let end = top(&Text(message, piece), lines).unwrap();
            assert_eq!(
                &message[..usize::try_from(end).unwrap()],
                expect,
                "pieces of {piece}"
            );
        }
    }

    #[test]
    fn top_ends_after_the_header_and_so_many_lines() {
        let message = b"A: 1\r\nB: 2\r\n\r\none\r\n\r\nthree\r\n";
        check(message, 0, b"A: 1\r\nB: 2\r\n\r\n");
        check(message, 1, b"A: 1\r\nB: 2\r\n\r\none\r\n");
        check(message, 2, b"A: 1\r\nB: 2\r\n\r\none\r\n\r\n");
        check(message, 3, message);
        check(message, u32::MAX, message);
    }

    #[test]
    fn top_of_odd_messages_is_all_there_is() {
        check(b"", 5, b"");
        check(b"no header end\r\n", 0, b"no header end\r\n");
        check(b"\r\nbody only\r\nmore\r\n", 1, b"\r\nbody only\r\n");
        check(b"A: 1\r\n\r\nlast", 1, b"A: 1\r\n\r\nlast");
        check(b"\rA: 1\r\n\r\nx\r\n", 0, b"\rA: 1\r\n\r\n");
        check(b"\r\r\nA: 1\r\n\r\nx\r\n", 0, b"\r\r\nA: 1\r\n\r\n");
    }

    #[test]
    fn a_last_line_without_its_end_is_noticed() {
        for (message, expect) in [
            (&b""[..], LastLine::Ended),
            (b"x\r\n", LastLine::Ended),
            (b"\r\n", LastLine::Ended),
            (b"x", LastLine::Open),
            (b"x\r", LastLine::Open),
            (b"xy", LastLine::Open),
        ] {
            for piece in [1, 2] {
                let body = Text(message, piece);
                assert_eq!(last_line(&body, body.len()).unwrap(), expect, "{message:?}");
            }
        }
    }
}
