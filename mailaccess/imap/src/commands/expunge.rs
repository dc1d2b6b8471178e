//! EXPUNGE (RFC 3501 6.4.3) and UID EXPUNGE (RFC 4315 2.1). What went is told by the look at what is new
//! that ends every command.

use crate::command::MailboxCommand;
use crate::encode::status::Status;
use crate::grammar::{Fault, Scanner, set::SequenceSet};
use crate::home::Selected;
use crate::view::{Access, By, Targets};
use alloc::vec::Vec;
use mailaccess_mail::Uid;
use mailaccess_mail::step::Refused;
use mailaccess_mail::store::{self, StoreError};

/// Which messages are to be removed of those marked as deleted.
pub(crate) enum Expunge {
    /// All.
    All,
    /// Those among these UIDs.
    Among(SequenceSet),
}

/// ```text
/// expunge = "EXPUNGE"
/// ```
#[expect(
    clippy::unnecessary_wraps,
    reason = "it is a row of the table of commands"
)]
pub(crate) fn parse(_: &mut Scanner<'_>) -> Result<MailboxCommand, Fault> {
    Ok(MailboxCommand::Expunge(Expunge::All))
}

impl Expunge {
    pub(crate) fn run(self, selected: &Selected) -> Status {
        if selected.view.access() == Access::ReadOnly {
            let text = "The mailbox is open for reading only.";
            return Status::no("NOPERM", text).because(Refused::State);
        }
        match self.expunge(selected) {
            Ok(()) => Status::ok("EXPUNGE completed."),
            Err(error) => Status::from(error),
        }
    }

    fn expunge(self, selected: &Selected) -> Result<(), StoreError> {
        let mailbox = &selected.mailbox;
        match self {
            Self::All => mailbox.expunge(store::Expunge::Deleted).map(drop),
            Self::Among(set) => {
                // By UID nothing is out of range.
                let targets = Targets::resolve(&selected.view, &set, By::Uid);
                let uids: Vec<Uid> = targets
                    .map(|mut targets| targets.take(&selected.view, usize::MAX))
                    .unwrap_or_default()
                    .iter()
                    .map(|target| target.uid)
                    .collect();
                mailbox
                    .expunge(store::Expunge::DeletedAmong(&uids))
                    .map(drop)
            }
        }
    }
}
