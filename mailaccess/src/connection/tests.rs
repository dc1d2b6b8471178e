//! The driver with a session whose every step is asked for by its client, one word a line.

use super::{Accepted, Ended, Security, serve};
use crate::live::Live;
use crate::testing::{Bench, person, whole};
use crate::tls;
use mailaccess_config::Protocol;
use mailaccess_imap::Imap;
use mailaccess_mail::step::{
    self, Context, Input, NoAccess, Output, Phase, Session, Step, Stop, Wait,
};
use mailaccess_mail::store::{Body, BodyLost};
use mailaccess_pop3::Pop3;
use mailaccess_store::maildir::AccountPath;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What the session does next, when it has to do more than one thing.
#[derive(Debug)]
enum Next {
    Read(Wait),
    Close,
}

#[derive(Debug)]
struct Script {
    held: Vec<u8>,
    next: Next,
    hints: usize,
}

/// A job waits until this is opened.
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    passed: AtomicUsize,
}

static GATE: Gate = Gate {
    open: Mutex::new(false),
    opened: Condvar::new(),
    passed: AtomicUsize::new(0),
};

impl Gate {
    fn wait(&self) {
        let open = self.open.lock().unwrap();
        drop(self.opened.wait_while(open, |open| !*open).unwrap());
        self.passed.fetch_add(1, Ordering::SeqCst);
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

/// A message of one repeated byte that may never be in memory, and may be shorter than it says.
struct Blob {
    len: u64,
    there: u64,
    cold: bool,
}

impl Body for Blob {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, BodyLost> {
        let left = usize::try_from(self.there.saturating_sub(offset)).unwrap();
        let take = buffer.len().min(left);
        buffer[..take].fill(b'x');
        Ok(take)
    }

    fn try_read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<Option<usize>, BodyLost> {
        if self.cold {
            return Ok(None);
        }
        self.read_at(offset, buffer).map(Some)
    }
}

fn text(text: &str) -> Output {
    let mut output = Output::new();
    output.bytes(text.as_bytes());
    output
}

fn body(blob: Blob) -> Output {
    let mut output = Output::new();
    let len = blob.len;
    output.body(Arc::new(blob), 0..len);
    output.bytes(b"end\r\n");
    output
}

impl Script {
    fn say(mut self, output: Output, next: Next) -> (Self, Step<()>) {
        self.next = next;
        (self, Step::Write(output))
    }

    fn read(self) -> (Self, Step<()>) {
        (self, Step::Read(Wait::default()))
    }

    fn line(self, line: &str) -> (Self, Step<()>) {
        let read = Next::Read(Wait::default());
        let blob = |len: u64, there: u64, cold: bool| body(Blob { len, there, cold });
        match line {
            "job" => (self, Step::Run(())),
            "tls" => (self, Step::StartTls),
            "bug" => panic!("told to"),
            "quit" => self.say(text("bye\r\n"), Next::Close),
            "hot" => self.say(blob(1 << 20, 1 << 20, false), read),
            "cold" => self.say(blob(1 << 20, 1 << 20, true), read),
            "short" => self.say(blob(1 << 20, 1000, false), read),
            "huge" => self.say(blob(1 << 30, 1 << 30, false), read),
            "watch" => {
                let wait = Wait {
                    changes: true,
                    tick: Some(Duration::from_secs(7)),
                };
                (self, Step::Read(wait))
            }
            other => self.say(text(&format!("{other}\r\n")), read),
        }
    }
}

impl Session for Script {
    type Job = ();
    type Done = ();

    const PROTOCOL: step::Protocol = step::Protocol::Imap;

    fn new() -> Self {
        Self {
            held: Vec::new(),
            next: Next::Close,
            hints: 0,
        }
    }

    fn handle(mut self, cx: &Context<'_>, input: Input<'_, '_, ()>) -> (Self, Step<()>) {
        let read = Next::Read(Wait::default());
        match input {
            Input::Start => {
                let banner = format!("{}\r\n", cx.settings.banner);
                self.say(text(&banner), read)
            }
            Input::Received(bytes) => {
                let end = bytes.iter().position(|b| *b == b'\n');
                let (now, later) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
                self.held.extend_from_slice(now);
                *bytes = later;
                if end.is_none() {
                    return self.read();
                }
                let line = String::from_utf8(std::mem::take(&mut self.held)).unwrap();
                self.line(line.trim_end())
            }
            Input::Written => match self.next {
                Next::Read(wait) => (self, Step::Read(wait)),
                Next::Close => (self, Step::Close),
            },
            Input::Eof => (self, Step::Close),
            Input::Done(()) => self.say(text("done\r\n"), read),
            Input::TlsStarted => self.say(text("secure\r\n"), read),
            Input::Changed => {
                self.hints += 1;
                let said = format!("changed {}\r\n", self.hints);
                self.say(text(&said), read)
            }
            Input::Tick => self.say(text("tick\r\n"), read),
            Input::Stop(stop) => self.say(text(&format!("{stop:?}\r\n")), Next::Close),
            Input::LogOn(_) => self.read(),
        }
    }

    fn run((): ()) {
        GATE.wait();
    }

    fn phase(&self) -> Phase {
        Phase::PreAuthenticated
    }
}

struct Talk {
    bench: Bench,
    client: TcpStream,
    signals: Arc<super::Signals>,
    served: JoinHandle<Ended>,
}

/// More than what both ends of a connection buffer, so the server writes some of it while it is read.
const PIECE: usize = 8 << 20;

impl Talk {
    /// Reads a piece at one moment of the paused clock, which would else go on while bytes are on their way.
    async fn read_piece(&mut self, piece: &mut [u8]) -> io::Result<()> {
        let buffered = 64 << 10;
        socket2::SockRef::from(&self.client).set_recv_buffer_size(buffered)?;
        let held = ClockHeld::begin();
        let read = self.client.read_exact(piece).await;
        held.end().await;
        read.map(drop)
    }

    async fn begin() -> Self {
        let bench = Bench::new(whole(&["ann"]));
        let (client, accepted) = bench.connect(Protocol::Imap, Security::Plain).await;
        Self::with(bench, client, accepted).await
    }

    async fn with(bench: Bench, client: TcpStream, accepted: Accepted) -> Self {
        let signals = Arc::clone(accepted.place.signals());
        let served = tokio::spawn(serve::<Script>(Arc::clone(&bench.server), accepted));
        let mut talk = Self {
            bench,
            client,
            signals,
            served,
        };
        assert_eq!(talk.line().await, "IMAP4 service ready");
        talk
    }

    async fn say(&mut self, text: &str) {
        self.client.write_all(text.as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            match self.client.read_u8().await {
                Ok(byte) => line.push(byte),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => panic!("{error}"),
            }
        }
        String::from_utf8(line).unwrap().trim_end().to_owned()
    }

    /// How it ended, and what came before that.
    async fn end(mut self) -> (Ended, Vec<u8>) {
        let mut rest = Vec::new();
        // A connection that is cut may be reset.
        let _ = self.client.read_to_end(&mut rest).await;
        drop(self.client);
        (self.served.await.unwrap(), rest)
    }
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_order() {
    let mut talk = Talk::begin().await;
    talk.say("one\r\ntwo\r\nthr").await;
    assert_eq!(talk.line().await, "one");
    assert_eq!(talk.line().await, "two");
    talk.say("ee\r\nquit\r\n").await;
    assert_eq!(talk.line().await, "three");
    let (ended, rest) = talk.end().await;
    assert!(matches!(ended, Ended::Closed));
    assert_eq!(rest, b"bye\r\n");
}

#[tokio::test]
async fn a_message_arrives_whole_from_memory_and_from_a_blocking_thread() {
    for word in ["hot", "cold"] {
        let mut talk = Talk::begin().await;
        talk.say(&format!("{word}\r\nquit\r\n")).await;
        let (ended, rest) = talk.end().await;
        assert!(matches!(ended, Ended::Closed), "{ended:?}");
        let (body, end) = rest.split_at(1 << 20);
        assert!(body.iter().all(|byte| *byte == b'x'));
        assert_eq!(end, b"end\r\nbye\r\n");
    }
}

#[tokio::test]
async fn a_message_cut_short_cuts_the_connection() {
    let mut talk = Talk::begin().await;
    talk.say("short\r\nquit\r\n").await;
    let (ended, rest) = talk.end().await;
    assert!(matches!(ended, Ended::BodyLost(_)), "{ended:?}");
    assert!(rest.len() <= 1000, "nothing is made up");
}

#[tokio::test]
async fn what_stands_behind_the_start_of_tls_cuts_the_connection() {
    let mut talk = Talk::begin().await;
    talk.say("tls\r\nevil\r\n").await;
    let (ended, rest) = talk.end().await;
    assert!(matches!(ended, Ended::Injection), "{ended:?}");
    assert!(rest.is_empty());
}

#[tokio::test]
async fn a_job_ends_although_its_client_is_gone_and_its_connection_cut() {
    let mut talk = Talk::begin().await;
    talk.say("job\r\n").await;
    talk.say("more\r\n").await;
    let tasks = talk.bench.server.tasks.clone();
    while tasks.is_empty() {
        tokio::task::yield_now().await;
    }
    // Told to go, it may end what runs; cut, it may not.
    talk.signals.revoke(NoAccess::MailboxDisabled);
    assert!(!talk.served.is_finished());
    talk.signals.cut();
    let (ended, rest) = talk.end().await;
    assert!(matches!(ended, Ended::Cut), "{ended:?}");
    assert!(rest.is_empty());
    assert_eq!(GATE.passed.load(Ordering::SeqCst), 0);
    GATE.open();
    tasks.close();
    tasks.wait().await;
    assert_eq!(GATE.passed.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_waits_is_told_to_go_at_once() {
    let mut talk = Talk::begin().await;
    talk.say("watch\r\nhalf a li").await;
    talk.signals.revoke(NoAccess::MailboxDisabled);
    let (ended, rest) = talk.end().await;
    assert!(
        matches!(ended, Ended::Stopped(Stop::AccessRevoked(_))),
        "{ended:?}"
    );
    assert_eq!(rest, b"AccessRevoked(MailboxDisabled)\r\n");
}

#[tokio::test]
async fn a_hint_reaches_who_wants_it_once() {
    let mut talk = Talk::begin().await;
    talk.signals.changed();
    talk.signals.changed();
    // Nobody waits for it yet.
    talk.say("echo\r\n").await;
    assert_eq!(talk.line().await, "echo");
    talk.say("watch\r\n").await;
    assert_eq!(talk.line().await, "changed 1");
    talk.say("watch\r\n").await;
    talk.signals.changed();
    assert_eq!(talk.line().await, "changed 2");
}

#[tokio::test(start_paused = true)]
async fn ticks_and_silence_are_counted_from_the_clients_last_word() {
    let mut talk = Talk::begin().await;
    let begin = Instant::now();
    talk.say("watch\r\n").await;
    assert_eq!(talk.line().await, "tick");
    let ticked = begin.elapsed();
    assert!(ticked >= Duration::from_secs(7) && ticked < Duration::from_secs(8));
    let (ended, rest) = talk.end().await;
    assert!(
        matches!(ended, Ended::Stopped(Stop::IdleTimeout)),
        "{ended:?}"
    );
    assert_eq!(rest, b"IdleTimeout\r\n");
    // The tick was not the client's doing.
    let silent = begin.elapsed();
    assert!(silent >= Duration::from_mins(1), "{silent:?}");
    assert!(silent < Duration::from_secs(62), "{silent:?}");
}

#[tokio::test(start_paused = true)]
async fn before_a_login_half_a_command_does_not_count_as_a_word() {
    let Talk {
        mut client, served, ..
    } = Talk::begin().await;
    let begin = Instant::now();
    // Until the connection is closed from the other side.
    while begin.elapsed() < Duration::from_mins(3) && client.write_all(b"x").await.is_ok() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if served.is_finished() {
            break;
        }
    }
    let ended = served.await.unwrap();
    assert!(
        matches!(ended, Ended::Stopped(Stop::IdleTimeout)),
        "{ended:?}"
    );
    let silent = begin.elapsed();
    assert!(silent < Duration::from_secs(65), "{silent:?}");
}

#[tokio::test(start_paused = true)]
async fn who_talks_on_without_logging_on_ends_in_time_all_the_same() {
    let mut talk = Talk::begin().await;
    let begin = Instant::now();
    // Never silent for long, and always with something whole to say.
    let mut answers = 0;
    let last = loop {
        talk.say("noop\r\n").await;
        match talk.line().await {
            line if line == "noop" => answers += 1,
            line => break line,
        }
        tokio::time::sleep(Duration::from_secs(7)).await;
    };
    assert_eq!(last, "LogOnTimeout");
    let (ended, _) = talk.end().await;
    assert!(
        matches!(ended, Ended::Stopped(Stop::LogOnTimeout)),
        "{ended:?}"
    );
    let lived = begin.elapsed();
    assert!(lived >= Duration::from_mins(3), "{lived:?}");
    assert!(lived < Duration::from_secs(190), "{lived:?}");
    assert!(answers >= 25, "{answers}");
}

#[tokio::test(start_paused = true)]
async fn who_takes_an_answer_slowly_gains_no_time_without_logging_on() {
    let mut talk = Talk::begin().await;
    let begin = Instant::now();
    talk.say("huge\r\n").await;
    let mut piece = vec![0; PIECE];
    while talk.read_piece(&mut piece).await.is_ok() {
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    let ended = talk.served.await.unwrap();
    assert!(matches!(ended, Ended::Stalled), "{ended:?}");
    let lived = begin.elapsed();
    assert!(lived < Duration::from_mins(4), "{lived:?}");
}

/// A real session that ann has logged on to by these commands, once the last answer to them was read.
async fn logged_on<S: Session>(protocol: Protocol, commands: &str, last: &str) -> Talk {
    let bench = Bench::new(whole(&["ann"]));
    let path = AccountPath::new(["example.com", "ann", "Maildir"]).unwrap();
    bench.server.store.create_account(&path).unwrap();
    let (client, accepted) = bench.connect(protocol, Security::Plain).await;
    let signals = Arc::clone(accepted.place.signals());
    let served = tokio::spawn(serve::<S>(Arc::clone(&bench.server), accepted));
    let mut talk = Talk {
        bench,
        client,
        signals,
        served,
    };
    talk.say(commands).await;
    while talk.line().await != last {
        assert!(!talk.served.is_finished());
    }
    talk
}

/// Half an hour (`authenticatedConnectionTimeout`) after its last word a session is told to go.
async fn silence_ends(mut talk: Talk, command: &str, last_word: &str) {
    let begin = Instant::now();
    // What lets a guest go in time lets nobody go who has logged on.
    tokio::time::sleep(Duration::from_mins(20)).await;
    talk.say(command).await;
    let answer = talk.line().await;
    assert!(answer.contains("OK"), "{answer}");
    let (ended, rest) = talk.end().await;
    assert!(
        matches!(ended, Ended::Stopped(Stop::IdleTimeout)),
        "{ended:?}"
    );
    assert_eq!(String::from_utf8(rest).unwrap(), last_word);
    let lived = begin.elapsed();
    assert!(lived >= Duration::from_mins(50), "{lived:?}");
    assert!(lived < Duration::from_secs(50 * 60 + 5), "{lived:?}");
}

#[tokio::test(start_paused = true)]
async fn an_imap_session_that_is_silent_for_too_long_gets_bye() {
    let talk = logged_on::<Imap>(
        Protocol::Imap,
        "a LOGIN ann secret\r\n",
        "a OK LOGIN completed.",
    );
    let bye = "* BYE Connection closed after a long silence.\r\n";
    silence_ends(talk.await, "b NOOP\r\n", bye).await;
}

#[tokio::test(start_paused = true)]
async fn a_pop3_session_that_is_silent_for_too_long_is_told_so() {
    let talk = logged_on::<Pop3>(
        Protocol::Pop,
        "USER ann\r\nPASS secret\r\n",
        "+OK User successfully logged on.",
    );
    let err = "-ERR Closing after a long silence; nothing was deleted.\r\n";
    silence_ends(talk.await, "NOOP\r\n", err).await;
}

/// Who is silent already when `authenticatedConnectionTimeout` becomes the least that is allowed is told
/// to go by the new time, counted from the last word.
async fn a_shorter_silence_ends(protocol: Protocol, talk: Talk) {
    let begin = Instant::now();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let mut shorter = whole(&["ann"]);
    for part in [&mut shorter.settings.imap, &mut shorter.settings.pop] {
        part.authenticated_connection_timeout_secs = 30;
    }
    let server = &talk.bench.server;
    let previous = server.live(protocol);
    let live = Live::next(&previous, &shorter.into(), protocol, tls::server_config);
    server.set_live(protocol, live.unwrap());
    talk.signals.settings_changed();
    let (ended, _) = talk.end().await;
    assert!(
        matches!(ended, Ended::Stopped(Stop::IdleTimeout)),
        "{ended:?}"
    );
    let lived = begin.elapsed();
    assert!(lived >= Duration::from_secs(30), "{lived:?}");
    assert!(lived < Duration::from_secs(35), "{lived:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_imap_session_obeys_a_shorter_time() {
    let talk = logged_on::<Imap>(
        Protocol::Imap,
        "a LOGIN ann secret\r\n",
        "a OK LOGIN completed.",
    );
    a_shorter_silence_ends(Protocol::Imap, talk.await).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_pop3_session_obeys_a_shorter_time() {
    let talk = logged_on::<Pop3>(
        Protocol::Pop,
        "USER ann\r\nPASS secret\r\n",
        "+OK User successfully logged on.",
    );
    a_shorter_silence_ends(Protocol::Pop, talk.await).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_given_up_after_a_minute() {
    let mut talk = Talk::begin().await;
    let begin = Instant::now();
    talk.say("huge\r\n").await;
    let ended = talk.served.await.unwrap();
    assert!(matches!(ended, Ended::Stalled), "{ended:?}");
    assert!(begin.elapsed() >= Duration::from_mins(1));
    // What it held is back in the pool, and a connection costs none.
    assert!(begin.elapsed() < Duration::from_mins(2));
}

/// While it is held, the paused clock stands: it would else go on whenever a byte is still on its way through
/// the kernel, which nothing in this process knows of.
struct ClockHeld {
    release: std::sync::mpsc::Sender<()>,
    holds: JoinHandle<()>,
}

impl ClockHeld {
    fn begin() -> Self {
        let (release, released) = std::sync::mpsc::channel();
        // No time passes by itself beside a task that blocks.
        let holds = tokio::task::spawn_blocking(move || released.recv().unwrap());
        Self { release, holds }
    }

    async fn end(self) {
        self.release.send(()).unwrap();
        self.holds.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_is_served_for_hours() {
    let mut talk = Talk::begin().await;
    talk.signals.set_person(person("ann"));
    talk.say("huge\r\n").await;
    let mut piece = vec![0; PIECE];
    for _ in 0..100 {
        talk.read_piece(&mut piece).await.unwrap();
        assert!(piece.iter().all(|byte| *byte == b'x'));
        tokio::time::sleep(Duration::from_secs(59)).await;
        assert!(!talk.served.is_finished());
    }
}

#[tokio::test(start_paused = true)]
async fn a_handshake_has_an_end() {
    let bench = Bench::new(whole(&["ann"]));
    let (client, accepted) = bench.connect(Protocol::Imap, Security::Tls).await;
    let begin = Instant::now();
    let ended = serve::<Script>(Arc::clone(&bench.server), accepted).await;
    assert!(matches!(ended, Ended::HandshakeTimeout), "{ended:?}");
    assert_eq!(begin.elapsed().as_secs(), 30);
    drop(client);
}

/// Sends without end, as long as it is taken.
fn flood(mut socket: tokio::net::tcp::OwnedWriteHalf) -> JoinHandle<()> {
    tokio::spawn(async move {
        let noise = "noise\r\n".repeat(10_000);
        while socket.write_all(noise.as_bytes()).await.is_ok() {}
    })
}

#[tokio::test]
async fn who_never_stops_sending_starves_nobody_and_cannot_stay() {
    let mut talk = Talk::begin().await;
    talk.say("one\r\n").await;
    let (mut reading, writing) = talk.client.into_split();
    let flood = flood(writing);
    let sink = tokio::spawn(async move {
        let _ = tokio::io::copy(&mut reading, &mut tokio::io::sink()).await;
    });
    // One thread serves everybody here: a task that never yields would end this test's time.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begin = Instant::now();
    talk.signals.revoke(NoAccess::MailboxDisabled);
    let ended = talk.served.await.unwrap();
    assert!(matches!(ended, Ended::Stopped(_)), "{ended:?}");
    let took = begin.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    flood.await.unwrap();
    sink.await.unwrap();
}

#[tokio::test]
async fn a_panic_ends_one_connection_and_gives_up_its_place() {
    let mut talk = Talk::begin().await;
    let sessions = Arc::clone(&talk.bench.server.sessions);
    assert_eq!(sessions.count(Protocol::Imap), 1);
    talk.say("bug\r\n").await;
    assert!(talk.served.await.unwrap_err().is_panic());
    assert_eq!(sessions.count(Protocol::Imap), 0);
    assert_eq!(talk.client.read(&mut [0; 8]).await.unwrap_or_default(), 0);
}

#[tokio::test]
async fn a_farewell_is_heard_although_more_was_sent() {
    let mut talk = Talk::begin().await;
    talk.say("quit\r\n").await;
    let noise = "noise\r\n".repeat(10_000);
    // The other side may have closed already.
    let _ = talk.client.write_all(noise.as_bytes()).await;
    assert_eq!(talk.line().await, "bye");
}
