//! SELECT (RFC 3501 6.3.1).

use crate::encode::status::Status;
use crate::encode::{self, flags};
use crate::grammar::{Fault, Scanner, mailbox};
use crate::home::{Home, Selected};
use crate::view::{Access, View};
use alloc::boxed::Box;
use alloc::sync::Arc;
use mailaccess_mail::MailboxName;
use mailaccess_mail::mailbox_name::InvalidName;
use mailaccess_mail::step::Output;
use mailaccess_mail::store::{Account, Hint, OpenMode, Snapshot, StoreError};

/// A mailbox to be opened.
pub(crate) struct Open {
    /// A name that no mailbox can have fails like one that no mailbox has.
    name: Result<MailboxName, InvalidName>,
    access: Access,
}

/// ```text
/// select = "SELECT" SP mailbox
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<Open, Fault> {
    read(scanner, Access::ReadWrite)
}

pub(super) fn read(scanner: &mut Scanner<'_>, access: Access) -> Result<Open, Fault> {
    scanner.space()?;
    let name = match mailbox::mailbox(scanner) {
        Err(Fault::Name(why)) => Err(why),
        name => Ok(name?),
    };
    Ok(Open { name, access })
}

impl Open {
    /// Opens the mailbox; the store calls `hint` when something happens there. The mailbox that was open
    /// is closed first, also when this fails.
    pub(crate) fn run(self, home: Home, hint: Hint, out: &mut Output) -> (Home, Status) {
        let account = home.into_account();
        let name = match self.name {
            Ok(name) => name,
            Err(why) => return (Home::Authenticated(account), Fault::Name(why).into()),
        };
        match open(name, self.access, &account, hint) {
            Err(error) => (Home::Authenticated(account), Status::from(error)),
            Ok((selected, snapshot)) => {
                describe(&selected.view, &snapshot, out);
                let status = match (self.access, selected.view.access()) {
                    (_, Access::ReadWrite) => Status::ok_code("READ-WRITE", "SELECT completed."),
                    (Access::ReadWrite, Access::ReadOnly) => Status::ok_code(
                        "READ-ONLY",
                        "SELECT completed; the server may not change this mailbox.",
                    ),
                    (Access::ReadOnly, Access::ReadOnly) => {
                        Status::ok_code("READ-ONLY", "EXAMINE completed.")
                    }
                };
                (Home::Selected(Box::new(selected)), status)
            }
        }
    }
}

fn open(
    name: MailboxName,
    access: Access,
    account: &Arc<dyn Account>,
    hint: Hint,
) -> Result<(Selected, Snapshot), StoreError> {
    let mode = match access {
        Access::ReadOnly => OpenMode::Examine,
        Access::ReadWrite => OpenMode::Select,
    };
    let mailbox = account.open(&name, mode, hint)?;
    let snapshot = mailbox.snapshot()?;
    let access = if snapshot.is_read_only {
        Access::ReadOnly
    } else {
        access
    };
    let selected = Selected {
        account: Arc::clone(account),
        name,
        mailbox,
        view: View::new(&snapshot, access),
    };
    Ok((selected, snapshot))
}

/// What a client must know of an opened mailbox.
fn describe(view: &View, snapshot: &Snapshot, out: &mut Output) {
    flags::of_mailbox(view, out);
    encode::line(out, format_args!("* {} EXISTS", view.messages().len()));
    encode::line(out, format_args!("* {} RECENT", view.recent().len()));
    let unseen = snapshot
        .first_unseen
        .and_then(|uid| view.messages().place(uid));
    if let Some(place) = unseen {
        encode::line(
            out,
            format_args!("* OK [UNSEEN {}] First unseen message.", place + 1),
        );
    }
    encode::line(
        out,
        format_args!("* OK [UIDVALIDITY {}] UIDs are valid.", view.uid_validity()),
    );
    if let Some(uid) = snapshot.uid_next {
        encode::line(
            out,
            format_args!("* OK [UIDNEXT {uid}] Predicted next UID."),
        );
    }
}
