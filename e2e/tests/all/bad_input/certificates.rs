//! Certificates, keys and Secrets that cannot be used: the last good certificate stays, and the binding
//! says what and where.

use super::stage::{Quickstart, ann, certificate};
use super::{Metric, Row, check, fault, refused_edit};
use crate::harness::{Service, checkout};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use std::fs;
use std::sync::LazyLock;

const FILE: &str = "tls.yaml";
const STAYS: &str = "the last good certificate";

/// A chain and its key.
struct Material {
    chain: String,
    key: String,
    der: Vec<u8>,
}

/// What is served while all is well.
static GOOD: LazyLock<Material> = LazyLock::new(|| valid_in(2020, 2060));
/// Another one, as good.
static OTHER: LazyLock<Material> = LazyLock::new(|| valid_in(2020, 2060));

/// Made by `openssl x509 -req` without extensions.
const VERSION_1: &str = include_str!("../../../../mailaccess/config/src/tests/version-1.pem");

fn valid_in(from: i32, until: i32) -> Material {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["mail.example.com".to_owned()]).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    Material {
        chain: certificate.pem(),
        key: key.serialize_pem(),
        der: certificate.der().to_vec(),
    }
}

fn secret(kind: &str, chain: &str, key: &str) -> String {
    let indent = |pem: &str| pem.trim_end().replace('\n', "\n    ");
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: mail-tls\ntype: {kind}\nstringData:\n  \
         tls.crt: |\n    {}\n  tls.key: |\n    {}\n",
        indent(chain),
        indent(key)
    )
}

fn put(stage: &Quickstart, chain: &str, key: &str) {
    stage.write(FILE, secret("kubernetes.io/tls", chain, key));
}

/// Whose certificate is shown.
fn shown(stage: &mut Quickstart) -> String {
    match certificate(stage) {
        Some(der) if der == GOOD.der => "good",
        Some(der) if der == OTHER.der => "other",
        Some(_) => "unknown",
        None => "none",
    }
    .to_owned()
}

/// The Secret is bad; whoever served it before still does.
const fn kept(
    name: &'static str,
    fault: fn(&mut Quickstart),
    status: &'static [&'static str],
    metric: Metric,
) -> Row<Quickstart> {
    Row {
        name,
        fault,
        status,
        wire: &[(shown, "good"), (ann, "+OK")],
        metric,
    }
}

/// What the operator counts of a certificate that it refuses.
macro_rules! refused {
    ($reason:ident) => {
        Metric::Rises(fault!(CertificateBinding, $reason))
    };
}

const ROWS: [Row<Quickstart>; 13] = [
    kept(
        "the key of another certificate",
        |stage| put(stage, &GOOD.chain, &OTHER.key),
        &[
            "NOT READY  KeyMismatch: spec.secretRef: Secret mail-tls, tls.key: ",
            STAYS,
        ],
        refused!(KeyMismatch),
    ),
    kept(
        "the certificate of another key",
        |stage| put(stage, &OTHER.chain, &GOOD.key),
        &[
            "NOT READY  KeyMismatch: spec.secretRef: Secret mail-tls, tls.key: ",
            STAYS,
        ],
        refused!(KeyMismatch),
    ),
    kept(
        "an expired certificate",
        |stage| {
            let expired = valid_in(2020, 2021);
            put(stage, &expired.chain, &expired.key);
        },
        &[
            "CertificateNotValid: spec.secretRef: Secret mail-tls, tls.crt: it expired on 2021-01-01",
            STAYS,
        ],
        refused!(CertificateNotValid),
    ),
    kept(
        "a certificate that is not valid yet",
        |stage| {
            let early = valid_in(2050, 2060);
            put(stage, &early.chain, &early.key);
        },
        &[
            "CertificateNotValid: spec.secretRef: Secret mail-tls, tls.crt: it is valid only from 2050-01-01",
            STAYS,
        ],
        refused!(CertificateNotValid),
    ),
    kept(
        "no certificate but a text",
        |stage| put(stage, "not a certificate", &GOOD.key),
        &[
            "InvalidCertificate: spec.secretRef: Secret mail-tls, tls.crt: ",
            STAYS,
        ],
        refused!(InvalidCertificate),
    ),
    kept(
        "half a certificate",
        |stage| put(stage, &GOOD.chain[..GOOD.chain.len() / 2], &GOOD.key),
        &[
            "InvalidCertificate: spec.secretRef: Secret mail-tls, tls.crt: ",
            STAYS,
        ],
        refused!(InvalidCertificate),
    ),
    kept(
        "a certificate whose bytes are no certificate",
        |stage| {
            let chain = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
            put(stage, chain, &GOOD.key);
        },
        &[
            "InvalidCertificate: spec.secretRef: Secret mail-tls, tls.crt: ",
            STAYS,
        ],
        refused!(InvalidCertificate),
    ),
    kept(
        "a certificate of version 1",
        |stage| put(stage, VERSION_1, &OTHER.key),
        &[
            "InvalidCertificate: spec.secretRef: Secret mail-tls, tls.crt: the certificate is of version 1, \
             and TLS needs version 3",
            STAYS,
        ],
        refused!(InvalidCertificate),
    ),
    kept(
        "no key but a text",
        |stage| put(stage, &OTHER.chain, "not a key"),
        &[
            "InvalidCertificate: spec.secretRef: Secret mail-tls, tls.key: ",
            STAYS,
        ],
        refused!(InvalidCertificate),
    ),
    kept(
        "certificate and key in each other's place",
        |stage| put(stage, &OTHER.key, &OTHER.chain),
        &[
            "InvalidCertificate: spec.secretRef: Secret mail-tls, tls.",
            STAYS,
        ],
        refused!(InvalidCertificate),
    ),
    kept(
        "a Secret without a key, which the API server refuses",
        |stage| {
            let text = secret("kubernetes.io/tls", &OTHER.chain, "x");
            stage.write(FILE, text.split("  tls.key").next().unwrap());
        },
        &[
            "refused: ",
            "Secret/mail-tls",
            "its last accepted version stays in force",
        ],
        Metric::Refused {
            rises: refused_edit!(Secret),
            stays: "mailaccess_certificate_not_after_seconds",
        },
    ),
    kept(
        "a Secret that is gone",
        |stage| stage.remove(FILE),
        &[
            "NOT READY  SecretNotFound: spec.secretRef: Secret mail-tls is not there; ",
            STAYS,
        ],
        refused!(SecretNotFound),
    ),
    kept(
        "a binding of a Secret of another type",
        |stage| stage.edit("certificatebinding.yaml", "name: mail-tls", "name: users"),
        &[
            "NOT READY  SecretUnreadable: spec.secretRef: Secret users is not of type kubernetes.io/tls; ",
            STAYS,
        ],
        refused!(SecretUnreadable),
    ),
];

#[test]
fn a_bad_certificate_or_key_never_replaces_a_good_one() {
    let mut stage = Quickstart::start(|files| {
        let text = secret("kubernetes.io/tls", &GOOD.chain, &GOOD.key);
        fs::write(files.join(FILE), text).unwrap();
        let binding = "certificatebinding.yaml";
        let example = checkout().join("crds/examples/certificate").join(binding);
        fs::copy(example, files.join(binding)).unwrap();
    });
    assert_eq!(shown(&mut stage), "good");
    for row in &ROWS {
        check(&mut stage, row);
    }
    // A good one replaces it at once, on every port.
    put(&stage, &OTHER.chain, &OTHER.key);
    super::settles("another good certificate", "other", || {
        let seen = shown(&mut stage);
        (seen == "other", seen)
    });
    let imaps = crate::harness::Wire::connect(
        stage.local.ports().of(Service::Imaps),
        crate::harness::Security::Tls,
    );
    assert_eq!(imaps.unwrap().certificate().as_ref(), Some(&OTHER.der));
}
