//! LIST (RFC 3501 6.3.8) with the attributes of RFC 3348: mailboxes, and the levels above them that are
//! none.

use crate::command::AccountCommand;
use crate::encode::status::Status;
use crate::encode::{self, string};
use crate::grammar::{Fault, Scanner, mailbox};
use crate::home::Home;
use crate::pattern::Pattern;
use alloc::collections::BTreeMap;
use mailaccess_mail::MailboxName;
use mailaccess_mail::mailbox_name::SEPARATOR;
use mailaccess_mail::step::Output;
use mailaccess_mail::store::StoreError;

/// Which names are wanted.
pub(crate) struct List(pub(super) Pattern);

/// ```text
/// list = "LIST" SP mailbox SP list-mailbox
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<AccountCommand, Fault> {
    pattern(scanner).map(|pattern| AccountCommand::List(List(pattern)))
}

/// The reference and the pattern of LIST and LSUB. The reference is no whole name, so it is not decoded.
pub(super) fn pattern(scanner: &mut Scanner<'_>) -> Result<Pattern, Fault> {
    scanner.space()?;
    let reference = scanner.astring("a reference name")?;
    scanner.space()?;
    let pattern = mailbox::list_mailbox(scanner)?;
    Pattern::new(&reference, &pattern)
}

/// What there is of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// A mailbox with nothing below it.
    Leaf,
    /// A mailbox with others below it.
    Branch,
    /// Only others below it.
    Level,
}

impl List {
    pub(crate) fn run(&self, home: &Home, out: &mut Output) -> Status {
        if self.0.is_empty() {
            // RFC 3501 6.3.8: an empty pattern asks for the separator and the root of the reference.
            line(out, "LIST", "\\Noselect", "");
            return Status::ok("LIST completed.");
        }
        let names = match names(home) {
            Ok(names) => names,
            Err(error) => return Status::from(error),
        };
        for (name, found) in names {
            let wire = name.to_mutf7();
            if self.0.matches(&wire) {
                line(out, "LIST", attributes(found), &wire);
            }
        }
        Status::ok("LIST completed.")
    }
}

/// Every mailbox, and every level above one.
fn names(home: &Home) -> Result<BTreeMap<MailboxName, Found>, StoreError> {
    let mut names: BTreeMap<MailboxName, Found> = BTreeMap::new();
    for name in home.account().mailboxes()? {
        let mut above = name.parent();
        while let Some(parent) = above {
            above = parent.parent();
            match names.entry(parent).or_insert(Found::Level) {
                found @ Found::Leaf => *found = Found::Branch,
                Found::Branch | Found::Level => {}
            }
        }
        match names.entry(name).or_insert(Found::Leaf) {
            found @ Found::Level => *found = Found::Branch,
            Found::Branch | Found::Leaf => {}
        }
    }
    Ok(names)
}

const fn attributes(found: Found) -> &'static str {
    match found {
        Found::Leaf => "\\HasNoChildren",
        Found::Branch => "\\HasChildren",
        Found::Level => "\\Noselect \\HasChildren",
    }
}

/// ```text
/// mailbox-list = "(" [mbx-list-flags] ")" SP DQUOTE QUOTED-CHAR DQUOTE SP mailbox
/// ```
pub(super) fn line(out: &mut Output, command: &str, attributes: &str, name: &str) {
    out.text(format_args!("* {command} ({attributes}) \"{SEPARATOR}\" "));
    string::astring(out, name.as_bytes());
    encode::line(out, format_args!(""));
}
