//! Waiting for a condition with a limit, and telling what was measured.

use std::fmt::Display;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const EVERY: Duration = Duration::from_millis(20);

/// The time. The only clock of the tests.
#[expect(
    clippy::disallowed_methods,
    reason = "black-box tests measure what people wait for"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// What `look` finds, as soon as it finds something; fails the test when it finds nothing within the limit.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, limit: Duration, look: impl FnMut() -> Option<T>) -> T {
    measure(what, limit, look).0
}

/// The same, and how long it took.
#[track_caller]
pub(crate) fn measure<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Option<T>,
) -> (T, Duration) {
    let begin = now();
    loop {
        if let Some(found) = look() {
            return (found, begin.elapsed());
        }
        assert!(begin.elapsed() < limit, "not within {limit:?}: {what}");
        sleep(EVERY);
    }
}

/// Prints a figure. `e2e/run` shows these lines.
#[expect(clippy::print_stdout, reason = "shown by the test harness and e2e/run")]
pub(crate) fn figure(what: &str, value: impl Display) {
    println!("figure: {what}: {value}");
}
