//! `{BLF-CRYPT}`, which is bcrypt:
//!
//! ```text
//! $2b$12$ 22 characters of salt, 31 of hash      ; also 2a and 2y; 2x is a known miscalculation
//! ```

use super::{Cost, PasswordError, parameter};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use subtle::ConstantTimeEq as _;

const SCHEME: &str = "BLF-CRYPT";
const COST: std::ops::RangeInclusive<u32> = 4..=14;
/// What bcrypt looks at of a password, its ending NUL included.
const PASSWORD_LEN: usize = 72;
/// The last characters of salt and hash have bits to spare, which other implementations ignore.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::BCRYPT,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

pub(super) struct BlfCrypt {
    cost: u32,
    salt: [u8; 16],
    output: [u8; 23],
}

impl BlfCrypt {
    pub(super) fn parse(hash: &str) -> Result<Self, PasswordError> {
        let form = || PasswordError::Hash {
            scheme: SCHEME,
            expected: "$2b$NN$ and 53 characters",
        };
        let rest = ["$2a$", "$2b$", "$2y$"]
            .iter()
            .find_map(|version| hash.strip_prefix(version))
            .ok_or_else(form)?;
        let (cost, rest) = rest.split_once('$').ok_or_else(form)?;
        if cost.len() != 2 || rest.len() != 53 {
            return Err(form());
        }
        let cost = parameter(SCHEME, "cost", cost.strip_prefix('0').unwrap_or(cost), COST)?;
        let (salt, output) = rest.split_at_checked(22).ok_or_else(form)?;
        let bytes = |text: &str| BASE64.decode(text).map_err(|_| form());
        Ok(Self {
            cost,
            salt: bytes(salt)?.try_into().map_err(|_| form())?,
            output: bytes(output)?.try_into().map_err(|_| form())?,
        })
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::BlfCrypt { cost: self.cost }
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut text = zeroize::Zeroizing::new([0; PASSWORD_LEN]);
        let len = password.len().min(PASSWORD_LEN);
        text[..len].copy_from_slice(&password[..len]);
        let end = (len + 1).min(PASSWORD_LEN);
        let output = bcrypt::bcrypt(self.cost, self.salt, &text[..end]);
        output[..23].ct_eq(&self.output).into()
    }
}

pub(super) fn dummy(cost: u32) -> String {
    format!("{{{SCHEME}}}$2b${cost:02}${}", ".".repeat(53))
}
