//! SEARCH (RFC 3501 6.4.4): keys are looked for batch by batch, then what was found is written in one line.

use crate::command::{MailboxCommand, Step};
use crate::encode::status::Status;
use crate::grammar::search::{self, Wanted};
use crate::grammar::{Fault, Scanner};
use crate::home::Selected;
use crate::view::{By, Target, Targets};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use mailaccess_mail::mime::Structure;
use mailaccess_mail::search::{Candidate, Charset, Search as Program};
use mailaccess_mail::step::Output;
use mailaccess_mail::store::{Body, Mailbox, Row, StoreError};
use mailaccess_mail::{InternalDate, Uid};

/// Messages whose rows are asked for at once; after so many that had to be opened a job ends.
const BATCH: usize = 64;
/// Batches in one job when no message has to be opened.
const BATCHES: usize = 16;
/// Numbers written at once: fewer than 64 KiB.
const WRITTEN: usize = 5_000;

/// A SEARCH as it was asked for.
pub(crate) struct Search {
    wanted: Wanted,
    charset: Charset,
    by: By,
}

/// A SEARCH under way.
pub(crate) struct Searching {
    program: Program,
    by: By,
    targets: Targets,
    found: Found,
    stage: Stage,
}

enum Stage {
    /// Looking; nothing is written yet, so a failure is told cleanly.
    Looking,
    /// Writing, from the range and the number at which it goes on.
    Writing(usize, u32),
}

/// Numbers found, ascending, as first and last of each run.
#[derive(Default)]
struct Found(Vec<(u32, u32)>);

/// ```text
/// search = "SEARCH" [SP "CHARSET" SP astring] 1*(SP search-key)
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<MailboxCommand, Fault> {
    read(scanner, By::Sequence)
}

pub(super) fn read(scanner: &mut Scanner<'_>, by: By) -> Result<MailboxCommand, Fault> {
    let (wanted, charset) = search::search(scanner)?;
    Ok(MailboxCommand::Search(Box::new(Search {
        wanted,
        charset,
        by,
    })))
}

impl Search {
    pub(crate) fn begin(self, selected: &Selected) -> Result<Box<Searching>, Status> {
        let key = self.wanted.resolve(&selected.view);
        // The text is not in the charset that was named: RFC 3501 6.4.4 has one answer for that.
        let program =
            Program::compile(&key, self.charset).map_err(|_| Status::from(Fault::Charset))?;
        Ok(Box::new(Searching {
            program,
            by: self.by,
            targets: Targets::all(&selected.view),
            found: Found::default(),
            stage: Stage::Looking,
        }))
    }
}

impl Searching {
    /// Looks at the next messages, or writes the next numbers.
    pub(crate) fn step(&mut self, selected: &Selected, out: &mut Output) -> Step {
        if let Stage::Writing(run, done) = self.stage {
            let Some((run, done)) = self.found.write(run, done, out) else {
                out.bytes(b"\r\n");
                return Step::Finished(Status::ok("SEARCH completed."));
            };
            self.stage = Stage::Writing(run, done);
            return Step::More;
        }
        if let Err(error) = self.look(selected) {
            return Step::Finished(Status::from(error));
        }
        if self.targets.is_empty() {
            out.bytes(b"* SEARCH");
            self.stage = Stage::Writing(0, 0);
        }
        Step::More
    }

    fn look(&mut self, selected: &Selected) -> Result<(), StoreError> {
        let mailbox = &*selected.mailbox;
        let opened = Cell::new(false);
        for _ in 0..BATCHES {
            let targets = self.targets.take(&selected.view, BATCH);
            let uids: Vec<Uid> = targets.iter().map(|target| target.uid).collect();
            let rows = mailbox.rows(&uids)?;
            for (Target { number, uid }, row) in targets.into_iter().zip(rows) {
                // A message that is gone matches nothing.
                let Some(row) = row else { continue };
                let message = Message {
                    mailbox,
                    row,
                    recent: selected.view.is_recent(uid),
                    opened: &opened,
                };
                if self.program.matches(&message)? {
                    self.found.push(match self.by {
                        By::Sequence => number,
                        By::Uid => uid.get(),
                    });
                }
            }
            if opened.get() || self.targets.is_empty() {
                break;
            }
        }
        Ok(())
    }
}

impl Found {
    fn push(&mut self, number: u32) {
        match self.0.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => self.0.push((number, number)),
        }
    }

    /// Writes numbers from the place on at which a run goes on; gives where to go on, if there are more.
    ///
    /// ```text
    /// mailbox-data = "SEARCH" *(SP nz-number) / ...
    /// ```
    fn write(&self, run: usize, done: u32, out: &mut Output) -> Option<(usize, u32)> {
        let mut written = 0;
        for (index, (first, last)) in self.0.iter().enumerate().skip(run) {
            let skip = if index == run { done } else { 0 };
            for (offset, number) in (*first..=*last).enumerate().skip(skip as usize) {
                if written == WRITTEN {
                    return Some((index, u32::try_from(offset).ok()?));
                }
                out.text(format_args!(" {number}"));
                written += 1;
            }
        }
        None
    }
}

/// A message that may match.
struct Message<'a> {
    mailbox: &'a dyn Mailbox,
    row: Row,
    recent: bool,
    /// Set when it had to be opened.
    opened: &'a Cell<bool>,
}

impl Candidate for Message<'_> {
    fn row(&self) -> &Row {
        &self.row
    }

    fn is_recent(&self) -> bool {
        self.recent
    }

    fn internal_date(&self) -> Result<Option<InternalDate>, StoreError> {
        let dates = self.mailbox.internal_dates(&[self.row.uid])?;
        Ok(dates.into_iter().next().flatten())
    }

    fn size(&self) -> Result<Option<u64>, StoreError> {
        let sizes = self.mailbox.sizes(&[self.row.uid])?;
        Ok(sizes.into_iter().next().flatten())
    }

    fn body(&self) -> Result<Option<Arc<dyn Body>>, StoreError> {
        self.opened.set(true);
        self.mailbox.body(self.row.uid)
    }

    fn structure(&self, body: &dyn Body) -> Result<Arc<Structure>, StoreError> {
        self.mailbox.structure(self.row.uid, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::{String, ToString};
    use mailaccess_mail::step::Pull;

    #[test]
    fn numbers_are_written_in_pieces() {
        let mut found = Found::default();
        let numbers: Vec<u32> = (1..7000).chain(8000..14_000).chain([u32::MAX]).collect();
        for number in &numbers {
            found.push(*number);
        }
        assert_eq!(found.0.len(), 3);
        let mut out = Output::new();
        let mut pieces = 1;
        let mut place = (0, 0);
        while let Some(next) = found.write(place.0, place.1, &mut out) {
            place = next;
            pieces += 1;
        }
        assert_eq!(pieces, 3);
        let mut bytes = Vec::new();
        out.pull(&mut bytes, usize::MAX, Pull::Blocking).unwrap();
        let expect: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        let written = String::from_utf8(bytes).unwrap();
        assert_eq!(written, format!(" {}", expect.join(" ")));
    }
}
