//! How long to wait after a failure: twice as long each time, up to a limit, and never exactly as long as
//! everybody else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Delays after failures in a row.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    limit: Duration,
    failures: u32,
}

impl Backoff {
    /// Starts with `first` and stops growing at `limit`.
    pub fn new(first: Duration, limit: Duration) -> Self {
        Self {
            first,
            limit,
            failures: 0,
        }
    }

    /// The delay after one more failure, with up to a fifth more by chance.
    pub fn delay(&mut self) -> Duration {
        let factor = 1_u32 << self.failures.min(16);
        self.failures += 1;
        let delay = self.first.saturating_mul(factor).min(self.limit);
        delay + delay.mul_f64(f64::from(chance() % 200) / 1000.0)
    }

    /// It went well.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How often in a row it went wrong.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

/// Nothing depends on it but that two operators do not knock at the same moment.
#[expect(
    clippy::disallowed_methods,
    reason = "the clock is as good a die as any here"
)]
fn chance() -> u32 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|since| since.subsec_nanos())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_limit_and_start_over_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        for expected in [100, 200, 400, 800, 1000, 1000] {
            let delay = backoff.delay().as_millis();
            assert!((expected..=expected * 12 / 10).contains(&delay), "{delay}");
        }
        assert_eq!(backoff.failures(), 6);
        backoff.reset();
        assert!(backoff.delay() <= Duration::from_millis(120));
    }

    #[test]
    fn a_thousand_failures_are_no_overflow() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        let longest = (0..1000).map(|_| backoff.delay()).max();
        assert!(longest <= Some(Duration::from_secs(36)));
    }
}
