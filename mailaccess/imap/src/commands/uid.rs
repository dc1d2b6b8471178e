//! UID (RFC 3501 6.4.8, RFC 4315 2.1): commands that name messages by UID.

use super::expunge::Expunge;
use super::{copy as by_copy, fetch as by_fetch, search as by_search, store as by_store};
use crate::command::MailboxCommand;
use crate::grammar::{Fault, Scanner, set::SequenceSet};
use crate::view::By;

/// ```text
/// uid = "UID" SP (copy / fetch / search / store)
/// ```
pub(crate) fn copy(scanner: &mut Scanner<'_>) -> Result<MailboxCommand, Fault> {
    by_copy::read(scanner, By::Uid)
}

pub(crate) fn fetch(scanner: &mut Scanner<'_>) -> Result<MailboxCommand, Fault> {
    by_fetch::read(scanner, By::Uid)
}

pub(crate) fn search(scanner: &mut Scanner<'_>) -> Result<MailboxCommand, Fault> {
    by_search::read(scanner, By::Uid)
}

pub(crate) fn store(scanner: &mut Scanner<'_>) -> Result<MailboxCommand, Fault> {
    by_store::read(scanner, By::Uid)
}

/// ```text
/// uid-expunge = "UID" SP "EXPUNGE" SP sequence-set                  ; RFC 4315 4
/// ```
pub(crate) fn expunge(scanner: &mut Scanner<'_>) -> Result<MailboxCommand, Fault> {
    scanner.space()?;
    let set = SequenceSet::parse(scanner)?;
    Ok(MailboxCommand::Expunge(Expunge::Among(set)))
}
