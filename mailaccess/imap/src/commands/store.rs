//! STORE (RFC 3501 6.4.6).

use crate::command::{MailboxCommand, Step};
use crate::encode::status::Status;
use crate::encode::{self, flags};
use crate::grammar::{Fault, Scanner, flag, set::SequenceSet};
use crate::home::Selected;
use crate::view::{Access, By, OutOfRange, Target, Targets};
use alloc::boxed::Box;
use alloc::vec::Vec;
use mailaccess_mail::step::{Output, Refused};
use mailaccess_mail::store::{ErrorKind, Row, StoreError, Stored};
use mailaccess_mail::{FlagChange, Flags, Uid};

/// Messages changed under one lock.
const BATCH: usize = 64;

/// Which flags of which messages change, and how.
pub(crate) struct Store {
    set: SequenceSet,
    by: By,
    change: FlagChange,
    answer: Answer,
}

/// Whether the new flags are told (RFC 3501 6.4.6 `.SILENT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// They are.
    Flags,
    /// They are not, as long as they are what the client must think they are.
    Silent,
}

/// A STORE under way.
pub(crate) struct Storing {
    targets: Targets,
    by: By,
    change: FlagChange,
    answer: Answer,
    missed: bool,
}

/// ```text
/// store           = "STORE" SP sequence-set SP store-att-flags
/// store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<MailboxCommand, Fault> {
    read(scanner, By::Sequence)
}

pub(super) fn read(scanner: &mut Scanner<'_>, by: By) -> Result<MailboxCommand, Fault> {
    scanner.space()?;
    let set = SequenceSet::parse(scanner)?;
    scanner.space()?;
    let change: fn(Flags) -> FlagChange = if scanner.eat(b'+') {
        FlagChange::Add
    } else if scanner.eat(b'-') {
        FlagChange::Remove
    } else {
        FlagChange::Replace
    };
    if !scanner.eat_word("FLAGS") {
        return Err(scanner.fault("FLAGS"));
    }
    let answer = if scanner.eat_word(".SILENT") {
        Answer::Silent
    } else {
        Answer::Flags
    };
    scanner.space()?;
    let change = change(flag::store_att_flags(scanner)?);
    Ok(MailboxCommand::Store(Box::new(Store {
        set,
        by,
        change,
        answer,
    })))
}

impl Store {
    pub(crate) fn begin(self, selected: &Selected) -> Result<Box<Storing>, Status> {
        if selected.view.access() == Access::ReadOnly {
            let text = "The mailbox is open for reading only.";
            return Err(Status::no("NOPERM", text).because(Refused::State));
        }
        let targets = Targets::resolve(&selected.view, &self.set, self.by)
            .map_err(|OutOfRange| Status::out_of_range())?;
        Ok(Box::new(Storing {
            targets,
            by: self.by,
            change: self.change,
            answer: self.answer,
            missed: false,
        }))
    }
}

impl Storing {
    /// Changes the next messages.
    pub(crate) fn step(&mut self, selected: &mut Selected, out: &mut Output) -> Step {
        let batch = self.targets.take(&selected.view, BATCH);
        if let Err(error) = self.store(&batch, selected, out) {
            // The client believes that nothing was changed: what was is told at the end.
            selected.view.distrust();
            if error.kind() == ErrorKind::Limit {
                selected.view.refuse_new_keywords();
                flags::of_mailbox(&selected.view, out);
            }
            return Step::Finished(Status::from(error));
        }
        if !self.targets.is_empty() {
            return Step::More;
        }
        Step::Finished(if self.missed && self.by == By::Sequence {
            Status::expunge_issued()
        } else {
            Status::ok("STORE completed.")
        })
    }

    fn store(
        &mut self,
        batch: &[Target],
        selected: &mut Selected,
        out: &mut Output,
    ) -> Result<(), StoreError> {
        let uids: Vec<Uid> = batch.iter().map(|target| target.uid).collect();
        let Selected { mailbox, view, .. } = selected;
        let before = match self.answer {
            Answer::Flags => Vec::new(),
            Answer::Silent => mailbox.rows(&uids)?,
        };
        let stored = mailbox.store(&uids, &self.change, None)?;
        for (index, (target, stored)) in batch.iter().zip(stored).enumerate() {
            let Stored::Row(row) = stored else {
                self.missed = true;
                continue;
            };
            let before = before.get(index).and_then(Option::as_ref);
            let expected = before.is_some_and(|before| {
                view.is_known(before) && before.flags.changed(&self.change) == row.flags
            });
            view.told(&row);
            flags::learn(view, &row.flags, out);
            if !expected {
                self.tell(*target, &row, view.is_recent(row.uid).into(), out);
            }
        }
        Ok(())
    }

    fn tell(&self, target: Target, row: &Row, recent: flags::Recent, out: &mut Output) {
        let flags = flags::of_message(&row.flags, recent);
        let number = target.number;
        match self.by {
            By::Sequence => encode::line(out, format_args!("* {number} FETCH (FLAGS {flags})")),
            By::Uid => encode::line(
                out,
                format_args!("* {number} FETCH (UID {} FLAGS {flags})", row.uid),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailaccess_mail::SystemFlag;

    #[test]
    fn a_change_adds_removes_or_replaces() {
        let deleted = || Flags::from_iter([SystemFlag::Deleted]);
        for (input, expect) in [
            (
                " 2:4 +FLAGS (\\Deleted)\r\n",
                Ok((FlagChange::Add(deleted()), Answer::Flags)),
            ),
            (
                " 1 -flags.silent \\Deleted\r\n",
                Ok((FlagChange::Remove(deleted()), Answer::Silent)),
            ),
            (
                " 1 FLAGS ()\r\n",
                Ok((FlagChange::Replace(Flags::none()), Answer::Flags)),
            ),
            (" 1 +FLAGS", Err(Fault::Incomplete("a space"))),
            (" 1 ", Err(Fault::Incomplete("FLAGS"))),
            (" 1 FLAG ()\r\n", Err(Fault::Expected("FLAGS"))),
            (" 1 FLAGS.LOUD ()\r\n", Err(Fault::Expected("a space"))),
            (" x FLAGS ()\r\n", Err(Fault::Expected("a number"))),
        ] {
            let read = parse(&mut Scanner::new(input.as_bytes())).map(|command| match command {
                MailboxCommand::Store(store) => (store.change, store.answer),
                _ => panic!("another command"),
            });
            assert_eq!(read, expect, "{input}");
        }
    }
}
