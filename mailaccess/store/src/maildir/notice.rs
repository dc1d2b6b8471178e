//! Noticing that an open folder may have changed, for sessions that wait: one thread for each store. It
//! watches with inotify where that works and looks at the directories where it does not, and now and then
//! everywhere. It also saves, a little later, what reading has found out about sizes.

use super::folder::{DOUBT, Folder};
use crate::volume::{Kind, Moment, Noticed, Waker, Watcher};
use inotify::WatchDescriptor;
use mailaccess_mail::store::StoreError;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Between two looks where no other way leads to a notice.
const POLL: Duration = Duration::from_millis(900);
/// Between two looks where inotify should have said everything.
const SAFETY_POLL: Duration = Duration::from_secs(10);
/// From the first size measured until all of them are saved.
const SAVE_AFTER: Duration = Duration::from_secs(2);

/// The thread's other end.
pub(super) struct Notice {
    shared: Arc<Shared>,
    waker: Option<Waker>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    requests: Mutex<Vec<Request>>,
}

enum Request {
    Watch(Weak<Folder>),
    Save(Arc<Folder>),
}

impl Notice {
    /// Starts the thread. Where there cannot be one, sessions see changes when they ask.
    pub(super) fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let watcher = Watcher::new()
            .inspect_err(|error| tracing::error!(%error, "sessions get no notice of changes"))
            .ok();
        let waker = watcher.as_ref().map(Watcher::waker);
        if let Some(watcher) = watcher {
            let thread = Thread {
                shared: Arc::clone(&shared),
                watcher,
                watched: Vec::new(),
                saves: Vec::new(),
            };
            let started = std::thread::Builder::new()
                .name("mail-notice".to_owned())
                .spawn(move || thread.run());
            if let Err(error) = started {
                tracing::error!(%error, "sessions get no notice of changes");
            }
        }
        Self { shared, waker }
    }

    /// Watches a folder as long as somebody has it open.
    pub(super) fn watch(&self, folder: &Arc<Folder>) {
        self.ask(Request::Watch(Arc::downgrade(folder)));
    }

    /// Saves the sizes of a folder before long.
    pub(super) fn save_later(&self, folder: &Arc<Folder>) {
        self.ask(Request::Save(Arc::clone(folder)));
    }

    fn ask(&self, request: Request) {
        if let Some(waker) = &self.waker {
            let requests = &self.shared.requests;
            requests
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(request);
            waker.wake();
        }
    }
}

impl Drop for Notice {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(waker) = &self.waker {
            waker.wake();
        }
    }
}

struct Thread {
    shared: Arc<Shared>,
    watcher: Watcher,
    watched: Vec<Watched>,
    saves: Vec<(Moment, Arc<Folder>)>,
}

struct Watched {
    folder: Weak<Folder>,
    watches: HashMap<i32, WatchDescriptor>,
    interval: Duration,
    looked: Moment,
}

impl Thread {
    fn run(mut self) {
        while !self.shared.stop.load(Ordering::Acquire) {
            let noticed = self.watcher.wait(self.until_next());
            self.take_requests();
            self.pass_on(&noticed);
            self.look();
            self.save();
        }
    }

    /// How long nothing is to be done.
    fn until_next(&self) -> Duration {
        let left = |since: &Moment, period: Duration| period.saturating_sub(since.elapsed());
        let looks = self.watched.iter().map(|watched| {
            let doubtful = watched.doubtful().then_some(DOUBT);
            left(&watched.looked, doubtful.unwrap_or(watched.interval))
        });
        let saves = self.saves.iter().map(|(since, _)| left(since, SAVE_AFTER));
        looks.chain(saves).min().unwrap_or(SAFETY_POLL)
    }

    fn take_requests(&mut self) {
        let requests = std::mem::take(
            &mut *self
                .shared
                .requests
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for request in requests {
            match request {
                Request::Watch(folder) => self.begin(folder),
                Request::Save(folder) => self.saves.push((Moment::now(), folder)),
            }
        }
    }

    fn begin(&mut self, folder: Weak<Folder>) {
        if self
            .watched
            .iter()
            .any(|known| known.folder.ptr_eq(&folder))
        {
            return;
        }
        let Some(alive) = folder.upgrade() else {
            return;
        };
        let local = alive
            .dirs()
            .is_ok_and(|dirs| dirs.cur.kind() == Ok(Kind::Local));
        let mut watches = HashMap::new();
        if local {
            for directory in ["new", "cur"] {
                let mut components = alive.components();
                components.push(directory);
                if let Some(watch) = self.watcher.watch(&alive.inner.volume, &components) {
                    watches.insert(watch.get_watch_descriptor_id(), watch);
                }
            }
        }
        let interval = if watches.len() == 2 {
            SAFETY_POLL
        } else {
            POLL
        };
        self.watched.push(Watched {
            folder,
            watches,
            interval,
            looked: Moment::now(),
        });
        // What happened between the opening and now.
        alive.hint_all();
    }

    fn pass_on(&mut self, noticed: &Noticed) {
        for watched in &mut self.watched {
            let hit = |id: &i32| watched.watches.contains_key(id);
            if (noticed.overflow || noticed.changed.iter().any(hit))
                && let Some(folder) = watched.folder.upgrade()
            {
                folder.hint_all();
            }
            for id in &noticed.ended {
                if watched.watches.remove(id).is_some() {
                    watched.interval = POLL;
                }
            }
        }
    }

    /// Looks at folders whose time has come, and lets go of those that nobody has open.
    fn look(&mut self) {
        for watched in &mut self.watched {
            let due = if watched.doubtful() {
                DOUBT
            } else {
                watched.interval
            };
            let Some(folder) = watched.folder.upgrade() else {
                for (_, watch) in watched.watches.drain() {
                    self.watcher.unwatch(watch);
                }
                continue;
            };
            if watched.looked.elapsed() < due {
                continue;
            }
            watched.looked = Moment::now();
            // One that cannot be looked at is one whose sessions must learn it.
            if folder.looks_changed().unwrap_or(true) {
                folder.hint_all();
            }
        }
        self.watched
            .retain(|watched| watched.folder.strong_count() > 0);
    }

    fn save(&mut self) {
        let (due, later) = std::mem::take(&mut self.saves)
            .into_iter()
            .partition::<Vec<_>, _>(|(since, _)| since.elapsed() >= SAVE_AFTER);
        self.saves = later;
        for (_, folder) in due {
            if let Err(error) = save_sizes(&folder) {
                tracing::debug!(%error, "sizes are counted again next time");
            }
        }
    }
}

impl Watched {
    fn doubtful(&self) -> bool {
        self.folder
            .upgrade()
            .is_some_and(|folder| folder.state().doubtful_since.is_some())
    }
}

/// Writes sizes that were measured into the uidlist.
fn save_sizes(folder: &Folder) -> Result<(), StoreError> {
    let mut held = folder.hold()?;
    super::sync::read_files(&mut held)?;
    let sizes = std::mem::take(&mut folder.state().unsaved_sizes);
    let mut news = false;
    for (uid, size) in sizes {
        news |= held.list_mut()?.set_size_on_wire(uid, size);
    }
    if news {
        held.check()?;
        let dir = Arc::clone(&held.dirs.folder);
        let volume = &folder.inner.volume;
        held.list_mut()?.rewrite(volume, &dir, Vec::new())?;
        held.adopt()?;
    }
    Ok(())
}
