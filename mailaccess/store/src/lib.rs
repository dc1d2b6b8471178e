//! Where mail lies: in memory for tests, in Maildir++ on a volume that many pods mount.
//!
//! Both are the traits of [`mailaccess_mail::store`], and one suite of tests holds for both. Nothing here
//! knows a protocol, a socket or a task: every call is synchronous, and the caller chooses the thread.

mod index;
pub mod maildir;
pub mod memory;
mod volume;

/// Places where a test lets the process die.
pub mod fault {
    pub use crate::volume::{FAULT_NAMES as NAMES, Fault, FaultPoint, UnknownFault};
}

use mailaccess_mail::{Uid, UidValidity};

/// The unique-id that Dovecot shows in POP3 by default (`%08Xu%08Xv`): people who come from there
/// download nothing twice.
fn unique_id(uid: Uid, uid_validity: UidValidity) -> String {
    format!("{:08x}{:08x}", uid.get(), uid_validity.get())
}
