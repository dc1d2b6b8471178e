//! CLOSE (RFC 3501 6.4.2): removes what is marked as deleted without a word, then closes.

use crate::encode::status::Status;
use crate::home::{Home, Selected};
use crate::view::Access;
use alloc::boxed::Box;
use mailaccess_mail::store::Expunge;

/// Where the messages cannot be removed the mailbox stays open, so that the client may see which are there.
pub(crate) fn run(selected: Box<Selected>) -> (Home, Status) {
    if selected.view.access() == Access::ReadWrite
        && let Err(error) = selected.mailbox.expunge(Expunge::Deleted)
    {
        return (Home::Selected(selected), Status::from(error));
    }
    (selected.closed(), Status::ok("CLOSE completed."))
}
