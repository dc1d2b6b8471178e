//! Notices that a file of a directory changed, also where an editor writes another file and renames it.

use crate::files::source::manifests;
use inotify::{Inotify, WatchMask, Watches};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{sleep, timeout};

/// An editor's several steps are one change.
const QUIET: Duration = Duration::from_millis(40);
/// A directory that never rests is read nevertheless.
const STEPS: usize = 10;

/// A checkout makes its directory anew, or lets a link lead to another one; a manifest that is a link changes
/// where it leads. Of that the kernel says nothing, nor on every file system of anything.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A watched directory.
pub struct Watch {
    directory: PathBuf,
    watches: Watches,
    /// What was there when it was looked at last.
    seen: Seen,
    changes: mpsc::Receiver<()>,
    /// Something changed that nobody has been told of.
    is_pending: bool,
}

impl Watch {
    /// Watches a directory until the process ends.
    pub fn start(directory: &Path) -> io::Result<Self> {
        let inotify = Inotify::init()?;
        let mut watches = inotify.watches();
        watches.add(directory, mask())?;
        let (sender, changes) = mpsc::channel(1);
        std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || tell(inotify, &sender))?;
        Ok(Self {
            directory: directory.to_owned(),
            seen: Seen::now(directory),
            watches,
            changes,
            is_pending: false,
        })
    }

    /// Waits until something changed and has rested for a moment. May be dropped at any time.
    pub async fn changed(&mut self) {
        while !self.is_pending && !self.is_other() {
            match timeout(LOOK_EVERY, self.changes.recv()).await {
                Ok(Some(())) => break,
                // The watch has ended, which says nothing about files.
                Ok(None) => sleep(LOOK_EVERY).await,
                Err(_) => {}
            }
        }
        self.is_pending = true;
        // Only what comes from here on is unrest.
        self.is_other();
        for _ in 0..STEPS {
            let is_quiet = timeout(QUIET, self.changes.recv()).await.is_err();
            if !self.is_other() && is_quiet {
                break;
            }
        }
        self.is_pending = false;
    }
}

impl Watch {
    /// Whether something else is there than when this was asked last; another directory is watched from then
    /// on.
    fn is_other(&mut self) -> bool {
        let now = Seen::now(&self.directory);
        let before = std::mem::replace(&mut self.seen, now);
        if self.seen.directory.is_some()
            && self.seen.directory != before.directory
            && let Err(error) = self.watches.add(&self.directory, mask())
        {
            tracing::warn!(%error, "edits may not be noticed");
        }
        self.seen != before
    }
}

fn mask() -> WatchMask {
    WatchMask::CLOSE_WRITE
        | WatchMask::CREATE
        | WatchMask::DELETE
        | WatchMask::MOVED_FROM
        | WatchMask::MOVED_TO
}

/// What a look shows.
#[derive(Debug, PartialEq)]
struct Seen {
    /// Which directory it is.
    directory: Option<(u64, u64)>,
    /// Which version of each manifest, or of what it leads to.
    manifests: Vec<(PathBuf, Option<Version>)>,
}

/// What differs after a file was written or replaced.
#[derive(Debug, PartialEq)]
struct Version {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Seen {
    fn now(directory: &Path) -> Self {
        let found = fs::metadata(directory).ok();
        let manifests = manifests(directory).unwrap_or_default();
        Self {
            directory: found.map(|found| (found.dev(), found.ino())),
            manifests: manifests
                .into_iter()
                .map(|path| {
                    let version = Version::of(&path);
                    (path, version)
                })
                .collect(),
        }
    }
}

impl Version {
    fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        Some(Self {
            file: (found.dev(), found.ino()),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

/// Says that something changed until nobody listens.
fn tell(mut inotify: Inotify, sender: &mpsc::Sender<()>) {
    let mut buffer = [0; 4096];
    loop {
        match inotify.read_events_blocking(&mut buffer) {
            // A full channel says the same already.
            Ok(_) => match sender.try_send(()) {
                Ok(()) | Err(TrySendError::Full(())) => {}
                Err(TrySendError::Closed(())) => return,
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::error!(%error, "edits are no longer noticed");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[tokio::test]
    async fn writing_renaming_and_deleting_are_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("server.yaml");
        let other = directory.path().join(".server.yaml.swp");
        let mut watch = Watch::start(directory.path()).unwrap();
        fs::write(&file, "a").unwrap();
        watch.changed().await;
        fs::write(&other, "b").unwrap();
        fs::rename(&other, &file).unwrap();
        watch.changed().await;
        fs::remove_file(&file).unwrap();
        watch.changed().await;
    }

    #[tokio::test]
    async fn a_directory_that_is_made_anew_or_led_to_elsewhere_is_watched() {
        let folder = tempfile::tempdir().unwrap();
        let (one, other, link) = (
            folder.path().join("one"),
            folder.path().join("other"),
            folder.path().join("link"),
        );
        fs::create_dir(&one).unwrap();
        fs::create_dir(&other).unwrap();
        std::os::unix::fs::symlink(&one, &link).unwrap();
        let mut watch = Watch::start(&link).unwrap();
        let next = folder.path().join("next");
        std::os::unix::fs::symlink(&other, &next).unwrap();
        fs::rename(&next, &link).unwrap();
        watch.changed().await;
        fs::write(other.join("server.yaml"), "a").unwrap();
        watch.changed().await;
        fs::remove_dir_all(&other).unwrap();
        watch.changed().await;
        fs::create_dir(&other).unwrap();
        watch.changed().await;
        fs::write(other.join("server.yaml"), "b").unwrap();
        watch.changed().await;
    }

    #[tokio::test]
    async fn what_a_link_leads_to_is_watched_wherever_it_lies() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["files", "elsewhere", "elsewhere/..1", "elsewhere/..2"] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::write(path("elsewhere/..1/mail.yaml"), "a").unwrap();
        fs::write(path("elsewhere/..2/mail.yaml"), "a").unwrap();
        std::os::unix::fs::symlink("..1", path("elsewhere/..data")).unwrap();
        std::os::unix::fs::symlink(path("elsewhere/..data/mail.yaml"), path("files/mail.yaml"))
            .unwrap();
        let mut watch = Watch::start(&path("files")).unwrap();
        fs::write(path("elsewhere/..1/mail.yaml"), "b").unwrap();
        watch.changed().await;
        std::os::unix::fs::symlink("..2", path("elsewhere/next")).unwrap();
        fs::rename(path("elsewhere/next"), path("elsewhere/..data")).unwrap();
        watch.changed().await;
        fs::remove_file(path("elsewhere/..data")).unwrap();
        watch.changed().await;
        // And nothing is a change that is none.
        assert!(
            timeout(2 * LOOK_EVERY, watch.changed()).await.is_err(),
            "a change was seen"
        );
    }

    #[tokio::test]
    async fn a_change_is_not_lost_when_the_wait_is_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let mut watch = Watch::start(directory.path()).unwrap();
        fs::write(directory.path().join("a"), "a").unwrap();
        // Long enough to see the change, too short to see that it has rested.
        let _ = timeout(QUIET / 2, watch.changed()).await;
        watch.changed().await;
    }
}
