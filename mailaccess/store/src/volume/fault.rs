//! Named places between two steps where a test lets the process die as by kill -9, to show that whoever
//! comes next finds everything in order. Without a test none is set, and passing one costs a comparison.

use std::fmt;
use std::str::FromStr;

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

/// There is no fault point of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no fault point is called {name}")]
pub struct UnknownFaultPoint {
    name: String,
}

impl FromStr for FaultPoint {
    type Err = UnknownFaultPoint;

    fn from_str(name: &str) -> Result<Self, UnknownFaultPoint> {
        Self::ALL
            .iter()
            .find(|point| point.name() == name)
            .copied()
            .ok_or_else(|| UnknownFaultPoint {
                name: name.to_owned(),
            })
    }
}

#[derive(Debug)]
pub(super) struct Faults(Option<FaultPoint>);

impl Faults {
    pub(super) fn new(fault: Option<FaultPoint>) -> Self {
        Self(fault)
    }

    pub(super) fn reach(&self, point: FaultPoint) {
        if self.0 == Some(point) {
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

#[cfg(test)]
mod tests {
    use super::{FaultPoint, NAMES};

    #[test]
    fn every_name_is_read_back() {
        for name in NAMES {
            assert_eq!(name.parse::<FaultPoint>().unwrap().name(), *name);
        }
        assert!("nowhere".parse::<FaultPoint>().is_err());
    }
}
