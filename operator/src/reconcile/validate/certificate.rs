//! Every [`CertificateBinding`]: which chain and key each brings, and which of them answers to which name.
//!
//! Bad material never replaces good: where a Secret cannot be used, what the binding had published before
//! stays.

use super::people::bytes;
use crate::reconcile::dereference::Observed;
use crate::reconcile::finding::{Finding, Reason, list};
use crate::reconcile::{Lookup, Published};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::jiff::Timestamp;
use mailaccess_config::certificates::CertificateError;
use mailaccess_config::settings::CertificateChoice;
use mailaccess_config::{Certificate, CertificateId, Protocol};
use mailaccess_crds::CertificateBinding;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const SECRET_TYPE: &str = "kubernetes.io/tls";
/// A certificate from a clock that is a little fast is valid.
const SKEW_SECS: i64 = 5 * 60;

/// A CertificateBinding after validation.
#[derive(Debug, Clone)]
pub struct ValidatedBinding {
    /// Its name.
    pub name: String,
    /// Its generation.
    pub generation: i64,
    /// Which protocols it serves.
    pub services: BTreeSet<Protocol>,
    /// What is served for it: new material, or the last good; absent if there never was any.
    pub certificate: Option<Certificate>,
    /// Whether it is obeyed as it is.
    pub accepted: Finding,
    /// Whether its Secret holds what it should.
    pub resolved: Finding,
}

/// Every CertificateBinding of a server, the oldest first.
#[derive(Debug, Default)]
pub struct ValidatedBindings {
    /// One for each object.
    pub objects: Vec<ValidatedBinding>,
    /// Which certificate answers to which name, for protocols that have a binding.
    pub choices: BTreeMap<Protocol, CertificateChoice>,
}

/// Judges every CertificateBinding of a server.
pub fn validate(
    objects: &[Observed<CertificateBinding>],
    secrets: &BTreeMap<String, Lookup>,
    published: &Published,
    now: Timestamp,
) -> ValidatedBindings {
    let last_good = LastGood::read(published);
    let mut sorted: Vec<&Observed<CertificateBinding>> = objects.iter().collect();
    sorted.sort_by_key(|object| {
        let created = object.metadata().creation_timestamp.as_ref();
        // An object without a time has not been created yet, so every other is older.
        (created.map_or(Timestamp::MAX, |time| time.0), object.name())
    });
    let mut bindings: Vec<ValidatedBinding> = sorted
        .into_iter()
        .map(|object| one(object, secrets, &last_good, now))
        .collect();
    let mut choices = BTreeMap::new();
    for protocol in Protocol::ALL {
        if let Some(choice) = choose(protocol, &mut bindings) {
            choices.insert(protocol, choice);
        }
    }
    ValidatedBindings {
        objects: bindings,
        choices,
    }
}

struct LastGood<'a> {
    published: &'a Published,
    certificates: BTreeMap<CertificateId, Certificate>,
}

impl<'a> LastGood<'a> {
    fn read(published: &'a Published) -> Self {
        Self {
            published,
            certificates: published.certificates().by_id,
        }
    }

    fn of(&self, binding: &str) -> Option<Certificate> {
        let registered = self.published.registered(binding)?;
        self.certificates.get(&registered.id).cloned()
    }

    fn services(&self, binding: &str) -> BTreeSet<Protocol> {
        let registered = self.published.registered(binding);
        registered
            .into_iter()
            .flat_map(|registered| &registered.services)
            .filter_map(|service| {
                Protocol::ALL
                    .into_iter()
                    .find(|protocol| protocol.to_string() == *service)
            })
            .collect()
    }
}

fn one(
    object: &Observed<CertificateBinding>,
    secrets: &BTreeMap<String, Lookup>,
    last_good: &LastGood<'_>,
    now: Timestamp,
) -> ValidatedBinding {
    let name = object.name().to_owned();
    let generation = object.generation();
    let kept = last_good.of(&name);
    let binding = match object {
        Observed::Valid(binding) => binding,
        Observed::Invalid(invalid) => {
            return ValidatedBinding {
                services: last_good.services(&name),
                generation,
                accepted: Finding::no(
                    Reason::Invalid,
                    format!("{}; {}.", invalid.cause(), what_stays(kept.as_ref())),
                ),
                resolved: Finding::unknown(Reason::Invalid, "The object cannot be read."),
                certificate: kept,
                name,
            };
        }
    };
    let secret_name = &binding.spec.secret_ref.name;
    let material = read(secret_name, secrets.get(secret_name))
        .and_then(|new| in_time(new, kept.as_ref(), secret_name, now));
    let (certificate, resolved) = match material {
        Ok(certificate) => {
            let finding = describe(&certificate, now);
            (Some(certificate), finding)
        }
        Err((reason, message)) => {
            let message = format!("spec.secretRef: {message}; {}.", what_stays(kept.as_ref()));
            (kept, Finding::no(reason, message))
        }
    };
    ValidatedBinding {
        name,
        generation,
        services: services(binding),
        certificate,
        accepted: Finding::yes(Reason::Accepted, "The object is valid and obeyed."),
        resolved,
    }
}

fn services(binding: &CertificateBinding) -> BTreeSet<Protocol> {
    binding
        .spec
        .services
        .iter()
        .map(|service| super::protocol(*service))
        .collect()
}

fn read(name: &str, lookup: Option<&Lookup>) -> Result<Certificate, (Reason, String)> {
    let Some(Lookup::Found(secret)) = lookup else {
        let message = format!("Secret {name} is not there");
        return Err((Reason::SecretNotFound, message));
    };
    if secret.type_.as_deref() != Some(SECRET_TYPE) {
        let message = format!("Secret {name} is not of type {SECRET_TYPE}");
        return Err((Reason::SecretUnreadable, message));
    }
    let chain = text(secret, name, "tls.crt")?;
    let key = text(secret, name, "tls.key")?;
    Certificate::parse(&chain, &key).map_err(|error| {
        let (reason, key) = match error {
            CertificateError::Mismatch => (Reason::KeyMismatch, "tls.key"),
            CertificateError::Chain
            | CertificateError::Leaf
            | CertificateError::Version(_)
            | CertificateError::Form => (Reason::InvalidCertificate, "tls.crt"),
            CertificateError::Key | CertificateError::Unsupported => {
                (Reason::InvalidCertificate, "tls.key")
            }
        };
        (reason, format!("Secret {name}, {key}: {error}"))
    })
}

fn text(secret: &Secret, name: &str, key: &str) -> Result<String, (Reason, String)> {
    let bytes = bytes(secret, key).ok_or_else(|| {
        let message = format!("Secret {name} has no key {key}");
        (Reason::SecretUnreadable, message)
    })?;
    String::from_utf8(bytes).map_err(|_| {
        let message = format!("Secret {name}, {key}: it is not text");
        (Reason::InvalidCertificate, message)
    })
}

/// New material has to be valid today. What is served already stays when it expires: nothing better is
/// there, and some clients go on.
fn in_time(
    certificate: Certificate,
    kept: Option<&Certificate>,
    secret: &str,
    now: Timestamp,
) -> Result<Certificate, (Reason, String)> {
    let leaf = certificate.leaf();
    let is_new = kept.is_none_or(|kept| kept.id() != certificate.id());
    let fault = if leaf.not_after < now.as_second() {
        format!("it expired on {}", date(leaf.not_after))
    } else if leaf.not_before > now.as_second() + SKEW_SECS {
        format!("it is valid only from {}", date(leaf.not_before))
    } else {
        return Ok(certificate);
    };
    if is_new {
        let message = format!("Secret {secret}, tls.crt: {fault}");
        Err((Reason::CertificateNotValid, message))
    } else {
        Ok(certificate)
    }
}

fn describe(certificate: &Certificate, now: Timestamp) -> Finding {
    let leaf = certificate.leaf();
    if leaf.not_after < now.as_second() {
        return Finding::no(
            Reason::CertificateNotValid,
            format!(
                "spec.secretRef: the certificate expired on {} and is still served.",
                date(leaf.not_after)
            ),
        );
    }
    let names = if leaf.names.is_empty() {
        "no name".to_owned()
    } else {
        list(&leaf.names)
    };
    Finding::yes(
        Reason::ResolvedRefs,
        format!(
            "The certificate {} for {names} is valid until {}.",
            leaf.thumbprint,
            date(leaf.not_after)
        ),
    )
}

fn what_stays(kept: Option<&Certificate>) -> String {
    match kept {
        Some(kept) => format!("the last good certificate {} stays", kept.leaf().thumbprint),
        None => "there is no earlier one to keep".to_owned(),
    }
}

/// A day, which is all that matters of an expiry.
pub fn date(unix_secs: i64) -> String {
    Timestamp::from_second(unix_secs).map_or_else(
        // The last second of that year means "no expiry" (RFC 5280 4.1.2.5), and is beyond what jiff counts.
        |_| "9999-12-31".to_owned(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}

/// The oldest binding of a protocol answers clients that name no host; a name belongs to the oldest
/// binding that has it. Whoever gets less than expected says so.
fn choose(protocol: Protocol, bindings: &mut [ValidatedBinding]) -> Option<CertificateChoice> {
    let mut names: BTreeMap<String, CertificateId> = BTreeMap::new();
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let mut default: Option<(String, CertificateId)> = None;
    for binding in bindings {
        let Some(certificate) = &binding.certificate else {
            continue;
        };
        if !binding.services.contains(&protocol) {
            continue;
        }
        let mut lost = BTreeMap::new();
        for name in host_names(certificate) {
            if let Some(owner) = owners.get(name) {
                lost.insert(name.clone(), owner.clone());
            } else {
                owners.insert(name.clone(), binding.name.clone());
                names.insert(name.clone(), certificate.id().clone());
            }
        }
        match &default {
            None => default = Some((binding.name.clone(), certificate.id().clone())),
            Some((owner, _)) => note(binding, protocol, owner, &lost),
        }
    }
    let (_, default) = default?;
    Some(CertificateChoice { default, names })
}

/// Names that a client can ask for; an address is none (RFC 6066 3).
fn host_names(certificate: &Certificate) -> impl Iterator<Item = &String> {
    let names = certificate.leaf().names.iter();
    names.filter(|name| name.parse::<std::net::IpAddr>().is_err())
}

fn note(
    binding: &mut ValidatedBinding,
    protocol: Protocol,
    default: &str,
    lost: &BTreeMap<String, String>,
) {
    if binding.accepted.reason == Reason::Accepted {
        binding.accepted = Finding::yes(Reason::NotDefault, String::new());
    }
    let message = &mut binding.accepted.message;
    if binding.accepted.reason != Reason::NotDefault {
        return;
    }
    if !message.is_empty() {
        message.push(' ');
    }
    let _ = write!(
        message,
        "{protocol}: clients that name no host get the older CertificateBinding {default}"
    );
    if !lost.is_empty() {
        let lost: Vec<String> = lost
            .iter()
            .map(|(name, owner)| format!("{name} gets {owner}"))
            .collect();
        let _ = write!(message, ", and {}", list(&lost));
    }
    message.push('.');
}
