//! Maildir++ on a volume that many pods and other programs share, compatible both ways with Dovecot.
//!
//! The uidlist decides UIDs and file names carry flags; everything kept in memory can be read anew.
//! Locks are held within one call, never between calls.

mod account;
mod append;
mod body;
mod commit;
mod copy;
mod dirs;
mod expunge;
mod files;
mod flags;
mod folder;
mod keywords;
mod list;
mod listing;
mod lock;
mod mailbox;
mod measure;
mod message;
mod name;
mod notice;
mod path;
mod subscribe;
mod subscriptions;
mod sweep;
mod sync;
mod turn;
mod uidlist;
mod uidvalidity;

pub use listing::Skipped;
pub use path::{AccountPath, InvalidPath};

use crate::volume::{
    self, Attempt, Dir, Errno, Fault, Volume, host_name, process_id, random_token,
};
use account::MaildirAccount;
use folder::{Folder, Life};
use listing::SkippedCounts;
use mailaccess_mail::store::{Account, ErrorKind, StoreError};
use mailaccess_mail::{Flags, InternalDate, MailboxName};
use notice::Notice;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// The file at the root of a store that shows that the volume is mounted and meant for mail.
pub const MARKER: &str = "mailaccess.volume";

const MARKER_TEXT: &[u8] =
    b"This volume holds mail served by mailaccess. Without this file no pod serves from it.\n";

/// How a store behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a command waits for another's lock before it answers `NO [INUSE]`.
    pub lock_timeout: Duration,
    /// Where this process shall die, to test what comes after.
    pub fault: Option<Fault>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(30),
            fault: None,
        }
    }
}

/// A store on a volume. Clones are the same store; a process has one for each volume, since sessions
/// share mailboxes through it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    volume: Volume,
    options: Options,
    folders: Mutex<HashMap<(AccountPath, MailboxName), Weak<Folder>>>,
    notice: Notice,
    /// Who names files here, and how many were named.
    host: String,
    token: String,
    named: AtomicU64,
    /// What was skipped among messages, by kind, each time a folder was read.
    skipped: [AtomicU64; Skipped::ALL.len()],
}

/// Why the volume cannot be served from now.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// Its root cannot be opened.
    #[error("open the store's root {root}")]
    Root {
        /// Which directory.
        root: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The marker is missing: not mounted, or never initialised.
    #[error(
        "{root} holds no {MARKER}: the volume is not mounted, or `mailaccess init` was not run on it"
    )]
    Marker {
        /// Which directory.
        root: PathBuf,
    },
}

/// A message brought in from outside, its bytes as they are.
#[derive(Debug, Clone)]
pub struct Delivery<'a> {
    /// The message, its lines ended by LF or CRLF.
    pub bytes: &'a [u8],
    /// Its flags; without any it is new (`\Recent`).
    pub flags: Flags,
    /// When it arrived; `None` is now.
    pub internal_date: Option<InternalDate>,
}

impl Store {
    /// A store at this root. The volume need not be there yet: [`Store::check`] tells.
    pub fn open(root: &Path, options: Options) -> Self {
        let token = random_token().unwrap_or_else(|_| {
            // The clock is the next best source of what nobody else has.
            format!("{:016x}", volume::wall_now().as_nanos())
        });
        Self {
            inner: Arc::new(Inner {
                volume: Volume::new(root, options.fault),
                options,
                folders: Mutex::default(),
                notice: Notice::start(),
                host: host_name(),
                token,
                named: AtomicU64::new(0),
                skipped: Default::default(),
            }),
        }
    }

    /// Whether the volume is there and ours. Looks again each time: a volume may be mounted later, above
    /// what was seen before.
    pub fn check(&self) -> Result<(), NotReady> {
        self.inner.check()
    }

    /// How often something among the messages was skipped that is none: it counts each time its folder
    /// is read.
    pub fn skipped(&self, why: Skipped) -> u64 {
        self.inner.skipped[why as usize].load(Ordering::Relaxed)
    }

    /// Makes the root where it is missing and writes the marker. Doing it twice is no error.
    pub fn initialise(root: &Path) -> Result<(), StoreError> {
        let volume = Volume::new(root, None);
        let attempt = || format!("initialise the store at {}", root.display());
        let dir = volume.create_root().attempt(attempt)?;
        match dir.create_new(MARKER.as_bytes()) {
            Ok(mut marker) => marker
                .write_all(MARKER_TEXT)
                .and_then(|()| marker.sync())
                .and_then(|()| dir.sync())
                .attempt(attempt),
            Err(Errno::EXIST) => Ok(()),
            Err(errno) => Err(errno).attempt(attempt),
        }
    }

    /// The account at this path. Where there is none the answer is [`ErrorKind::Unavailable`], and
    /// nothing is created.
    pub fn account(&self, path: &AccountPath) -> Result<Arc<dyn Account>, StoreError> {
        Ok(Arc::new(MaildirAccount::open(
            Arc::clone(&self.inner),
            path,
        )?))
    }

    /// Makes an account with an empty INBOX. Doing it twice is no error.
    pub fn create_account(&self, path: &AccountPath) -> Result<(), StoreError> {
        MaildirAccount::create_at(&self.inner, path)
    }

    /// Delivers a message to a mailbox, which must exist, as an agent beside the server would: its UID
    /// is assigned by whoever looks first.
    pub fn deliver(
        &self,
        path: &AccountPath,
        mailbox: &MailboxName,
        delivery: &Delivery<'_>,
    ) -> Result<(), StoreError> {
        MaildirAccount::open(Arc::clone(&self.inner), path)?.deliver(mailbox, delivery)
    }
}

impl Inner {
    /// The folder of this name, shared by all sessions; it must exist.
    fn folder(
        inner: &Arc<Self>,
        account: &AccountPath,
        name: &MailboxName,
    ) -> Result<Arc<Folder>, StoreError> {
        let shared = Self::shared_folder(inner, account, name);
        match shared.dirs() {
            Ok(_) => Ok(shared),
            // The one in memory was replaced on disk; there may be a new one.
            Err(_) if shared.state().life == Life::Over => {
                let fresh = Self::shared_folder(inner, account, name);
                fresh.dirs().map(|_| fresh)
            }
            Err(error) => Err(error),
        }
    }

    fn shared_folder(inner: &Arc<Self>, account: &AccountPath, name: &MailboxName) -> Arc<Folder> {
        let mut folders = inner.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (account.clone(), name.clone());
        let alive = folders.get(&key).and_then(Weak::upgrade);
        if let Some(folder) = alive.filter(|folder| folder.state().life != Life::Over) {
            return folder;
        }
        if folders.len() % 64 == 63 {
            folders.retain(|_, folder| folder.strong_count() > 0);
        }
        let folder = Arc::new(Folder::new(
            Arc::clone(inner),
            account.clone(),
            name.clone(),
        ));
        folders.insert(key, Arc::downgrade(&folder));
        folder
    }

    fn note_skipped(&self, counts: &SkippedCounts) {
        for (sum, count) in self.skipped.iter().zip(counts) {
            sum.fetch_add(*count, Ordering::Relaxed);
        }
    }

    /// A base name for a file that nobody else makes.
    fn unique_name(&self) -> Vec<u8> {
        name::unique(
            volume::wall_now(),
            &name::Who {
                process: process_id(),
                count: self.named.fetch_add(1, Ordering::Relaxed),
                token: &self.token,
                host: &self.host,
            },
        )
    }

    /// Holds the root for what follows when it is ready, and none when it is not.
    fn check(&self) -> Result<(), NotReady> {
        match self.look() {
            Ok(root) => {
                self.volume.hold(Some(root));
                Ok(())
            }
            Err(why) => {
                // A process short of descriptors or memory has still seen the marker before.
                if !why.is_shortage() {
                    self.volume.hold(None);
                }
                Err(why)
            }
        }
    }

    fn look(&self) -> Result<Dir, NotReady> {
        let dir = self
            .volume
            .open_root()
            .map_err(|errno| self.no_root(errno))?;
        match dir.file_stamp(MARKER.as_bytes()) {
            Ok(_) => Ok(dir),
            Err(Errno::NOENT) => Err(NotReady::Marker {
                root: self.volume.root_path().to_owned(),
            }),
            Err(errno) => Err(self.no_root(errno)),
        }
    }

    fn no_root(&self, errno: Errno) -> NotReady {
        NotReady::Root {
            root: self.volume.root_path().to_owned(),
            source: errno.into(),
        }
    }
}

impl NotReady {
    /// Whether it is this process that lacks something, not the volume.
    fn is_shortage(&self) -> bool {
        let errno = match self {
            Self::Root { source, .. } => Errno::from_io_error(source),
            Self::Marker { .. } => None,
        };
        matches!(errno, Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM))
    }
}

impl From<NotReady> for StoreError {
    fn from(why: NotReady) -> Self {
        Self::caused(ErrorKind::Unavailable, "open the volume", why)
    }
}

/// An identifier for a folder, as Dovecot gives one: 32 hexadecimal digits.
fn new_guid() -> Result<String, StoreError> {
    Ok(format!("{}{}", random_token()?, random_token()?))
}
