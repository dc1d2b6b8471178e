//! The session: which input leads where, and when a client has made too many mistakes.

use crate::commands::idle::Wake;
use crate::encode;
use crate::framing::Frames;
use crate::job::{Done, Job, Outcome, Work};
use crate::log_on;
use crate::state::State;
use crate::turn::Turn;
use core::mem;
use mailaccess_mail::step::{Context, Input, Output, Phase, Protocol, Session, Step, Stop, Wait};

/// Mistakes in a row after which a connection ends.
const MAX_MISTAKES: u8 = 10;
/// Failed logins after which a connection ends.
const MAX_FAILED_LOG_ONS: u8 = 3;

/// An IMAP session.
pub struct Imap {
    pub(crate) frames: Frames,
    pub(crate) mistakes: u8,
    failed_log_ons: u8,
    pub(crate) state: State,
}

impl Session for Imap {
    type Job = Job;
    type Done = Done;

    const PROTOCOL: Protocol = Protocol::Imap;

    fn new() -> Self {
        Self {
            frames: Frames::new(),
            mistakes: 0,
            failed_log_ons: 0,
            state: State::Connected,
        }
    }

    fn handle(mut self, cx: &Context<'_>, input: Input<'_, '_, Done>) -> (Self, Step<Job>) {
        let state = mem::replace(&mut self.state, State::Ending);
        let turn = match (input, state) {
            (Input::Start, _) => Turn::say(State::Guest, greeting(cx)),
            (Input::Received(bytes), state) => self.received(cx, state, bytes),
            (Input::LogOn(answer), State::LoggingOn(waiting)) => log_on::answered(*waiting, answer),
            (Input::Done(Done(outcome)), State::Running) => self.done(*outcome),
            (Input::TlsStarted, State::StartingTls) => {
                // What was said before the handshake counts no more (RFC 3501 6.2.1).
                self.frames = Frames::new();
                Turn::Next(State::Guest, Step::Read(Wait::default()))
            }
            (Input::Changed, State::Idling(idling)) => Turn::run(Work::Idle(idling, Wake::Changed)),
            (Input::Tick, State::Idling(idling)) => idling.tick(),
            // All is written; or a hint or a tick comes late.
            (Input::Written | Input::Changed | Input::Tick, state) => state.wait(),
            (Input::Eof, _) => Turn::End(Output::new()),
            (Input::Stop(stop), _) => Turn::End(stopped(stop)),
            (Input::LogOn(_) | Input::Done(_) | Input::TlsStarted, _) => Turn::out_of_step(),
        };
        self.take(turn)
    }

    fn run(job: Job) -> Done {
        job.run()
    }

    fn phase(&self) -> Phase {
        self.state.phase()
    }
}

/// ```text
/// greeting = "*" SP (resp-cond-auth / resp-cond-bye) CRLF
/// ```
/// As Exchange does it, without a response code: some clients know a server by its greeting.
fn greeting(cx: &Context<'_>) -> Output {
    let mut out = Output::new();
    encode::line(&mut out, format_args!("* OK {}", cx.settings.banner));
    out
}

impl Imap {
    fn done(&mut self, outcome: Outcome) -> Turn {
        if let Some(len) = outcome.swallow {
            self.frames.swallow(len);
        }
        if outcome.output.is_empty() {
            outcome.state.wait()
        } else {
            Turn::say(outcome.state, outcome.output)
        }
    }

    fn take(mut self, turn: Turn) -> (Self, Step<Job>) {
        let (state, step) = match turn {
            Turn::Next(state, step) => (state, step),
            Turn::Mistake(state, tag, status) => {
                self.mistakes += 1;
                let mut out = Output::new();
                status.write(tag.as_ref(), &mut out);
                if self.mistakes < MAX_MISTAKES {
                    (state, Step::Write(out))
                } else {
                    encode::bye(&mut out, "", "Connection closed after too many mistakes.");
                    (State::Ending, Step::Write(out))
                }
            }
            Turn::FailedLogOn(tag, status) => {
                self.failed_log_ons += 1;
                let mut out = Output::new();
                status.write(Some(&tag), &mut out);
                if self.failed_log_ons < MAX_FAILED_LOG_ONS {
                    (State::Guest, Step::Write(out))
                } else {
                    encode::bye(
                        &mut out,
                        "",
                        "Connection closed after too many failed logins.",
                    );
                    (State::Ending, Step::Write(out))
                }
            }
            Turn::End(output) if output.is_empty() => (State::Ending, Step::Close),
            Turn::End(output) => (State::Ending, Step::Write(output)),
        };
        self.state = state;
        (self, step)
    }
}

/// The last word to a client whose session must end (RFC 3501 7.1.5, RFC 5530 3).
fn stopped(stop: Stop) -> Output {
    let (code, text) = match stop {
        Stop::AccessRevoked(why) => log_on::no_access(why),
        Stop::IdleTimeout => ("", "Connection closed after a long silence."),
        Stop::LogOnTimeout => ("", "Connection closed, nobody logged on in time."),
        Stop::ShuttingDown => (
            "UNAVAILABLE",
            "The server shuts down, please connect again.",
        ),
        Stop::TooManyConnections => ("LIMIT", "Too many connections, try again later."),
    };
    let mut out = Output::new();
    encode::bye(&mut out, code, text);
    out
}
