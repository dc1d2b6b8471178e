//! One person's Maildir.

use super::{AccountPath, Delivery, Inner};
use mailaccess_mail::MailboxName;
use mailaccess_mail::store::{
    Account, Append, ErrorKind, Hint, Mailbox, OpenMode, Status, StoreError, Subscribed,
};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) struct MaildirAccount {
    inner: Arc<Inner>,
    path: AccountPath,
}

fn later() -> StoreError {
    StoreError::new(ErrorKind::ServerBug, "not yet")
}

impl MaildirAccount {
    pub(super) fn open(inner: Arc<Inner>, path: &AccountPath) -> Result<Self, StoreError> {
        inner.check()?;
        let _ = (&inner.options, inner.volume.open_below(&path.components()));
        Ok(Self {
            inner,
            path: path.clone(),
        })
    }

    pub(super) fn create_at(inner: &Inner, path: &AccountPath) -> Result<(), StoreError> {
        inner.check()?;
        let _ = path;
        Err(later())
    }

    pub(super) fn deliver(&self, _: &MailboxName, _: &Delivery<'_>) -> Result<(), StoreError> {
        let _ = (&self.inner, &self.path);
        Err(later())
    }
}

impl Account for MaildirAccount {
    fn mailboxes(&self) -> Result<Vec<MailboxName>, StoreError> {
        Err(later())
    }
    fn subscriptions(&self) -> Result<BTreeSet<MailboxName>, StoreError> {
        Err(later())
    }
    fn set_subscribed(&self, _: &MailboxName, _: Subscribed) -> Result<(), StoreError> {
        Err(later())
    }
    fn create(&self, _: &MailboxName) -> Result<(), StoreError> {
        Err(later())
    }
    fn delete(&self, _: &MailboxName) -> Result<(), StoreError> {
        Err(later())
    }
    fn status(&self, _: &MailboxName) -> Result<Status, StoreError> {
        Err(later())
    }
    fn open(&self, _: &MailboxName, _: OpenMode, _: Hint) -> Result<Arc<dyn Mailbox>, StoreError> {
        Err(later())
    }
    fn append(&self, _: &MailboxName) -> Result<Box<dyn Append>, StoreError> {
        Err(later())
    }
}
