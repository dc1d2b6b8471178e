//! A folder in memory, one for all sessions of the process, and the way to its lock.
//!
//! Two locks in memory: `disk` is what a writer knows of the files and is had only in one's turn, with
//! the locks on disk; `state` is what readers see, and is never held while a file is waited for.

use super::Inner;
use super::dirs::{Dirs, Glance, Place};
use super::keywords::{self, Keywords};
use super::list::List;
use super::lock::{FolderLock, Wanted};
use super::message::Message;
use super::name::Letters;
use super::path::AccountPath;
use super::sync::{self, NewFiles};
use super::turn::{Turn, Turns};
use crate::index::{Claims, Index};
use crate::volume::{self, Attempt, Dir, Errno, Moment};
use mailaccess_mail::store::{ErrorKind, Hint, NewKeywords, StoreError};
use mailaccess_mail::{Keyword, MailboxName, ModSeq, Uid, UidValidity};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A second change within the clock's step leaves no trace in a directory's time: what was read so
/// early is read again once, after this time (Dovecot's `MAILDIR_SYNC_SECS`).
pub(super) const DOUBT: Duration = Duration::from_secs(1);

pub(super) struct Folder {
    pub(super) inner: Arc<Inner>,
    pub(super) account: AccountPath,
    pub(super) name: MailboxName,
    /// What the folder's directory is called; none for INBOX, which is the account's own.
    directory: Option<String>,
    turns: Turns,
    disk: Mutex<Disk>,
    state: Mutex<State>,
}

/// What a writer knows of the files.
#[derive(Default)]
pub(super) struct Disk {
    pub(super) list: Option<Box<List>>,
    pub(super) keywords: Keywords,
    pub(super) keywords_version: Option<keywords::Version>,
    /// Whether `tmp/` has been cleared of what others left there.
    pub(super) swept: bool,
}

/// What readers see.
pub(super) struct State {
    pub(super) index: Index<Message>,
    pub(super) life: Life,
    pub(super) uid_validity: Option<UidValidity>,
    /// The number of the next UID.
    pub(super) next: u32,
    pub(super) keywords: Keywords,
    /// The directories as they were when they were last read.
    pub(super) seen: Option<Glance>,
    /// Since when a change may have gone unseen.
    pub(super) doubtful_since: Option<Moment>,
    pub(super) sessions: BTreeMap<u64, Session>,
    next_session: u64,
    /// Sizes measured and not yet in the uidlist.
    pub(super) unsaved_sizes: BTreeMap<Uid, u64>,
}

/// Whether the folder in memory is the one on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// Nothing is read yet.
    Unread,
    /// It was read.
    Read,
    /// It was deleted or replaced: its sessions must end.
    Over,
}

pub(super) struct Session {
    pub(super) claims: Claims,
    pub(super) hint: Hint,
}

/// A folder with all its locks held; without the lock on disk where the volume cannot be written.
pub(super) struct Held<'a> {
    // Dropped in this order: the locks on disk first.
    pub(super) lock: Option<FolderLock>,
    pub(super) disk: MutexGuard<'a, Disk>,
    pub(super) folder: &'a Folder,
    pub(super) dirs: Dirs,
    /// Whether memory is what is on disk, as of when the lock was taken.
    pub(super) current: bool,
    _turn: Turn<'a>,
    /// Given when every lock is free again.
    pub(super) hints: Hints,
}

/// Hints that are given when this is dropped.
#[derive(Default)]
pub(super) struct Hints(pub(super) Vec<Hint>);

impl Drop for Hints {
    fn drop(&mut self) {
        tell(&self.0);
    }
}

impl Folder {
    pub(super) fn new(inner: Arc<Inner>, account: AccountPath, name: MailboxName) -> Self {
        Self {
            directory: directory_of(&name),
            inner,
            account,
            name,
            turns: Turns::default(),
            disk: Mutex::default(),
            state: Mutex::new(State {
                index: Index::new(first_modseq()),
                life: Life::Unread,
                uid_validity: None,
                next: 1,
                keywords: Keywords::default(),
                seen: None,
                doubtful_since: None,
                sessions: BTreeMap::new(),
                next_session: 0,
                unsaved_sizes: BTreeMap::new(),
            }),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its components below the root.
    pub(super) fn components(&self) -> Vec<&str> {
        let mut components = self.account.components();
        components.extend(self.directory.as_deref());
        components
    }

    /// Opens its directories; they must be those that were read.
    pub(super) fn dirs(&self) -> Result<Dirs, StoreError> {
        let opened = self.open_folder().and_then(Dirs::open);
        let dirs = match opened {
            Ok(dirs) => dirs,
            Err(Errno::NOENT | Errno::NOTDIR) => return Err(self.is_missing()),
            Err(errno) => return Err(errno).attempt(|| format!("open mailbox {}", self.name)),
        };
        let identity = dirs
            .folder
            .stamp()
            .attempt(|| format!("open mailbox {}", self.name))?
            .identity;
        let state = self.state();
        let replaced = state.seen.is_some_and(|seen| seen.folder != identity);
        let over = state.life == Life::Over;
        drop(state);
        if replaced || over {
            self.end();
            return Err(self.no_mailbox());
        }
        Ok(dirs)
    }

    /// Why it cannot be opened: where the whole account is missing, as under a mount point with nothing
    /// mounted, no mailbox may seem to be deleted.
    fn is_missing(&self) -> StoreError {
        let account = self.inner.volume.open_below(&self.account.components());
        if account.and_then(|dir| dir.open_dir(b"cur")).is_ok() {
            self.end();
            return self.no_mailbox();
        }
        StoreError::new(
            ErrorKind::Unavailable,
            format!("open account {}", self.account),
        )
    }

    fn open_folder(&self) -> Result<Dir, Errno> {
        self.inner.volume.open_below(&self.components())
    }

    fn no_mailbox(&self) -> StoreError {
        let kind = if self.name.is_inbox() {
            ErrorKind::Unavailable
        } else {
            ErrorKind::NonExistent
        };
        StoreError::new(kind, format!("open mailbox {}", self.name))
    }

    /// Ends the folder in memory if anything of it was read: what is on disk is another one.
    pub(super) fn end(&self) {
        let mut state = self.state();
        if state.life == Life::Read {
            state.life = Life::Over;
            let hints = state.hints();
            drop(state);
            tell(&hints);
        }
    }

    /// Takes the lock.
    pub(super) fn hold(&self) -> Result<Held<'_>, StoreError> {
        let since = Moment::now();
        let timeout = self.inner.options.lock_timeout;
        let mut held = self.hold_in_memory(since)?;
        let attempt = || format!("look at mailbox {}", self.name);
        held.lock = Some(FolderLock::acquire(&Wanted {
            volume: &self.inner.volume,
            folder: &held.dirs.folder,
            kind: held.dirs.folder.kind().attempt(attempt)?,
            since,
            timeout,
        })?);
        let glance = held.dirs.glance().attempt(attempt)?;
        held.current = self.state().seen == Some(glance);
        Ok(held)
    }

    /// Takes one's turn, without a lock on disk.
    fn hold_in_memory(&self, since: Moment) -> Result<Held<'_>, StoreError> {
        let turn = self
            .turns
            .wait(since, self.inner.options.lock_timeout)
            .ok_or_else(|| StoreError::new(ErrorKind::InUse, "wait for the turn in a folder"))?;
        Ok(Held {
            lock: None,
            disk: self.disk.lock().unwrap_or_else(PoisonError::into_inner),
            folder: self,
            dirs: self.dirs()?,
            current: false,
            _turn: turn,
            hints: Hints::default(),
        })
    }

    /// Whether a look at the directories shows that something happened, or may have.
    pub(super) fn looks_changed(&self) -> Result<bool, StoreError> {
        let glance = self
            .dirs()?
            .glance()
            .attempt(|| format!("look at mailbox {}", self.name))?;
        let state = self.state();
        let doubt_over = state
            .doubtful_since
            .is_some_and(|since| since.elapsed() >= DOUBT);
        Ok(state.seen != Some(glance) || doubt_over)
    }

    /// Whether anything can be changed here, as far as the directory and its volume say.
    pub(super) fn is_writable(&self) -> Result<bool, StoreError> {
        self.dirs()?
            .cur
            .is_writable()
            .attempt(|| format!("look at mailbox {}", self.name))
    }

    /// Brings memory up to what is on disk.
    pub(super) fn refresh(&self, new_files: NewFiles) -> Result<(), StoreError> {
        if self.looks_changed()? {
            return self.read_again(new_files);
        }
        if new_files == NewFiles::Leave || !self.state().has_new() {
            return Ok(());
        }
        match self.hold() {
            Ok(mut held) if held.current => sync::move_known(&mut held),
            Ok(mut held) => sync::sync(&mut held, new_files),
            // They stay where they are, and can be read there.
            Err(error) if is_read_only(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads the folder again, whatever it looks like.
    pub(super) fn read_again(&self, new_files: NewFiles) -> Result<(), StoreError> {
        match self.hold() {
            Ok(mut held) => sync::sync(&mut held, new_files),
            // What is there can be read all the same.
            Err(error) if is_read_only(&error) => {
                let mut held = self.hold_in_memory(Moment::now())?;
                sync::sync(&mut held, NewFiles::Leave).map_err(|unlocked| {
                    tracing::debug!(%unlocked, "cannot read a folder without its lock");
                    error
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Adds a session; gives its number.
    pub(super) fn join(&self, claims: Claims, hint: Hint) -> u64 {
        let mut state = self.state();
        state.next_session += 1;
        let id = state.next_session;
        state.sessions.insert(id, Session { claims, hint });
        id
    }

    /// Calls every session's hint.
    pub(super) fn hint_all(&self) {
        let hints = self.state().hints();
        tell(&hints);
    }
}

fn in_new(index: &Index<Message>) -> impl Iterator<Item = Uid> {
    index
        .iter()
        .filter(|(_, entry)| entry.message.place == Place::New)
        .map(|(uid, _)| uid)
}

impl State {
    pub(super) fn hints(&self) -> Vec<Hint> {
        self.sessions
            .values()
            .map(|session| Arc::clone(&session.hint))
            .collect()
    }

    /// Whether a message lies in `new/`.
    pub(super) fn has_new(&self) -> bool {
        self.new_files() > 0
    }

    /// How many messages lie in `new/`.
    pub(super) fn new_files(&self) -> u32 {
        u32::try_from(in_new(&self.index).count()).unwrap_or(u32::MAX)
    }

    /// Shows a session that examines what lies in `new/`: it is recent to whoever moves it.
    pub(super) fn show_new(&mut self, session: u64) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.claims.show(in_new(&self.index));
        }
    }

    /// Letters that some file has, whether they mean something or not.
    pub(super) fn letters_in_use(&self) -> Letters {
        let mut all = Letters::default();
        for (_, entry) in self.index.iter() {
            for letter in entry.message.letters().keywords() {
                all.insert_keyword(letter);
            }
        }
        all
    }

    /// Every keyword here: those with a letter, and those made up.
    pub(super) fn keywords(&self) -> Vec<Keyword> {
        let mut all: BTreeSet<Keyword> = self.keywords.known().cloned().collect();
        all.extend(
            self.keywords
                .flags(self.letters_in_use())
                .keywords()
                .iter()
                .cloned(),
        );
        all.into_iter().collect()
    }

    pub(super) fn new_keywords(&self) -> NewKeywords {
        if self.keywords.has_room(self.letters_in_use()) {
            NewKeywords::Accepted
        } else {
            NewKeywords::Refused
        }
    }
}

/// Whether the volume can only be read, or has no room for a lock.
fn is_read_only(error: &StoreError) -> bool {
    matches!(error.kind(), ErrorKind::NoPermission | ErrorKind::OverQuota)
}

/// Calls hints; with no lock on the state held, which whoever is called may want.
fn tell(hints: &[Hint]) {
    for hint in hints {
        hint();
    }
}

/// What the directory of a mailbox is called.
pub(super) fn directory_of(name: &MailboxName) -> Option<String> {
    (!name.is_inbox()).then(|| format!(".{}", name.to_mutf7()))
}

/// A sequence above any that another process gave this mailbox: it grows by a million a second.
fn first_modseq() -> ModSeq {
    let millions = volume::unix_now().saturating_mul(1_000_000);
    ModSeq::new(millions).unwrap_or(ModSeq::FIRST)
}
