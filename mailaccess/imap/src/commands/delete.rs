//! DELETE (RFC 3501 6.3.4).

use crate::command::AccountCommand;
use crate::encode::status::Status;
use crate::grammar::{Fault, Scanner, mailbox};
use crate::home::Home;
use mailaccess_mail::MailboxName;

/// A mailbox to be deleted.
pub(crate) struct Delete(MailboxName);

/// ```text
/// delete = "DELETE" SP mailbox
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<AccountCommand, Fault> {
    scanner.space()?;
    mailbox::mailbox(scanner).map(|name| AccountCommand::Delete(Delete(name)))
}

impl Delete {
    /// The session's own mailbox is closed with it: there is nothing left to see.
    pub(crate) fn run(&self, home: Home) -> (Home, Status) {
        if let Err(error) = home.account().delete(&self.0) {
            return (home, Status::from(error));
        }
        let home = match home {
            Home::Selected(selected) if selected.name == self.0 => selected.closed(),
            home => home,
        };
        (home, Status::ok("DELETE completed."))
    }
}
