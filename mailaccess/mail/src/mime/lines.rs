//! Lines of a message, read in pieces of 64 KiB. No line is too long: one that does not fit comes in
//! several segments.

use crate::store::{Body, BodyLost};
use std::ops::Range;

/// A window over a range of a message that moves line by line.
pub(crate) struct Lines<'b> {
    body: &'b dyn Body,
    /// What is not read yet.
    unread: Range<u64>,
    window: Vec<u8>,
    /// What of the window is not given out yet: `from..filled`.
    from: usize,
    filled: usize,
    /// Whether the next byte begins a line.
    begins_line: bool,
}

/// A line, or some of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment<'w> {
    /// Where it begins in the message.
    pub(crate) offset: u64,
    /// Its bytes, the line end among them.
    pub(crate) bytes: &'w [u8],
    /// Whether a line begins with it. Then only a line longer than 64 KiB, or the last one, does not
    /// end with it.
    pub(crate) begins_line: bool,
}

impl<'w> Segment<'w> {
    /// Whether the line ends with it.
    pub(crate) fn ends_line(&self) -> bool {
        self.bytes.last() == Some(&b'\n')
    }

    /// Where it lies in the message.
    pub(crate) fn range(&self) -> Range<u64> {
        self.offset..self.offset + self.bytes.len() as u64
    }

    /// Its bytes without the line end.
    pub(crate) fn text(&self) -> &'w [u8] {
        match self.bytes.strip_suffix(b"\n") {
            Some(text) => text.strip_suffix(b"\r").unwrap_or(text),
            None => self.bytes,
        }
    }

    /// Whether this is the line that ends a header.
    pub(crate) fn is_blank_line(&self) -> bool {
        self.begins_line && matches!(self.bytes, b"\r\n" | b"\n")
    }
}

impl<'b> Lines<'b> {
    const WINDOW: usize = 64 * 1024;

    /// The lines of a range, which begins with one.
    pub(crate) fn new(body: &'b dyn Body, range: Range<u64>) -> Self {
        let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        Self {
            body,
            unread: range,
            window: vec![0; len.min(Self::WINDOW)],
            from: 0,
            filled: 0,
            begins_line: true,
        }
    }

    /// The next line or segment of one; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Segment<'_>>, BodyLost> {
        let end = if let Some(at) = memchr::memchr(b'\n', &self.window[self.from..self.filled]) {
            self.from + at + 1
        } else {
            let searched = self.filled - self.from;
            self.fill()?;
            match memchr::memchr(b'\n', &self.window[searched..self.filled]) {
                Some(at) => searched + at + 1,
                // A line end stays in one piece.
                None if self.filled > 1 && self.window[self.filled - 1] == b'\r' => {
                    self.filled - usize::from(!self.unread.is_empty())
                }
                None => self.filled,
            }
        };
        if self.from == end {
            return Ok(None);
        }
        let segment = Segment {
            offset: self.unread.start - (self.filled - self.from) as u64,
            bytes: &self.window[self.from..end],
            begins_line: self.begins_line,
        };
        self.from = end;
        self.begins_line = segment.ends_line();
        Ok(Some(segment))
    }

    /// All that is in the window, or the next 64 KiB, wherever lines end; `None` at the end.
    pub(crate) fn next_piece(&mut self) -> Result<Option<&[u8]>, BodyLost> {
        if self.from == self.filled {
            self.fill()?;
        }
        let piece = &self.window[self.from..self.filled];
        self.from = self.filled;
        self.begins_line = piece.last() == Some(&b'\n');
        Ok(Some(piece).filter(|piece| !piece.is_empty()))
    }

    /// Moves what is left to the front and reads on until the window is full or nothing is unread.
    fn fill(&mut self) -> Result<(), BodyLost> {
        self.window.copy_within(self.from..self.filled, 0);
        self.filled -= self.from;
        self.from = 0;
        while self.filled < self.window.len() && !self.unread.is_empty() {
            let left = usize::try_from(self.unread.end - self.unread.start).unwrap_or(usize::MAX);
            let room = (self.window.len() - self.filled).min(left);
            let into = &mut self.window[self.filled..self.filled + room];
            let read = self.body.read_at(self.unread.start, into)?;
            if read == 0 {
                return Err(BodyLost {
                    offset: self.unread.start,
                    source: "the message ends before its announced length".into(),
                });
            }
            self.filled += read;
            self.unread.start += read as u64;
        }
        Ok(())
    }
}
