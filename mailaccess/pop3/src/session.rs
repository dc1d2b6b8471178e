//! The session: which input leads where (RFC 1939 3). Each state holds what is meaningful in it and
//! nothing else; each command lives in its own file.

use crate::auth::{self, Exchange};
use crate::capa;
use crate::command::{self, Command, Syntax};
use crate::dele;
use crate::excerpt::Fetching;
use crate::framing::{COMMAND_LIMIT, Cut, Lines, SASL_LIMIT};
use crate::job::{Done, Job};
use crate::list;
use crate::listing::Listing;
use crate::log_on;
use crate::maildrop::Maildrop;
use crate::noop;
use crate::pass;
use crate::quit;
use crate::reply::{self, Code};
use crate::retr;
use crate::rset;
use crate::stat;
use crate::stls;
use crate::top;
use crate::turn::Turn;
use crate::uidl;
use crate::user;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use mailaccess_mail::step::{
    Context, Input, LogOnAnswer, Output, Phase, Protocol, Refused, Session, Step, Stop, Wait,
};

/// Mistakes in a row after which a connection ends.
const MAX_MISTAKES: u8 = 10;
/// Failed logins after which a connection ends.
const MAX_FAILED_LOG_ONS: u8 = 3;

/// A POP3 session.
pub struct Pop3 {
    lines: Lines,
    mistakes: u8,
    failed_log_ons: u8,
    state: State,
}

/// Where a session stands.
pub(crate) enum State {
    /// Nothing has been said.
    Connected,
    /// RFC 1939 4.
    Authorization(Authorization),
    /// Within AUTH, before a response of the client.
    Authenticating(Exchange),
    /// STLS was accepted; its answer is on its way, or the handshake.
    StartingTls,
    /// A name and password are being verified.
    LoggingOn,
    /// The maildrop is being opened.
    Opening,
    /// RFC 1939 5.
    Transaction(Box<Maildrop>),
    /// The same, with an answer of many lines under way.
    Listing(Box<Listing>),
    /// The same, with a message being opened.
    Fetching(Box<Fetching>),
    /// RFC 1939 6.
    Updating,
    /// The last word is on its way.
    Ending,
}

/// What is known before a login.
#[derive(Debug, Default)]
pub(crate) struct Authorization {
    /// The name that USER gave.
    pub(crate) user: Option<String>,
}

impl Session for Pop3 {
    type Job = Job;
    type Done = Done;

    const PROTOCOL: Protocol = Protocol::Pop3;

    fn new() -> Self {
        Self {
            lines: Lines::new(),
            mistakes: 0,
            failed_log_ons: 0,
            state: State::Connected,
        }
    }

    fn handle(mut self, cx: &Context<'_>, input: Input<'_, '_, Done>) -> (Self, Step<Job>) {
        let state = core::mem::replace(&mut self.state, State::Ending);
        let turn = match input {
            Input::Start => Turn::say(
                State::Authorization(Authorization::default()),
                reply::ok(&cx.settings.banner),
            ),
            Input::Received(bytes) => self.received(cx, state, bytes),
            Input::Written => Self::written(state),
            Input::LogOn(answer) => self.answered(cx, answer),
            Input::Done(done) => self.done(state, done),
            Input::TlsStarted => {
                self.lines = Lines::new();
                Turn::Next(stls::started(), Step::Read(Wait::default()))
            }
            // Nothing of this was asked for, and nothing follows from it.
            Input::Changed | Input::Tick => Turn::Next(state, Step::Read(Wait::default())),
            // Without QUIT nothing is removed (RFC 1939 6).
            Input::Eof => Turn::End(Output::new()),
            Input::Stop(stop) => Turn::End(stopped(stop)),
        };
        self.take(turn)
    }

    fn run(job: Job) -> Done {
        job.run()
    }

    fn phase(&self) -> Phase {
        match self.state {
            State::Connected
            | State::Authorization(_)
            | State::Authenticating(_)
            | State::StartingTls
            | State::LoggingOn => Phase::PreAuthenticated,
            State::Opening
            | State::Transaction(_)
            | State::Listing(_)
            | State::Fetching(_)
            | State::Updating
            | State::Ending => Phase::Authenticated,
        }
    }
}

impl Pop3 {
    fn received(&mut self, cx: &Context<'_>, state: State, bytes: &mut &[u8]) -> Turn {
        let limit = match state {
            State::Authenticating(_) => SASL_LIMIT,
            _ => COMMAND_LIMIT,
        };
        match self.lines.cut(bytes, limit) {
            Cut::Line(line) => {
                let turn = dispatch(cx, state, line);
                if !turn.is_mistake() {
                    self.mistakes = 0;
                }
                turn
            }
            Cut::More => Turn::Next(state, Step::Read(Wait::default())),
            Cut::TooLong => Turn::mistake(
                match state {
                    State::Authenticating(_) => State::Authorization(Authorization::default()),
                    state => state,
                },
                Refused::Limit,
                "The line is too long.",
            ),
            Cut::Endless => Turn::End(reply::mistake(Refused::Limit, "The line is too long.")),
        }
    }

    fn written(state: State) -> Turn {
        match state {
            State::Ending => Turn::Next(State::Ending, Step::Close),
            State::StartingTls => Turn::Next(State::StartingTls, Step::StartTls),
            State::Listing(listing) => listing.go_on(),
            state => Turn::Next(state, Step::Read(Wait::default())),
        }
    }

    fn answered(&mut self, cx: &Context<'_>, answer: LogOnAnswer) -> Turn {
        log_on::answered(cx, answer).unwrap_or_else(|refusal| self.refuse(refusal))
    }

    fn done(&mut self, state: State, Done(outcome): Done) -> Turn {
        match state {
            State::Opening => {
                log_on::opened(outcome).unwrap_or_else(|refusal| self.refuse(refusal))
            }
            State::Listing(listing) => listing.done(outcome),
            State::Fetching(fetching) => fetching.done(outcome),
            State::Updating => quit::updated(outcome),
            _ => Turn::out_of_step(),
        }
    }

    /// Refuses a login; whoever is refused too often must connect anew.
    fn refuse(&mut self, refusal: Output) -> Turn {
        self.failed_log_ons += 1;
        if self.failed_log_ons >= MAX_FAILED_LOG_ONS {
            Turn::End(refusal)
        } else {
            Turn::say(State::Authorization(Authorization::default()), refusal)
        }
    }

    fn take(mut self, turn: Turn) -> (Self, Step<Job>) {
        let (state, step) = match turn {
            Turn::Next(state, step) => (state, step),
            Turn::Mistake(state, why, text) => {
                self.mistakes += 1;
                if self.mistakes < MAX_MISTAKES {
                    (state, Step::Write(reply::mistake(why, text)))
                } else {
                    let text = text.trim_end_matches('.');
                    let text = format!("{text}. Too many mistakes, closing.");
                    let output = reply::mistake(why, text);
                    (State::Ending, Step::Write(output))
                }
            }
            Turn::End(output) if output.is_empty() => (State::Ending, Step::Close),
            Turn::End(output) => (State::Ending, Step::Write(output)),
        };
        self.state = state;
        (self, step)
    }

    /// Bytes held of what the client sent.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.lines.held()
            + match &self.state {
                State::Authorization(authorization) => {
                    authorization.user.as_ref().map_or(0, String::capacity)
                }
                State::Authenticating(Exchange::LoginPassword(name)) => name.capacity(),
                _ => 0,
            }
    }
}

/// Which command is allowed in which state.
fn dispatch(cx: &Context<'_>, state: State, line: Vec<u8>) -> Turn {
    let state = match state {
        State::Authenticating(exchange) => return exchange.respond(line),
        state => state,
    };
    let command = match command::parse(line) {
        Ok(command) => command,
        Err(Syntax::Unknown) => return Turn::mistake(state, Refused::Syntax, "Unknown command."),
        Err(Syntax::Usage(usage)) => {
            let text = format!("The command is written: {usage}");
            return Turn::mistake(state, Refused::Syntax, text);
        }
    };
    match (state, command) {
        (state, Command::Capa) => Turn::say(state, capa::capa(cx)),

        (State::Authorization(a), Command::User(name)) => user::user(cx, a, name),
        (State::Authorization(a), Command::Pass(password)) => pass::pass(cx, a, password),
        (State::Authorization(a), Command::Auth(auth)) => auth::auth(cx, a, auth),
        (State::Authorization(a), Command::Stls) => stls::stls(a, cx.channel),
        (State::Authorization(_), Command::Quit) => quit::quit(),

        (State::Transaction(m), Command::Stat) => stat::stat(m),
        (State::Transaction(m), Command::List(number)) => list::list(m, number),
        (State::Transaction(m), Command::Uidl(number)) => uidl::uidl(m, number),
        (State::Transaction(m), Command::Retr(number)) => retr::retr(m, number),
        (State::Transaction(m), Command::Top(number, lines)) => top::top(m, number, lines),
        (State::Transaction(m), Command::Dele(number)) => dele::dele(m, number),
        (State::Transaction(m), Command::Rset) => rset::rset(m),
        (State::Transaction(m), Command::Noop) => noop::noop(m),
        (State::Transaction(m), Command::Quit) => quit::update(&m),

        (state, _) => Turn::mistake(
            state,
            Refused::State,
            "The command is not valid in this state.",
        ),
    }
}

/// The last word to a client whose session must end.
fn stopped(stop: Stop) -> Output {
    match stop {
        Stop::AccessRevoked(why) => log_on::no_access(why),
        Stop::IdleTimeout => reply::err("Closing after a long silence; nothing was deleted."),
        Stop::LogOnTimeout => reply::err("Closing, nobody logged on in time."),
        Stop::ShuttingDown => reply::refuse(
            Code::SysTemp,
            "The server shuts down, please connect again.",
        ),
        Stop::TooManyConnections => {
            reply::refuse(Code::SysTemp, "Too many connections, try again later.")
        }
    }
}
