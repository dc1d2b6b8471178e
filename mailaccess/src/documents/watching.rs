//! The task that watches the directory and publishes what is in force.

use super::effective::Effective;
use super::loading::{Documents, Look};
use super::status::StatusCell;
use inotify::{Inotify, WatchMask};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::io::unix::AsyncFd;
use tokio::sync::watch::{self, Receiver, Sender};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long until the directory is looked at again although nothing was noticed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// A safety net.
    pub(super) watched: Duration,
    /// While it cannot be watched, for instance because it is not there yet.
    pub(super) unwatched: Duration,
}

const PACE: Pace = Pace {
    watched: Duration::from_secs(3),
    unwatched: Duration::from_millis(250),
};

/// Watches a directory of documents until `shutdown`. Must be called within a runtime. The first value is
/// empty: everything is denied until a document says otherwise.
pub fn watch(
    directory: PathBuf,
    shutdown: CancellationToken,
) -> (Receiver<Arc<Effective>>, Arc<StatusCell>, JoinHandle<()>) {
    watch_at(PACE, directory, shutdown)
}

pub(super) fn watch_at(
    pace: Pace,
    directory: PathBuf,
    shutdown: CancellationToken,
) -> (Receiver<Arc<Effective>>, Arc<StatusCell>, JoinHandle<()>) {
    let (sender, receiver) = watch::channel(Arc::new(Effective::default()));
    let status = Arc::new(StatusCell::default());
    let task = tokio::spawn(run(pace, directory, sender, Arc::clone(&status), shutdown));
    (receiver, status, task)
}

async fn run(
    pace: Pace,
    directory: PathBuf,
    sender: Sender<Arc<Effective>>,
    status: Arc<StatusCell>,
    shutdown: CancellationToken,
) {
    let documents = Arc::new(Mutex::new(Documents::default()));
    let mut watched: Option<Watched> = None;
    loop {
        // Before the look, so that a change after it is noticed.
        if watched
            .as_ref()
            .is_none_or(|watched| !watched.is_of(&directory))
        {
            watched = Watched::new(&directory)
                .inspect_err(|error| tracing::debug!(%error, "watch the documents"))
                .ok();
        }
        look(&documents, &directory, &sender, &status).await;
        let pause = if watched.is_some() {
            pace.watched
        } else {
            pace.unwatched
        };
        tokio::select! {
            biased; // An end goes before another look.
            () = shutdown.cancelled() => return,
            () = changed(watched.as_mut()) => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One look on a thread that may block.
async fn look(
    documents: &Arc<Mutex<Documents>>,
    directory: &Path,
    sender: &Sender<Arc<Effective>>,
    status: &StatusCell,
) {
    let (shared, path, now) = (
        Arc::clone(documents),
        directory.to_owned(),
        now_unix_millis(),
    );
    let looked = tokio::task::spawn_blocking(move || {
        let mut documents = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let look = documents.look(&path, now);
        let effective = (look == Look::Changed).then(|| Arc::new(documents.effective()));
        (effective, documents.status())
    });
    match looked.await {
        Ok((effective, newest)) => {
            if let Some(effective) = effective {
                sender.send_replace(effective);
            }
            // Behind the value: whoever sees a digest in the status sees it obeyed, too.
            status.set(newest);
        }
        Err(error) => tracing::error!(%error, "look at the documents"),
    }
}

/// A directory under watch.
struct Watched {
    notices: AsyncFd<Inotify>,
    /// Which directory the path meant then.
    inode: (u64, u64),
}

impl Watched {
    #[expect(
        deprecated,
        reason = "its successor is unsafe; an Inotify owns its descriptor as long as it lives"
    )]
    fn new(directory: &Path) -> io::Result<Self> {
        let inode = inode(directory)?;
        let notices = Inotify::init()?;
        notices.watches().add(
            directory,
            WatchMask::CREATE
                | WatchMask::CLOSE_WRITE
                | WatchMask::DELETE
                | WatchMask::MOVE
                | WatchMask::DELETE_SELF
                | WatchMask::MOVE_SELF
                | WatchMask::ONLYDIR,
        )?;
        Ok(Self {
            notices: AsyncFd::new(notices)?,
            inode,
        })
    }

    /// Whether the path still means the watched directory.
    fn is_of(&self, directory: &Path) -> bool {
        inode(directory).is_ok_and(|inode| inode == self.inode)
    }
}

fn inode(directory: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(directory).map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Returns once the directory changed; never where nothing is watched. May be cancelled.
async fn changed(watched: Option<&mut Watched>) {
    let Some(watched) = watched else {
        return std::future::pending().await;
    };
    loop {
        let Ok(mut ready) = watched.notices.readable_mut().await else {
            return std::future::pending().await;
        };
        let mut buffer = [0; 4096];
        let mut seen = false;
        // All of them: one look answers many notices.
        let drained = loop {
            match ready.get_inner_mut().read_events(&mut buffer) {
                Ok(mut events) => seen |= events.next().is_some(),
                Err(error) => break error,
            }
        };
        if drained.kind() == io::ErrorKind::WouldBlock {
            ready.clear_ready();
        }
        if seen {
            return;
        }
        if drained.kind() != io::ErrorKind::WouldBlock {
            return std::future::pending().await;
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the driver of the documents: the status says when a fault was found"
)]
fn now_unix_millis() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}
