//! Maildir++ on a volume that many pods and other programs share, compatible both ways with Dovecot.
//!
//! The uidlist decides UIDs and file names carry flags; everything kept in memory can be read anew.
//! Locks are held within one call, never between calls.

mod account;
mod path;

pub use path::{AccountPath, InvalidPath};

use crate::volume::{Attempt, Errno, FaultPoint, Volume};
use account::MaildirAccount;
use mailaccess_mail::store::{Account, ErrorKind, StoreError};
use mailaccess_mail::{Flags, InternalDate, MailboxName};
use std::path::{Path, PathBuf};
use std::sync::Arc;
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
    pub fault_point: Option<FaultPoint>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(30),
            fault_point: None,
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
        let volume = Volume::new(root, options.fault_point);
        Self {
            inner: Arc::new(Inner { volume, options }),
        }
    }

    /// Whether the volume is there and ours. Looks again each time: a volume may be mounted later, above
    /// what was seen before.
    pub fn check(&self) -> Result<(), NotReady> {
        self.inner.check()
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
    /// Holds the root for what follows when it is ready, and none when it is not.
    fn check(&self) -> Result<(), NotReady> {
        self.volume.hold(None);
        let dir = self
            .volume
            .open_root()
            .map_err(|errno| self.no_root(errno))?;
        match dir.file_stamp(MARKER.as_bytes()) {
            Ok(_) => {
                self.volume.hold(Some(dir));
                Ok(())
            }
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

impl From<NotReady> for StoreError {
    fn from(why: NotReady) -> Self {
        Self::caused(ErrorKind::Unavailable, "open the volume", why)
    }
}
