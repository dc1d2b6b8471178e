//! `{ARGON2ID}` in the form that the reference implementation prints:
//!
//! ```text
//! $argon2id$v=19$m=19456,t=2,p=1$salt$hash      ; both base64 without padding
//! ```

use super::{Cost, PasswordError, parameter};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq as _;

const SCHEME: &str = "ARGON2ID";
/// What libsodium calls moderate; its next step is a gigabyte.
pub(super) const MEMORY_LIMIT_KIB: u32 = 256 << 10;
/// Passes times memory is time: about four seconds at the cap.
const WORK_LIMIT_KIB: u64 = 1 << 20;
const PASSES_LIMIT: u32 = 64;
const LANES_LIMIT: u32 = 16;
const SALT_LEN: std::ops::RangeInclusive<usize> = 8..=48;
const OUTPUT_LEN: std::ops::RangeInclusive<usize> = 16..=64;
const NEW_OUTPUT_LEN: usize = 32;
const NEW_MEMORY_KIB: u32 = 19_456;
const NEW_PASSES: u32 = 2;
const NEW_LANES: u32 = 1;
/// What OWASP recommends at the least memory, since a pod verifies many at once.
pub(super) const NEW: Cost = Cost::Argon2id {
    memory_kib: NEW_MEMORY_KIB,
    passes: NEW_PASSES,
    lanes: NEW_LANES,
};

pub(super) struct Argon2id {
    version: Version,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Argon2id {
    pub(super) fn parse(hash: &str) -> Result<Self, PasswordError> {
        let form = || PasswordError::Hash {
            scheme: SCHEME,
            expected: "$argon2id$v=19$m=N,t=N,p=N$salt$hash",
        };
        let mut parts = hash.split('$');
        let mut part = || parts.next().ok_or_else(form);
        if (part()?, part()?) != ("", "argon2id") {
            return Err(form());
        }
        let version = match part()? {
            "v=16" => Version::V0x10,
            "v=19" => Version::V0x13,
            _ => return Err(form()),
        };
        let parameters = part()?;
        let (salt, output) = (part()?, part()?);
        if parts.next().is_some() {
            return Err(form());
        }
        let mut parameters = parameters.split(',');
        let mut value = |key: &str| {
            parameters
                .next()
                .and_then(|parameter| parameter.strip_prefix(key))
                .ok_or_else(form)
        };
        let (m, t, p) = (value("m=")?, value("t=")?, value("p=")?);
        if parameters.next().is_some() {
            return Err(form());
        }
        let lanes = parameter(SCHEME, "p (lanes)", p, 1..=LANES_LIMIT)?;
        let passes = parameter(SCHEME, "t (passes)", t, 1..=PASSES_LIMIT)?;
        let memory_kib = parameter(SCHEME, "m (memory in KiB)", m, 8 * lanes..=MEMORY_LIMIT_KIB)?;
        let work = u64::from(memory_kib) * u64::from(passes);
        if work > WORK_LIMIT_KIB {
            return Err(PasswordError::Parameter {
                scheme: SCHEME,
                parameter: "m times t",
                value: work,
                lowest: 1,
                highest: WORK_LIMIT_KIB,
            });
        }
        let bytes = |text: &str, len: std::ops::RangeInclusive<usize>| {
            let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| form())?;
            if len.contains(&bytes.len()) {
                Ok(bytes)
            } else {
                Err(form())
            }
        };
        Ok(Self {
            version,
            memory_kib,
            passes,
            lanes,
            salt: bytes(salt, SALT_LEN)?,
            output: bytes(output, OUTPUT_LEN)?,
        })
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::Argon2id {
            memory_kib: self.memory_kib,
            passes: self.passes,
            lanes: self.lanes,
        }
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let mut output = vec![0; self.output.len()];
        let hashed = Params::new(
            self.memory_kib,
            self.passes,
            self.lanes,
            Some(self.output.len()),
        )
        .and_then(|params| {
            Argon2::new(Algorithm::Argon2id, self.version, params).hash_password_into(
                password,
                &self.salt,
                &mut output,
            )
        });
        hashed.is_ok() && bool::from(output.ct_eq(&self.output))
    }
}

pub(super) fn line(password: &[u8], salt: [u8; 16]) -> Result<String, PasswordError> {
    let refused = |_| PasswordError::Hash {
        scheme: SCHEME,
        expected: "a password of ordinary length",
    };
    let params = Params::new(NEW_MEMORY_KIB, NEW_PASSES, NEW_LANES, Some(NEW_OUTPUT_LEN))
        .map_err(refused)?;
    let mut output = [0; NEW_OUTPUT_LEN];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, &salt, &mut output)
        .map_err(refused)?;
    Ok(print(
        NEW_MEMORY_KIB,
        NEW_PASSES,
        NEW_LANES,
        (&salt, &output),
    ))
}

pub(super) fn dummy(memory_kib: u32, passes: u32, lanes: u32) -> String {
    // An output of zeros is as hard to meet as any other.
    print(memory_kib, passes, lanes, (&[0; 16], &[0; NEW_OUTPUT_LEN]))
}

fn print(memory_kib: u32, passes: u32, lanes: u32, (salt, output): (&[u8], &[u8])) -> String {
    format!(
        "{{{SCHEME}}}$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${}${}",
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(output)
    )
}
