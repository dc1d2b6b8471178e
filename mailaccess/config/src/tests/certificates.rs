//! The `certificates` document.

use super::mutated;
use crate::certificates::{CertificateError, Leaf};
use crate::{Certificate, CertificateId, Certificates};
use proptest::prelude::*;
use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::sync::LazyLock;

/// A chain and its key, self-signed, valid from 2026-01-01 to 2027-01-01.
fn made(names: &[&str]) -> (String, String) {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "mail for tests");
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

static ONE: LazyLock<(String, String)> =
    LazyLock::new(|| made(&["Mail.Example.com", "*.example.com", "127.0.0.1", "::1"]));
static TWO: LazyLock<(String, String)> = LazyLock::new(|| made(&["other.example.com"]));

fn parse((chain, key): &(String, String)) -> Result<Certificate, CertificateError> {
    Certificate::parse(chain, key)
}

#[test]
fn a_leaf_says_its_names_and_times() {
    let certificate = parse(&ONE).unwrap();
    let leaf = certificate.leaf();
    assert_eq!(
        leaf.names,
        ["mail.example.com", "*.example.com", "127.0.0.1", "::1"]
    );
    assert_eq!(leaf.subject, "CN=mail for tests");
    assert_eq!(leaf.issuer, leaf.subject);
    assert_eq!(
        (leaf.not_before, leaf.not_after),
        (1_767_225_600, 1_798_761_600)
    );
    assert_eq!(leaf.thumbprint.len(), 40);
    assert_eq!(leaf.thumbprint, leaf.thumbprint.to_uppercase());
}

/// Made by `openssl req -x509`; its thumbprint by `openssl x509 -fingerprint -sha1`.
const OPENSSL: &str = include_str!("openssl.pem");

#[test]
fn a_thumbprint_is_what_openssl_prints() {
    let der = CertificateDer::from_pem_slice(OPENSSL.as_bytes()).unwrap();
    let leaf = Leaf::read(&der).unwrap();
    assert_eq!(leaf.thumbprint, "544A8FFAAE26EC6ECBA4DA5453BFCA067FCB8DCA");
    assert_eq!(leaf.subject, "O=Example, CN=mail.example.com");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    assert_eq!(
        Certificate::parse(&ONE.0, &TWO.1).unwrap_err(),
        CertificateError::Mismatch
    );
}

#[test]
fn what_is_no_pem_is_refused_and_not_quoted() {
    let twelve = ONE.0.repeat(11);
    for (chain, key, why) in [
        ("", ONE.1.as_str(), CertificateError::Chain),
        (&ONE.1, &ONE.1, CertificateError::Chain),
        (&twelve, &ONE.1, CertificateError::Chain),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &ONE.1,
            CertificateError::Leaf,
        ),
        (&ONE.0, "", CertificateError::Key),
        (&ONE.0, "marked", CertificateError::Key),
        (&ONE.0, &ONE.0, CertificateError::Key),
        (
            &ONE.0,
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            CertificateError::Unsupported,
        ),
    ] {
        assert_eq!(Certificate::parse(chain, key).unwrap_err(), why);
    }
}

/// Made by `openssl x509 -req` without extensions.
const VERSION_1: &str = include_str!("version-1.pem");

#[test]
fn a_certificate_that_tls_cannot_use_is_not_called_a_bad_key() {
    assert_eq!(
        Certificate::parse(VERSION_1, &ONE.1).unwrap_err(),
        CertificateError::Version(1)
    );
    let mut params = CertificateParams::new(vec!["mail.example.com".to_owned()]).unwrap();
    let mut unknown = rcgen::CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    unknown.set_criticality(true);
    params.custom_extensions.push(unknown);
    let key = KeyPair::generate().unwrap();
    let chain = params.self_signed(&key).unwrap().pem();
    assert_eq!(
        Certificate::parse(&chain, &key.serialize_pem()).unwrap_err(),
        CertificateError::Form
    );
}

/// An RSA key of 1024 bits, of the two largest primes below 2^512, so that it is nobody's.
const SHORT_RSA: &str = "MIICXQIBAAKBgQD/////////////////////////////////////////////////////////////////\
     //////////////////tSAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
     AAAAAAAAAAAAAAAAAAAAAAV2DQIDAQABAoGAVfOqDFXzqgxV86oMVfOqDFXzqgxV86oMVfOqDFXzqgxV\
     86oMVfOqDFXzqgxV86oMVfOqDFXzqgxV86oMVfOoeW/GkDlvxpA5b8aQOW/GkDlvxpA5b8aQOW/GkDlv\
     xpA5b8aQOW/GkDlvxpA5b8aQOW/GkDlvxpA5b8aQOW/IZzECQQD/////////////////////////////\
     //////////////////////////////////////////////////////3HAkEA////////////////////\
     ///////////////////////////////////////////////////////////////9iwJBANBPL7DQTy+w\
     0E8vsNBPL7DQTy+w0E8vsNBPL7DQTy+w0E8vsNBPL7DQTy+w0E8vsNBPL7DQTy+w0E8vsNBPLeECQQD1\
     awqU9WsKlPVrCpT1awqU9WsKlPVrCpT1awqU9WsKlPVrCpT1awqU9WsKlPVrCpT1awqU9WsKlPVrCpT1\
     awg5AkBiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIi\
     IiIiIiIiIiFI";
/// The number 1 as a key of the curve secp256k1.
const OTHER_CURVE: &str = "MC4CAQEEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABoAcGBSuBBAAK";

#[test]
fn a_key_that_tls_cannot_use_is_refused() {
    for (kind, key) in [("RSA", SHORT_RSA), ("EC", OTHER_CURVE)] {
        let key = format!(
            "-----BEGIN {kind} PRIVATE KEY-----\n{key}\n-----END {kind} PRIVATE KEY-----\n"
        );
        assert_eq!(
            Certificate::parse(&ONE.0, &key).unwrap_err(),
            CertificateError::Unsupported,
            "{kind}"
        );
    }
}

#[test]
fn certificates_come_back_and_keep_their_ids() {
    let mut certificates = Certificates::default();
    certificates.insert(parse(&ONE).unwrap());
    certificates.insert(parse(&TWO).unwrap());
    certificates.insert(parse(&ONE).unwrap());
    let text = certificates.to_text().unwrap();
    let back = Certificates::from_text(&text).unwrap();
    assert_eq!(back.by_id.len(), 2);
    assert_eq!(back.to_text().unwrap(), text);
    let ids: Vec<&CertificateId> = back.by_id.keys().collect();
    assert!(ids.contains(&parse(&ONE).unwrap().id()));
}

#[test]
fn an_id_that_is_not_the_chains_is_refused() {
    let mut certificates = Certificates::default();
    certificates.insert(parse(&ONE).unwrap());
    let text = certificates.to_text().unwrap();
    let (one, two) = (parse(&ONE).unwrap(), parse(&TWO).unwrap());
    let other = text.replace(one.id().as_str(), two.id().as_str());
    assert!(Certificates::from_text(&other).is_err());
}

#[test]
fn neither_debug_nor_an_error_shows_a_key() {
    let certificate = parse(&ONE).unwrap();
    let key_line = ONE.1.lines().nth(1).unwrap();
    let mut certificates = Certificates::default();
    certificates.insert(certificate);
    assert!(!format!("{certificates:?}").contains(key_line));
    let text = certificates.to_text().unwrap();
    for bad in [
        text.replace("key:", "kez:"),
        text.replace("chain:", "chain: 1\n  other:"),
        text.replace("id:", "id: [1]\n  other:"),
    ] {
        let error = Certificates::from_text(&bad).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(key_line));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_document_is_read_without_panic(
        bytes in {
            let mut certificates = Certificates::default();
            certificates.insert(parse(&ONE).unwrap());
            mutated(certificates.to_text().unwrap().into_bytes())
        },
    ) {
        if let Ok(read) = Certificates::from_text(&String::from_utf8_lossy(&bytes)) {
            prop_assert!(read.to_text().is_ok());
        }
    }

    #[test]
    fn a_changed_chain_is_read_without_panic(bytes in mutated(ONE.0.clone().into_bytes())) {
        let chain = String::from_utf8_lossy(&bytes);
        let _ = Certificate::parse(&chain, &ONE.1);
    }
}
