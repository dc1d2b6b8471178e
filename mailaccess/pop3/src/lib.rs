//! POP3 (RFC 1939, 2449, 2595, 3206, 5034) without I/O: framing, grammar, session.
//!
//! [`Pop3`] is a [`Session`](mailaccess_mail::step::Session): a driver hands it inputs and carries out the
//! steps it gives back. Nothing here knows a socket, a file, a clock or the environment, and nothing is
//! `async`; the crate is `no_std`, so the compiler proves it. Each command is one file.
//!
//! ```
//! use mailaccess_mail::step::{Phase, Session};
//! assert_eq!(mailaccess_pop3::Pop3::new().phase(), Phase::PreAuthenticated);
//! ```
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod auth;
mod capa;
mod command;
mod dele;
mod excerpt;
mod framing;
mod job;
mod list;
mod listing;
mod log_on;
mod maildrop;
mod noop;
mod pass;
mod quit;
mod reply;
mod retr;
mod rset;
mod session;
mod stat;
mod stls;
mod top;
mod turn;
mod uidl;
mod user;

pub use job::{Done, Job};
pub use session::Pop3;

#[cfg(test)]
mod tests;
