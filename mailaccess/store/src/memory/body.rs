//! A message in memory as a body of wire bytes.

use mailaccess_mail::store::{Body, BodyLost};
use std::sync::Arc;

pub(super) struct MemoryBody(pub(super) Arc<[u8]>);

impl Body for MemoryBody {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, BodyLost> {
        let from = usize::try_from(offset).map_or(self.0.len(), |from| from.min(self.0.len()));
        let rest = &self.0[from..];
        let take = rest.len().min(buffer.len());
        buffer[..take].copy_from_slice(&rest[..take]);
        Ok(take)
    }

    fn try_read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<Option<usize>, BodyLost> {
        self.read_at(offset, buffer).map(Some)
    }
}

/// The message as it goes over the wire: every bare LF becomes CRLF.
pub(super) fn with_crlf(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len());
    let mut before = 0;
    for &byte in message {
        if byte == b'\n' && before != b'\r' {
            wire.push(b'\r');
        }
        wire.push(byte);
        before = byte;
    }
    wire
}

#[cfg(test)]
mod tests {
    use super::with_crlf;

    #[test]
    fn only_a_bare_line_feed_is_mended() {
        assert_eq!(with_crlf(b"\na\r\nb\rc\n\n"), b"\r\na\r\nb\rc\r\n\r\n");
    }
}
