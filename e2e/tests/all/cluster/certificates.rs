//! Certificates of one's own, and what happens when one becomes unusable.

use super::operator::Operator;
use super::sandbox::Place;
use super::tenant::{LIMIT, Tenant, at};
use crate::harness::{Security, Wire, eventually, figure};
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};

/// What a pod shows.
pub(super) fn certificate(pod: IpAddr) -> Option<Vec<u8>> {
    Wire::connect_to(at(pod, 993), Security::Tls, "mail.example.com")
        .ok()?
        .certificate()
}

/// A certificate's Secret, and what a client is to see.
pub(super) fn fresh_certificate() -> (Value, Vec<u8>) {
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["mail.example.com".to_owned()];
    let certificate = rcgen::CertificateParams::new(names)
        .unwrap()
        .self_signed(&key)
        .unwrap();
    let data = json!({"tls.crt": certificate.pem(), "tls.key": key.serialize_pem()});
    (json!({"stringData": data}), certificate.der().to_vec())
}

/// SHA-1 of a certificate, as the status shows it.
pub(super) fn thumbprint(der: &[u8]) -> String {
    let mut openssl = Command::new("openssl")
        .args(["x509", "-inform", "der", "-noout", "-fingerprint", "-sha1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(der).unwrap();
    let output = openssl.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    said.trim().rsplit('=').next().unwrap().replace(':', "")
}

/// A certificate of one's own, to be renewed.
pub(super) fn bind_own(tenant: &Tenant) {
    let (secret, _) = fresh_certificate();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": "mail-tls"}, "stringData": secret["stringData"],
    });
    tenant.apply(&secret.to_string());
    tenant.apply(
        "apiVersion: mailaccess.dev/v1alpha1\nkind: CertificateBinding\nmetadata: {name: mail}\nspec:\n  serverRef: {name: mail}\n  secretRef: {name: mail-tls}\n  services: [IMAP, POP]\n",
    );
}

/// The reason of a condition, as soon as it is this one.
#[track_caller]
fn wait_for_reason(tenant: &Tenant, plural: &str, name: &str, reason: &str) -> Value {
    eventually(&format!("{plural}/{name} says {reason}"), LIMIT, || {
        let object = tenant.get(plural, name)?;
        let conditions = object["status"]["conditions"].as_array()?.clone();
        conditions.into_iter().find(|it| it["reason"] == reason)
    })
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn a_certificate_with_another_ones_key_or_none_leaves_the_last_good_one_served() {
    let tenant = Tenant::new("key");
    tenant.quickstart(1);
    let operator = Operator::start(&tenant);
    let pod = tenant.wait_until_served()[0];
    bind_own(&tenant);
    let binding = tenant.wait_for("certificatebindings", "mail", "Ready", "True");
    let shown = || tenant.sandbox.within(Place::Client, || certificate(pod));
    let good = eventually("one's own certificate is served", LIMIT, || {
        let der = shown()?;
        (binding["status"]["thumbprint"] == thumbprint(&der)).then_some(der)
    });
    let refused = |reason: &str| {
        operator.metric(
            "mailaccess_operator_faults_total{kind=\"CertificateBinding\"",
            reason,
        )
    };
    let (another, _) = fresh_certificate();
    let its_key = json!({"stringData": {"tls.key": another["stringData"]["tls.key"]}});
    tenant.patch_secret("mail-tls", &its_key);
    let said = wait_for_reason(&tenant, "certificatebindings", "mail", "KeyMismatch");
    figure("said of another one's key", &said["message"]);
    assert_eq!(shown(), Some(good.clone()));
    assert_eq!(refused("KeyMismatch").to_string(), "1");

    tenant.patch_secret("mail-tls", &json!({"data": {"tls.crt": "", "tls.key": ""}}));
    let said = wait_for_reason(&tenant, "certificatebindings", "mail", "InvalidCertificate");
    figure("said of an emptied certificate", &said["message"]);
    assert_eq!(shown(), Some(good.clone()));
    assert_eq!(refused("InvalidCertificate").to_string(), "1");

    let path = format!("/api/v1/namespaces/{}/secrets/mail-tls", tenant.name);
    let before = refused("SecretNotFound");
    tenant.sandbox.request("DELETE", &path, None);
    wait_for_reason(&tenant, "certificatebindings", "mail", "SecretNotFound");
    assert!(refused("SecretNotFound") > before);
    assert_eq!(shown(), Some(good.clone()));

    // Mended with another certificate, which is served then.
    bind_own(&tenant);
    eventually("the new certificate is served", LIMIT, || {
        shown().filter(|der| *der != good)
    });
    tenant.wait_for("certificatebindings", "mail", "Ready", "True");
    assert_eq!(tenant.restarts(), [json!(0)]);

    // Nothing is said of it when something else is edited.
    operator.wait_for_rest();
    let written = || {
        operator.metric(
            "mailaccess_operator_statuses_written_total",
            "CertificateBinding",
        )
    };
    let before = written();
    let edit = json!({"spec": {"popEnabled": false}});
    tenant.patch("casmailboxes", "ann", &edit);
    tenant.wait_for("casmailboxes", "ann", "Ready", "True");
    operator.wait_for_rest();
    assert!(
        (written() - before).abs() < 0.5,
        "{before} then {}",
        written()
    );
    operator.stop();
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn the_self_signed_certificate_is_announced_before_it_is_another_one() {
    let tenant = Tenant::new("announced");
    tenant.quickstart(1);
    let operator = Operator::start(&tenant);
    let pod = tenant.wait_until_served()[0];
    let shown = || tenant.sandbox.within(Place::Client, || certificate(pod));
    let first = shown().unwrap();
    let domains =
        json!([{"name": "example.com", "netbiosName": "EXAMPLE"}, {"name": "example.org"}]);
    tenant.patch(
        "mailaccessservers",
        "mail",
        &json!({"spec": {"domains": domains}}),
    );
    let second = eventually("another certificate is served", LIMIT, || {
        shown().filter(|der| *der != first)
    });
    let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events", tenant.name);
    let note = eventually("an event says so", LIMIT, || {
        let events = tenant.sandbox.request("GET", &path, None);
        let events = events["items"].as_array()?.clone();
        let event = events
            .into_iter()
            .find(|event| event["reason"] == "SelfSignedCertificateRenewed")?;
        event["note"].as_str().map(str::to_owned)
    });
    figure("said of another self-signed certificate", &note);
    let (from, to) = (thumbprint(&first), thumbprint(&second));
    assert!(note.contains(&from) && note.contains(&to), "{note}");
    operator.stop();
}
