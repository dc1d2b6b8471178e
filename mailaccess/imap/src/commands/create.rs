//! CREATE (RFC 3501 6.3.3).

use crate::command::AccountCommand;
use crate::encode::status::Status;
use crate::grammar::{Fault, Scanner, mailbox};
use crate::home::Home;
use mailaccess_mail::MailboxName;

/// A mailbox to be made.
pub(crate) struct Create(MailboxName);

/// ```text
/// create = "CREATE" SP mailbox
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<AccountCommand, Fault> {
    scanner.space()?;
    let name = mailbox::new_mailbox(scanner)?;
    Ok(AccountCommand::Create(Create(name)))
}

impl Create {
    pub(crate) fn run(&self, home: &Home) -> Status {
        match home.account().create(&self.0) {
            Ok(()) => Status::ok("CREATE completed."),
            Err(error) => Status::from(error),
        }
    }
}
