//! SUBSCRIBE (RFC 3501 6.3.6). A name need not exist to be subscribed to.

use crate::command::AccountCommand;
use crate::encode::status::Status;
use crate::grammar::{Fault, Scanner, mailbox};
use crate::home::Home;
use mailaccess_mail::MailboxName;
use mailaccess_mail::store::Subscribed;

/// A name, and whether it is to be subscribed to.
pub(crate) struct Subscription {
    pub(super) name: MailboxName,
    pub(super) subscribed: Subscribed,
}

/// ```text
/// subscribe = "SUBSCRIBE" SP mailbox
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<AccountCommand, Fault> {
    scanner.space()?;
    let name = mailbox::mailbox(scanner)?;
    let subscribed = Subscribed::Yes;
    Ok(AccountCommand::Subscribe(Subscription { name, subscribed }))
}

impl Subscription {
    pub(crate) fn run(&self, home: &Home) -> Status {
        match home.account().set_subscribed(&self.name, self.subscribed) {
            Ok(()) => Status::ok(match self.subscribed {
                Subscribed::Yes => "SUBSCRIBE completed.",
                Subscribed::No => "UNSUBSCRIBE completed.",
            }),
            Err(error) => Status::from(error),
        }
    }
}
