//! Password lines, `{SCHEME}hash` as Dovecot writes them: which are accepted, what they cost, and whether a
//! password fits.
//!
//! A line's parameters decide how much memory and time every login takes, so they have caps, and a line
//! beyond them is refused. Neither a line nor a password is ever printed.

mod argon2id;
mod blf_crypt;
mod plain;
mod sha_crypt;

use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// The longest password that is looked at; SHA-crypt's time grows with it.
pub const PASSWORD_LIMIT: usize = 512;
/// The longest line that is looked at.
const LINE_LIMIT: usize = 1024;

/// A password line that can be verified within the caps.
///
/// ```
/// use mailaccess_config::PasswordHash;
/// let hash: PasswordHash = "{PLAIN}quickstart".parse().unwrap();
/// assert!(hash.verify(b"quickstart"));
/// assert!(!format!("{hash:?}").contains("quickstart"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    // Kept as the line and read again for each verification, which costs nothing beside the hashing: a
    // hundred thousand of them lie in memory.
    line: Zeroizing<Box<str>>,
    cost: Cost,
}

/// A scheme and its parameters: what one verification takes. Two hashes of one cost take the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cost {
    /// The password itself.
    Plain,
    /// SHA256-CRYPT.
    Sha256Crypt {
        /// Times hashed.
        rounds: u32,
    },
    /// SHA512-CRYPT.
    Sha512Crypt {
        /// Times hashed.
        rounds: u32,
    },
    /// BLF-CRYPT, which is bcrypt.
    BlfCrypt {
        /// Logarithm of the rounds.
        cost: u32,
    },
    /// ARGON2ID.
    Argon2id {
        /// KiB of memory.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
        /// Lanes.
        lanes: u32,
    },
}

/// Why a password line, or a password to make one of, is refused. Never quotes either.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Not `{SCHEME}hash`.
    #[error("a password line is {{SCHEME}}hash")]
    Form,
    /// A password to hash that is none.
    #[error("the password is empty")]
    Empty,
    /// A password to hash that is never looked at.
    #[error("the password is longer than {PASSWORD_LIMIT} bytes")]
    TooLong,
    /// A password to hash that tools in C would cut.
    #[error("the password holds a NUL")]
    Nul,
    /// Longer than any scheme needs.
    #[error("the password line is longer than {LINE_LIMIT} bytes")]
    Length,
    /// A scheme that is not verified here.
    #[error(
        "the scheme is none of ARGON2ID, BLF-CRYPT, SHA512-CRYPT, SHA256-CRYPT and (with a warning) PLAIN"
    )]
    Scheme,
    /// Not the form of that scheme.
    #[error("the hash is not in the form of {scheme}: {expected}")]
    Hash {
        /// Which scheme.
        scheme: &'static str,
        /// What was expected.
        expected: &'static str,
    },
    /// A parameter outside its bounds.
    #[error("{parameter} of {scheme} is {value}, allowed is {lowest} to {highest}")]
    Parameter {
        /// Which scheme.
        scheme: &'static str,
        /// Which parameter.
        parameter: &'static str,
        /// What it is.
        value: u64,
        /// The least allowed.
        lowest: u64,
        /// The most allowed.
        highest: u64,
    },
}

/// A hash taken apart, for one verification.
enum Parsed {
    Plain(plain::Plain),
    ShaCrypt(sha_crypt::ShaCrypt),
    BlfCrypt(blf_crypt::BlfCrypt),
    Argon2id(argon2id::Argon2id),
}

impl PasswordHash {
    /// Whether this is the password. Takes the time and memory of [`PasswordHash::cost`], whatever the
    /// password, unless that is longer than [`PASSWORD_LIMIT`].
    pub fn verify(&self, password: &[u8]) -> bool {
        let possible = possible(password);
        if possible == Err(PasswordError::TooLong) {
            return false;
        }
        let Ok(parsed) = parse(&self.line) else {
            return false;
        };
        let fits = match parsed {
            Parsed::Plain(plain) => plain.verify(password),
            Parsed::ShaCrypt(sha_crypt) => sha_crypt.verify(password),
            Parsed::BlfCrypt(blf_crypt) => blf_crypt.verify(password),
            Parsed::Argon2id(argon2id) => argon2id.verify(password),
        };
        fits && possible.is_ok()
    }

    /// What a verification takes.
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// Whether the line shows the password itself, of which its owner is warned.
    pub fn is_plain(&self) -> bool {
        self.cost == Cost::Plain
    }

    /// The line, to publish it.
    pub fn expose(&self) -> &str {
        &self.line
    }

    /// A hash of this cost that no password fits: verified for people who do not exist, so that they take
    /// as long as others.
    pub fn dummy(cost: Cost) -> Self {
        let line = match cost {
            // No password is empty.
            Cost::Plain => "{PLAIN}".to_owned(),
            Cost::Sha256Crypt { rounds } => sha_crypt::dummy(sha_crypt::Variant::Sha256, rounds),
            Cost::Sha512Crypt { rounds } => sha_crypt::dummy(sha_crypt::Variant::Sha512, rounds),
            Cost::BlfCrypt { cost } => blf_crypt::dummy(cost),
            Cost::Argon2id {
                memory_kib,
                passes,
                lanes,
            } => argon2id::dummy(memory_kib, passes, lanes),
        };
        Self {
            line: Zeroizing::new(line.into()),
            cost,
        }
    }

    /// A new ARGON2ID line with today's recommended parameters. The salt comes from the kernel's random
    /// source and is never used twice. A password that [`PasswordHash::verify`] lets nobody in with is
    /// refused.
    pub fn new(password: &[u8], salt: [u8; 16]) -> Result<Self, PasswordError> {
        possible(password)?;
        argon2id::line(password, salt)?.parse()
    }
}

impl Cost {
    /// Of a new hash; what counts as usual where nobody has a password yet.
    pub const NEW: Self = argon2id::NEW;

    /// The most KiB of memory that a verification may take.
    pub const MEMORY_LIMIT_KIB: u32 = argon2id::MEMORY_LIMIT_KIB;

    /// KiB of memory that a verification takes, at least one.
    pub fn memory_kib(self) -> u32 {
        match self {
            Self::Plain | Self::Sha256Crypt { .. } | Self::Sha512Crypt { .. } => 1,
            // Four boxes of 256 words and the subkeys.
            Self::BlfCrypt { .. } => 5,
            Self::Argon2id { memory_kib, .. } => memory_kib,
        }
    }
}

impl FromStr for PasswordHash {
    type Err = PasswordError;

    fn from_str(line: &str) -> Result<Self, PasswordError> {
        let cost = match parse(line)? {
            Parsed::Plain(plain) if plain.is_empty() => {
                return Err(PasswordError::Hash {
                    scheme: "PLAIN",
                    expected: "a password",
                });
            }
            Parsed::Plain(_) => Cost::Plain,
            Parsed::ShaCrypt(sha_crypt) => sha_crypt.cost(),
            Parsed::BlfCrypt(blf_crypt) => blf_crypt.cost(),
            Parsed::Argon2id(argon2id) => argon2id.cost(),
        };
        Ok(Self {
            line: Zeroizing::new(line.into()),
            cost,
        })
    }
}

/// Whether anybody can log on with this password, whatever the line.
fn possible(password: &[u8]) -> Result<(), PasswordError> {
    if password.is_empty() {
        return Err(PasswordError::Empty);
    }
    if password.len() > PASSWORD_LIMIT {
        return Err(PasswordError::TooLong);
    }
    // Tools in C end a password at NUL.
    if password.contains(&0) {
        return Err(PasswordError::Nul);
    }
    Ok(())
}

/// ```text
/// line = "{" scheme "}" hash        ; the scheme without case
/// ```
fn parse(line: &str) -> Result<Parsed, PasswordError> {
    if line.len() > LINE_LIMIT {
        return Err(PasswordError::Length);
    }
    // A line break would be a second line in the document.
    if line.contains(['\n', '\r', '\0']) {
        return Err(PasswordError::Form);
    }
    let (scheme, hash) = line
        .strip_prefix('{')
        .and_then(|line| line.split_once('}'))
        .ok_or(PasswordError::Form)?;
    match scheme.to_ascii_uppercase().as_str() {
        "PLAIN" => Ok(Parsed::Plain(plain::Plain::new(hash))),
        "SHA256-CRYPT" => {
            sha_crypt::ShaCrypt::parse(sha_crypt::Variant::Sha256, hash).map(Parsed::ShaCrypt)
        }
        "SHA512-CRYPT" => {
            sha_crypt::ShaCrypt::parse(sha_crypt::Variant::Sha512, hash).map(Parsed::ShaCrypt)
        }
        "BLF-CRYPT" => blf_crypt::BlfCrypt::parse(hash).map(Parsed::BlfCrypt),
        "ARGON2ID" => argon2id::Argon2id::parse(hash).map(Parsed::Argon2id),
        _ => Err(PasswordError::Scheme),
    }
}

/// A decimal number without sign or leading zeros, within its bounds.
fn parameter(
    scheme: &'static str,
    parameter: &'static str,
    text: &str,
    bounds: std::ops::RangeInclusive<u32>,
) -> Result<u32, PasswordError> {
    let form = PasswordError::Hash {
        scheme,
        expected: "parameters that are decimal numbers",
    };
    if !text.bytes().all(|b| b.is_ascii_digit()) || (text.len() > 1 && text.starts_with('0')) {
        return Err(form);
    }
    let value: u64 = text.parse().map_err(|_| form)?;
    u32::try_from(value)
        .ok()
        .filter(|value| bounds.contains(value))
        .ok_or(PasswordError::Parameter {
            scheme,
            parameter,
            value,
            lowest: (*bounds.start()).into(),
            highest: (*bounds.end()).into(),
        })
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash")
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}
