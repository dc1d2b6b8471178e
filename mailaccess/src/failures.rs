//! Somebody's mail as sessions get it: whatever the store fails to do is counted and logged on its way to
//! the client, who learns no more than a fixed sentence.

use crate::cause::Chain;
use mailaccess_mail::mime::Structure;
use mailaccess_mail::store::{
    Account, Append, Appended, Body, Changes, Copied, Cursor, ErrorKind, Expunge, Hint, Mailbox,
    NewMessage, OpenMode, Snapshot, Status, StoreError, Stored, Subscribed,
};
use mailaccess_mail::{FlagChange, InternalDate, MailboxName, ModSeq, Uid};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use std::collections::BTreeSet;
use std::sync::Arc;
use tracing::Span;

/// How often the store failed, by kind of failure.
#[derive(Debug, Clone)]
pub(crate) struct Failures(Family<FailureLabels, Counter>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct FailureLabels {
    kind: &'static str,
}

impl Default for Failures {
    /// None of any kind.
    fn default() -> Self {
        let family = Family::default();
        for kind in ErrorKind::ALL {
            let labels = FailureLabels { kind: label(kind) };
            drop(family.get_or_create(&labels));
        }
        Self(family)
    }
}

impl Failures {
    /// The figures, to be shown.
    pub(crate) fn family(&self) -> Family<FailureLabels, Counter> {
        self.0.clone()
    }

    /// Counts a failure and logs its causes.
    pub(crate) fn note(&self, error: &StoreError) {
        let kind = label(error.kind());
        self.0.get_or_create(&FailureLabels { kind }).inc();
        let cause = Chain(error);
        match error.kind() {
            ErrorKind::Corruption | ErrorKind::ServerBug => {
                tracing::error!(kind, %cause, "the store failed");
            }
            ErrorKind::InUse
            | ErrorKind::Limit
            | ErrorKind::NoPermission
            | ErrorKind::OverQuota
            | ErrorKind::Unavailable => tracing::warn!(kind, %cause, "the store failed"),
            // What clients ask for in vain.
            ErrorKind::AlreadyExists | ErrorKind::Cannot | ErrorKind::NonExistent => {
                tracing::debug!(kind, %cause, "the store refused");
            }
        }
    }
}

fn label(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::AlreadyExists => "already_exists",
        ErrorKind::Cannot => "cannot",
        ErrorKind::Corruption => "corruption",
        ErrorKind::InUse => "in_use",
        ErrorKind::Limit => "limit",
        ErrorKind::NonExistent => "non_existent",
        ErrorKind::NoPermission => "no_permission",
        ErrorKind::OverQuota => "over_quota",
        ErrorKind::ServerBug => "server_bug",
        ErrorKind::Unavailable => "unavailable",
    }
}

/// The same account, its failures watched.
pub(crate) fn watch(account: Arc<dyn Account>, failures: &Failures) -> Arc<dyn Account> {
    Arc::new(Watched {
        inner: account,
        watch: Watch {
            failures: failures.clone(),
            span: Span::current(),
        },
    })
}

/// Something of the store whose failures are noted.
struct Watched<T> {
    inner: T,
    watch: Watch,
}

#[derive(Clone)]
struct Watch {
    failures: Failures,
    /// Whose connection it is: jobs run in other threads.
    span: Span,
}

impl Watch {
    fn see<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result {
            self.span.in_scope(|| self.failures.note(error));
        }
        result
    }
}

impl Account for Watched<Arc<dyn Account>> {
    fn mailboxes(&self) -> Result<Vec<MailboxName>, StoreError> {
        self.watch.see(self.inner.mailboxes())
    }

    fn subscriptions(&self) -> Result<BTreeSet<MailboxName>, StoreError> {
        self.watch.see(self.inner.subscriptions())
    }

    fn set_subscribed(&self, name: &MailboxName, subscribed: Subscribed) -> Result<(), StoreError> {
        self.watch.see(self.inner.set_subscribed(name, subscribed))
    }

    fn create(&self, name: &MailboxName) -> Result<(), StoreError> {
        self.watch.see(self.inner.create(name))
    }

    fn delete(&self, name: &MailboxName) -> Result<(), StoreError> {
        self.watch.see(self.inner.delete(name))
    }

    fn status(&self, name: &MailboxName) -> Result<Status, StoreError> {
        self.watch.see(self.inner.status(name))
    }

    fn open(
        &self,
        name: &MailboxName,
        mode: OpenMode,
        hint: Hint,
    ) -> Result<Arc<dyn Mailbox>, StoreError> {
        let mailbox = self.watch.see(self.inner.open(name, mode, hint))?;
        Ok(Arc::new(Watched {
            inner: mailbox,
            watch: self.watch.clone(),
        }))
    }

    fn append(&self, name: &MailboxName) -> Result<Box<dyn Append>, StoreError> {
        let append = self.watch.see(self.inner.append(name))?;
        Ok(Box::new(Watched {
            inner: append,
            watch: self.watch.clone(),
        }))
    }
}

impl Mailbox for Watched<Arc<dyn Mailbox>> {
    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.watch.see(self.inner.snapshot())
    }

    fn changes(&self, since: Cursor) -> Result<Changes, StoreError> {
        self.watch.see(self.inner.changes(since))
    }

    fn rows(&self, uids: &[Uid]) -> Result<Vec<Option<mailaccess_mail::store::Row>>, StoreError> {
        self.watch.see(self.inner.rows(uids))
    }

    fn sizes(&self, uids: &[Uid]) -> Result<Vec<Option<u64>>, StoreError> {
        self.watch.see(self.inner.sizes(uids))
    }

    fn internal_dates(&self, uids: &[Uid]) -> Result<Vec<Option<InternalDate>>, StoreError> {
        self.watch.see(self.inner.internal_dates(uids))
    }

    fn body(&self, uid: Uid) -> Result<Option<Arc<dyn Body>>, StoreError> {
        self.watch.see(self.inner.body(uid))
    }

    fn structure(&self, uid: Uid, body: &dyn Body) -> Result<Arc<Structure>, StoreError> {
        self.watch.see(self.inner.structure(uid, body))
    }

    fn unique_ids(&self, uids: &[Uid]) -> Result<Vec<Option<String>>, StoreError> {
        self.watch.see(self.inner.unique_ids(uids))
    }

    fn store(
        &self,
        uids: &[Uid],
        change: &FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Vec<Stored>, StoreError> {
        self.watch
            .see(self.inner.store(uids, change, unchanged_since))
    }

    fn copy(&self, uids: &[Uid], target: &MailboxName) -> Result<Copied, StoreError> {
        self.watch.see(self.inner.copy(uids, target))
    }

    fn expunge(&self, which: Expunge<'_>) -> Result<Vec<Uid>, StoreError> {
        self.watch.see(self.inner.expunge(which))
    }
}

impl Append for Watched<Box<dyn Append>> {
    fn begin(&mut self, message: NewMessage) -> Result<(), StoreError> {
        let begun = self.inner.begin(message);
        self.watch.see(begun)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let written = self.inner.write(bytes);
        self.watch.see(written)
    }

    fn commit(self: Box<Self>) -> Result<Appended, StoreError> {
        let Self { inner, watch } = *self;
        watch.see(inner.commit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailaccess_mail::Flags;
    use mailaccess_store::memory::MemoryAccount;

    fn count(failures: &Failures, kind: &'static str) -> u64 {
        failures.0.get_or_create(&FailureLabels { kind }).get()
    }

    #[test]
    fn every_failure_is_counted_by_its_kind_and_reaches_the_session_as_it_was() {
        let store = MemoryAccount::new();
        let failures = Failures::default();
        let account = watch(Arc::new(store.clone()), &failures);
        let inbox = MailboxName::inbox();
        assert!(account.mailboxes().is_ok());
        assert_eq!(count(&failures, "cannot"), 0);
        let refused = account.delete(&inbox).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Cannot);
        assert_eq!(count(&failures, "cannot"), 1);
        let nowhere = MailboxName::new("nowhere").unwrap();
        assert!(account.append(&nowhere).is_err());
        assert_eq!(count(&failures, "non_existent"), 1);

        store.deliver(&inbox, b"Subject: x\r\n\r\n").unwrap();
        let mailbox = account
            .open(&inbox, OpenMode::Select, Arc::new(|| {}))
            .unwrap();
        let uids = mailbox.snapshot().unwrap().uids;
        store.fail_next(ErrorKind::OverQuota);
        assert!(mailbox.copy(&uids, &inbox).is_err());
        assert_eq!(count(&failures, "over_quota"), 1);

        let mut append = account.append(&inbox).unwrap();
        let message = NewMessage {
            flags: Flags::none(),
            internal_date: None,
            len: 1,
        };
        append.begin(message).unwrap();
        append.write(b"x").unwrap();
        store.fail_next(ErrorKind::NoPermission);
        assert!(append.commit().is_err());
        assert_eq!(count(&failures, "no_permission"), 1);
        let all = ErrorKind::ALL.map(|kind| count(&failures, label(kind)));
        assert_eq!(all.iter().sum::<u64>(), 4);
    }
}
