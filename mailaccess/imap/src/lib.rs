//! IMAP4rev1 (RFC 3501, 2177, 2342, 2971, 3348, 3691, 4315, 4959, 7888) without I/O: framing, grammar,
//! session, encoder.
//!
//! [`Imap`] is a [`Session`](mailaccess_mail::step::Session): a driver hands it inputs and carries out the
//! steps it gives back. Nothing here knows a socket, a file, a clock or the environment, and nothing is
//! `async`; the crate is `no_std`, so the compiler proves it. Each command is one file.
//!
//! ```
//! use mailaccess_mail::step::{Phase, Session};
//! assert_eq!(mailaccess_imap::Imap::new().phase(), Phase::PreAuthenticated);
//! ```
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod command;
mod commands;
mod dispatch;
mod encode;
mod framing;
mod grammar;
mod home;
mod job;
mod log_on;
mod pattern;
mod receive;
mod rules;
mod session;
mod state;
mod tag;
mod turn;
mod view;

pub use job::{Done, Job};
pub use session::Imap;

#[cfg(test)]
mod tests;
