//! Which command is allowed in which state (RFC 3501 6), and where it goes.

use crate::command::{AnyCommand, GuestCommand};
use crate::commands::idle::{Idling, Wake};
use crate::commands::{authenticate, capability, id, login, logout, noop, starttls};
use crate::encode::status::Status;
use crate::grammar::{Fault, Scanner};
use crate::home::Home;
use crate::job::{Command, Task, Work};
use crate::rules::{self, Needs, Rule};
use crate::state::State;
use crate::tag::Tag;
use crate::turn::Turn;
use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use mailaccess_mail::step::{Context, Output, Refused};

/// Takes a whole command.
pub(crate) fn dispatch(cx: &Context<'_>, state: State, line: &[u8]) -> Turn {
    let Some(tag) = Tag::recover(line) else {
        return Turn::Mistake(state, None, Status::bad("Expected a tag."));
    };
    let mut scanner = behind_tag(line, &tag);
    let rule = match rules::find(&mut scanner) {
        Ok(rule) => rule,
        Err(fault) => return Turn::Mistake(state, Some(tag), Status::from(fault)),
    };
    let call = Call { tag, rule, scanner };
    match (state, rule.needs) {
        (state @ (State::Guest | State::Home(_)), Needs::Any(parse)) => {
            call.with(state, parse, |state, call, command| {
                any(cx, state, call, &command)
            })
        }
        (State::Guest, Needs::Guest(parse)) => {
            call.with(State::Guest, parse, |_, call, command| {
                guest(cx, call, command)
            })
        }
        (State::Home(home), Needs::Idle) => call.with(
            home,
            |_| Ok(()),
            |home, call, ()| {
                let tag = call.tag;
                Turn::run(Work::Idle(Box::new(Idling { tag, home }), Wake::Begin))
            },
        ),
        (State::Home(home), Needs::Open(parse)) => call.with(home, parse, |home, call, open| {
            call.run(Task::Open(home, open, Arc::clone(cx.hint)))
        }),
        (State::Home(home), Needs::Account(parse)) => {
            call.with(home, parse, |home, call, command| {
                call.run(Task::Account(home, command))
            })
        }
        (State::Home(Home::Selected(selected)), Needs::Mailbox(parse)) => {
            call.with(selected, parse, |selected, call, command| {
                call.run(Task::Mailbox(selected, command))
            })
        }
        (state, Needs::Absent) => {
            let text = format!("{} is not supported.", rule.name);
            let status = Status::no("CANNOT", text).because(Refused::Unsupported);
            Turn::status(state, &call.tag, &status)
        }
        (state, _) => {
            let text = format!("{} is not valid in this state.", rule.name);
            let status = Status::bad(text).because(Refused::State);
            Turn::Mistake(state, Some(call.tag), status)
        }
    }
}

/// The command behind its tag.
pub(crate) fn behind_tag<'a>(line: &'a [u8], tag: &Tag) -> Scanner<'a> {
    Scanner::new(&line[tag.len()..])
}

/// A command whose arguments were not read yet.
struct Call<'a> {
    tag: Tag,
    rule: &'static Rule,
    scanner: Scanner<'a>,
}

impl Call<'_> {
    /// Reads the arguments up to the end of the line, then goes on with them; a mistake leads back to where
    /// the session was.
    fn with<S: Into<State>, C>(
        mut self,
        state: S,
        parse: impl Fn(&mut Scanner<'_>) -> Result<C, Fault>,
        go_on: impl FnOnce(S, Self, C) -> Turn,
    ) -> Turn {
        let command = parse(&mut self.scanner).and_then(|command| {
            self.scanner.end()?;
            Ok(command)
        });
        match command {
            Ok(command) => go_on(state, self, command),
            Err(fault) => Turn::refuse(state.into(), self.tag, Status::from(fault)),
        }
    }

    fn run(self, task: Task) -> Turn {
        let Self { tag, rule, .. } = self;
        Turn::run(Work::Command(Command { tag, rule, task }))
    }
}

fn any(cx: &Context<'_>, state: State, call: Call<'_>, command: &AnyCommand) -> Turn {
    let mut out = Output::new();
    match command {
        AnyCommand::Capability => capability::capability(cx, state.phase(), &mut out),
        AnyCommand::Id => id::id(&mut out),
        AnyCommand::Logout => return logout::logout(&call.tag),
        AnyCommand::Noop => {
            if let State::Home(home) = state {
                return noop::look(home, call.tag, call.rule);
            }
        }
    }
    let status = Status::ok(format!("{} completed.", call.rule.name));
    status.write(Some(&call.tag), &mut out);
    Turn::say(state, out)
}

fn guest(cx: &Context<'_>, call: Call<'_>, command: GuestCommand) -> Turn {
    match command {
        GuestCommand::Authenticate(command) => authenticate::authenticate(cx, call.tag, command),
        GuestCommand::Login(command) => login::login(cx, call.tag, command),
        GuestCommand::StartTls => starttls::start_tls(call.tag, cx.channel),
    }
}
