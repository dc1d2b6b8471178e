//! Work on the store, done by the driver on a thread that may block, and what came of it. It takes the
//! session's state along, so that nothing else can touch it meanwhile, and brings it back.

use crate::command::{AccountCommand, Batches, MailboxCommand, Progress};
use crate::commands::append::{Appending, Beginning, Feed};
use crate::commands::idle::{Idling, Wake};
use crate::commands::select::Open;
use crate::encode::{self, status::Status};
use crate::home::{Home, Selected};
use crate::rules::Rule;
use crate::state::State;
use crate::tag::Tag;
use crate::view::Expunges;
use alloc::boxed::Box;
use mailaccess_mail::step::Output;
use mailaccess_mail::store::{ErrorKind, Hint, StoreError};

/// Work that blocks. Opaque: a driver hands it to [`Session::run`](mailaccess_mail::step::Session::run).
pub struct Job(pub(crate) Box<Work>);

/// What came of a [`Job`]. Opaque: a driver hands it in as an input.
pub struct Done(pub(crate) Box<Outcome>);

pub(crate) enum Work {
    /// A command.
    Command(Command),
    /// Begin an APPEND.
    BeginAppend(Box<Beginning>),
    /// Go on with an APPEND.
    Append(Box<Appending>, Feed),
    /// Begin, go on with, or end an IDLE.
    Idle(Box<Idling>, Wake),
}

/// A command, or what is left of it.
pub(crate) struct Command {
    pub(crate) tag: Tag,
    pub(crate) rule: &'static Rule,
    pub(crate) task: Task,
}

pub(crate) enum Task {
    /// See what is new (NOOP, CHECK).
    Look(Home),
    /// Open a mailbox; the store calls the hint when something happens there.
    Open(Home, Open, Hint),
    Account(Home, AccountCommand),
    Mailbox(Box<Selected>, MailboxCommand),
    /// Go on with a command that goes in batches.
    Batches(Box<Selected>, Batches),
}

pub(crate) struct Outcome {
    /// What to send.
    pub(crate) output: Output,
    /// Where the session stands then.
    pub(crate) state: State,
    /// How much of the client's command is of no interest any more, and the rest of its line.
    pub(crate) swallow: Option<u64>,
}

impl Job {
    pub(crate) fn new(work: Work) -> Self {
        Self(Box::new(work))
    }

    pub(crate) fn run(self) -> Done {
        let mut output = Output::new();
        let mut swallow = None;
        let state = match *self.0 {
            Work::Command(command) => command.run(&mut output),
            Work::BeginAppend(beginning) => beginning.run(&mut output, &mut swallow),
            Work::Append(appending, feed) => appending.run(feed, &mut output, &mut swallow),
            Work::Idle(idling, wake) => idling.run(wake, &mut output),
        };
        Done(Box::new(Outcome {
            output,
            state,
            swallow,
        }))
    }
}

impl Command {
    fn run(self, out: &mut Output) -> State {
        let Self { tag, rule, task } = self;
        let progress = match task {
            Task::Look(home) => Progress::Look(home),
            Task::Open(home, open, hint) => {
                let (home, status) = open.run(home, hint, out);
                Progress::Finished(home, status)
            }
            Task::Account(home, command) => {
                let (home, status) = command.run(home, out);
                Progress::Finished(home, status)
            }
            Task::Mailbox(selected, command) => command.run(selected, out),
            Task::Batches(selected, batches) => batches.run(selected, out),
        };
        match progress {
            Progress::Look(home) => look(home, &tag, rule, out),
            Progress::Finished(home, status) => conclude(home, &tag, &status, rule.expunges, out),
            Progress::More(selected, batches) => {
                let task = Task::Batches(selected, batches);
                State::Continuing(Box::new(Work::Command(Self { tag, rule, task })))
            }
        }
    }
}

/// A command that is nothing but a look at what is new.
fn look(mut home: Home, tag: &Tag, rule: &Rule, out: &mut Output) -> State {
    let status = match sync(&mut home, rule.expunges, out) {
        Ok(()) => Status::ok(alloc::format!("{} completed.", rule.name)),
        Err(error) if is_deleted(&error) => return bye_deleted(out),
        Err(error) => Status::from(error),
    };
    status.write(Some(tag), out);
    State::Home(home)
}

/// Ends a command: tells what is new, then how the command ended.
pub(crate) fn conclude(
    mut home: Home,
    tag: &Tag,
    status: &Status,
    expunges: Expunges,
    out: &mut Output,
) -> State {
    if !tell_news(&mut home, expunges, out) {
        return State::Ending;
    }
    status.write(Some(tag), out);
    State::Home(home)
}

/// Tells what is new; `false` when the session cannot go on. What cannot be looked at now is no failure
/// of the command, which is done: the client gets a warning.
pub(crate) fn tell_news(home: &mut Home, expunges: Expunges, out: &mut Output) -> bool {
    match sync(home, expunges, out) {
        Ok(()) => true,
        Err(error) if is_deleted(&error) => {
            bye_deleted(out);
            false
        }
        Err(error) => {
            Status::from(error).write(None, out);
            true
        }
    }
}

fn sync(home: &mut Home, expunges: Expunges, out: &mut Output) -> Result<(), StoreError> {
    match home {
        Home::Authenticated(_) => Ok(()),
        Home::Selected(selected) => selected.view.sync(&*selected.mailbox, expunges, out),
    }
}

fn is_deleted(error: &StoreError) -> bool {
    error.kind() == ErrorKind::NonExistent
}

/// The selected mailbox was deleted by another: no response of RFC 3501 says so but the end.
fn bye_deleted(out: &mut Output) -> State {
    encode::bye(out, "NONEXISTENT", "The selected mailbox was deleted.");
    State::Ending
}
