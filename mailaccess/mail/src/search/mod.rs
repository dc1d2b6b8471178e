//! SEARCH keys and their evaluation (RFC 3501 6.4.4), one message at a time, so that a caller can stop
//! and go on between any two messages.
//!
//! Texts are compared by i;unicode-casemap (RFC 5051), after encoded words, transfer encodings and
//! charsets are decoded. Nothing is held in memory but the text searched for, pieces of 64 KiB, and of a
//! list of addresses as much as an envelope holds.

mod charset;
mod date;
mod fold;
mod key;
mod needle;
mod program;
#[cfg(test)]
mod tests;
mod text;
mod transfer;
mod words;

pub use charset::Charset;
pub use key::{AddressField, Key, UidSet};
pub use program::{Candidate, CompileError, Search};
