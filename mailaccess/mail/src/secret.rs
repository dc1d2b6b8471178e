//! A password on its way from the wire to the verification: never printed, wiped when dropped.

use core::fmt;
use zeroize::Zeroizing;

/// Bytes that nobody may see: `Debug` prints a placeholder, the memory is wiped on drop.
///
/// ```
/// let secret = mailaccess_mail::Secret::from(b"hunter2".to_vec());
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The bytes, for the one function that compares or hashes them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
