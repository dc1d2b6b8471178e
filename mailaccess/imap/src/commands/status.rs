//! STATUS (RFC 3501 6.3.10): counts of a mailbox without opening it.

use crate::command::AccountCommand;
use crate::encode::status::Status;
use crate::encode::{self, string};
use crate::grammar::{Fault, Scanner, list, mailbox};
use crate::home::Home;
use alloc::vec::Vec;
use mailaccess_mail::step::Output;
use mailaccess_mail::{MailboxName, Uid, store};

/// More than there are items.
const MAX_ITEMS: usize = 16;

/// Which counts of which mailbox.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StatusOf {
    name: MailboxName,
    items: Vec<Item>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Messages,
    Recent,
    UidNext,
    UidValidity,
    Unseen,
}

impl Item {
    const ALL: [Self; 5] = [
        Self::Messages,
        Self::Recent,
        Self::UidNext,
        Self::UidValidity,
        Self::Unseen,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Messages => "MESSAGES",
            Self::Recent => "RECENT",
            Self::UidNext => "UIDNEXT",
            Self::UidValidity => "UIDVALIDITY",
            Self::Unseen => "UNSEEN",
        }
    }

    fn of(self, status: &store::Status) -> u32 {
        match self {
            Self::Messages => status.messages,
            Self::Recent => status.recent,
            // No UID is left: the last number is no promise, and the grammar has no other.
            Self::UidNext => status.uid_next.map_or(u32::MAX, Uid::get),
            Self::UidValidity => status.uid_validity.get(),
            Self::Unseen => status.unseen,
        }
    }
}

/// ```text
/// status     = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"
/// status-att = "MESSAGES" / "RECENT" / "UIDNEXT" / "UIDVALIDITY" / "UNSEEN"
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<AccountCommand, Fault> {
    scanner.space()?;
    let name = mailbox::mailbox(scanner)?;
    scanner.space()?;
    let items = list::some(scanner, MAX_ITEMS, |scanner| {
        let name = scanner.atom("a status item")?;
        Item::ALL
            .into_iter()
            .find(|item| item.name().as_bytes().eq_ignore_ascii_case(name))
            .ok_or(Fault::Expected("a status item that is known"))
    })?;
    Ok(AccountCommand::Status(StatusOf { name, items }))
}

impl StatusOf {
    pub(crate) fn run(&self, home: &Home, out: &mut Output) -> Status {
        let status = match home.account().status(&self.name) {
            Ok(status) => status,
            Err(error) => return Status::from(error),
        };
        out.bytes(b"* STATUS ");
        string::astring(out, self.name.to_mutf7().as_bytes());
        for (index, item) in self.items.iter().enumerate() {
            let before = if index == 0 { " (" } else { " " };
            out.text(format_args!("{before}{} {}", item.name(), item.of(&status)));
        }
        encode::line(out, format_args!(")"));
        Status::ok("STATUS completed.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_known_and_there_is_one() {
        for (input, expect) in [
            (
                " a (messages UIDNEXT)",
                Ok(&[Item::Messages, Item::UidNext][..]),
            ),
            (" a (", Err(Fault::Incomplete("a status item"))),
            (" a ()", Err(Fault::Expected("an item in the list"))),
            (
                " a (SIZE)",
                Err(Fault::Expected("a status item that is known")),
            ),
            (
                " a MESSAGES",
                Err(Fault::Expected("an opening parenthesis")),
            ),
        ] {
            let read = match parse(&mut Scanner::new(input.as_bytes())) {
                Ok(AccountCommand::Status(status)) => Ok(status.items),
                Ok(_) => panic!("another command"),
                Err(fault) => Err(fault),
            };
            assert_eq!(read.as_deref().map_err(|fault| *fault), expect, "{input}");
        }
    }
}
