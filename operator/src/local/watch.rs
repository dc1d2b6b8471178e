//! Notices that a file of a directory changed, also where an editor writes another file and renames it.

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

/// A checkout makes its directory anew, or lets a link lead to another one, of which the kernel says nothing.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A watched directory.
pub struct Watch {
    directory: PathBuf,
    watches: Watches,
    /// Which directory it was when it was looked at last.
    identity: Option<(u64, u64)>,
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
            identity: identity(directory),
            watches,
            changes,
            is_pending: false,
        })
    }

    /// Waits until something changed and has rested for a moment. May be dropped at any time.
    pub async fn changed(&mut self) {
        while !self.is_pending && !self.is_another() {
            match timeout(LOOK_EVERY, self.changes.recv()).await {
                Ok(Some(())) => break,
                // The watch has ended, which says nothing about files.
                Ok(None) => sleep(LOOK_EVERY).await,
                Err(_) => {}
            }
        }
        self.is_pending = true;
        for _ in 0..STEPS {
            if timeout(QUIET, self.changes.recv()).await.is_err() {
                break;
            }
        }
        self.is_pending = false;
    }
}

impl Watch {
    /// Whether another directory is there than when this was asked last; it is watched from then on.
    fn is_another(&mut self) -> bool {
        let identity = identity(&self.directory);
        if identity == self.identity {
            return false;
        }
        self.identity = identity;
        if identity.is_some()
            && let Err(error) = self.watches.add(&self.directory, mask())
        {
            tracing::warn!(%error, "edits may not be noticed");
        }
        true
    }
}

fn mask() -> WatchMask {
    WatchMask::CLOSE_WRITE
        | WatchMask::CREATE
        | WatchMask::DELETE
        | WatchMask::MOVED_FROM
        | WatchMask::MOVED_TO
}

/// Which directory it is.
fn identity(directory: &Path) -> Option<(u64, u64)> {
    let found = fs::metadata(directory).ok()?;
    Some((found.dev(), found.ino()))
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
    async fn a_change_is_not_lost_when_the_wait_is_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let mut watch = Watch::start(directory.path()).unwrap();
        fs::write(directory.path().join("a"), "a").unwrap();
        // Long enough to see the change, too short to see that it has rested.
        let _ = timeout(QUIET / 2, watch.changed()).await;
        watch.changed().await;
    }
}
