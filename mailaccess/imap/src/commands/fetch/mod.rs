//! FETCH (RFC 3501 6.4.5): which data of which messages, in four steps: the request is read, the messages
//! are resolved, a batch is looked up and marked as seen, and each message is written.

mod batch;
mod request;
mod write;

pub(crate) use request::read;

use crate::command::{MailboxCommand, Step};
use crate::encode::status::Status;
use crate::grammar::{Fault, Scanner, set::SequenceSet};
use crate::home::Selected;
use crate::view::{By, OutOfRange, Targets};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use batch::Loaded;
use mailaccess_mail::step::Output;
use mailaccess_mail::store::StoreError;
use request::Request;

/// Messages looked up at once, and marked as seen under one lock.
const BATCH: usize = 64;
/// Messages of which bytes may be waiting to be sent at once: each is an open file.
const MAX_OPEN: usize = 16;
/// Ranges of messages that may be waiting to be sent at once.
const MAX_RANGES: usize = 1024;
/// Bytes of output held before they are sent.
const MAX_HELD: usize = 64 * 1024;

/// A FETCH as it was asked for.
pub(crate) struct Fetch {
    set: SequenceSet,
    by: By,
    request: Request,
}

/// A FETCH under way.
pub(crate) struct Fetching {
    targets: Targets,
    by: By,
    request: Request,
    /// Looked up, and not written yet.
    batch: VecDeque<Loaded>,
    /// A message was gone.
    missed: bool,
}

/// ```text
/// fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<MailboxCommand, Fault> {
    read(scanner, By::Sequence)
}

impl Fetch {
    pub(crate) fn begin(self, selected: &Selected) -> Result<Box<Fetching>, Status> {
        let targets = Targets::resolve(&selected.view, &self.set, self.by)
            .map_err(|OutOfRange| Status::out_of_range())?;
        Ok(Box::new(Fetching {
            targets,
            by: self.by,
            request: self.request,
            batch: VecDeque::new(),
            missed: false,
        }))
    }
}

impl Fetching {
    /// Writes the next messages, as many as may wait to be sent.
    pub(crate) fn step(&mut self, selected: &mut Selected, out: &mut Output) -> Step {
        let (mut open, mut ranges) = (0, 0);
        while open < MAX_OPEN && ranges < MAX_RANGES && out.held() < MAX_HELD {
            let next = match self.next(selected, out) {
                Ok(next) => next,
                Err(error) => return Step::Finished(Status::from(error)),
            };
            let Some(message) = next else {
                return Step::Finished(self.status());
            };
            match write::message(&self.request, &message, selected, out) {
                Ok(write::Written::Whole) => {}
                Ok(write::Written::Open(more)) => {
                    open += 1;
                    ranges += more;
                }
                Ok(write::Written::Gone) => self.missed = true,
                Err(error) => return Step::Finished(Status::from(error)),
            }
        }
        Step::More
    }

    /// The next message; looks up more of them when there is none.
    fn next(
        &mut self,
        selected: &mut Selected,
        out: &mut Output,
    ) -> Result<Option<Loaded>, StoreError> {
        while self.batch.is_empty() && !self.targets.is_empty() {
            let targets = self.targets.take(&selected.view, BATCH);
            let asked = targets.len();
            self.batch = batch::load(&mut self.request, &targets, selected, out)?;
            self.missed |= self.batch.len() < asked;
        }
        Ok(self.batch.pop_front())
    }

    fn status(&self) -> Status {
        if self.missed && self.by == By::Sequence {
            Status::expunge_issued()
        } else {
            Status::ok("FETCH completed.")
        }
    }
}
