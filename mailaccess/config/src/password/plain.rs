//! `{PLAIN}`: the password itself, for tests and for moving in.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

pub(super) struct Plain {
    digest: [u8; 32],
    empty: bool,
}

impl Plain {
    pub(super) fn new(password: &str) -> Self {
        Self {
            digest: Sha256::digest(password.as_bytes()).into(),
            empty: password.is_empty(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    /// Compares digests, so that the time tells neither content nor length.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let digest: [u8; 32] = Sha256::digest(password).into();
        digest.ct_eq(&self.digest).into()
    }
}
