//! A session that has nothing to do with whatever a test does, and must not notice it.

use super::sandbox::{Place, Sandbox};
use super::tenant::at;
use crate::harness::{Imap, Security};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

/// Between two commands.
const PACE: Duration = Duration::from_millis(50);

/// A session on one pod, or on whichever the Service gives it, that looks again and again.
pub(crate) struct Uninvolved {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u32>,
}

impl Uninvolved {
    pub(crate) fn start(sandbox: &'static Sandbox, address: IpAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = sandbox.spawn(Place::Client, {
            let stop = Arc::clone(&stop);
            move || {
                let mut imap = Imap::connect_to(at(address, 993), Security::Tls).unwrap();
                imap.log_on("ann@example.com", "quickstart");
                imap.ok("SELECT INBOX");
                let size = imap.ok("FETCH 1 RFC822.SIZE").lines();
                let mut commands = 0;
                while !stop.load(Ordering::Relaxed) {
                    imap.ok("NOOP");
                    assert_eq!(imap.ok("FETCH 1 RFC822.SIZE").lines(), size);
                    commands += 2;
                    sleep(PACE);
                }
                imap.ok("LOGOUT");
                commands
            }
        });
        Self { stop, thread }
    }

    /// Ends it in peace; says how many commands went well.
    #[track_caller]
    pub(crate) fn end(self) -> u32 {
        assert!(!self.thread.is_finished(), "the uninvolved session failed");
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
