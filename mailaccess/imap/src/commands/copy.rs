//! COPY (RFC 3501 6.4.7) with COPYUID (RFC 4315).

use crate::command::MailboxCommand;
use crate::encode::status::Status;
use crate::encode::uid_set::UidSet;
use crate::grammar::{Fault, Scanner, mailbox, set::SequenceSet};
use crate::home::Selected;
use crate::view::{By, OutOfRange, Targets};
use alloc::format;
use alloc::vec::Vec;
use mailaccess_mail::store::{Copied, StoreError};
use mailaccess_mail::{MailboxName, Uid};

/// Which messages go where.
pub(crate) struct Copy {
    set: SequenceSet,
    by: By,
    target: MailboxName,
}

/// ```text
/// copy = "COPY" SP sequence-set SP mailbox
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<MailboxCommand, Fault> {
    read(scanner, By::Sequence)
}

pub(super) fn read(scanner: &mut Scanner<'_>, by: By) -> Result<MailboxCommand, Fault> {
    scanner.space()?;
    let set = SequenceSet::parse(scanner)?;
    scanner.space()?;
    let target = mailbox::mailbox(scanner)?;
    Ok(MailboxCommand::Copy(Copy { set, by, target }))
}

impl Copy {
    /// All or none: a message named by number that is gone fails the whole (RFC 2180 4.4.1); a UID that is
    /// gone is ignored like any that does not exist.
    pub(crate) fn run(&self, selected: &Selected) -> Status {
        let mut targets = match Targets::resolve(&selected.view, &self.set, self.by) {
            Ok(targets) => targets,
            Err(OutOfRange) => return Status::out_of_range(),
        };
        let targets = targets.take(&selected.view, usize::MAX);
        let uids: Vec<Uid> = targets.iter().map(|target| target.uid).collect();
        match self.copy(selected, &uids) {
            Ok(status) => status,
            Err(error) => Status::try_create(&error),
        }
    }

    fn copy(&self, selected: &Selected, uids: &[Uid]) -> Result<Status, StoreError> {
        if self.by == By::Sequence && selected.mailbox.rows(uids)?.iter().any(Option::is_none) {
            return Ok(Status::expunge_issued());
        }
        let copied = selected.mailbox.copy(uids, &self.target)?;
        Ok(done(&copied))
    }
}

/// ```text
/// resp-code-copy = "COPYUID" SP nz-number SP uid-set SP uid-set     ; RFC 4315 4
/// ```
fn done(copied: &Copied) -> Status {
    const DONE: &str = "COPY completed.";
    if copied.uids.is_empty() {
        return Status::ok(DONE);
    }
    let source = UidSet(copied.uids.iter().map(|(source, _)| *source));
    let target = UidSet(copied.uids.iter().map(|(_, target)| *target));
    let code = format!("COPYUID {} {source} {target}", copied.uid_validity);
    Status::ok_code(code, DONE)
}
