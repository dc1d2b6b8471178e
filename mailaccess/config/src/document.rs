//! The envelope of every document: its name, which says its format, and a header line with sequence and
//! digest in front of the content.
//!
//! ```text
//! mailaccess settings-v1 1790000000000 sha256:9f86d081…\n
//! content: YAML text, or for the shards a gzip stream
//! ```
//!
//! A kubelet may show a pod an older version after a newer one, and an object may be deleted by hand or
//! restored from a backup: so a sequence only ever rises, and whoever reads takes nothing but the higher
//! one. The digest is that of the uncompressed content, so that it says "the same" across releases whose
//! compressors differ.

use flate2::{Compression, GzBuilder, read::MultiGzDecoder};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::io::{Read, Write};
use std::str::FromStr;

/// The largest file: what one ConfigMap or Secret may hold.
pub const FILE_LIMIT: usize = 1 << 20;
/// The largest content, which for shards is what a file may unpack to.
pub const CONTENT_LIMIT: usize = 16 << 20;
/// The longest header line: the longest name, twenty digits and a digest.
const HEADER_LIMIT: usize = 160;
/// Milliseconds up to the year 10000; a sequence beyond was never made by a clock.
const SEQUENCE_LIMIT: u64 = 253_402_300_799_999;
const MAGIC: &str = "mailaccess";
const FORMAT: u32 = 1;

/// Which sixteenth of all mailboxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(u8);

impl Shard {
    /// How many there are. Fixed for ever: the pod template lists them all.
    pub const COUNT: usize = 16;

    /// The shard of this number, if there is one.
    pub fn new(number: u8) -> Option<Self> {
        (usize::from(number) < Self::COUNT).then_some(Self(number))
    }

    /// Every shard in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..16).map(Self)
    }

    /// Its number, to index an array of [`Shard::COUNT`].
    pub fn index(self) -> usize {
        self.0.into()
    }

    pub(crate) fn of_hash_byte(byte: u8) -> Self {
        Self(byte & 0x0f)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.0)
    }
}

/// The documents of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentName {
    /// Listeners, limits, domains, store, names of certificates.
    Settings,
    /// What is said of groups.
    Rules,
    /// What is said of each mailbox, and its groups.
    Mailboxes(Shard),
    /// Password hashes.
    Credentials(Shard),
    /// Chains and keys.
    Certificates,
}

/// Which kind of object carries a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// Everybody who may read configuration may read it.
    ConfigMap,
    /// It holds keys or hashes.
    Secret,
}

impl DocumentName {
    /// Every document there is.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Settings, Self::Rules, Self::Certificates]
            .into_iter()
            .chain(Shard::all().map(Self::Mailboxes))
            .chain(Shard::all().map(Self::Credentials))
    }

    /// The name of its file and of its key in the object: `mailboxes-v1-07`.
    pub fn file_name(self) -> String {
        match self {
            Self::Settings => format!("settings-v{FORMAT}"),
            Self::Rules => format!("rules-v{FORMAT}"),
            Self::Mailboxes(shard) => format!("mailboxes-v{FORMAT}-{shard}"),
            Self::Credentials(shard) => format!("credentials-v{FORMAT}-{shard}"),
            Self::Certificates => format!("certificates-v{FORMAT}"),
        }
    }

    /// The document of a file, unless it is somebody else's or of another format.
    pub fn from_file_name(name: &str) -> Option<Self> {
        Self::all().find(|document| document.file_name() == name)
    }

    /// The name of the object that carries it for this server: `mail-mailboxes-v1-07`.
    pub fn object_name(self, server: &str) -> String {
        format!("{server}-{}", self.file_name())
    }

    /// Which kind of object that is.
    pub fn carrier(self) -> Carrier {
        match self {
            Self::Settings | Self::Rules | Self::Mailboxes(_) => Carrier::ConfigMap,
            Self::Credentials(_) | Self::Certificates => Carrier::Secret,
        }
    }

    /// Whether its file holds bytes (`binaryData`) and not text.
    pub fn is_compressed(self) -> bool {
        matches!(self, Self::Mailboxes(_) | Self::Credentials(_))
    }
}

impl fmt::Display for DocumentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file_name())
    }
}

/// SHA-256 of a document's content, in lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of this content.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 lower-case hexadecimal digits")]
pub struct InvalidDigest;

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let text = text.as_bytes();
        let mut digest = [0; 32];
        if text.len() != 2 * digest.len() {
            return Err(InvalidDigest);
        }
        for (byte, pair) in digest.iter_mut().zip(text.chunks_exact(2)) {
            for digit in pair {
                let value = match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    _ => return Err(InvalidDigest),
                };
                *byte = *byte << 4 | value;
            }
        }
        Ok(Self(digest))
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, InvalidDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// What stands in front of a document's content, its name apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The number behind the `v` of the name.
    pub format: u32,
    /// Rises with every change.
    pub sequence: u64,
    /// Of the uncompressed content.
    pub digest: Digest,
}

/// Why a document cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// No header line.
    #[error("the file does not begin with a header line")]
    Header,
    /// The header says that this is another document.
    #[error("the header names {found}, expected {expected}")]
    Name {
        /// What the file's name says.
        expected: String,
        /// What its header says.
        found: String,
    },
    /// No number, or none that a clock could have made.
    #[error("the header's sequence is not a number of milliseconds since 1970")]
    Sequence,
    /// The file is larger than an object can be.
    #[error("the file is larger than {FILE_LIMIT} bytes")]
    FileTooLarge,
    /// The content is too large.
    #[error("the content is larger than {CONTENT_LIMIT} bytes")]
    ContentTooLarge,
    /// No gzip stream.
    #[error("unpack the content")]
    Compression(#[source] std::io::Error),
    /// The content does not fit the header.
    #[error("the content's digest is {found}, the header says {expected}")]
    Digest {
        /// What the header says.
        expected: Digest,
        /// What the content has.
        found: Digest,
    },
    /// Content that is not UTF-8.
    #[error("the content is not UTF-8")]
    Utf8,
}

/// The header that this content gets after a document that was published before: the same sequence for
/// the same content, else a higher one.
pub fn next_header(content: &str, previous: Option<&Header>, now_unix_millis: u64) -> Header {
    let digest = Digest::of(content.as_bytes());
    let sequence = match previous {
        Some(previous) if previous.digest == digest => previous.sequence,
        Some(previous) => now_unix_millis.max(previous.sequence.saturating_add(1)),
        None => now_unix_millis,
    };
    Header {
        format: FORMAT,
        sequence,
        digest,
    }
}

/// The file of a document. Equal arguments give equal bytes.
pub fn publish(
    name: DocumentName,
    content: &str,
    previous: Option<&Header>,
    now_unix_millis: u64,
) -> Result<Vec<u8>, DocumentError> {
    if content.len() > CONTENT_LIMIT {
        return Err(DocumentError::ContentTooLarge);
    }
    let Header {
        format: _,
        sequence,
        digest,
    } = next_header(content, previous, now_unix_millis);
    let mut file = format!("{MAGIC} {name} {sequence} sha256:{digest}\n").into_bytes();
    if name.is_compressed() {
        // No time and no operating system in it: equal content, equal bytes.
        let mut gzip = GzBuilder::new()
            .operating_system(255)
            .write(file, Compression::best());
        gzip.write_all(content.as_bytes())
            .map_err(DocumentError::Compression)?;
        file = gzip.finish().map_err(DocumentError::Compression)?;
    } else {
        file.extend_from_slice(content.as_bytes());
    }
    if file.len() > FILE_LIMIT {
        return Err(DocumentError::FileTooLarge);
    }
    Ok(file)
}

/// A document's header alone. Says nothing about its content.
pub fn read_header(name: DocumentName, file: &[u8]) -> Result<Header, DocumentError> {
    split(name, file).map(|(header, _)| header)
}

/// A document's header and content, whose digest is right.
pub fn read(name: DocumentName, file: &[u8]) -> Result<(Header, String), DocumentError> {
    let (header, body) = split(name, file)?;
    let content = if name.is_compressed() {
        unpack(body)?
    } else {
        body.to_vec()
    };
    let found = Digest::of(&content);
    if found != header.digest {
        return Err(DocumentError::Digest {
            expected: header.digest,
            found,
        });
    }
    let content = String::from_utf8(content).map_err(|_| DocumentError::Utf8)?;
    Ok((header, content))
}

fn split(name: DocumentName, file: &[u8]) -> Result<(Header, &[u8]), DocumentError> {
    if file.len() > FILE_LIMIT {
        return Err(DocumentError::FileTooLarge);
    }
    let end = file
        .iter()
        .take(HEADER_LIMIT)
        .position(|&b| b == b'\n')
        .ok_or(DocumentError::Header)?;
    let line = std::str::from_utf8(&file[..end]).map_err(|_| DocumentError::Header)?;
    let mut words = line.split(' ');
    let mut word = || words.next().ok_or(DocumentError::Header);
    let (magic, found, sequence, digest) = (word()?, word()?, word()?, word()?);
    if magic != MAGIC || words.next().is_some() {
        return Err(DocumentError::Header);
    }
    let expected = name.file_name();
    if found != expected {
        return Err(DocumentError::Name {
            expected,
            found: found.to_owned(),
        });
    }
    if !sequence.bytes().all(|b| b.is_ascii_digit()) {
        return Err(DocumentError::Sequence);
    }
    let sequence = sequence
        .parse()
        .ok()
        .filter(|&sequence| sequence <= SEQUENCE_LIMIT)
        .ok_or(DocumentError::Sequence)?;
    let digest = digest
        .strip_prefix("sha256:")
        .and_then(|digest| digest.parse().ok())
        .ok_or(DocumentError::Header)?;
    let header = Header {
        format: FORMAT,
        sequence,
        digest,
    };
    Ok((header, &file[end + 1..]))
}

fn unpack(body: &[u8]) -> Result<Vec<u8>, DocumentError> {
    let mut content = Vec::new();
    MultiGzDecoder::new(body)
        .take(CONTENT_LIMIT as u64 + 1)
        .read_to_end(&mut content)
        .map_err(DocumentError::Compression)?;
    if content.len() > CONTENT_LIMIT {
        return Err(DocumentError::ContentTooLarge);
    }
    Ok(content)
}
