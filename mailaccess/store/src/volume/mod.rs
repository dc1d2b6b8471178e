//! The one door to files: every call of the operating system on the store goes through [`Volume`] and
//! the handles it gives, so that fault points and odd file systems can be put in between.
//!
//! Nothing is opened outside the root or through a symbolic link, and only regular files are read or
//! written. Handles take names, never paths: a name with a slash is refused here too.

mod clock;
mod dir;
mod fault;
mod file;
mod kind;
mod watch;

pub(crate) use clock::{Moment, sleep, unix_now, wall_now};
pub(crate) use dir::{Dir, EntryKind};
pub use fault::{Fault, FaultPoint, NAMES as FAULT_NAMES, UnknownFault};
pub(crate) use file::{File, Identity, Stamp};
pub(crate) use kind::Kind;
pub(crate) use rustix::io::Errno;
pub(crate) use watch::{Noticed, Waker, Watcher};

use mailaccess_mail::store::{ErrorKind, StoreError};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How every path below the root is resolved.
const BENEATH: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS);

/// The root of the store and what is below it.
#[derive(Debug)]
pub(crate) struct Volume {
    root: PathBuf,
    /// The root as it was when it was last found ready; a mount may come above it later.
    held: Mutex<Option<Dir>>,
    faults: fault::Faults,
}

impl Volume {
    pub(crate) fn new(root: &Path, fault: Option<Fault>) -> Self {
        Self {
            root: root.to_owned(),
            held: Mutex::new(None),
            faults: fault::Faults::new(fault),
        }
    }

    pub(crate) fn root_path(&self) -> &Path {
        &self.root
    }

    /// Opens the root anew, following the mounts of this moment.
    pub(crate) fn open_root(&self) -> Result<Dir, Errno> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(&self.root, flags, Mode::empty())?;
        Ok(Dir::new(fd))
    }

    /// Makes the root and what is above it.
    pub(crate) fn create_root(&self) -> Result<Dir, Errno> {
        std::fs::create_dir_all(&self.root)
            .map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
        self.open_root()
    }

    /// Keeps this root for [`Volume::open_below`].
    pub(crate) fn hold(&self, root: Option<Dir>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = root;
    }

    /// Opens a directory by components below the root that was found ready.
    pub(crate) fn open_below(&self, components: &[&str]) -> Result<Dir, Errno> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let root = held.as_ref().ok_or(Errno::NOENT)?;
        root.open_dir_below(&components.join("/"))
    }

    /// A place where a test can let this process die.
    pub(crate) fn reach(&self, point: FaultPoint) {
        self.faults.reach(point);
    }
}

/// A token that no other process, here or elsewhere, now or later, has.
pub(crate) fn random_token() -> Result<String, StoreError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|e| StoreError::caused(ErrorKind::ServerBug, "draw random bytes", e))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

/// Who this process is: another one has another token, also after a restart with the same number.
pub(crate) fn incarnation() -> &'static Arc<str> {
    static TOKEN: std::sync::OnceLock<Arc<str>> = std::sync::OnceLock::new();
    TOKEN.get_or_init(|| {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let random = random_token().unwrap_or_else(|_| format!("{:016x}", wall_now().as_nanos()));
        format!("{}-{random}", boot.trim()).into()
    })
}

/// The number of this process, for those who read lock files.
pub(crate) fn process_id() -> u32 {
    std::process::id()
}

/// The name of this machine, fit for a file name.
pub(crate) fn host_name() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy();
    let safe: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' || c == '.' {
                c
            } else {
                '_'
            }
        })
        .take(64)
        .collect();
    if safe.is_empty() {
        "localhost".to_owned()
    } else {
        safe
    }
}

/// What a failed call means to the client.
pub(crate) fn error_kind(errno: Errno) -> ErrorKind {
    match errno {
        Errno::NOSPC | Errno::DQUOT => ErrorKind::OverQuota,
        Errno::ROFS | Errno::ACCESS | Errno::PERM => ErrorKind::NoPermission,
        Errno::NOENT
        | Errno::NOTDIR
        | Errno::STALE
        | Errno::IO
        | Errno::NXIO
        | Errno::NODEV
        | Errno::HOSTDOWN
        | Errno::HOSTUNREACH
        | Errno::TIMEDOUT
        | Errno::NOTCONN
        | Errno::MFILE
        | Errno::NFILE
        | Errno::NOMEM => ErrorKind::Unavailable,
        Errno::LOOP | Errno::XDEV | Errno::ISDIR => ErrorKind::Corruption,
        Errno::FBIG | Errno::MLINK | Errno::NAMETOOLONG => ErrorKind::Limit,
        _ => ErrorKind::ServerBug,
    }
}

/// Turns a failed call into an error that says what was tried.
pub(crate) trait Attempt<T> {
    fn attempt(self, what: impl FnOnce() -> String) -> Result<T, StoreError>;
}

impl<T> Attempt<T> for Result<T, Errno> {
    fn attempt(self, what: impl FnOnce() -> String) -> Result<T, StoreError> {
        self.map_err(|errno| {
            StoreError::caused(error_kind(errno), what(), std::io::Error::from(errno))
        })
    }
}
