//! One person's Maildir: INBOX is its own directory, every other mailbox one named with a leading dot.

use super::append::MaildirAppend;
use super::folder::{Folder, Life, directory_of};
use super::mailbox::{self, MaildirMailbox};
use super::sync::NewFiles;
use super::uidlist::Header;
use super::{AccountPath, Delivery, Inner, dirs, name, new_guid, subscribe, uidvalidity};
use crate::index::Claims;
use crate::volume::{Attempt, Dir, EntryKind, Errno};
use mailaccess_mail::MailboxName;
use mailaccess_mail::store::{
    Account, Append, ErrorKind, Hint, Mailbox, OpenMode, Status, StoreError, Subscribed,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Empty, in every folder but INBOX: delivery agents count its mail to the account above.
const FOLDER_MARK: &[u8] = b"maildirfolder";
/// Folders on their way in and out have names that make them no folders.
const COMING: &str = "mailaccess.new.";
const GOING: &str = "mailaccess.trash.";

pub(super) struct MaildirAccount {
    inner: Arc<Inner>,
    path: AccountPath,
}

impl MaildirAccount {
    pub(super) fn open(inner: Arc<Inner>, path: &AccountPath) -> Result<Self, StoreError> {
        inner.check()?;
        let account = Self {
            inner,
            path: path.clone(),
        };
        let found = account.dir().and_then(|dir| dir.open_dir(b"cur"));
        found.attempt(|| format!("open account {path}"))?;
        Ok(account)
    }

    pub(super) fn create_at(inner: &Inner, path: &AccountPath) -> Result<(), StoreError> {
        inner.check()?;
        let attempt = || format!("create account {path}");
        let mut dir = inner.volume.open_below(&["."]).attempt(attempt)?;
        for component in path.components() {
            dir = make_and_open(&dir, component.as_bytes()).attempt(attempt)?;
        }
        for part in [&b"tmp"[..], b"new", b"cur"] {
            make_and_open(&dir, part).attempt(attempt)?;
        }
        dir.sync().attempt(attempt)
    }

    pub(super) fn deliver(
        &self,
        mailbox: &MailboxName,
        delivery: &Delivery<'_>,
    ) -> Result<(), StoreError> {
        let folder = Inner::folder(&self.inner, &self.path, mailbox)?;
        let flags = &delivery.flags;
        if !flags.keywords().is_empty() {
            return Err(StoreError::new(
                ErrorKind::Cannot,
                "deliver a message with keywords, which need the lock",
            ));
        }
        let base = self.inner.unique_name();
        let mut letters = name::Letters::default();
        flags.system().for_each(|flag| letters.insert(flag));
        let (place, file) = if letters.is_empty() {
            (dirs::Place::New, base.clone())
        } else {
            (dirs::Place::Cur, name::with_letters(&base, letters))
        };
        let dirs = folder.dirs()?;
        let mut written = dirs.tmp.create_new(&base);
        let delivered = match &mut written {
            Ok(open) => open
                .write_all(delivery.bytes)
                .and_then(|()| match delivery.internal_date {
                    Some(date) => open.set_modified(date.unix_secs()),
                    None => Ok(()),
                })
                .and_then(|()| open.sync_all())
                .and_then(|()| dirs.tmp.rename(&base, dirs.place(place), &file))
                .and_then(|()| dirs.place(place).sync())
                .inspect_err(|_| {
                    let _ = dirs.tmp.remove_file(&base);
                }),
            Err(errno) => Err(*errno),
        };
        delivered.attempt(|| format!("deliver to {mailbox}"))
    }

    /// Does something with a folder; once more where the one in memory turns out to be replaced on disk.
    fn with_folder<T>(
        &self,
        name: &MailboxName,
        act: impl Fn(Arc<Folder>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let folder = Inner::folder(&self.inner, &self.path, name)?;
        match act(Arc::clone(&folder)) {
            Err(_) if folder.state().life == Life::Over => {
                act(Inner::folder(&self.inner, &self.path, name)?)
            }
            other => other,
        }
    }

    fn dir(&self) -> Result<Dir, Errno> {
        self.inner.volume.open_below(&self.path.components())
    }

    fn opened(&self) -> Result<Dir, StoreError> {
        self.dir().attempt(|| format!("open account {}", self.path))
    }
}

impl Account for MaildirAccount {
    fn mailboxes(&self) -> Result<Vec<MailboxName>, StoreError> {
        let dir = self.opened()?;
        let mut found = Vec::new();
        dir.list(|entry, kind| {
            if kind == EntryKind::Directory {
                found.extend(mailbox_of(entry));
            }
        })
        .attempt(|| format!("list account {}", self.path))?;
        found.retain(|name| {
            let entry = directory_of(name).unwrap_or_default();
            let folder = dir.open_dir(entry.as_bytes());
            folder.is_ok_and(|folder| folder.entry_kind(b"cur") == Ok(EntryKind::Directory))
        });
        found.push(MailboxName::inbox());
        Ok(found)
    }

    fn subscriptions(&self) -> Result<BTreeSet<MailboxName>, StoreError> {
        subscribe::read(&self.opened()?).map(|subscriptions| subscriptions.names())
    }

    fn set_subscribed(&self, name: &MailboxName, subscribed: Subscribed) -> Result<(), StoreError> {
        let timeout = self.inner.options.lock_timeout;
        subscribe::set(&self.opened()?, name, subscribed, timeout)
    }

    fn create(&self, name: &MailboxName) -> Result<(), StoreError> {
        let exists = || StoreError::new(ErrorKind::AlreadyExists, format!("create mailbox {name}"));
        let Some(entry) = directory_of(name) else {
            return Err(exists());
        };
        let account = self.opened()?;
        let attempt = || format!("create mailbox {name}");
        match account.entry_kind(entry.as_bytes()) {
            Err(Errno::NOENT) => {}
            Ok(_) => return Err(exists()),
            Err(errno) => return Err(errno).attempt(attempt),
        }
        sweep_going(&account);
        // It appears whole, UIDVALIDITY included, or not at all.
        let coming = format!("{COMING}{}", crate::volume::random_token()?);
        account.make_dir(coming.as_bytes()).attempt(attempt)?;
        let made = furnish(&account, coming.as_bytes()).and_then(|()| {
            account
                .rename(coming.as_bytes(), &account, entry.as_bytes())
                .and_then(|()| account.sync())
                .map_err(|errno| match errno {
                    Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR => exists(),
                    errno => Err::<(), _>(errno)
                        .attempt(attempt)
                        .err()
                        .unwrap_or_else(exists),
                })
        });
        if made.is_err() {
            remove_tree(&account, coming.as_bytes());
        }
        made
    }

    fn delete(&self, name: &MailboxName) -> Result<(), StoreError> {
        let attempt = || format!("delete mailbox {name}");
        let Some(entry) = directory_of(name) else {
            return Err(StoreError::new(ErrorKind::Cannot, attempt()));
        };
        let folder = Inner::folder(&self.inner, &self.path, name)?;
        let account = self.opened()?;
        {
            let mut held = folder.hold()?;
            super::sync::read_files(&mut held)?;
            // Whoever makes one of this name later gets a higher UIDVALIDITY.
            uidvalidity::raise(&account, held.list()?.uid_validity())?;
            held.check()?;
            let going = format!("{GOING}{}", crate::volume::random_token()?);
            account
                .rename(entry.as_bytes(), &account, going.as_bytes())
                .and_then(|()| account.sync())
                .attempt(attempt)?;
        }
        folder.end();
        sweep_going(&account);
        Ok(())
    }

    fn status(&self, name: &MailboxName) -> Result<Status, StoreError> {
        self.with_folder(name, |folder| {
            folder.refresh(NewFiles::Leave)?;
            mailbox::status(&folder)
        })
    }

    fn open(
        &self,
        name: &MailboxName,
        mode: OpenMode,
        hint: Hint,
    ) -> Result<Arc<dyn Mailbox>, StoreError> {
        self.with_folder(name, |folder| {
            let id = folder.join(Claims::new(mode), Arc::clone(&hint));
            let mailbox = MaildirMailbox { folder, mode, id };
            mailbox.refresh()?;
            self.inner.notice.watch(&mailbox.folder);
            Ok(Arc::new(mailbox) as Arc<dyn Mailbox>)
        })
    }

    fn append(&self, name: &MailboxName) -> Result<Box<dyn Append>, StoreError> {
        let folder = Inner::folder(&self.inner, &self.path, name)?;
        Ok(Box::new(MaildirAppend::new(folder)?))
    }
}

/// The mailbox of a directory; `None` for one that is none, or not called as we would call it.
fn mailbox_of(entry: &[u8]) -> Option<MailboxName> {
    let wire = entry.strip_prefix(b".")?;
    let name = MailboxName::from_mutf7(wire).ok()?;
    (!name.is_inbox() && name.to_mutf7().as_bytes() == wire).then_some(name)
}

fn make_and_open(parent: &Dir, name: &[u8]) -> Result<Dir, Errno> {
    match parent.make_dir(name) {
        Ok(()) => parent.sync()?,
        Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno),
    }
    parent.open_dir(name)
}

/// Puts into a new folder what belongs there.
fn furnish(account: &Dir, coming: &[u8]) -> Result<(), StoreError> {
    let attempt = || "furnish a new mailbox".to_owned();
    let folder = account.open_dir(coming).attempt(attempt)?;
    for part in [&b"tmp"[..], b"new", b"cur"] {
        folder.make_dir(part).attempt(attempt)?;
    }
    folder.create_new(FOLDER_MARK).map(drop).attempt(attempt)?;
    let mut list = Vec::new();
    Header::new(uidvalidity::next(account)?, &new_guid()?).write(&mut list);
    let mut file = folder.create_new(dirs::LIST).attempt(attempt)?;
    file.write_all(&list)
        .and_then(|()| file.sync())
        .and_then(|()| folder.sync())
        .attempt(attempt)
}

/// Removes folders that were deleted, those left by processes that died among them.
fn sweep_going(account: &Dir) {
    let mut going = Vec::new();
    let listed = account.list(|entry, kind| {
        if kind == EntryKind::Directory && entry.starts_with(GOING.as_bytes()) {
            going.push(entry.to_vec());
        }
    });
    if let Err(error) = listed {
        tracing::debug!(%error, "deleted folders are swept later");
    }
    for entry in going {
        remove_tree(account, &entry);
    }
}

/// Removes a directory and what is in it; what cannot be removed stays for the next sweep.
fn remove_tree(parent: &Dir, name: &[u8]) {
    let emptied = parent.open_dir(name).and_then(|dir| {
        let mut entries = Vec::new();
        dir.list(|entry, kind| entries.push((entry.to_vec(), kind)))?;
        for (entry, kind) in entries {
            if kind == EntryKind::Directory {
                remove_tree(&dir, &entry);
            } else {
                dir.remove_file(&entry)?;
            }
        }
        Ok(())
    });
    match emptied.and_then(|()| parent.remove_dir(name)) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => tracing::debug!(%error, "a deleted folder is swept later"),
    }
}
