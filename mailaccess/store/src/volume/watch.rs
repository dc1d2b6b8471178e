//! Waiting for directories to change: inotify where the kernel sees every change, and a way to be woken.
//! What it says is a hint; nothing is decided by it.

use super::{Errno, Volume};
use inotify::{EventMask, Inotify, WatchDescriptor, WatchMask};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

/// What a watched directory is told for: names that come, go or change.
fn interesting() -> WatchMask {
    WatchMask::CREATE
        | WatchMask::DELETE
        | WatchMask::MOVE
        | WatchMask::DELETE_SELF
        | WatchMask::MOVE_SELF
        | WatchMask::ONLYDIR
        | WatchMask::DONT_FOLLOW
}

/// Ends [`Watcher::wait`] from another thread.
#[derive(Debug, Clone)]
pub(crate) struct Waker(Arc<OwnedFd>);

impl Waker {
    pub(crate) fn wake(&self) {
        // It can fail only when the counter is full, and then the sleeper is woken already.
        let _ = rustix::io::write(&*self.0, &1_u64.to_ne_bytes());
    }
}

/// What ended [`Watcher::wait`].
#[derive(Debug, Default)]
pub(crate) struct Noticed {
    /// Watches whose directory changed.
    pub(crate) changed: Vec<i32>,
    /// Watches that are no more.
    pub(crate) ended: Vec<i32>,
    /// So much happened that the kernel dropped some of it.
    pub(crate) overflow: bool,
}

/// One inotify instance and one waker. Without inotify it only waits.
pub(crate) struct Watcher {
    inotify: Option<Inotify>,
    wake: Arc<OwnedFd>,
    buffer: Vec<u8>,
}

impl Watcher {
    pub(crate) fn new() -> Result<Self, Errno> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self {
            inotify: Inotify::init()
                .inspect_err(|error| tracing::warn!(%error, "no inotify: polling instead"))
                .ok(),
            wake: Arc::new(rustix::event::eventfd(0, flags)?),
            buffer: vec![0; 16 * 1024],
        })
    }

    pub(crate) fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.wake))
    }

    /// Begins to watch a directory, given by its components below the root.
    pub(crate) fn watch(
        &mut self,
        volume: &Volume,
        components: &[&str],
    ) -> Option<WatchDescriptor> {
        let path = volume.root_path().join(components.join("/"));
        self.inotify
            .as_mut()?
            .watches()
            .add(path, interesting())
            .inspect_err(|error| tracing::debug!(%error, "cannot watch a folder: polling instead"))
            .ok()
    }

    pub(crate) fn unwatch(&mut self, watch: WatchDescriptor) {
        if let Some(inotify) = &mut self.inotify {
            // It is gone already when the directory is.
            let _ = inotify.watches().remove(watch);
        }
    }

    /// Waits until a directory changes, somebody wakes, or the time is over.
    pub(crate) fn wait(&mut self, time: Duration) -> Noticed {
        let timeout = Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        };
        let mut fds = vec![PollFd::new(&*self.wake, PollFlags::IN)];
        if let Some(inotify) = &self.inotify {
            fds.push(PollFd::new(inotify, PollFlags::IN));
        }
        // An interrupted wait is a short one: the caller looks at the time anyway.
        let _ = rustix::event::poll(&mut fds, Some(&timeout));
        let mut count = [0_u8; 8];
        let _ = rustix::io::read(&*self.wake, &mut count);
        self.read_events()
    }

    fn read_events(&mut self) -> Noticed {
        let mut noticed = Noticed::default();
        let Some(inotify) = &mut self.inotify else {
            return noticed;
        };
        // Until nothing is left: it answers that it would block.
        while let Ok(events) = inotify.read_events(&mut self.buffer) {
            for event in events {
                noticed.overflow |= event.mask.contains(EventMask::Q_OVERFLOW);
                let id = event.wd.get_watch_descriptor_id();
                if event.mask.contains(EventMask::IGNORED) {
                    noticed.ended.push(id);
                } else {
                    noticed.changed.push(id);
                }
            }
        }
        noticed.changed.sort_unstable();
        noticed.changed.dedup();
        noticed
    }
}
