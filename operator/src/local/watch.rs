//! Notices that a file of a directory changed, also where an editor writes another file and renames it.

use inotify::{Inotify, WatchMask};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::timeout;

/// An editor's several steps are one change.
const QUIET: Duration = Duration::from_millis(40);
/// A directory that never rests is read nevertheless.
const STEPS: usize = 10;

/// A watched directory.
#[derive(Debug)]
pub struct Watch {
    changes: mpsc::Receiver<()>,
    /// Something changed that nobody has been told of.
    is_pending: bool,
}

impl Watch {
    /// Watches a directory until the process ends.
    pub fn start(directory: &Path) -> io::Result<Self> {
        let inotify = Inotify::init()?;
        inotify.watches().add(
            directory,
            WatchMask::CLOSE_WRITE
                | WatchMask::CREATE
                | WatchMask::DELETE
                | WatchMask::MOVED_FROM
                | WatchMask::MOVED_TO,
        )?;
        let (sender, changes) = mpsc::channel(1);
        std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || tell(inotify, &sender))?;
        Ok(Self {
            changes,
            is_pending: false,
        })
    }

    /// Waits until something changed and has rested for a moment. May be dropped at any time.
    pub async fn changed(&mut self) {
        if !self.is_pending && self.changes.recv().await.is_none() {
            // The watch has ended, which says nothing about files.
            std::future::pending::<()>().await;
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
    async fn a_change_is_not_lost_when_the_wait_is_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let mut watch = Watch::start(directory.path()).unwrap();
        fs::write(directory.path().join("a"), "a").unwrap();
        // Long enough to see the change, too short to see that it has rested.
        let _ = timeout(QUIET / 2, watch.changed()).await;
        watch.changed().await;
    }
}
