//! Bad input: the fault, what its status says, and what is published instead. One row a fault.

use crate::cluster::{
    Cluster, Outcome, SERVER, USERS, binding, cas_mailbox, certificate, tls_secret, yaml,
};
use crate::memory;
use mailaccess_config::DocumentName;
use mailaccess_operator::files::{Ledger, Notice};

const MAIL: &str = "MailAccessServer/mail";
const ANN: &str = "ann@example.com";
const BOB: &str = "bob@example.com";

/// A fault that is there from the beginning.
struct Fault {
    what: &'static str,
    /// What is applied beside the server.
    files: Vec<String>,
    object: &'static str,
    condition: &'static str,
    says: &'static str,
    /// What else has to be so.
    effect: fn(&Cluster) -> bool,
}

fn users(passwd: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: users}}\nstringData:\n  passwd: |\n    {}\n",
        passwd.replace('\n', "\n    ")
    )
}

fn faults() -> Vec<Fault> {
    [rights(), people(), certificates()]
        .into_iter()
        .flatten()
        .collect()
}

#[expect(clippy::too_many_lines, reason = "one row a fault")]
fn rights() -> Vec<Fault> {
    vec![
        Fault {
            what: "an unknown rights field",
            files: vec![
                USERS.into(),
                cas_mailbox("ann", "mailbox: ann@example.com, imapEnable: true"),
            ],
            object: "CASMailbox/ann",
            condition: "Accepted",
            says: "False Invalid: unknown field \"spec.imapEnable\"; its target is denied both protocols.",
            effect: |cluster| {
                cluster
                    .row(ANN)
                    .contains(r#""rights":{"imap":"invalid","pop":"invalid"}"#)
            },
        },
        Fault {
            what: "a right that is no boolean, for a group",
            files: vec![
                USERS.into(),
                cas_mailbox(
                    "field",
                    "distributionGroup: Field Engineers, popEnabled: \"no\"",
                ),
            ],
            object: "CASMailbox/field",
            condition: "Accepted",
            says: "False Invalid: spec.popEnabled: Invalid value",
            effect: |cluster| {
                cluster
                    .document(DocumentName::Rules)
                    .contains("pop: invalid")
            },
        },
        Fault {
            what: "two targets",
            files: vec![
                USERS.into(),
                cas_mailbox(
                    "both",
                    "mailbox: ann@example.com, distributionGroup: Field Engineers, imapEnabled: true",
                ),
            ],
            object: "CASMailbox/both",
            condition: "Accepted",
            says: "False Invalid: spec: Invalid value",
            effect: |cluster| {
                cluster.row(ANN).contains("invalid")
                    && cluster.document(DocumentName::Rules).contains("invalid")
            },
        },
        Fault {
            what: "a target that cannot be read is named by the server",
            files: vec![
                USERS.into(),
                cas_mailbox("odd", "mailbox: [ann@example.com], imapEnabled: false"),
            ],
            object: MAIL,
            condition: "Accepted",
            says: "False InvalidMailboxes: CASMailbox odd cannot be read: spec.mailbox: Invalid value",
            effect: |cluster| cluster.has_password(ANN),
        },
        Fault {
            what: "a server reference that cannot be read denies the target and is named by the server",
            files: vec![
                USERS.into(),
                cas_mailbox("odd", "mailbox: ann@example.com, imapEnabled: true")
                    .replace("{name: mail}", "[mail]"),
            ],
            object: MAIL,
            condition: "Accepted",
            says: "False InvalidMailboxes: CASMailbox odd cannot be read: spec.serverRef: Invalid value",
            effect: |cluster| cluster.row(ANN).contains("invalid"),
        },
        Fault {
            what: "a mailbox that nobody has",
            files: vec![
                USERS.into(),
                cas_mailbox("carl", "mailbox: carl@example.com, imapEnabled: false"),
            ],
            object: "CASMailbox/carl",
            condition: "ResolvedRefs",
            says: "False MailboxNotFound: spec.mailbox: no source knows carl@example.com",
            effect: |cluster| cluster.row("carl@example.com").contains("deny"),
        },
        Fault {
            what: "a group that nobody defines",
            files: vec![
                USERS.into(),
                cas_mailbox("sales", "distributionGroup: Sales, imapEnabled: false"),
            ],
            object: "CASMailbox/sales",
            condition: "ResolvedRefs",
            says: "False DistributionGroupNotFound: spec.distributionGroup: no source knows a group Sales",
            effect: |cluster| cluster.document(DocumentName::Rules).contains("Sales"),
        },
        Fault {
            what: "a NetBIOS name that no domain has",
            files: vec![
                USERS.into(),
                cas_mailbox("dora", r"mailbox: 'NOWHERE\dora', imapEnabled: false"),
            ],
            object: "CASMailbox/dora",
            condition: "ResolvedRefs",
            says: "False DomainNotFound: spec.mailbox: no entry of the server's spec.domains has this netbiosName",
            effect: |_| true,
        },
    ]
}

#[expect(clippy::too_many_lines, reason = "one row a fault")]
fn people() -> Vec<Fault> {
    let good = "{SHA256-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8";
    let line = |address: &str| format!("{address}:{good}");
    vec![
        Fault {
            what: "a users' Secret that is not there",
            files: vec![],
            object: MAIL,
            condition: "ResolvedRefs",
            says: "False SecretNotFound: spec.authentication.sources[0].users.secretRefs[0]: Secret users of source local is not there, so its people are denied.",
            effect: |cluster| !cluster.has_password(ANN),
        },
        Fault {
            what: "a users' Secret without passwd",
            files: vec![USERS.replace("passwd:", "shadow:")],
            object: MAIL,
            condition: "ResolvedRefs",
            says: "False SecretUnreadable: spec.authentication.sources[0].users.secretRefs[0]: Secret users of source local has no key passwd, so its people are denied.",
            effect: |cluster| !cluster.has_password(ANN),
        },
        Fault {
            what: "a line whose hash cannot be read denies that person",
            files: vec![users(&format!(
                "{}\nann@example.com:{{SHA256-CRYPT}}$5$hunter2",
                line(BOB)
            ))],
            object: MAIL,
            condition: "ResolvedRefs",
            says: "False InvalidUserLine: Secret users, passwd, line 2 (ann@example.com): the hash is not in the form of SHA256-CRYPT",
            effect: |cluster| !cluster.has_password(ANN) && cluster.has_password(BOB),
        },
        Fault {
            what: "a line without an address",
            files: vec![users(&format!("{}\n{good}", line(BOB)))],
            object: MAIL,
            condition: "ResolvedRefs",
            says: "False InvalidUserLine: Secret users, passwd, line 2: ",
            effect: |cluster| cluster.has_password(BOB),
        },
        Fault {
            what: "an address that could be a path",
            files: vec![users(&format!(
                "{}\n{}",
                line(BOB),
                line("../ann@example.com")
            ))],
            object: MAIL,
            condition: "ResolvedRefs",
            says: "False InvalidUserLine: Secret users, passwd, line 2: read the address",
            effect: |cluster| cluster.has_password(BOB),
        },
        Fault {
            what: "parameters above the cap",
            files: vec![users(&format!(
                "{}\nann@example.com:{{BLF-CRYPT}}$2y$31$abcdefghijklmnopqrstuuRlb2UKM0xuHqrEz8Hu8F4g6vGwZ4bSS",
                line(BOB)
            ))],
            object: MAIL,
            condition: "ResolvedRefs",
            says: "False InvalidUserLine: Secret users, passwd, line 2 (ann@example.com): cost of BLF-CRYPT is 31",
            effect: |cluster| !cluster.has_password(ANN) && cluster.has_password(BOB),
        },
        Fault {
            what: "a readable password is accepted with a warning",
            files: vec![users("ann@example.com:{PLAIN}hunter2")],
            object: MAIL,
            condition: "ResolvedRefs",
            says: "True PlainTextPassword: Secret users, passwd, line 1 (ann@example.com): the password is readable",
            effect: |cluster| cluster.has_password(ANN),
        },
        Fault {
            what: "the same address twice in one Secret",
            files: vec![users(&format!(
                "{}\nANN@example.com:{{PLAIN}}hunter2",
                line(ANN)
            ))],
            object: MAIL,
            condition: "ResolvedRefs",
            says: "True DuplicateUser: Secret users, passwd, line 2 (ann@example.com): this address stands in line 1 already, which counts",
            effect: |cluster| cluster.has_password(ANN),
        },
        Fault {
            what: "somebody of a domain that is not served",
            files: vec![users(&format!(
                "{}\n{}",
                line(ANN),
                line("eve@example.org")
            ))],
            object: MAIL,
            condition: "ResolvedRefs",
            says: "True DomainNotFound: eve@example.org cannot log on, since spec.domains does not list example.org.",
            effect: |cluster| cluster.has_password(ANN),
        },
    ]
}

/// Made by `openssl x509 -req` without extensions.
const VERSION_1: &str = include_str!("../../../mailaccess/config/src/tests/version-1.pem");

fn certificates() -> Vec<Fault> {
    let (chain, key) = certificate(&["mail.example.com"], -1..90);
    let (_, other_key) = certificate(&["mail.example.com"], -1..90);
    let (expired, expired_key) = certificate(&["mail.example.com"], -90..-1);
    let (early, early_key) = certificate(&["mail.example.com"], 1..90);
    let row = |what, secret: Option<String>, says| Fault {
        what,
        files: [Some(USERS.to_owned()), secret, Some(binding("corp", "tls"))]
            .into_iter()
            .flatten()
            .collect(),
        object: "CertificateBinding/corp",
        condition: "ResolvedRefs",
        says,
        // The self-signed certificate goes on.
        effect: |cluster| {
            let text = cluster.document(DocumentName::Certificates);
            text.matches("- id:").count() == 1
                && cluster
                    .document(DocumentName::Settings)
                    .matches("default: ")
                    .count()
                    == 2
        },
    };
    vec![
        row(
            "a certificate's Secret that is not there",
            None,
            "False SecretNotFound: spec.secretRef: Secret tls is not there; there is no earlier one to keep.",
        ),
        row(
            "a certificate's Secret of another type",
            Some(tls_secret("tls", &chain, &key).replace("kubernetes.io/tls", "Opaque")),
            "False SecretUnreadable: spec.secretRef: Secret tls is not of type kubernetes.io/tls",
        ),
        row(
            "a key of another certificate",
            Some(tls_secret("tls", &chain, &other_key)),
            "False KeyMismatch: spec.secretRef: Secret tls, tls.key: the key does not belong to the first certificate",
        ),
        row(
            "a chain that is no PEM",
            Some(tls_secret("tls", "nonsense", &key)),
            "False InvalidCertificate: spec.secretRef: Secret tls, tls.crt: ",
        ),
        row(
            "a certificate of version 1",
            Some(tls_secret("tls", VERSION_1, &key)),
            "False InvalidCertificate: spec.secretRef: Secret tls, tls.crt: the certificate is of version 1, and TLS needs version 3; ",
        ),
        row(
            "a key that is no PEM",
            Some(tls_secret("tls", &chain, "nonsense")),
            "False InvalidCertificate: spec.secretRef: Secret tls, tls.key: ",
        ),
        row(
            "an expired certificate",
            Some(tls_secret("tls", &expired, &expired_key)),
            "False CertificateNotValid: spec.secretRef: Secret tls, tls.crt: it expired on 2026-11-23",
        ),
        row(
            "a certificate of tomorrow",
            Some(tls_secret("tls", &early, &early_key)),
            "False CertificateNotValid: spec.secretRef: Secret tls, tls.crt: it is valid only from 2026-11-25",
        ),
    ]
}

#[test]
fn every_fault_has_its_reason_and_its_effect() {
    for row in faults() {
        let mut cluster = Cluster::new();
        let mut files = vec![SERVER];
        files.extend(row.files.iter().map(String::as_str));
        cluster.apply(&yaml(&files));
        let outcome = cluster.settle();
        let found = outcome.condition(row.object, row.condition);
        assert!(
            found.starts_with(row.says),
            "{}: expected {}, found {found}",
            row.what,
            row.says
        );
        assert!((row.effect)(&cluster), "{}: {}", row.what, cluster.row(ANN));
        tells_no_secret(row.what, &outcome);
    }
}

/// Marked passwords and hashes of the rows above stand in no status.
fn tells_no_secret(fault: &str, outcome: &Outcome) {
    let text = format!("{:?}", outcome.conditions);
    for secret in ["hunter2", "saltstring", "BEGIN"] {
        assert!(!text.contains(secret), "{fault}: {secret} stands in {text}");
    }
}

/// An edit that is refused, or that brings something bad, after all was well.
fn edited(before: &[&str], after: &[&str]) -> (Cluster, Outcome, Vec<Notice>) {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(before));
    cluster.settle();
    let notices = cluster.apply(&yaml(after));
    let outcome = cluster.settle();
    (cluster, outcome, notices)
}

#[track_caller]
fn refused(notices: &[Notice], expected: &str) {
    let text: Vec<String> = notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::Refused { fault, instead } => Some(format!("{fault}; {instead}")),
            _ => None,
        })
        .collect();
    assert_eq!(text, [expected]);
}

#[test]
fn a_refused_edit_leaves_the_last_accepted_version_in_force() {
    let allow = cas_mailbox("ann", "mailbox: ann@example.com, popEnabled: false");
    let bad = cas_mailbox("ann", "mailbox: ann@example.com, popEnabled: maybe");
    let (cluster, outcome, notices) = edited(&[SERVER, USERS, &allow], &[SERVER, USERS, &bad]);
    refused(
        &notices,
        "mail.yaml:32: CASMailbox/ann: spec.popEnabled: Invalid value: \"string\": spec.popEnabled in body must be of type boolean: \"string\"\nmail.yaml:29: CASMailbox/ann: Invalid value: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation; its last accepted version stays in force",
    );
    outcome.expect("CASMailbox/ann", "Accepted", "True Accepted");
    assert!(cluster.row(ANN).contains(r#""pop":"deny""#));
}

#[test]
fn what_may_not_change_is_refused_as_a_change() {
    let moved = SERVER.replace(
        "{claimName: mail}}",
        "{claimName: mail}, path: '{local}/{domain}'}",
    );
    let (_, outcome, notices) = edited(&[SERVER, USERS], &[&moved, USERS]);
    refused(
        &notices,
        "mail.yaml:14: MailAccessServer/mail: spec.store.maildir.path: Invalid value: \"string\": cannot change: everybody would see an empty mailbox; its last accepted version stays in force",
    );
    outcome.expect(MAIL, "Ready", "True Programmed");
}

#[test]
fn a_file_that_is_no_yaml_changes_nothing() {
    let deny = cas_mailbox("ann", "mailbox: ann@example.com, popEnabled: false");
    let (cluster, _, notices) = edited(&[SERVER, USERS, &deny], &[SERVER, USERS, "a: ["]);
    assert!(
        matches!(
            notices.as_slice(),
            [Notice::Refused {
                instead: "what this file said before stays in force",
                ..
            }]
        ),
        "{notices:?}"
    );
    assert!(cluster.row(ANN).contains(r#""pop":"deny""#));
}

#[test]
fn a_file_that_an_editor_has_just_emptied_changes_nothing() {
    for emptied in ["", "\n"] {
        let (_, outcome, notices) = edited(&[SERVER, USERS], &[emptied]);
        refused(
            &notices,
            "mail.yaml: the file is empty; delete it to delete what it said; what this file said before stays in force",
        );
        outcome.expect(MAIL, "Ready", "True Programmed");
    }
}

#[test]
fn of_a_file_that_never_was_yaml_nothing_stays_in_force() {
    let notices = Cluster::new().apply("a: [");
    refused(
        &notices,
        "mail.yaml:1: error parsing YAML: unclosed bracket '['; there is no earlier version",
    );
}

#[test]
fn a_misspelt_kind_does_not_delete_the_object() {
    let deny = cas_mailbox("ann", "mailbox: ann@example.com, popEnabled: false");
    let (cluster, _, notices) = edited(
        &[SERVER, USERS, &deny],
        &[SERVER, USERS, &deny.replace("CASMailbox", "CASMailbx")],
    );
    assert!(
        matches!(notices.as_slice(), [Notice::Refused { .. }]),
        "{notices:?}"
    );
    assert!(cluster.row(ANN).contains(r#""pop":"deny""#));
}

#[test]
fn a_refusal_is_said_once() {
    let mut cluster = Cluster::new();
    let bad = yaml(&[SERVER, USERS, "a: ["]);
    assert!(
        cluster
            .apply(&bad)
            .iter()
            .any(|notice| matches!(notice, Notice::Refused { .. }))
    );
    assert_eq!(cluster.apply(&bad), []);
    // Whoever edits the file again and is wrong again wants to hear of it.
    assert_eq!(
        cluster
            .apply(&format!("{bad}\n# as wrong as before\n"))
            .len(),
        1
    );
}

#[test]
fn a_server_that_was_never_accepted_stops_nobody_else() {
    let mut cluster = Cluster::new();
    let bad = SERVER.replace(
        "pop: {enabled: true}",
        "pop: {enabled: true, maxConnections: 0}",
    );
    cluster.apply(&yaml(&[&bad, USERS]));
    let outcome = cluster.settle();
    outcome.expect(
        MAIL,
        "Accepted",
        "False Invalid: spec.pop.maxConnections: Invalid value",
    );
    outcome.expect(
        MAIL,
        "Programmed",
        "False Invalid: There are no settings that could be served.",
    );
    cluster.apply(&yaml(&[SERVER, USERS]));
    cluster.settle().expect(MAIL, "Ready", "True Programmed");
}

#[test]
fn after_a_restart_an_unreadable_server_keeps_everything_that_was_published_but_rights() {
    let mut cluster = Cluster::new();
    let ann = cas_mailbox("ann", "mailbox: ann@example.com, popEnabled: false");
    cluster.apply(&yaml(&[SERVER, USERS, &ann]));
    cluster.settle();
    // What is stored was accepted under an older, looser schema.
    let memory = cluster.ledger.to_memory().unwrap();
    cluster.ledger = Ledger::new("default");
    let looser = memory::forged(&memory, "\"maxConnections\":2000", "\"maxConnections\":0");
    cluster.ledger.remember(&looser).unwrap();
    let bad = SERVER.replace(
        "pop: {enabled: true}",
        "pop: {enabled: true, maxConnections: 0}",
    );
    cluster.apply(&yaml(&[
        &bad,
        USERS,
        &ann.replace("popEnabled: false", "imapEnabled: false"),
    ]));
    let outcome = cluster.settle();
    outcome.expect(MAIL, "Accepted", "False Invalid: spec.imap.maxConnections");
    outcome.expect(MAIL, "ResolvedRefs", "Unknown Invalid");
    assert!(
        outcome
            .condition(MAIL, "Accepted")
            .ends_with("the last good settings stay.")
    );
    assert!(
        cluster
            .document(DocumentName::Settings)
            .contains("maxConnections: 2000")
    );
    assert!(cluster.has_password(ANN) && cluster.has_password(BOB));
    assert_eq!(
        cluster.row(ANN),
        r#"{"address":"ann@example.com","rights":{"imap":"deny"},"groups":["Field Engineers"]}"#
    );
}

#[test]
fn a_spec_that_only_the_pods_rules_refuse_keeps_the_last_good_settings() {
    // Two names that mean two domains each: no schema can say so.
    let mixed = SERVER.replace(
        "domains: [{name: example.com, netbiosName: EXAMPLE}]",
        "domains: [{name: example.com, netbiosName: example}, {name: example, netbiosName: OTHER}]",
    );
    let (cluster, outcome, notices) = edited(&[SERVER, USERS], &[&mixed, USERS]);
    assert!(
        matches!(notices.as_slice(), [Notice::Accepted { .. }]),
        "{notices:?}"
    );
    outcome.expect(MAIL, "Accepted", "False Invalid: spec.domains: ");
    assert!(
        outcome
            .condition(MAIL, "Accepted")
            .ends_with("the last good settings stay.")
    );
    assert!(
        cluster
            .document(DocumentName::Settings)
            .contains("netbiosName: EXAMPLE")
    );
    assert!(cluster.has_password(ANN));
}

#[test]
fn bad_material_never_replaces_a_good_certificate() {
    let (chain, key) = certificate(&["mail.example.com"], -1..90);
    let (_, other_key) = certificate(&["mail.example.com"], -1..90);
    let (expired, expired_key) = certificate(&["mail.example.com"], -90..-1);
    let bound = binding("corp", "tls");
    let good = tls_secret("tls", &chain, &key);
    for (bad, reason) in [
        (tls_secret("tls", &chain, &other_key), "False KeyMismatch"),
        (
            tls_secret("tls", &expired, &expired_key),
            "False CertificateNotValid",
        ),
        (
            String::from("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tls}"),
            "False SecretNotFound",
        ),
    ] {
        let mut cluster = Cluster::new();
        cluster.apply(&yaml(&[SERVER, USERS, &good, &bound]));
        let before = cluster.settle();
        let published = cluster.document(DocumentName::Certificates);
        cluster.apply(&yaml(&[SERVER, USERS, &bad, &bound]));
        let outcome = cluster.settle();
        outcome.expect("CertificateBinding/corp", "ResolvedRefs", reason);
        assert!(
            outcome
                .condition("CertificateBinding/corp", "ResolvedRefs")
                .contains("the last good certificate")
        );
        outcome.expect("CertificateBinding/corp", "Programmed", "True Loaded");
        assert_eq!(
            cluster.document(DocumentName::Certificates),
            published,
            "{reason}"
        );
        assert_eq!(
            before.built.wanted_digest(),
            outcome.built.wanted_digest(),
            "{reason}"
        );
    }
}

#[test]
fn a_certificate_that_expires_in_service_stays_and_says_so() {
    let (chain, key) = certificate(&["mail.example.com"], -1..2);
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[
        SERVER,
        USERS,
        &tls_secret("tls", &chain, &key),
        &binding("corp", "tls"),
    ]));
    cluster.settle();
    let published = cluster.document(DocumentName::Certificates);
    cluster.now += k8s_openapi::jiff::SignedDuration::from_hours(72);
    let outcome = cluster.settle();
    outcome.expect(
        "CertificateBinding/corp",
        "ResolvedRefs",
        "False CertificateNotValid: spec.secretRef: the certificate expired on 2026-11-26 and is still served.",
    );
    assert_eq!(cluster.document(DocumentName::Certificates), published);
}

#[test]
fn an_address_in_two_secrets_has_the_password_of_the_first() {
    let two = SERVER.replace("[{name: users}]", "[{name: first}, {name: users}]");
    let first = users(
        "ann@example.com:{BLF-CRYPT}$2y$05$abcdefghijklmnopqrstuuRlb2UKM0xuHqrEz8Hu8F4g6vGwZ4bSS",
    )
    .replace("{name: users}", "{name: first}");
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[&two, &first, USERS]));
    cluster.settle().expect(
        MAIL,
        "ResolvedRefs",
        "True DuplicateUser: Secret users, passwd: ann@example.com stands in Secret first already, which counts.",
    );
    let ann: mailaccess_config::MailboxAddress = ANN.parse().unwrap();
    let shard = cluster.document(DocumentName::Credentials(ann.shard()));
    assert!(shard.contains("ann@example.com:{BLF-CRYPT}"), "{shard}");
}

/// Whatever stands in a file: no panic, and nobody gets a right by it that a good file did not give.
mod whatever_stands_in_a_file {
    use super::*;
    use proptest::prelude::*;

    fn good() -> String {
        let deny = cas_mailbox("ann", "mailbox: ann@example.com, popEnabled: false");
        yaml(&[SERVER, USERS, &deny])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn is_judged_without_a_panic(position in 0..good().len(), text in "\\PC{0,3}", cut in 0..6_usize) {
            let mut bytes = good().into_bytes();
            let end = (position + cut).min(bytes.len());
            bytes.splice(position..end, text.into_bytes());
            let mut cluster = Cluster::new();
            cluster.apply(&good());
            cluster.settle();
            cluster.apply(&String::from_utf8_lossy(&bytes));
            if cluster.has_server() {
                cluster.settle();
            }
        }
    }
}

#[test]
fn a_document_that_is_too_large_leaves_the_last_good_one_and_stops_no_other() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    let rules = cluster.settle().built.documents[&DocumentName::Rules].clone();
    cluster.pods.clear();
    cluster.apply(&yaml(&[
        &SERVER.replace("enabled: true", "enabled: false"),
        USERS,
    ]));
    let outcome = cluster.reconcile_with(|validated| {
        let rights = mailaccess_config::Rights::INVALID;
        let group = |number: usize| format!("{number:0>200}").parse().unwrap();
        validated.mailboxes.groups = (0..6000).map(|number| (group(number), rights)).collect();
    });
    outcome.expect(
        MAIL,
        "Programmed",
        "False DocumentNotPublishable: What was published before stays, since rules-v1: the file is larger than",
    );
    assert_eq!(outcome.built.documents[&DocumentName::Rules], rules);
    assert!(
        cluster
            .document(DocumentName::Settings)
            .contains("enabled: false")
    );
}

#[test]
fn a_secret_that_goes_denies_its_people() {
    let (cluster, outcome, _) = edited(&[SERVER, USERS], &[SERVER]);
    outcome.expect(MAIL, "ResolvedRefs", "False SecretNotFound");
    assert!(!cluster.has_password(ANN));
    assert!(!cluster.row(ANN).contains("Field Engineers"));
}
