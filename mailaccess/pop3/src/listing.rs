//! Answers about many messages, found and sent in batches: STAT, LIST and UIDL. However many messages
//! there are, only one batch is held.

use crate::command::Number;
use crate::job::{Cell, Column, Job, Outcome, Work};
use crate::maildrop::{Maildrop, Missing};
use crate::reply;
use crate::session::State;
use crate::turn::Turn;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use mailaccess_mail::Uid;
use mailaccess_mail::step::{Output, Step};

/// Messages asked of the store at once.
pub(crate) const BATCH: usize = 1024;

/// A question about messages that is being answered.
pub(crate) struct Listing {
    maildrop: Box<Maildrop>,
    column: Column,
    report: Report,
    /// Those that the store has been asked for.
    asked: Vec<Number>,
    /// The place of the first message that it has not been asked for.
    next: usize,
}

/// In what form the answer is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    /// One line for one message.
    One,
    /// A line a message.
    Each(Sent),
    /// How many messages, and their octets together, so far.
    Total { messages: u64, octets: u64 },
}

/// How far an answer of many lines is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// The client knows nothing yet.
    Nothing,
    /// The client waits for the final dot.
    Begun,
}

/// Answers for one message.
pub(crate) fn one(maildrop: Box<Maildrop>, column: Column, number: Number) -> Turn {
    match maildrop.find(number) {
        Ok(uid) => Listing::new(maildrop, column, Report::One).look(vec![(number, uid)]),
        Err(missing) => Turn::say(State::Transaction(maildrop), reply::missing(missing)),
    }
}

/// Answers for each message.
pub(crate) fn each(maildrop: Box<Maildrop>, column: Column) -> Turn {
    Listing::new(maildrop, column, Report::Each(Sent::Nothing)).go_on()
}

/// Answers for all messages together.
pub(crate) fn total(maildrop: Box<Maildrop>) -> Turn {
    let report = Report::Total {
        messages: 0,
        octets: 0,
    };
    Listing::new(maildrop, Column::Size, report).go_on()
}

impl Listing {
    fn new(maildrop: Box<Maildrop>, column: Column, report: Report) -> Self {
        Self {
            maildrop,
            column,
            report,
            asked: Vec::new(),
            next: 0,
        }
    }

    /// Asks for the next batch, or ends the answer when there is none.
    pub(crate) fn go_on(mut self) -> Turn {
        let batch = self.maildrop.batch(self.next, BATCH);
        let Some((last, _)) = batch.last() else {
            return self.finish(Output::new());
        };
        self.next = last.index() + 1;
        self.look(batch)
    }

    fn look(mut self, batch: Vec<(Number, Uid)>) -> Turn {
        let (asked, uids) = batch.into_iter().unzip();
        self.asked = asked;
        let work = Work::Look {
            mailbox: self.maildrop.mailbox(),
            column: self.column,
            uids,
        };
        Turn::Next(State::Listing(Box::new(self)), Step::Run(Job(work)))
    }

    /// Goes on with what the store gave.
    pub(crate) fn done(mut self, outcome: Outcome) -> Turn {
        let cells = match outcome {
            Outcome::Looked(Ok(cells)) => cells,
            // A list that has begun cannot be taken back. Its dot never comes, and so the client knows.
            Outcome::Looked(Err(_)) if self.report == Report::Each(Sent::Begun) => {
                return Turn::End(Output::new());
            }
            Outcome::Looked(Err(error)) => {
                return Turn::say(State::Transaction(self.maildrop), reply::failed(&error));
            }
            _ => return Turn::out_of_step(),
        };
        let mut output = Output::new();
        for (number, cell) in core::mem::take(&mut self.asked).into_iter().zip(cells) {
            match cell {
                Some(cell) => self.found(number, &cell, &mut output),
                None => self.lost(number, &mut output),
            }
        }
        if self.report == Report::One || self.maildrop.batch(self.next, 1).is_empty() {
            self.finish(output)
        } else if output.is_empty() {
            self.go_on()
        } else {
            Turn::say(State::Listing(Box::new(self)), output)
        }
    }

    fn found(&mut self, number: Number, cell: &Cell, output: &mut Output) {
        match &mut self.report {
            Report::One => output.append(reply::ok(format_args!("{number} {cell}"))),
            Report::Each(sent) => {
                begin(sent, output);
                output.bytes(format!("{number} {cell}\r\n").as_bytes());
            }
            Report::Total { messages, octets } => {
                *messages += 1;
                *octets += cell.octets();
            }
        }
    }

    fn lost(&mut self, number: Number, output: &mut Output) {
        self.maildrop.lost(number);
        if self.report == Report::One {
            output.append(reply::missing(Missing::Gone(number)));
        }
    }

    fn finish(mut self, mut output: Output) -> Turn {
        match &mut self.report {
            Report::One => {}
            Report::Each(sent) => {
                begin(sent, &mut output);
                output.bytes(b".\r\n");
            }
            Report::Total { messages, octets } => {
                output.append(reply::ok(format_args!("{messages} {octets}")));
            }
        }
        Turn::say(State::Transaction(self.maildrop), output)
    }
}

/// The line before the first line of a list.
fn begin(sent: &mut Sent, output: &mut Output) {
    if *sent == Sent::Nothing {
        *sent = Sent::Begun;
        output.append(reply::ok("List follows."));
    }
}
