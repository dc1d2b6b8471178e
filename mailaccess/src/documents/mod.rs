//! The documents of this pod: a mounted directory, watched, and what it means now.
//!
//! The directory is as a kubelet mounts a projected volume: each file is a link through `..data`, which is
//! swapped when something changed. The files of one look may come from different moments, so each document
//! is applied by itself as soon as its own digest is right and its sequence is newer than what is loaded;
//! only settings and certificates, which name each other, switch together. What cannot be used changes
//! nothing: the last good one stays, and the status says why.
//!
//! Nothing here knows what is done with the result: whoever wants to obey holds the receiver.

mod effective;
mod loading;
mod status;
mod watching;

pub use effective::{Effective, NotAllowed, Password, Whole};
pub use status::{DocumentState, DocumentStatus, DocumentsStatus, Fault, StatusCell};
pub use watching::watch;

#[cfg(test)]
mod tests;
