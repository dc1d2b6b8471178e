//! Named places between two steps where a test lets the process die as by kill -9, to show that whoever
//! comes next finds everything in order. Without a test none is set, and passing one costs a comparison.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

macro_rules! points {
    ($($(#[$doc:meta])* $variant:ident => $name:literal,)*) => {
        /// A place between two steps.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum FaultPoint {
            $($(#[$doc])* $variant,)*
        }

        /// The names of all fault points.
        pub const NAMES: &[&str] = &[$($name,)*];

        impl FaultPoint {
            const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// How it is called.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

points! {
    /// APPEND: the file is made in `tmp/`, nothing is written.
    AppendCreated => "append-created",
    /// APPEND: the bytes are written, not synced.
    AppendWritten => "append-written",
    /// APPEND: the bytes are on disk.
    AppendSynced => "append-synced",
    /// APPEND: the lock is held.
    AppendLocked => "append-locked",
    /// APPEND: the files have their names, in `tmp/`.
    AppendNamed => "append-named",
    /// APPEND: the uidlist names the files.
    AppendListed => "append-listed",
    /// APPEND: the first file is where it belongs.
    AppendMoved => "append-moved",
    /// APPEND: all are, and the directories are synced.
    AppendSettled => "append-settled",
    /// COPY: the first copy is in `tmp/`.
    CopyStaged => "copy-staged",
    /// COPY: all copies are in `tmp/`.
    CopyAllStaged => "copy-all-staged",
    /// COPY: the lock is held.
    CopyLocked => "copy-locked",
    /// COPY: the files have their names, in `tmp/`.
    CopyNamed => "copy-named",
    /// COPY: the uidlist names the files.
    CopyListed => "copy-listed",
    /// COPY: the first file is where it belongs.
    CopyMoved => "copy-moved",
    /// COPY: all are, and the directories are synced.
    CopySettled => "copy-settled",
    /// STORE: the lock is held.
    StoreLocked => "store-locked",
    /// STORE: the new keywords have letters.
    StoreKeywordsWritten => "store-keywords-written",
    /// STORE: the first file has its new name.
    StoreRenamed => "store-renamed",
    /// STORE: all files have their new names.
    StoreAllRenamed => "store-all-renamed",
    /// EXPUNGE: the lock is held.
    ExpungeLocked => "expunge-locked",
    /// EXPUNGE: the first file is gone.
    ExpungeRemoved => "expunge-removed",
    /// EXPUNGE: all files are gone.
    ExpungeAllRemoved => "expunge-all-removed",
    /// A new `dovecot-keywords` is written beside the old one.
    KeywordsWritten => "keywords-written",
    /// A new uidlist is written beside the old one.
    ListWritten => "list-written",
    /// The new uidlist has taken the place of the old one.
    ListReplaced => "list-replaced",
    /// Lines are at the end of the uidlist, not synced.
    ListAppended => "list-appended",
    /// Dovecot's lock file is made.
    LockFileMade => "lock-file-made",
    /// SELECT: the first file has left `new/`.
    SelectMoved => "select-moved",
}

impl fmt::Display for FaultPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a process dies: at a fault point, when it comes there for the n-th time. Most points lie on the way
/// of several commands, so that the first time says nothing of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The place.
    pub point: FaultPoint,
    /// Which time, counted from one.
    pub time: NonZeroU32,
}

/// Not `NAME` or `NAME:TIME`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownFault {
    /// There is no such place.
    #[error("no fault point is called {0}")]
    Point(String),
    /// This is no number above zero.
    #[error("a fault point is reached for the n-th time, not for the {0:?}-th")]
    Time(String),
}

/// `NAME` is the first time, `NAME:3` the third.
impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let (name, time) = text.split_once(':').unwrap_or((text, "1"));
        let point = FaultPoint::ALL.iter().find(|point| point.name() == name);
        Ok(Self {
            point: *point.ok_or_else(|| UnknownFault::Point(name.to_owned()))?,
            time: time
                .parse()
                .map_err(|_| UnknownFault::Time(time.to_owned()))?,
        })
    }
}

#[derive(Debug)]
pub(super) struct Faults(Option<Armed>);

#[derive(Debug)]
struct Armed {
    fault: Fault,
    reached: AtomicU32,
}

impl Faults {
    pub(super) fn new(fault: Option<Fault>) -> Self {
        Self(fault.map(|fault| Armed {
            fault,
            reached: AtomicU32::new(0),
        }))
    }

    pub(super) fn reach(&self, point: FaultPoint) {
        if self.0.as_ref().is_some_and(|armed| armed.is_due(point)) {
            // The kernel ends this thread before the call returns.
            let killed = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
            if killed.is_err() {
                std::process::abort();
            }
        }
    }
}

impl Armed {
    /// Counts; only one caller is ever told so, whoever comes at the same time.
    fn is_due(&self, point: FaultPoint) -> bool {
        point == self.fault.point
            && self.reached.fetch_add(1, Ordering::Relaxed) == self.fault.time.get() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::{Armed, Fault, FaultPoint, NAMES};
    use std::sync::atomic::AtomicU32;

    #[test]
    fn every_name_is_read_back() {
        for name in NAMES {
            let fault: Fault = name.parse().unwrap();
            assert_eq!((fault.point.name(), fault.time.get()), (*name, 1));
            let fault: Fault = format!("{name}:30").parse().unwrap();
            assert_eq!((fault.point.name(), fault.time.get()), (*name, 30));
        }
        for wrong in [
            "",
            "nowhere",
            "list-written:",
            "list-written:0",
            "list-written:x",
            ":1",
        ] {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn it_is_due_at_its_place_and_its_time_alone() {
        let armed = Armed {
            fault: "list-written:2".parse().unwrap(),
            reached: AtomicU32::new(0),
        };
        let due = [
            FaultPoint::ListWritten,
            FaultPoint::ListReplaced,
            FaultPoint::ListWritten,
            FaultPoint::ListWritten,
        ]
        .map(|point| armed.is_due(point));
        assert_eq!(due, [false, false, true, false]);
    }
}
