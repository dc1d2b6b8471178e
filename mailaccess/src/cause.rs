//! An error with everything below it, in one line of a log.

use std::error::Error;
use std::fmt;

/// Shows an error and its causes: `open the volume: no such directory`.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut error = self.0;
        write!(f, "{error}")?;
        while let Some(cause) = error.source() {
            write!(f, ": {cause}")?;
            error = cause;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailaccess_mail::store::{ErrorKind, StoreError};

    #[test]
    fn causes_follow_their_error() {
        let io = std::io::Error::from(std::io::ErrorKind::NotFound);
        let error = StoreError::caused(ErrorKind::Unavailable, "open the volume", io);
        assert_eq!(
            Chain(&error).to_string(),
            "open the volume: entity not found"
        );
    }
}
