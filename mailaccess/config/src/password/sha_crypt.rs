//! `{SHA256-CRYPT}` and `{SHA512-CRYPT}`, as glibc's crypt(3) prints them:
//!
//! ```text
//! $6$salt$hash                      ; 5,000 rounds
//! $6$rounds=100000$salt$hash        ; $5$ for SHA-256
//! ```

use super::{Cost, PasswordError, parameter};
use sha_crypt::{Params, sha256_crypt, sha512_crypt};
use subtle::ConstantTimeEq as _;

const DEFAULT_ROUNDS: u32 = 5_000;
const ROUNDS: std::ops::RangeInclusive<u32> = 1_000..=1_000_000;
const SALT_LIMIT: usize = 16;
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    Sha256,
    Sha512,
}

pub(super) struct ShaCrypt {
    variant: Variant,
    rounds: u32,
    salt: String,
    output: String,
}

impl Variant {
    const fn scheme(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA256-CRYPT",
            Self::Sha512 => "SHA512-CRYPT",
        }
    }

    const fn prefix(self) -> &'static str {
        match self {
            Self::Sha256 => "$5$",
            Self::Sha512 => "$6$",
        }
    }

    /// Characters of the printed output.
    const fn output_len(self) -> usize {
        match self {
            Self::Sha256 => 43,
            Self::Sha512 => 86,
        }
    }
}

impl ShaCrypt {
    pub(super) fn parse(variant: Variant, hash: &str) -> Result<Self, PasswordError> {
        let form = || PasswordError::Hash {
            scheme: variant.scheme(),
            expected: match variant {
                Variant::Sha256 => "$5$salt$hash or $5$rounds=N$salt$hash",
                Variant::Sha512 => "$6$salt$hash or $6$rounds=N$salt$hash",
            },
        };
        let mut rest = hash.strip_prefix(variant.prefix()).ok_or_else(form)?;
        let mut rounds = DEFAULT_ROUNDS;
        if let Some(after) = rest.strip_prefix("rounds=") {
            let (number, after) = after.split_once('$').ok_or_else(form)?;
            rounds = parameter(variant.scheme(), "rounds", number, ROUNDS)?;
            rest = after;
        }
        let (salt, output) = rest.split_once('$').ok_or_else(form)?;
        let fits = salt.len() <= SALT_LIMIT
            && salt.bytes().all(|b| b.is_ascii_graphic() && b != b':')
            && output.len() == variant.output_len()
            && output.bytes().all(|b| ALPHABET.contains(&b));
        if !fits {
            return Err(form());
        }
        Ok(Self {
            variant,
            rounds,
            salt: salt.to_owned(),
            output: output.to_owned(),
        })
    }

    pub(super) fn cost(&self) -> Cost {
        let rounds = self.rounds;
        match self.variant {
            Variant::Sha256 => Cost::Sha256Crypt { rounds },
            Variant::Sha512 => Cost::Sha512Crypt { rounds },
        }
    }

    pub(super) fn verify(&self, password: &[u8]) -> bool {
        let Ok(params) = Params::new(self.rounds) else {
            return false;
        };
        let salt = self.salt.as_bytes();
        let output = match self.variant {
            Variant::Sha256 => print_sha256(&sha256_crypt(password, salt, params)),
            Variant::Sha512 => print_sha512(&sha512_crypt(password, salt, params)),
        };
        output.as_bytes().ct_eq(self.output.as_bytes()).into()
    }
}

pub(super) fn dummy(variant: Variant, rounds: u32) -> String {
    format!(
        "{{{}}}{}rounds={rounds}$................${}",
        variant.scheme(),
        variant.prefix(),
        ".".repeat(variant.output_len())
    )
}

/// The printed form takes three bytes in an order of its own, lowest six bits first.
fn print_three(out: &mut String, bytes: [u8; 3], characters: usize) {
    let mut bits = u32::from(bytes[0]) << 16 | u32::from(bytes[1]) << 8 | u32::from(bytes[2]);
    for _ in 0..characters {
        out.push(char::from(ALPHABET[(bits & 63) as usize]));
        bits >>= 6;
    }
}

fn print_sha256(output: &[u8; 32]) -> String {
    let mut out = String::with_capacity(43);
    let (mut a, mut b, mut c) = (0, 10, 20);
    for _ in 0..10 {
        print_three(&mut out, [output[a], output[b], output[c]], 4);
        (a, b, c) = (c + 1, a + 1, b + 1);
    }
    print_three(&mut out, [0, output[31], output[30]], 3);
    out
}

fn print_sha512(output: &[u8; 64]) -> String {
    let mut out = String::with_capacity(86);
    let (mut a, mut b, mut c) = (0, 21, 42);
    for _ in 0..21 {
        print_three(&mut out, [output[a], output[b], output[c]], 4);
        (a, b, c) = (b + 1, c + 1, a + 1);
    }
    print_three(&mut out, [0, 0, output[63]], 2);
    out
}
