//! How a protocol session talks to its driver: it is handed inputs and consumes itself into steps.
//!
//! A session does no I/O. The driver alone touches the socket, the clock, the directory of people and the
//! store; it carries out a step, and hands in what came of it. The contract, step by step, stands at
//! [`Step`].
//!
//! ```text
//! driver ──Start──▶ session ──Write(greeting)──▶ driver ──Written──▶ session ──Read──▶ driver …
//! ```

use crate::store::{Account, Body, BodyLost, Hint};
use crate::{InternalDate, Secret};
use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// A protocol's side of one connection.
pub trait Session: Sized + Send + 'static {
    /// Work that blocks, such as reading messages from the store.
    type Job: Send + 'static;
    /// What such work gave.
    type Done: Send + 'static;

    /// Which protocol this is.
    const PROTOCOL: Protocol;

    /// A session whose connection has just been accepted. The first input is [`Input::Start`], or
    /// [`Input::Stop`] when the connection is refused at once.
    fn new() -> Self;

    /// Takes an input, gives the next step.
    fn handle(self, cx: &Context<'_>, input: Input<'_, '_, Self::Done>) -> (Self, Step<Self::Job>);

    /// Does a job; called on a thread that may block, without the session.
    fn run(job: Self::Job) -> Self::Done;

    /// Whether somebody is logged on, which decides the time-out that counts.
    fn phase(&self) -> Phase;
}

/// The two protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// IMAP4rev1, RFC 3501.
    Imap,
    /// POP3, RFC 1939.
    Pop3,
}

/// Whether somebody is logged on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Nobody yet: `preAuthenticatedConnectionTimeout` counts, and at most 16 KiB are held.
    PreAuthenticated,
    /// Somebody: `authenticatedConnectionTimeout` counts.
    Authenticated,
}

/// What a session may know at the moment of an input. Settings are the newest: they are hot.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The time.
    pub now: InternalDate,
    /// Settings of this protocol.
    pub settings: &'a Settings,
    /// What the connection is now.
    pub channel: Channel,
    /// To be passed on to the store when a mailbox is opened; it makes the driver hand in
    /// [`Input::Changed`].
    pub hint: &'a Hint,
}

/// The settings of one protocol that its sessions obey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Text of the greeting (`Set-ImapSettings -Banner`), printable ASCII.
    pub banner: Arc<str>,
    /// What may be used to log on where there is no TLS (`-LoginType`).
    pub login_type: LoginType,
    /// The largest message that APPEND takes, in bytes.
    pub append_limit: u64,
}

/// `LoginType` of Exchange: what a connection without TLS may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginType {
    /// 1: name and password are taken also in the clear.
    PlainTextLogin,
    /// 3: nothing authenticates before TLS.
    SecureLogin,
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// In the clear; STARTTLS or STLS may be used where there is a certificate.
    Plain {
        /// Whether TLS can be started.
        start_tls: StartTls,
    },
    /// Under TLS.
    Tls,
}

/// Whether TLS can be started on a connection in the clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTls {
    /// A certificate is loaded.
    Available,
    /// There is none.
    Unavailable,
}

/// What the driver hands in.
pub enum Input<'a, 'b, D> {
    /// The connection is up (and TLS with it, on a port that begins with TLS).
    Start,
    /// Bytes from the client. The session advances the slice over what it takes; what is left is handed
    /// in again after its next [`Step::Read`].
    Received(&'a mut &'b [u8]),
    /// The client will send no more.
    Eof,
    /// The output of the last [`Step::Write`] has been taken over and most of it sent.
    Written,
    /// The answer to [`Step::LogOn`].
    LogOn(LogOnAnswer),
    /// The result of [`Step::Run`].
    Done(D),
    /// The handshake asked for by [`Step::StartTls`] is over; the context's channel is now TLS.
    TlsStarted,
    /// The open mailbox may have changed. Only after a [`Step::Read`] with [`Wait::changes`].
    Changed,
    /// The time of [`Wait::tick`] has passed.
    Tick,
    /// The session must end, with a word to the client. Only instead of [`Input::Start`] or after a
    /// [`Step::Read`].
    Stop(Stop),
}

/// Why a session must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stop {
    /// Who was let in may stay no longer.
    AccessRevoked(NoAccess),
    /// Silent for too long.
    IdleTimeout,
    /// Nobody has logged on in time, however much was said.
    LogOnTimeout,
    /// The pod ends; the client should come again.
    ShuttingDown,
    /// There are as many connections as are allowed.
    TooManyConnections,
}

/// What a session asks of its driver. Exactly one input answers each step but [`Step::Close`].
pub enum Step<J> {
    /// Flush what is to be sent, then hand in [`Input::Received`], [`Input::Eof`], or what [`Wait`] asks
    /// for; [`Input::Stop`] when the session must end.
    Read(Wait),
    /// Take over this output, behind any that is not sent yet; [`Input::Written`] when the driver wants
    /// more. Bytes follow each other in the order of the steps.
    Write(Output),
    /// Verify a name and password; [`Input::LogOn`].
    LogOn(LogOn),
    /// Call [`Session::run`] on a thread that may block; [`Input::Done`]. It runs to its end also when
    /// the connection is lost meanwhile.
    Run(J),
    /// Flush, then do the handshake; [`Input::TlsStarted`]. A client that has sent something behind its
    /// command and before the handshake is cut off: that would be taken as sent under TLS.
    StartTls,
    /// Flush, then close: shut down the sending side, read for up to a second, so that the last word
    /// arrives. The session ends here.
    Close,
}

/// What to wait for besides bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wait {
    /// Whether [`Input::Changed`] is wanted. A hint that came since the last time counts.
    pub changes: bool,
    /// When [`Input::Tick`] is wanted.
    pub tick: Option<Duration>,
}

/// A name and password that a client gave.
#[derive(Debug)]
pub struct LogOn {
    /// `user`, `user@domain` or `DOMAIN\user`, as given.
    pub name: String,
    /// Whom to act for (SASL authzid); empty is oneself. Nobody else is allowed yet.
    pub authorize_as: String,
    /// The password as given.
    pub password: Secret,
    /// How it was given, for log and metrics.
    pub mechanism: Mechanism,
}

/// How a password was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// IMAP `LOGIN`.
    Login,
    /// SASL LOGIN.
    SaslLogin,
    /// SASL PLAIN (RFC 4616).
    SaslPlain,
    /// POP3 `USER` and `PASS`.
    UserPass,
}

/// Whether somebody may come in.
pub enum LogOnAnswer {
    /// Yes.
    Granted(Granted),
    /// No.
    Refused(Refusal),
}

/// What somebody may do who was let in.
pub struct Granted {
    /// Their mail.
    pub account: Arc<dyn Account>,
}

/// Why somebody is not let in, as far as the client may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Wrong name or password: nobody may learn which.
    Credentials,
    /// The password was right, but they may not act for whom they named.
    AuthorizeAs,
    /// The password was right, but here it opens nothing; or nobody's can be judged yet.
    NoAccess(NoAccess),
    /// The password was right, but the mailbox cannot be reached now.
    Unavailable,
    /// The server cannot verify anybody now: too many others are being verified.
    Busy,
}

/// Why a protocol may not be used with a mailbox, as far as its owner may know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoAccess {
    /// The protocol is off for this mailbox.
    MailboxDisabled,
    /// The protocol is off for the whole server.
    ProtocolDisabled,
    /// The server does not serve the mailbox's domain.
    DomainNotServed,
    /// The server no longer knows the person: their line is gone, or all that it stood in.
    PersonGone,
    /// The server does not know yet who may come in.
    NotLoaded,
}

impl NoAccess {
    /// All there are.
    pub const ALL: [Self; 5] = [
        Self::MailboxDisabled,
        Self::ProtocolDisabled,
        Self::DomainNotServed,
        Self::PersonGone,
        Self::NotLoaded,
    ];
}

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
