//! Cuts commands out of what arrives: a line, and the literals announced at its end (RFC 3501 2.2.1, RFC 7888).
//!
//! Only whole commands reach the grammar. So a command that is wrong, too long, or refused can be thrown
//! away without its literal being read as a command, and what is held stays below a limit.

use crate::tag::Tag;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use memchr::{memchr, memrchr};

/// Longest command before a login, literals included. What is parsed of one is copied once, so at most
/// twice as much is held.
pub(crate) const BEFORE_LOGIN: usize = 8 * 1024;
/// Longest command after a login, literals included but for the message of an APPEND.
pub(crate) const AFTER_LOGIN: usize = 64 * 1024;
/// A line of so many times the limit ends the connection.
const ENDLESS: usize = 4;
/// How much of the beginning of a line that is too long is kept, for its tag.
const HEAD: usize = Tag::MAX_LEN + 1;
/// How much of the end of it is kept, for the literal it may announce: `{18446744073709551615+}` CRLF.
const TAIL: usize = 25;

/// The part of a command that has arrived.
pub(crate) struct Frames {
    held: Vec<u8>,
    mode: Mode,
}

enum Mode {
    /// Within a line that begins at this place of what is held.
    Line(usize),
    /// Within a literal that was accepted; so much of it is missing.
    Literal(usize),
    /// Within a line of which so much has gone by; its beginning and its end are kept.
    Discard(usize, Told),
    /// Within a literal that nobody wants; so much of it is missing.
    Swallow(u64),
}

/// Whether the client knows that its command is thrown away.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Already,
    NotYet,
}

/// What there was to cut.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cut<'a> {
    /// A whole command with its line end.
    Command(Cow<'a, [u8]>),
    /// A line announces a literal; [`Frames::held`] has what came before it. It must be taken by
    /// [`Frames::accept`], [`Frames::refuse`] or [`Frames::take_over`] before the next cut.
    Literal(Literal),
    /// The command goes on.
    More,
    /// A line over the limit has ended.
    TooLong(Option<Tag>),
    /// A line over the limit does not end.
    Endless,
}

/// A literal that a client announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Literal {
    /// Its length in bytes; more than anybody can send stands for a number that is too large.
    pub(crate) len: u64,
    /// Whether the client waits before it sends.
    pub(crate) waiting: Waiting,
}

/// Whether a client waits for a continuation request before it sends a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// `{5}`: it does.
    Yes,
    /// `{5+}` (RFC 7888): it sends at once.
    No,
}

/// Whether a line that ends in `{5}` announces a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Literals {
    /// Within commands.
    Read,
    /// Within AUTHENTICATE and IDLE, where a client sends bare lines.
    Ignored,
}

/// The literal does not fit what may be held.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Frames {
    pub(crate) const fn new() -> Self {
        Self {
            held: Vec::new(),
            mode: Mode::Line(0),
        }
    }

    /// Takes bytes until there is something to say, or all of them.
    pub(crate) fn cut<'a>(
        &mut self,
        input: &mut &'a [u8],
        limit: usize,
        literals: Literals,
    ) -> Cut<'a> {
        loop {
            let cut = match self.mode {
                Mode::Line(begin) => self.line(input, begin, limit, literals),
                Mode::Discard(len, told) => self.discard(input, len, told, limit),
                Mode::Literal(left) => {
                    let part = take(input, left);
                    self.hold(part, limit);
                    self.mode = match left - part.len() {
                        0 => Mode::Line(self.held.len()),
                        left => Mode::Literal(left),
                    };
                    None
                }
                Mode::Swallow(left) => {
                    let part = take(input, usize::try_from(left).unwrap_or(usize::MAX));
                    self.mode = match left - part.len() as u64 {
                        0 => Mode::Discard(0, Told::Already),
                        left => Mode::Swallow(left),
                    };
                    None
                }
            };
            if let Some(cut) = cut {
                return cut;
            }
            if input.is_empty() {
                return Cut::More;
            }
        }
    }

    /// What has arrived of the command, when a literal was announced.
    pub(crate) fn held(&self) -> &[u8] {
        &self.held
    }

    /// Bytes of memory held.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.held.capacity()
    }

    /// Takes a literal that was announced into the command.
    pub(crate) fn accept(&mut self, literal: Literal, limit: usize) -> Result<(), TooLarge> {
        let len = usize::try_from(literal.len).map_err(|_| TooLarge)?;
        if len > limit.saturating_sub(self.held.len()) {
            return Err(TooLarge);
        }
        self.mode = match len {
            0 => Mode::Line(self.held.len()),
            len => Mode::Literal(len),
        };
        Ok(())
    }

    /// Throws the command away whose literal was announced. A client that waits sends nothing of it, one
    /// that does not sends all: its literal and the rest of its command are swallowed.
    pub(crate) fn refuse(&mut self, literal: Literal) {
        self.take_over();
        if literal.waiting == Waiting::No {
            self.swallow(literal.len);
        }
    }

    /// Forgets the command whose literal was announced: what follows is read by somebody else, who may
    /// come back with [`Frames::swallow`].
    pub(crate) fn take_over(&mut self) {
        self.held = Vec::new();
        self.mode = Mode::Line(0);
    }

    /// Throws away so many bytes, and what follows up to the end of the command.
    pub(crate) fn swallow(&mut self, len: u64) {
        self.held = Vec::new();
        self.mode = match len {
            0 => Mode::Discard(0, Told::Already),
            len => Mode::Swallow(len),
        };
    }

    fn line<'a>(
        &mut self,
        input: &mut &'a [u8],
        begin: usize,
        limit: usize,
        literals: Literals,
    ) -> Option<Cut<'a>> {
        let end = memchr(b'\n', input);
        let part = &input[..end.map_or(input.len(), |lf| lf + 1)];
        if self.held.len() + part.len() > limit {
            // What is held counts: a command may be too long in several lines as well as in one.
            let gone = self.held.len();
            self.mode = Mode::Discard(gone, Told::NotYet);
            return None;
        }
        *input = &input[part.len()..];
        if end.is_none() {
            self.hold(part, limit);
            return None;
        }
        let literal = match literals {
            Literals::Read if begin == self.held.len() => announced(part),
            Literals::Read => {
                self.hold(part, limit);
                let literal = announced(&self.held[begin..]);
                if literal.is_none() {
                    return Some(self.whole());
                }
                return literal.map(Cut::Literal);
            }
            Literals::Ignored => None,
        };
        if literal.is_none() && self.held.is_empty() {
            self.mode = Mode::Line(0);
            return Some(Cut::Command(Cow::Borrowed(part)));
        }
        self.hold(part, limit);
        match literal {
            Some(literal) => Some(Cut::Literal(literal)),
            None => Some(self.whole()),
        }
    }

    fn whole<'a>(&mut self) -> Cut<'a> {
        self.mode = Mode::Line(0);
        Cut::Command(Cow::Owned(core::mem::take(&mut self.held)))
    }

    fn discard<'a>(
        &mut self,
        input: &mut &'a [u8],
        len: usize,
        told: Told,
        limit: usize,
    ) -> Option<Cut<'a>> {
        let end = memchr(b'\n', input);
        let part = take(input, end.map_or(usize::MAX, |lf| lf + 1));
        let len = len + part.len();
        if len > limit.saturating_mul(ENDLESS) {
            return Some(Cut::Endless);
        }
        self.keep_ends(part);
        self.mode = Mode::Discard(len, told);
        end?;
        let literal = announced(&self.held);
        let tag = Tag::recover(&self.held);
        self.take_over();
        match literal {
            Some(literal) if literal.waiting == Waiting::No => self.swallow(literal.len),
            _ => {}
        }
        (told == Told::NotYet).then_some(Cut::TooLong(tag))
    }

    /// Keeps of a line its first [`HEAD`] and its last [`TAIL`] bytes.
    fn keep_ends(&mut self, mut part: &[u8]) {
        const MOST: usize = HEAD + 2 * TAIL;
        self.shorten();
        let room = HEAD.saturating_sub(self.held.len());
        let head = take(&mut part, room);
        self.hold(head, MOST);
        self.hold(&part[part.len().saturating_sub(TAIL)..], MOST);
        self.shorten();
    }

    fn shorten(&mut self) {
        if self.held.len() > HEAD + TAIL {
            let from = self.held.len() - TAIL;
            self.held.drain(HEAD..from);
        }
    }

    /// Grows by doubling, but never beyond the limit.
    fn hold(&mut self, part: &[u8], limit: usize) {
        let needed = self.held.len() + part.len();
        if needed > self.held.capacity() {
            let wanted = (self.held.capacity() * 2).clamp(needed, limit.max(needed));
            self.held.reserve_exact(wanted - self.held.len());
        }
        self.held.extend_from_slice(part);
    }
}

/// Takes at most `len` bytes.
fn take<'a>(input: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (part, rest) = input.split_at(len.min(input.len()));
    *input = rest;
    part
}

/// The literal that a line announces at its end.
///
/// ```text
/// literal  = "{" number ["+"] "}" CRLF *CHAR8                      ; RFC 3501 9, RFC 7888 4
/// ```
/// A number too large for any client stands for itself: it is refused for its size.
fn announced(line: &[u8]) -> Option<Literal> {
    let line = line.strip_suffix(b"\n")?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let inner = line.strip_suffix(b"}")?;
    let inner = &inner[memrchr(b'{', inner)? + 1..];
    let (digits, waiting) = match inner.strip_suffix(b"+") {
        Some(digits) => (digits, Waiting::No),
        None => (inner, Waiting::Yes),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let len = digits.iter().fold(0_u64, |n, digit| {
        n.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    });
    Some(Literal { len, waiting })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec;
    use proptest::prelude::*;

    /// What a stream is cut into when every literal that fits is accepted.
    fn cut_all(stream: &[u8], split: usize, limit: usize) -> Vec<String> {
        let mut frames = Frames::new();
        let mut seen = Vec::new();
        for mut input in stream.chunks(split.max(1)) {
            loop {
                let cut = frames.cut(&mut input, limit, Literals::Read);
                assert!(frames.capacity() <= limit.max(HEAD + 2 * TAIL));
                match cut {
                    Cut::Command(bytes) => {
                        seen.push(String::from_utf8_lossy(&bytes).into_owned());
                    }
                    Cut::Literal(literal) => {
                        if frames.accept(literal, limit) == Ok(()) {
                            seen.push(alloc::format!("+{}", literal.len));
                        } else {
                            frames.refuse(literal);
                            seen.push("refused".into());
                        }
                    }
                    Cut::TooLong(tag) => {
                        seen.push(alloc::format!("long {}", tag.is_some()));
                    }
                    Cut::Endless => {
                        seen.push("endless".into());
                        return seen;
                    }
                    Cut::More => break,
                }
            }
        }
        seen
    }

    #[track_caller]
    fn check(stream: &str, expect: &[&str]) {
        for split in 1..=stream.len() {
            assert_eq!(
                cut_all(stream.as_bytes(), split, 40),
                expect,
                "split {split}"
            );
        }
    }

    #[test]
    fn lines_and_literals_are_cut() {
        check("a NOOP\r\nb NOOP\n", &["a NOOP\r\n", "b NOOP\n"]);
        check(
            "a LOGIN {3}\r\nann {4+}\r\n\r\n\r\n\r\nb NOOP\r\n",
            &[
                "+3",
                "+4",
                "a LOGIN {3}\r\nann {4+}\r\n\r\n\r\n\r\n",
                "b NOOP\r\n",
            ],
        );
        check("a X {0}\r\n\r\n", &["+0", "a X {0}\r\n\r\n"]);
        check("a X {x}\r\n", &["a X {x}\r\n"]);
        check("a X {}\r\n", &["a X {}\r\n"]);
    }

    #[test]
    fn a_refused_literal_is_swallowed_when_it_comes_unasked() {
        check(
            "a X {41+}\r\n12345678901234567890123456789012345678901 {2+}\r\nb X\r\nc NOOP\r\n",
            &["refused", "c NOOP\r\n"],
        );
        check("a X {41}\r\nc NOOP\r\n", &["refused", "c NOOP\r\n"]);
        check(
            "a X {99999999999999999999999}\r\nc NOOP\r\n",
            &["refused", "c NOOP\r\n"],
        );
    }

    #[test]
    fn a_line_too_long_is_skipped_with_the_literal_it_announces() {
        check(
            "a X 345678901234567890123456789012345678 {9+}\r\nb DELETE \r\nc NOOP\r\n",
            &["long true", "c NOOP\r\n"],
        );
        check(
            "a {20}\r\n12345678901234567890 23456789012345678\r\nc NOOP\r\n",
            &["+20", "long true", "c NOOP\r\n"],
        );
    }

    #[test]
    fn a_line_without_end_ends_everything() {
        let line = "x".repeat(161);
        check(&line, &["endless"]);
        check(&alloc::format!("{line}\r\n"), &["endless"]);
    }

    #[test]
    fn a_bare_line_announces_nothing() {
        let mut frames = Frames::new();
        let mut input: &[u8] = b"{5}\r\nx";
        let cut = frames.cut(&mut input, 40, Literals::Ignored);
        assert_eq!(cut, Cut::Command(Cow::Borrowed(b"{5}\r\n")));
        assert_eq!(input, b"x");
    }

    #[test]
    fn what_is_refused_in_the_middle_is_swallowed() {
        let mut frames = Frames::new();
        frames.swallow(5);
        let mut input: &[u8] = b"12345 rest\r\na NOOP\r\n";
        let cut = frames.cut(&mut input, 40, Literals::Read);
        assert_eq!(cut, Cut::Command(Cow::Owned(b"a NOOP\r\n".to_vec())));
    }

    proptest! {
        #[test]
        fn a_stream_is_cut_alike_however_it_is_split(
            parts in prop::collection::vec(
                prop_oneof![
                    Just(b"a X {3}\r\n".to_vec()), Just(b"{4+}\r\n".to_vec()), Just(b"\r\n".to_vec()),
                    Just(b"b SEARCH TEXT {50+}\r\n".to_vec()), Just(b"{12}\n".to_vec()),
                    prop::collection::vec(any::<u8>(), 0..50), Just(vec![b'y'; 45]),
                ], 0..12),
            split in 1_usize..30,
        ) {
            let stream = parts.concat();
            prop_assert_eq!(cut_all(&stream, split, 40), cut_all(&stream, stream.len(), 40));
        }
    }
}
