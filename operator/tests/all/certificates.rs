//! Which certificate is served to whom, and what is said of it: one rule a test.

use crate::cluster::{Cluster, MAIL, SERVER, USERS, binding, certificate, tls_secret, yaml};
use k8s_openapi::jiff::ToSpan as _;
use mailaccess_config::{DocumentName, Protocol};
use mailaccess_operator::reconcile::report::{Fault, HandshakeReport, TlsFaultReport};

#[test]
fn any_binding_beats_the_self_signed_certificate() {
    let mut cluster = Cluster::new();
    let (chain, key) = certificate(&["mail.example.com"], -1..90);
    cluster.apply(&yaml(&[SERVER, USERS]));
    let before = cluster.settle();
    let own = before.built.self_signed.unwrap();
    assert!(
        cluster
            .document(DocumentName::Settings)
            .contains(own.id().as_str())
    );
    cluster.apply(&yaml(&[
        SERVER,
        USERS,
        &tls_secret("mail-tls", &chain, &key),
        &binding("corp", "mail-tls"),
    ]));
    let outcome = cluster.settle();
    assert!(
        !cluster
            .document(DocumentName::Settings)
            .contains(own.id().as_str())
    );
    outcome.expect("CertificateBinding/corp", "Accepted", "True Accepted");
    outcome.expect(
        "CertificateBinding/corp",
        "ResolvedRefs",
        "True ResolvedRefs",
    );
    outcome.expect(
        "CertificateBinding/corp",
        "Programmed",
        "True Loaded: 1 of 1 pod: loaded, not yet verified.",
    );
    // It comes back as it was when the binding goes.
    cluster.apply(&yaml(&[SERVER, USERS]));
    cluster.settle();
    assert!(
        cluster
            .document(DocumentName::Settings)
            .contains(own.id().as_str())
    );
}

#[test]
fn a_handshake_that_showed_the_certificate_is_said() {
    let mut cluster = Cluster::new();
    let (chain, key) = certificate(&["mail.example.com"], -1..90);
    cluster.apply(&yaml(&[
        SERVER,
        USERS,
        &tls_secret("mail-tls", &chain, &key),
        &binding("corp", "mail-tls"),
    ]));
    let outcome = cluster.settle();
    let certificate = outcome.validated.bindings.objects[0].certificate.clone();
    let thumbprint = certificate.unwrap().leaf().thumbprint.clone();
    let said = cluster.pods[0].said.as_mut().unwrap();
    said.handshakes = Protocol::ALL
        .map(|protocol| HandshakeReport {
            protocol,
            thumbprint: thumbprint.clone(),
        })
        .into();
    cluster.reconcile().expect(
        "CertificateBinding/corp",
        "Programmed",
        "True Programmed: Served by 1 of 1 pod, each of which saw it in a handshake.",
    );
}

#[test]
fn names_decide_and_the_oldest_binding_answers_the_rest() {
    let mut cluster = Cluster::new();
    let (old_chain, old_key) = certificate(&["mail.example.com", "*.example.com"], -1..90);
    let (new_chain, new_key) = certificate(&["mail.example.com", "imap.example.org"], -1..90);
    let old = [
        tls_secret("old-tls", &old_chain, &old_key),
        binding("zz-old", "old-tls"),
    ]
    .join("---\n");
    let new = [
        tls_secret("new-tls", &new_chain, &new_key),
        binding("aa-new", "new-tls"),
    ]
    .join("---\n");
    cluster.apply(&yaml(&[SERVER, USERS, &old]));
    cluster.settle();
    cluster.apply(&yaml(&[SERVER, USERS, &old, &new]));
    let outcome = cluster.settle();
    outcome.expect("CertificateBinding/zz-old", "Accepted", "True Accepted");
    outcome.expect("CertificateBinding/aa-new", "Accepted", "True NotDefault: IMAP: clients that name no host get the older CertificateBinding zz-old, and mail.example.com gets zz-old.");
    let choice = &outcome.validated.bindings.choices[&Protocol::Imap];
    let id = |index: usize| {
        let certificate = outcome.validated.bindings.objects[index]
            .certificate
            .as_ref();
        certificate.unwrap().id().clone()
    };
    assert_eq!(*choice.choose(None), id(0));
    assert_eq!(*choice.choose(Some("mail.example.com")), id(0));
    assert_eq!(*choice.choose(Some("x.example.com")), id(0));
    assert_eq!(*choice.choose(Some("imap.example.org")), id(1));
}

#[test]
fn the_self_signed_certificate_is_renewed_thirty_days_ahead() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    let thumbprint = |outcome: &crate::cluster::Outcome| {
        let own = outcome.built.self_signed.as_ref();
        own.unwrap().leaf().thumbprint.clone()
    };
    let first = thumbprint(&cluster.settle());
    cluster.now += (334 * 24).hours();
    assert_eq!(thumbprint(&cluster.settle()), first);
    cluster.now += (2 * 24).hours();
    let renewed = cluster.settle();
    assert_ne!(thumbprint(&renewed), first);
    // Settings and certificates name each other, and nothing else changes.
    renewed.expect(MAIL, "Ready", "True Programmed");
}

#[test]
fn the_self_signed_certificate_has_the_names_of_service_and_domains() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    let own = cluster.settle().built.self_signed.unwrap();
    let mut names = own.leaf().names.clone();
    names.sort();
    assert_eq!(
        names,
        [
            "example.com",
            "localhost",
            "mail",
            "mail.default",
            "mail.default.svc",
            "mail.default.svc.cluster.local"
        ]
    );
    let before = own.leaf().thumbprint.clone();
    let more = SERVER.replace("domains: [", "domains: [{name: example.org}, ");
    cluster.apply(&yaml(&[&more, USERS]));
    let after = cluster.settle().built.self_signed.unwrap();
    assert!(after.leaf().names.contains(&"example.org".to_owned()));
    assert_ne!(after.leaf().thumbprint, before);
}

#[test]
fn a_certificate_that_a_pod_loaded_and_cannot_show_is_not_programmed() {
    let mut cluster = Cluster::new();
    let (chain, key) = certificate(&["mail.example.com"], -1..30);
    cluster.apply(&yaml(&[
        SERVER,
        USERS,
        &tls_secret("mail-tls", &chain, &key),
        &binding("imap", "mail-tls").replace("[IMAP, POP]", "[IMAP]"),
        &binding("pop", "mail-tls").replace("[IMAP, POP]", "[POP]"),
    ]));
    cluster.settle();
    let said = cluster.pods[0].said.as_mut().unwrap();
    said.tls_faults = vec![TlsFaultReport {
        protocol: Protocol::Pop,
        error: Fault {
            text: "the key is of no use".to_owned(),
        },
    }];
    let outcome = cluster.reconcile();
    let refused = "False Refused: pod mail-0: TLS of POP: the key is of no use.";
    outcome.expect(MAIL, "Programmed", refused);
    outcome.expect("CertificateBinding/pop", "Programmed", refused);
    outcome.expect("CertificateBinding/imap", "Programmed", "True Loaded");
}
