//! The pod: POP3 and IMAP4 from a shared store, obeying its documents live.
//!
//! Only this crate opens sockets, and it knows nothing of Kubernetes: a directory of documents and a volume
//! of mail is all that it is given.

mod admin;
mod cause;
pub mod cli;
mod clock;
mod connection;
pub mod documents;
mod duration;
mod failures;
mod files;
pub mod init;
mod listener;
mod live;
pub mod log;
mod log_on;
mod metrics;
mod obey;
pub mod people;
mod readiness;
pub mod serve;
mod server;
mod signal;
mod span;
#[cfg(test)]
mod testing;
mod tls;

pub use duration::{InvalidDuration, parse_duration};
