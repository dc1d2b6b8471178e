//! UNSUBSCRIBE (RFC 3501 6.3.7).

use super::subscribe::Subscription;
use crate::command::AccountCommand;
use crate::grammar::{Fault, Scanner, mailbox};
use mailaccess_mail::store::Subscribed;

/// ```text
/// unsubscribe = "UNSUBSCRIBE" SP mailbox
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<AccountCommand, Fault> {
    scanner.space()?;
    let name = mailbox::mailbox(scanner)?;
    let subscribed = Subscribed::No;
    Ok(AccountCommand::Subscribe(Subscription { name, subscribed }))
}
