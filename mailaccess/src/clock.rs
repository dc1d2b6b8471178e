//! The one place where this crate reads the time of day. Everything below is handed it.

use mailaccess_mail::InternalDate;
use std::time::{SystemTime, UNIX_EPOCH};

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "the driver's clock, handed to everything else"
)]
pub(crate) fn now() -> InternalDate {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // Before 1970 nothing has a date.
    let secs = since.map_or(0, |since| since.as_secs());
    InternalDate::from_unix_secs(i64::try_from(secs).unwrap_or(i64::MAX))
}

/// Now, as `/status` writes it.
pub(crate) fn unix_millis() -> u64 {
    let secs = u64::try_from(now().unix_secs()).unwrap_or(0);
    secs.saturating_mul(1000)
}
