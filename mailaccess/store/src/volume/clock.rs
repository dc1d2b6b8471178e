//! The clock of this machine, where the volume's own cannot be asked: time-outs, and names of files.

use std::time::{Duration, Instant, SystemTime};

/// A moment of a clock that never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Instant);

impl Moment {
    #[expect(
        clippy::disallowed_methods,
        reason = "the volume drives the store: its time-outs begin here"
    )]
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        Self::now().0.saturating_duration_since(self.0)
    }
}

/// Time since 1970 by this machine's clock.
#[expect(
    clippy::disallowed_methods,
    reason = "names of files begin with the time; nothing is decided by it"
)]
pub(crate) fn wall_now() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// Seconds since 1970 by this machine's clock.
pub(crate) fn unix_now() -> u64 {
    wall_now().as_secs()
}

/// Waits for another process; there is nothing to be woken by.
pub(crate) fn sleep(time: Duration) {
    std::thread::sleep(time);
}
