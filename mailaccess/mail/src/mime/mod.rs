//! MIME structure of a message: byte ranges of its parts, found by one streaming scan without decoding.

use crate::store::{Body, BodyLost};

/// The parts of a message.
#[derive(Debug)]
pub struct Structure {}

impl Structure {
    /// Reads a message once, in pieces, and finds its parts.
    pub fn scan(body: &dyn Body) -> Result<Self, BodyLost> {
        let _ = body;
        Ok(Self {})
    }
}
