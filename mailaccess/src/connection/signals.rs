//! What others tell a session: a few bits and one waker, so that an idle session waits for everything at
//! once at the price of one word.

use mailaccess_config::MailboxAddress;
use mailaccess_mail::step::{NoAccess, Stop};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The open mailbox may have changed.
const CHANGED: u32 = 1;
/// Time-outs are others than before.
const SETTINGS: u32 = 1 << 1;
/// The process ends.
const ENDING: u32 = 1 << 2;
/// The connection ends now, whatever runs.
const CUT: u32 = 1 << 3;

/// The right is gone, for this reason.
const fn revoked(why: NoAccess) -> u32 {
    1 << (8 + why as u32)
}

/// One session as others see it.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    bits: AtomicU32,
    wake: Notify,
    person: Mutex<Option<MailboxAddress>>,
}

impl Signals {
    /// Says that the open mailbox may have changed. Never blocks.
    pub(crate) fn changed(&self) {
        self.raise(CHANGED);
    }

    /// Says that time-outs are others than before.
    pub(crate) fn settings_changed(&self) {
        self.raise(SETTINGS);
    }

    /// Says that the right to be here is gone, and why.
    pub(crate) fn revoke(&self, why: NoAccess) {
        self.raise(revoked(why));
    }

    /// Whether it was said that the right to be here is gone.
    pub(crate) fn is_revoked(&self) -> bool {
        self.revocation().is_some()
    }

    /// Why the right to be here is gone.
    fn revocation(&self) -> Option<NoAccess> {
        let bits = self.bits.load(Ordering::Acquire);
        NoAccess::ALL
            .into_iter()
            .find(|why| bits & revoked(*why) != 0)
    }

    /// Says that the process ends.
    pub(crate) fn end(&self) {
        self.raise(ENDING);
    }

    /// Ends the connection, whatever runs.
    pub(crate) fn cut(&self) {
        self.raise(CUT);
    }

    /// Who is logged on.
    pub(crate) fn person(&self) -> Option<MailboxAddress> {
        self.lock_person().clone()
    }

    /// Whether nobody has been let in.
    pub(super) fn is_anonymous(&self) -> bool {
        self.lock_person().is_none()
    }

    pub(crate) fn set_person(&self, person: MailboxAddress) {
        *self.lock_person() = Some(person);
    }

    /// Takes a hint of changes, if there was one.
    pub(super) fn take_changed(&self) -> bool {
        self.bits.fetch_and(!CHANGED, Ordering::AcqRel) & CHANGED != 0
    }

    /// Why the session must end, if it must.
    pub(super) fn stop(&self) -> Option<Stop> {
        if let Some(why) = self.revocation() {
            return Some(Stop::AccessRevoked(why));
        }
        let ending = self.bits.load(Ordering::Acquire) & ENDING != 0;
        ending.then_some(Stop::ShuttingDown)
    }

    /// Whether the connection must end whatever runs.
    pub(crate) fn is_cut(&self) -> bool {
        self.bits.load(Ordering::Acquire) & CUT != 0
    }

    /// Waits for the next signal. One that came since the last wait counts. May be cancelled.
    pub(super) async fn raised(&self) {
        self.wake.notified().await;
    }

    /// Says that the newest time-outs are about to be looked at.
    pub(super) fn take_settings(&self) {
        self.bits.fetch_and(!SETTINGS, Ordering::AcqRel);
    }

    /// Waits until the connection must end whatever runs. Other signals stay to be seen. May be cancelled.
    pub(crate) async fn until_cut(&self) {
        while !self.is_cut() {
            self.wake.notified().await;
        }
    }

    /// Waits until the session must end for any reason. May be cancelled.
    pub(super) async fn until_stop(&self) {
        while !self.is_cut() && self.stop().is_none() {
            self.wake.notified().await;
        }
    }

    fn raise(&self, bit: u32) {
        // One that is raised already has been told of, or will be looked at before the next wait.
        if self.bits.fetch_or(bit, Ordering::AcqRel) & bit == 0 {
            self.wake.notify_one();
        }
    }

    fn lock_person(&self) -> MutexGuard<'_, Option<MailboxAddress>> {
        self.person.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[test]
    fn a_signal_before_the_wait_is_not_lost() {
        let signals = Signals::default();
        signals.changed();
        assert!(signals.raised().now_or_never().is_some());
        assert!(signals.take_changed());
        assert!(!signals.take_changed());
        assert!(signals.raised().now_or_never().is_none());
    }

    #[test]
    fn a_revoked_right_weighs_more_than_the_end_of_the_process() {
        let signals = Signals::default();
        signals.end();
        assert_eq!(signals.stop(), Some(Stop::ShuttingDown));
        for why in NoAccess::ALL {
            let other = Signals::default();
            assert!(!other.is_revoked());
            other.revoke(why);
            assert_eq!(other.stop(), Some(Stop::AccessRevoked(why)));
        }
        signals.revoke(NoAccess::PersonGone);
        assert_eq!(
            signals.stop(),
            Some(Stop::AccessRevoked(NoAccess::PersonGone))
        );
        assert!(signals.until_stop().now_or_never().is_some());
        assert!(signals.until_cut().now_or_never().is_none());
        signals.cut();
        assert!(signals.until_cut().now_or_never().is_some());
    }
}
