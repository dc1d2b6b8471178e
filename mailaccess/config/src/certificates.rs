//! The `certificates` document: chains and keys, each checked before it can be named in the settings.

use crate::ContentError;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};
use zeroize::Zeroizing;

/// The longest chain that is looked at.
const CHAIN_LIMIT: usize = 10;
/// The most certificates in one document.
const CERTIFICATES_LIMIT: usize = 256;

/// What settings call a certificate: SHA-256 of its chain, in lower-case hex. Other material has another
/// one, so settings can never mean a certificate that is not loaded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CertificateId(Arc<str>);

/// A text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a certificate's id is 64 lower-case hexadecimal digits")]
pub struct InvalidCertificateId;

/// A chain and its key, which fit each other.
#[derive(Clone)]
pub struct Certificate {
    id: CertificateId,
    chain_pem: String,
    key_pem: Zeroizing<String>,
    key: Arc<CertifiedKey>,
    leaf: Leaf,
}

/// What the first certificate of a chain says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The names it is for, in lower case: host names, wildcards and addresses.
    pub names: Vec<String>,
    /// Whom it belongs to, as a distinguished name.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// The first second of its validity, since 1970.
    pub not_before: i64,
    /// The last one.
    pub not_after: i64,
    /// SHA-1 of the DER in upper-case hex, as Exchange prints it: an identifier, not a proof.
    pub thumbprint: String,
}

/// Why a chain and key cannot be used. Quotes neither.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// PEM that cannot be read, or without a certificate.
    #[error("the chain is no PEM with 1 to {CHAIN_LIMIT} certificates")]
    Chain,
    /// A certificate that cannot be read.
    #[error("the first certificate cannot be read")]
    Leaf,
    /// A certificate of before 1997, as some tools still make them where no extension is asked for.
    #[error("the certificate is of version {0}, and TLS needs version 3")]
    Version(u32),
    /// A certificate that can be read and that TLS cannot use.
    #[error("the first certificate is of a form that cannot be used for TLS")]
    Form,
    /// PEM that cannot be read, or without a key.
    #[error("the key is no PEM with a PKCS#8, PKCS#1 or SEC1 private key")]
    Key,
    /// The key belongs to another certificate.
    #[error("the key does not belong to the first certificate")]
    Mismatch,
    /// A key that TLS cannot use.
    #[error("the key is of a kind or size that cannot be used for TLS")]
    Unsupported,
}

impl CertificateId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(chain: &[CertificateDer<'_>]) -> Self {
        let mut hash = Sha256::new();
        for certificate in chain {
            // The length keeps two chains with equal bytes apart.
            hash.update((certificate.len() as u64).to_be_bytes());
            hash.update(certificate);
        }
        Self(hex(&hash.finalize()).into())
    }
}

impl fmt::Display for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CertificateId {
    type Error = InvalidCertificateId;

    fn try_from(text: String) -> Result<Self, InvalidCertificateId> {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 64 && text.bytes().all(digit) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidCertificateId)
        }
    }
}

impl From<CertificateId> for String {
    fn from(id: CertificateId) -> Self {
        (*id.0).to_owned()
    }
}

impl Certificate {
    /// Reads `tls.crt` and `tls.key` of a `kubernetes.io/tls` Secret. Whether it has expired is for the
    /// caller to say, who knows the time.
    pub fn parse(chain_pem: &str, key_pem: &str) -> Result<Self, CertificateError> {
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(chain_pem.as_bytes())
                .take(CHAIN_LIMIT + 1)
                .collect::<Result<_, _>>()
                .map_err(|_| CertificateError::Chain)?;
        if chain.is_empty() || chain.len() > CHAIN_LIMIT {
            return Err(CertificateError::Chain);
        }
        let leaf = Leaf::read(&chain[0])?;
        let key =
            PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|_| CertificateError::Key)?;
        let id = CertificateId::of(&chain);
        let key = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(
            |error| match error {
                rustls::Error::InconsistentKeys(_) => CertificateError::Mismatch,
                rustls::Error::InvalidCertificate(_) => CertificateError::Form,
                _ => CertificateError::Unsupported,
            },
        )?;
        Ok(Self {
            id,
            chain_pem: chain_pem.to_owned(),
            key_pem: Zeroizing::new(key_pem.to_owned()),
            key: Arc::new(key),
            leaf,
        })
    }

    /// What settings call it.
    pub fn id(&self) -> &CertificateId {
        &self.id
    }

    /// What its first certificate says.
    pub fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// For handshakes.
    pub fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.key
    }

    /// The chain as it was given.
    pub fn chain_pem(&self) -> &str {
        &self.chain_pem
    }

    /// The key as it was given, to publish it.
    pub fn expose_key_pem(&self) -> &str {
        &self.key_pem
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("id", &self.id)
            .field("leaf", &self.leaf)
            .finish_non_exhaustive()
    }
}

impl Leaf {
    pub(crate) fn read(der: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let (rest, certificate) =
            X509Certificate::from_der(der).map_err(|_| CertificateError::Leaf)?;
        if !rest.is_empty() {
            return Err(CertificateError::Leaf);
        }
        if certificate.version() != X509Version::V3 {
            // On the wire it is counted from 0.
            let version = certificate.version().0.saturating_add(1);
            return Err(CertificateError::Version(version));
        }
        let names = certificate
            .subject_alternative_name()
            .map_err(|_| CertificateError::Leaf)?
            .map(|extension| extension.value.general_names.iter())
            .into_iter()
            .flatten()
            .filter_map(name)
            .collect();
        Ok(Self {
            names,
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            thumbprint: hex(&Sha1::digest(der)).to_uppercase(),
        })
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => {
            let ip: IpAddr = if let Ok(bytes) = <[u8; 4]>::try_from(*bytes) {
                bytes.into()
            } else {
                <[u8; 16]>::try_from(*bytes).ok()?.into()
            };
            Some(ip.to_string())
        }
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// All certificates of one server.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    /// By what settings call them.
    pub by_id: BTreeMap<CertificateId, Certificate>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    certificates: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: CertificateId,
    chain: String,
    key: Zeroizing<String>,
}

impl Certificates {
    /// Adds one; the same chain twice is once.
    pub fn insert(&mut self, certificate: Certificate) {
        self.by_id.insert(certificate.id.clone(), certificate);
    }

    /// The document's content. Equal certificates give equal text.
    pub fn to_text(&self) -> Result<String, ContentError> {
        let certificates = self
            .by_id
            .values()
            .map(|certificate| Entry {
                id: certificate.id.clone(),
                chain: certificate.chain_pem.clone(),
                key: certificate.key_pem.clone(),
            })
            .collect();
        serde_yaml::to_string(&Text { certificates }).map_err(|_| Self::unreadable())
    }

    /// Reads a document's content.
    pub fn from_text(text: &str) -> Result<Self, ContentError> {
        // The reader's own message may quote a key.
        let text: Text = serde_yaml::from_str(text).map_err(|_| Self::unreadable())?;
        if text.certificates.len() > CERTIFICATES_LIMIT {
            let reason = format!("at most {CERTIFICATES_LIMIT}");
            return Err(ContentError::field("certificates", reason));
        }
        let mut certificates = Self::default();
        for Entry { id, chain, key } in text.certificates {
            let field = || format!("certificates[{id}]");
            let certificate = Certificate::parse(&chain, &key)
                .map_err(|error| ContentError::field(field(), error.to_string()))?;
            if certificate.id != id {
                return Err(ContentError::field(field(), "the chain has another id"));
            }
            certificates.insert(certificate);
        }
        Ok(certificates)
    }

    fn unreadable() -> ContentError {
        ContentError::Yaml("not a list of certificates with id, chain and key".to_owned())
    }
}
