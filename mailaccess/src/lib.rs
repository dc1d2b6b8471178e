//! The pod: POP3 and IMAP4 from a shared store, obeying its documents live.

pub mod documents;
pub mod people;
