//! LSUB (RFC 3501 6.3.9): names subscribed to.

use super::list;
use crate::command::AccountCommand;
use crate::encode::status::Status;
use crate::grammar::{Fault, Scanner};
use crate::home::Home;
use crate::pattern::Pattern;
use alloc::collections::BTreeMap;
use mailaccess_mail::MailboxName;
use mailaccess_mail::step::Output;

/// Which names are wanted.
pub(crate) struct Lsub(Pattern);

/// ```text
/// lsub = "LSUB" SP mailbox SP list-mailbox
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<AccountCommand, Fault> {
    list::pattern(scanner).map(|pattern| AccountCommand::Lsub(Lsub(pattern)))
}

impl Lsub {
    /// A level above a name subscribed to is given with `\Noselect` where `%` stops at it (RFC 3501
    /// 6.3.9), so that a client that descends level by level gets there.
    pub(crate) fn run(&self, home: &Home, out: &mut Output) -> Status {
        let subscribed = match home.account().subscriptions() {
            Ok(names) => names,
            Err(error) => return Status::from(error),
        };
        let mut shown: BTreeMap<MailboxName, &str> = BTreeMap::new();
        for name in &subscribed {
            if self.0.matches(&name.to_mutf7()) {
                shown.insert(name.clone(), "");
                continue;
            }
            let above = core::iter::successors(name.parent(), MailboxName::parent);
            for parent in above.filter(|_| self.0.ends_in_percent()) {
                if !subscribed.contains(&parent) && self.0.matches(&parent.to_mutf7()) {
                    shown.insert(parent, "\\Noselect");
                }
            }
        }
        for (name, attributes) in shown {
            list::line(out, "LSUB", attributes, &name.to_mutf7());
        }
        Status::ok("LSUB completed.")
    }
}
