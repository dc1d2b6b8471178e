//! Where a session is at home between commands, once somebody is logged on (RFC 3501 3.2, 3.3).

use crate::view::View;
use alloc::boxed::Box;
use alloc::sync::Arc;
use mailaccess_mail::MailboxName;
use mailaccess_mail::store::{Account, Mailbox};

/// An account, with or without an open mailbox.
pub(crate) enum Home {
    /// RFC 3501 3.2.
    Authenticated(Arc<dyn Account>),
    /// RFC 3501 3.3.
    Selected(Box<Selected>),
}

/// An open mailbox.
pub(crate) struct Selected {
    pub(crate) account: Arc<dyn Account>,
    pub(crate) name: MailboxName,
    pub(crate) mailbox: Arc<dyn Mailbox>,
    pub(crate) view: View,
}

impl Home {
    /// Whose mail it is.
    pub(crate) fn account(&self) -> &dyn Account {
        match self {
            Self::Authenticated(account) => &**account,
            Self::Selected(selected) => &*selected.account,
        }
    }

    /// Closes a mailbox that is open.
    pub(crate) fn into_account(self) -> Arc<dyn Account> {
        match self {
            Self::Authenticated(account) => account,
            Self::Selected(selected) => selected.account,
        }
    }
}

impl Selected {
    /// Closes the mailbox.
    pub(crate) fn closed(self: Box<Self>) -> Home {
        Home::Authenticated(self.account)
    }
}
