//! The lock of a folder, on disk. Our pods exclude each other by flock on a file of our own, which goes
//! when a process dies; its holder also makes Dovecot's lock file, so that a Dovecot is kept out.
//!
//! Dovecot's lock file is a second name of our own file, which holds who we are, so that it appears
//! whole: whoever holds the flock can tell that a leftover is ours and its maker dead. Where a flock
//! proves nothing about another machine it is a file by itself, and a leftover is known by its age.

use super::dirs::LIST;
use crate::volume::{
    self, Attempt, Dir, Errno, FaultPoint, Identity, Kind, Moment, Volume, incarnation, process_id,
};
use mailaccess_mail::store::{ErrorKind, StoreError};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// The file whose flock excludes our pods.
pub(super) const OWN: &[u8] = b"mailaccess.lock";
/// The file whose existence excludes Dovecot.
pub(super) const DOVECOT: &[u8] = b"dovecot-uidlist.lock";

/// A lock file of Dovecot's, or one that may be anybody's, counts as left over when neither it nor the
/// uidlist has changed for so long.
const STALE_SECS: i64 = 120;
/// A lock held long is touched this often, so that nobody takes it for a leftover.
const TOUCH_EVERY: Duration = Duration::from_secs(10);
/// Untouched for so long a lock may have been broken by others: nothing is committed under it.
const TRUSTED_FOR: Duration = Duration::from_mins(1);
/// In every text of ours; no name of a host that runs Dovecot.
const TOKEN: &str = "mailaccess";

pub(super) struct FolderLock {
    folder: Arc<Dir>,
    own: volume::File,
    own_identity: Identity,
    dovecot: LockFile,
    /// The volume's time when the lock was taken.
    taken: (i64, u32),
    touched: Cell<Moment>,
}

/// Dovecot's lock file as we made it.
struct LockFile {
    identity: Identity,
    /// Where it is not our own file under a second name.
    file: Option<volume::File>,
}

/// Where a folder is, and how long to wait for its lock.
pub(super) struct Wanted<'a> {
    pub(super) volume: &'a Volume,
    pub(super) folder: &'a Arc<Dir>,
    /// Whether a flock says something about every process that uses the folder.
    pub(super) kind: Kind,
    pub(super) since: Moment,
    pub(super) timeout: Duration,
}

impl Wanted<'_> {
    /// Waits a little longer each time, until the time is over.
    fn wait(&self, pause: &mut Duration) -> Result<(), StoreError> {
        if self.since.elapsed() >= self.timeout {
            return Err(StoreError::new(
                ErrorKind::InUse,
                "wait for the lock of a folder",
            ));
        }
        volume::sleep(*pause);
        *pause = (*pause * 3 / 2).min(Duration::from_millis(50));
        Ok(())
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(1);

impl FolderLock {
    pub(super) fn acquire(wanted: &Wanted<'_>) -> Result<Self, StoreError> {
        let own = lock_own(wanted)?;
        let attempt = || "lock a folder".to_owned();
        introduce(&own).attempt(attempt)?;
        let stamp = own.stamp().attempt(attempt)?;
        let dovecot = lock_out_dovecot(wanted, &own, stamp.identity)?;
        wanted.volume.reach(FaultPoint::LockFileMade);
        Ok(Self {
            folder: Arc::clone(wanted.folder),
            own,
            own_identity: stamp.identity,
            dovecot,
            taken: stamp.modified,
            touched: Cell::new(Moment::now()),
        })
    }

    /// The volume's clock when the lock was taken: seconds since 1970 and nanoseconds.
    pub(super) fn taken(&self) -> (i64, u32) {
        self.taken
    }

    /// Says that we are still at work.
    pub(super) fn keep(&self) {
        let file = self.dovecot.file.as_ref().unwrap_or(&self.own);
        if self.touched.get().elapsed() >= TOUCH_EVERY && file.touch().is_ok() {
            self.touched.set(Moment::now());
        }
    }

    /// Whether the lock still stands, to be asked before a commit.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let stands = self.is_there(OWN, self.own_identity)
            && self.is_there(DOVECOT, self.dovecot.identity)
            && self.touched.get().elapsed() < TRUSTED_FOR;
        if stands {
            return Ok(());
        }
        Err(StoreError::new(
            ErrorKind::InUse,
            "keep the lock of a folder",
        ))
    }

    fn is_there(&self, name: &[u8], identity: Identity) -> bool {
        let stamp = self.folder.file_stamp(name);
        stamp.is_ok_and(|stamp| stamp.identity == identity)
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        if self.is_there(DOVECOT, self.dovecot.identity)
            && let Err(error) = self.folder.remove_file(DOVECOT)
        {
            tracing::warn!(%error, "cannot remove a lock file");
        }
    }
}

/// Makes Dovecot's lock file, when nobody has it.
fn lock_out_dovecot(
    wanted: &Wanted<'_>,
    own: &volume::File,
    own_identity: Identity,
) -> Result<LockFile, StoreError> {
    let attempt = || "make Dovecot's lock file".to_owned();
    let mut pause = FIRST_PAUSE;
    loop {
        match make_lock_file(wanted.folder, wanted.kind, own_identity) {
            Err(Errno::EXIST) => {}
            other => return other.attempt(attempt),
        }
        match is_left_over(wanted.folder, own, wanted.kind) {
            Ok(true) => match wanted.folder.remove_file(DOVECOT) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno).attempt(attempt),
            },
            Ok(false) => wanted.wait(&mut pause)?,
            // It is gone meanwhile.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno).attempt(attempt),
        }
    }
}

fn make_lock_file(folder: &Dir, kind: Kind, own_identity: Identity) -> Result<LockFile, Errno> {
    // Elsewhere a leftover is known by its age, so it must not grow younger with our own file.
    if kind == Kind::Local {
        match folder.link(OWN, folder, DOVECOT) {
            Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK) => {}
            other => {
                return other.map(|()| LockFile {
                    identity: own_identity,
                    file: None,
                });
            }
        }
    }
    let mut file = folder.create_new(DOVECOT)?;
    let introduced = file.write_all(&introduction()).and_then(|()| file.stamp());
    match introduced {
        Ok(stamp) => Ok(LockFile {
            identity: stamp.identity,
            file: Some(file),
        }),
        Err(errno) => {
            folder.remove_file(DOVECOT)?;
            Err(errno)
        }
    }
}

/// Whether Dovecot's lock file was left over by a process that died.
fn is_left_over(folder: &Dir, own: &volume::File, kind: Kind) -> Result<bool, Errno> {
    let content = folder.read(DOVECOT, 4096)?;
    if is_introduction(&content.bytes) && kind == Kind::Local {
        // The flock is ours, so whoever made the file has lost it: dead.
        tracing::info!("a lock file of a process that died is removed");
        return Ok(true);
    }
    // By the volume's clock, not by ours.
    own.touch()?;
    let now = own.stamp()?.modified.0;
    let listed = match folder.file_stamp(LIST) {
        Ok(stamp) => stamp.modified.0,
        Err(Errno::NOENT) => i64::MIN,
        Err(errno) => return Err(errno),
    };
    let last = content.stamp.modified.0.max(listed);
    let stale = now.saturating_sub(last) >= STALE_SECS;
    if stale {
        tracing::warn!(age_secs = now - last, "a stale lock file is removed");
    }
    Ok(stale)
}

/// Takes the flock on our own file, which must still be the one of that name.
fn lock_own(wanted: &Wanted<'_>) -> Result<volume::File, StoreError> {
    let attempt = || "lock a folder".to_owned();
    let mut pause = FIRST_PAUSE;
    loop {
        let file = wanted.folder.open_or_create(OWN).attempt(attempt)?;
        if file.try_lock().attempt(attempt)? {
            let stamp = file.stamp().attempt(attempt)?;
            match wanted.folder.file_stamp(OWN) {
                Ok(named) if named.identity == stamp.identity => return Ok(file),
                Ok(_) | Err(Errno::NOENT) => continue,
                Err(errno) => return Err(errno).attempt(attempt),
            }
        }
        wanted.wait(&mut pause)?;
    }
}

/// Dovecot reads `pid:host` here. The host is no name that one has, so nobody asks whether the process
/// of this number, on another machine or in another container, is alive.
fn introduction() -> Vec<u8> {
    format!("{}:{TOKEN}-{}", process_id(), incarnation()).into_bytes()
}

fn is_introduction(text: &[u8]) -> bool {
    let marker = format!(":{TOKEN}-");
    memchr::memmem::find(text, marker.as_bytes()).is_some()
}

/// Writes who we are into our own file, and lets it be modified now.
fn introduce(own: &volume::File) -> Result<(), Errno> {
    let text = introduction();
    let mut there = vec![0; text.len() + 1];
    let read = own.read_at(0, &mut there)?;
    if there[..read] != *text {
        own.write_all_at(0, &text)?;
        own.truncate(text.len() as u64)?;
    }
    own.touch()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place {
        _temp: tempfile::TempDir,
        volume: Volume,
        folder: Arc<Dir>,
    }

    fn place() -> Place {
        let temp = tempfile::tempdir().unwrap();
        let volume = Volume::new(temp.path(), None);
        let folder = Arc::new(volume.open_root().unwrap());
        folder.create_new(LIST).unwrap();
        Place {
            _temp: temp,
            volume,
            folder,
        }
    }

    impl Place {
        fn lock(&self, kind: Kind) -> Result<FolderLock, StoreError> {
            FolderLock::acquire(&Wanted {
                volume: &self.volume,
                folder: &self.folder,
                kind,
                since: Moment::now(),
                timeout: Duration::from_millis(20),
            })
        }

        fn leave(&self, text: &[u8]) {
            let mut file = self.folder.create_new(DOVECOT).unwrap();
            file.write_all(text).unwrap();
        }

        /// Makes a file so much older than it is.
        fn age(&self, name: &[u8], secs: i64) {
            let file = self.folder.open_for_writing(name).unwrap();
            let modified = file.stamp().unwrap().modified.0;
            file.set_modified(modified - secs).unwrap();
        }

        fn lock_file(&self) -> Result<Vec<u8>, Errno> {
            self.folder.read(DOVECOT, 4096).map(|content| content.bytes)
        }
    }

    #[test]
    fn both_locks_are_held_and_freed() {
        for kind in [Kind::Local, Kind::Shared] {
            let place = place();
            let lock = place.lock(kind).unwrap();
            lock.check().unwrap();
            assert_eq!(place.lock_file().unwrap(), introduction(), "{kind:?}");
            let refused = place.lock(kind).err().unwrap();
            assert_eq!(refused.kind(), ErrorKind::InUse);
            lock.check().unwrap();
            drop(lock);
            assert_eq!(place.lock_file().unwrap_err(), Errno::NOENT, "{kind:?}");
            place.lock(kind).unwrap();
        }
    }

    #[test]
    fn a_lock_that_was_broken_is_noticed_and_the_new_one_left_alone() {
        for kind in [Kind::Local, Kind::Shared] {
            let place = place();
            let lock = place.lock(kind).unwrap();
            place.folder.remove_file(DOVECOT).unwrap();
            assert!(lock.check().is_err());
            place.leave(b"1:host");
            assert_eq!(lock.check().unwrap_err().kind(), ErrorKind::InUse);
            drop(lock);
            assert_eq!(place.lock_file().unwrap(), b"1:host", "{kind:?}");
        }
    }

    #[test]
    fn a_leftover_of_ours_is_broken_at_once_where_the_flock_proves_it_dead() {
        let place = place();
        place.leave(b"1:mailaccess-another");
        assert!(place.lock(Kind::Local).is_ok());
        place.leave(b"1:mailaccess-another");
        assert!(
            place.lock(Kind::Shared).is_err(),
            "another machine may live"
        );
        place.age(DOVECOT, 200);
        assert!(place.lock(Kind::Shared).is_err(), "the uidlist is young");
        place.age(LIST, 200);
        assert!(place.lock(Kind::Shared).is_ok());
    }

    #[test]
    fn dovecots_lock_is_broken_when_it_is_stale_and_not_before() {
        for kind in [Kind::Local, Kind::Shared] {
            let place = place();
            place.leave(b"1:mail.example.com");
            place.age(LIST, 200);
            place.age(DOVECOT, STALE_SECS - 10);
            assert!(place.lock(kind).is_err(), "{kind:?}");
            place.age(DOVECOT, 11);
            assert!(place.lock(kind).is_ok(), "{kind:?}");
        }
    }
}
