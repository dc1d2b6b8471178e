//! The certificate of day one: every server has one until somebody binds a better one, and it renews itself.

use crate::reconcile::Identity;
use k8s_openapi::jiff::Timestamp;
use mailaccess_config::certificates::CertificateError;
use mailaccess_config::{Certificate, Settings};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

const DAY_SECS: i64 = 24 * 60 * 60;
const VALIDITY_SECS: i64 = 365 * DAY_SECS;
/// A new one is made so long before the old one ends.
pub const RENEW_BEFORE_SECS: i64 = 30 * DAY_SECS;
/// Clients' clocks are late.
const BACKDATE_SECS: i64 = 60 * 60;

/// A private key that nobody has used yet.
///
/// It is an argument of `build`, so that `build` draws no random numbers.
pub struct FreshKey(KeyPair);

/// Why a certificate cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SelfSignedError {
    /// No key.
    #[error("make a private key")]
    Key(#[source] rcgen::Error),
    /// A name that cannot stand in a certificate, or a signature that fails.
    #[error("sign the certificate")]
    Sign(#[source] rcgen::Error),
    /// What was made cannot be read.
    #[error("read the new certificate")]
    Read(#[source] CertificateError),
}

impl FreshKey {
    /// ECDSA over P-256: every mail client takes it, and a handshake is cheap.
    pub fn generate() -> Result<Self, SelfSignedError> {
        KeyPair::generate().map(Self).map_err(SelfSignedError::Key)
    }
}

impl fmt::Debug for FreshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FreshKey(..)")
    }
}

/// The names that a server's own certificate is for.
pub fn names(server: &Identity, settings: &Settings, cluster_domain: &str) -> BTreeSet<String> {
    let Identity {
        namespace, name, ..
    } = server;
    let service = [
        name.clone(),
        format!("{name}.{namespace}"),
        format!("{name}.{namespace}.svc"),
        format!("{name}.{namespace}.svc.{cluster_domain}"),
        "localhost".to_owned(),
    ];
    let domains = settings
        .domains
        .iter()
        .map(|domain| domain.name.to_string());
    service.into_iter().chain(domains).collect()
}

/// Whether a self-signed certificate may stay: it has all names and time left.
pub fn may_stay(certificate: &Certificate, names: &BTreeSet<String>, now: Timestamp) -> bool {
    let leaf = certificate.leaf();
    let has: BTreeSet<&String> = leaf.names.iter().collect();
    names.iter().all(|name| has.contains(name))
        && leaf.not_after - now.as_second() > RENEW_BEFORE_SECS
}

/// Signs a certificate for these names with its own key.
pub fn sign(
    common_name: &str,
    names: &BTreeSet<String>,
    key: &FreshKey,
    now: Timestamp,
) -> Result<Certificate, SelfSignedError> {
    let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())
        .map_err(SelfSignedError::Sign)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, common_name);
    params.distinguished_name = subject;
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch(now.as_second() - BACKDATE_SECS);
    params.not_after = epoch + since_epoch(now.as_second() + VALIDITY_SECS);
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key.0).map_err(SelfSignedError::Sign)?;
    Certificate::parse(&certificate.pem(), &key.0.serialize_pem()).map_err(SelfSignedError::Read)
}

fn since_epoch(secs: i64) -> Duration {
    Duration::from_secs(secs.max(0).unsigned_abs())
}
