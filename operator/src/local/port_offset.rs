//! What is added to every port, so that no privilege is needed. The admin port is always there, and so the
//! offset is never larger than what leaves it one.

use mailaccess_config::settings::ADMIN_PORT;
use std::fmt;
use std::str::FromStr;

/// An offset that leaves the pod's admin port a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortOffset(u16);

/// Why something is no offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it has to be a whole number of at most {}, so that the pod's admin port {ADMIN_PORT} stays a port",
    PortOffset::HIGHEST
)]
pub struct InvalidPortOffset;

impl PortOffset {
    /// The highest one.
    pub const HIGHEST: u16 = u16::MAX - ADMIN_PORT;

    /// An offset, unless it is too high.
    pub fn new(offset: u16) -> Result<Self, InvalidPortOffset> {
        if offset > Self::HIGHEST {
            return Err(InvalidPortOffset);
        }
        Ok(Self(offset))
    }

    /// Where the pod's admin port is.
    pub fn admin_port(self) -> u16 {
        // Cannot overflow: no offset is higher than HIGHEST.
        ADMIN_PORT + self.0
    }

    /// Where a port of the settings is; a high one may have no place.
    pub fn of(self, port: u16) -> Option<u16> {
        port.checked_add(self.0)
    }
}

impl FromStr for PortOffset {
    type Err = InvalidPortOffset;

    fn from_str(text: &str) -> Result<Self, InvalidPortOffset> {
        text.parse()
            .map_err(|_| InvalidPortOffset)
            .and_then(Self::new)
    }
}

impl fmt::Display for PortOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_offset_leaves_the_admin_port_the_last_port() {
        let highest = PortOffset::new(PortOffset::HIGHEST).unwrap();
        assert_eq!(highest.admin_port(), 65535);
        assert_eq!(highest.of(9144), None);
        assert_eq!(
            PortOffset::new(PortOffset::HIGHEST + 1),
            Err(InvalidPortOffset)
        );
    }
}
