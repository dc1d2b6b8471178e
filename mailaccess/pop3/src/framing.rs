//! Cuts lines out of what arrives. Holds an incomplete line up to a limit, and nothing of one that is longer.

use alloc::vec::Vec;

/// Longest command with its line end. RFC 2449 4 asks for 255; names and passwords may be longer than that.
pub(crate) const COMMAND_LIMIT: usize = 512;
/// Longest answer of a client within AUTH with its line end (RFC 4954 4 names this figure for base64).
pub(crate) const SASL_LIMIT: usize = 12_288;
/// Bytes of one line that are read and thrown away before the client counts as hostile.
const DISCARD_LIMIT: usize = 64 * 1024;
/// Room made for the first piece of a line: a line that came in pieces is then rarely moved in memory.
const FIRST_RESERVE: usize = 128;

/// The part of a line that has arrived.
pub(crate) enum Lines {
    /// Its bytes.
    Held(Vec<u8>),
    /// It is too long; so many bytes of it were thrown away.
    Discarding(usize),
}

/// What there was to cut.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// A line without its end.
    Line(Vec<u8>),
    /// The line goes on.
    More,
    /// A line over the limit has ended.
    TooLong,
    /// A line over the limit does not end.
    Endless,
}

impl Lines {
    pub(crate) const fn new() -> Self {
        Self::Held(Vec::new())
    }

    /// Takes bytes up to the end of a line. CRLF ends one, and LF alone as well.
    pub(crate) fn cut(&mut self, input: &mut &[u8], limit: usize) -> Cut {
        let end = memchr::memchr(b'\n', input);
        let (piece, rest) = input.split_at(end.map_or(input.len(), |lf| lf + 1));
        *input = rest;
        let held = match self {
            Self::Held(held) if held.len() + piece.len() <= limit => held,
            Self::Held(held) => {
                let len = held.len() + piece.len();
                return self.discard(len, end.is_some());
            }
            Self::Discarding(len) => {
                let len = *len + piece.len();
                return self.discard(len, end.is_some());
            }
        };
        if end.is_none() {
            if held.is_empty() {
                held.reserve(piece.len().max(FIRST_RESERVE));
            }
            held.extend_from_slice(piece);
            return Cut::More;
        }
        let mut line = core::mem::take(held);
        line.extend_from_slice(piece);
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Cut::Line(line)
    }

    fn discard(&mut self, len: usize, ended: bool) -> Cut {
        *self = if ended {
            Self::new()
        } else {
            Self::Discarding(len)
        };
        match (ended, len) {
            (_, len) if len > DISCARD_LIMIT => Cut::Endless,
            (true, _) => Cut::TooLong,
            (false, _) => Cut::More,
        }
    }

    /// Bytes held in memory.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::Held(held) => held.capacity(),
            Self::Discarding(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn cut_all(pieces: &[&[u8]], limit: usize) -> Vec<Cut> {
        let mut lines = Lines::new();
        let mut cuts = Vec::new();
        for piece in pieces {
            let mut input = *piece;
            while !input.is_empty() {
                match lines.cut(&mut input, limit) {
                    Cut::More => {}
                    cut => cuts.push(cut),
                }
            }
        }
        cuts
    }

    #[test]
    fn lines_end_with_crlf_or_lf_wherever_they_are_split() {
        let noop = || Cut::Line(b"NOOP".to_vec());
        assert_eq!(cut_all(&[b"NOOP\r\nNOOP\n"], 512), [noop(), noop()]);
        assert_eq!(
            cut_all(&[b"NO", b"OP\r", b"\nNOOP", b"\n"], 512),
            [noop(), noop()]
        );
        assert_eq!(
            cut_all(&[b"\r\n\n"], 512),
            [Cut::Line(vec![]), Cut::Line(vec![])]
        );
    }

    #[test]
    fn a_line_at_the_limit_passes_and_one_byte_more_does_not() {
        assert_eq!(cut_all(&[b"12345\r\n"], 7), [Cut::Line(b"12345".to_vec())]);
        assert_eq!(
            cut_all(&[b"123456\r\nQUIT\r\n"], 7),
            [Cut::TooLong, Cut::Line(b"QUIT".to_vec())]
        );
    }

    #[test]
    fn a_long_line_is_not_held_and_an_endless_one_is_noticed() {
        let mut lines = Lines::new();
        let chunk = [b'a'; 1024];
        for _ in 0..DISCARD_LIMIT / 1024 {
            assert_eq!(lines.cut(&mut &chunk[..], 512), Cut::More);
            assert_eq!(lines.held(), 0);
        }
        assert_eq!(lines.cut(&mut &b"a"[..], 512), Cut::Endless);
    }
}
