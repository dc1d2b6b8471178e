//! What statuses say when: one rule a test.

use crate::cluster::{
    Cluster, MAIL, SERVER, USERS, binding, cas_mailbox, certificate, loaded, tls_secret, yaml,
};
use k8s_openapi::jiff::ToSpan as _;
use mailaccess_config::DocumentName;
use mailaccess_operator::reconcile::Object;
use mailaccess_operator::reconcile::build::Unwritten;
use mailaccess_operator::reconcile::report::{Fault, ListenerReport};

/// Tools that wait look at `Reconciling` first, and would wait for ever.
#[test]
fn what_is_stalled_is_not_reconciling() {
    let mut cluster = Cluster::new();
    let invalid = cas_mailbox("bob", "mailbox: bob@example.com, imapEnabled: 'yes'");
    cluster.apply(&yaml(&[SERVER, &invalid]));
    let outcome = cluster.reconcile();
    let bob = "CASMailbox/bob";
    outcome.expect(bob, "Programmed", "Unknown Pending");
    outcome.expect(bob, "Ready", "False Invalid");
    outcome.expect(bob, "Stalled", "True Invalid");
    let idle = "False Idle: What is wrong has to be changed first.";
    outcome.expect(bob, "Reconciling", idle);
}

/// Whoever applies many objects at once would else give up on the first one.
#[test]
fn what_waits_for_another_object_is_reconciling_and_not_stalled() {
    let mut cluster = Cluster::new();
    let unknown = cas_mailbox("bob", "mailbox: bob@example.com, imapEnabled: true");
    cluster.apply(&yaml(&[SERVER, &unknown, &binding("own", "not-there")]));
    let outcome = cluster.reconcile();
    for (object, reason) in [
        (MAIL, "SecretNotFound"),
        ("CASMailbox/bob", "MailboxNotFound"),
        ("CertificateBinding/own", "SecretNotFound"),
    ] {
        outcome.expect(object, "Ready", &format!("False {reason}"));
        outcome.expect(object, "Reconciling", &format!("True {reason}"));
        outcome.expect(object, "Stalled", "False Idle");
    }
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    // Account, 35 documents, Service, budget, Deployment.
    assert_eq!(cluster.reconcile().written, 39);
    assert_eq!(cluster.settle().written, 0);
    cluster.now += (30 * 24).hours();
    assert_eq!(cluster.reconcile().written, 0);
}

#[test]
fn nothing_is_written_when_the_operator_starts_anew() {
    let mut cluster = Cluster::new();
    let (chain, key) = certificate(&["mail.example.com"], -1..90);
    let files = yaml(&[
        SERVER,
        USERS,
        &tls_secret("mail-tls", &chain, &key),
        &binding("corp", "mail-tls"),
        &cas_mailbox("ann", "mailbox: ann@example.com, popEnabled: false"),
    ]);
    cluster.apply(&files);
    let before = cluster.settle().conditions;
    cluster.restart();
    cluster.apply(&files);
    let outcome = cluster.reconcile();
    assert_eq!(outcome.written, 0);
    assert_eq!(outcome.conditions, before);
}

#[test]
fn one_edit_rewrites_one_document() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    cluster.settle();
    let ann = cas_mailbox("ann", "mailbox: ann@example.com, popEnabled: false");
    cluster.apply(&yaml(&[SERVER, USERS, &ann]));
    assert_eq!(cluster.reconcile().written, 1);
    let group = cas_mailbox(
        "field",
        "distributionGroup: Field Engineers, popEnabled: false",
    );
    cluster.apply(&yaml(&[SERVER, USERS, &ann, &group]));
    assert_eq!(cluster.reconcile().written, 1);
}

#[test]
fn a_condition_keeps_its_time_while_its_status_stays() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    let first = cluster.reconcile();
    cluster.now += 1.hour();
    let second = cluster.settle();
    let time = |outcome: &crate::cluster::Outcome, condition: &str| {
        let mut conditions = outcome.conditions[MAIL].iter();
        let found = conditions.find(|found| found.type_ == condition);
        found.unwrap().last_transition_time.0
    };
    assert_eq!(time(&first, "Accepted"), time(&second, "Accepted"));
    assert!(time(&first, "Programmed") < time(&second, "Programmed"));
}

#[test]
fn a_status_names_the_generation_that_it_is_about() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    cluster.settle();
    cluster.apply(&yaml(&[
        &SERVER.replace("enabled: true", "enabled: false"),
        USERS,
    ]));
    let outcome = cluster.reconcile();
    for condition in &outcome.conditions[MAIL] {
        assert_eq!(condition.observed_generation, 2, "{}", condition.type_);
    }
}

#[test]
fn of_two_objects_for_one_target_the_more_restrictive_counts_and_both_say_so() {
    let mut cluster = Cluster::new();
    let one = cas_mailbox("one", "mailbox: ann@example.com, imapEnabled: true");
    let two = cas_mailbox(
        "two",
        r"mailbox: 'example\ANN', imapEnabled: false, popEnabled: true",
    );
    cluster.apply(&yaml(&[SERVER, USERS, &one, &two]));
    let outcome = cluster.settle();
    for (object, other) in [("CASMailbox/one", "two"), ("CASMailbox/two", "one")] {
        outcome.expect(object, "Accepted", "False Conflicted: spec.mailbox");
        outcome.expect(object, "Conflicted", "True Conflicted");
        outcome.expect(object, "Ready", "False Conflicted");
        assert!(outcome.condition(object, "Accepted").contains(other));
    }
    assert_eq!(
        cluster.row("ann@example.com"),
        r#"{"address":"ann@example.com","rights":{"imap":"deny","pop":"allow"},"groups":["Field Engineers"]}"#
    );
}

#[test]
fn a_group_is_a_rule_and_its_members_stand_in_their_rows() {
    let mut cluster = Cluster::new();
    let group = cas_mailbox(
        "field",
        "distributionGroup: field engineers, popEnabled: false",
    );
    cluster.apply(&yaml(&[SERVER, USERS, &group]));
    let outcome = cluster.settle();
    outcome.expect(
        "CASMailbox/field",
        "ResolvedRefs",
        "True ResolvedRefs: The group is known; members now: 1.",
    );
    let rules = cluster.document(DocumentName::Rules);
    assert!(
        rules.contains("field engineers") && rules.contains("pop: deny"),
        "{rules}"
    );
    assert!(cluster.row("ann@example.com").contains("Field Engineers"));
}

#[test]
fn sequences_only_rise_also_when_an_object_was_deleted_or_restored() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    let first = cluster.settle();
    let sequence = |outcome: &crate::cluster::Outcome| {
        outcome.built.documents[&DocumentName::Settings]
            .header
            .sequence
    };
    let backup = cluster.objects.clone();
    // The clock goes back, and still the next one is higher.
    cluster.now -= 1.hour();
    cluster.apply(&yaml(&[
        &SERVER.replace("enabled: true", "enabled: false"),
        USERS,
    ]));
    let second = cluster.settle();
    assert_eq!(sequence(&second), sequence(&first) + 1);
    // The backup has what is wanted again, but pods have seen more.
    cluster.objects = backup;
    cluster.apply(&yaml(&[SERVER, USERS]));
    let third = cluster.settle();
    assert!(sequence(&third) > sequence(&second));
    third.expect(MAIL, "Programmed", "True Programmed");
    // Deleted by hand, and what pods have loaded is wanted still.
    let settings = ("ConfigMap", "mail-settings-v1".to_owned());
    assert!(cluster.objects.remove(&settings).is_some());
    assert_eq!(sequence(&cluster.reconcile()), sequence(&third));
}

/// Certificates, addresses and what pods say come from others, and have no limits of ours. Every status of these tests is
/// judged as the API server judges it; of these the limits are passed.
#[test]
fn whatever_goes_into_a_status_it_is_one_that_the_api_server_takes() {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut names: Vec<String> = (0..300).map(|it| format!("host{it}.example.com")).collect();
    names.insert(0, format!("{}.example.com", "a".repeat(300)));
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    params.distinguished_name.push(
        rcgen::DnType::OrganizationName,
        "an organization of many wörds ".repeat(200),
    );
    params.not_after = rcgen::date_time_ymd(9999, 12, 31);
    let chain = params.self_signed(&key).unwrap().pem();
    let mut cluster = Cluster::new();
    cluster.addresses = (0..40).map(|it| format!("192.0.2.{it}")).collect();
    cluster.addresses.insert(0, String::new());
    cluster.addresses.insert(0, "a".repeat(254));
    cluster.apply(&yaml(&[
        SERVER,
        USERS,
        &binding("mail", "mail-tls"),
        &tls_secret("mail-tls", &chain, &key.serialize_pem()),
    ]));
    let outcome = cluster.settle();
    let resolved = outcome.condition("CertificateBinding/mail", "ResolvedRefs");
    assert!(
        resolved.ends_with(" is valid until 9999-12-31."),
        "{resolved}"
    );
    let mut said = loaded(&outcome.built);
    said.listeners = vec![ListenerReport {
        port: 143,
        error: Some(Fault {
            text: "ö".repeat(40_000),
        }),
    }];
    cluster.pods[0].said = Some(said);
    let outcome = cluster.reconcile();
    outcome.expect(
        MAIL,
        "Programmed",
        "False Refused: pod mail-0: port 143: öö",
    );
    assert_eq!(
        outcome.condition(MAIL, "Programmed").chars().count(),
        "False Refused: ".len() + 32_768
    );
}

#[test]
fn a_rule_for_an_account_that_is_always_blocked_says_so() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[
        SERVER,
        USERS,
        &cas_mailbox(
            "allow",
            "mailbox: Administrator@example.com, imapEnabled: true",
        ),
        &cas_mailbox("deny", "mailbox: guest@example.com, imapEnabled: false"),
    ]));
    let outcome = cluster.settle();
    outcome.expect(
        "CASMailbox/allow",
        "Accepted",
        "False BuiltInAccount: spec.mailbox: Administrator, Anonymous and Guest can never use POP3 or IMAP4",
    );
    outcome.expect("CASMailbox/allow", "Stalled", "True BuiltInAccount");
    outcome.expect("CASMailbox/deny", "Accepted", "True");
}

#[test]
fn a_document_that_somebody_deletes_comes_back_as_it_was() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    let first = cluster.settle();
    cluster.remembered.clone_from(&first.built.carriers);
    let shown = |outcome: &crate::cluster::Outcome| {
        let certificate = outcome.built.self_signed.as_ref().unwrap();
        certificate.leaf().thumbprint.clone()
    };
    let header = |outcome: &crate::cluster::Outcome| {
        outcome.built.documents[&DocumentName::Certificates].header
    };
    let key = ("Secret", "mail-certificates-v1".to_owned());
    cluster.objects.remove(&key).unwrap();
    let mended = cluster.reconcile();
    assert_eq!(shown(&mended), shown(&first));
    assert_eq!(header(&mended), header(&first));
    // Whoever starts after that has nothing to go by.
    cluster.remembered.clear();
    cluster.objects.remove(&key).unwrap();
    assert_ne!(shown(&cluster.reconcile()), shown(&first));
}

#[test]
fn an_object_that_the_api_server_refuses_is_said_where_it_matters() {
    let mut cluster = Cluster::new();
    let ann = cas_mailbox("ann", "mailbox: ann@example.com, imapEnabled: true");
    cluster.apply(&yaml(&[SERVER, USERS, &ann]));
    cluster.settle();
    let refused = |document, is_final| Unwritten {
        document,
        text: "write Service mail: forbidden".to_owned(),
        is_final,
    };
    cluster.unwritten = vec![refused(None, true)];
    let outcome = cluster.reconcile();
    let said = "False WriteRefused: write Service mail: forbidden.";
    outcome.expect(MAIL, "Programmed", said);
    outcome.expect(MAIL, "Stalled", "True WriteRefused");
    outcome.expect("CASMailbox/ann", "Programmed", "True Programmed");
    // It may pass.
    cluster.unwritten = vec![refused(Some(DocumentName::Settings), false)];
    let outcome = cluster.reconcile();
    outcome.expect(MAIL, "Programmed", "Unknown WriteRefused");
    outcome.expect(MAIL, "Reconciling", "True WriteRefused");
    cluster.unwritten.clear();
    cluster
        .reconcile()
        .expect(MAIL, "Programmed", "True Programmed");
}

#[test]
fn a_name_that_is_taken_concerns_only_what_needs_it() {
    let mut cluster = Cluster::new();
    let stranger =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: mail-certificates-v1}\nstringData: {a: b}";
    let ann = cas_mailbox("ann", "mailbox: ann@example.com, imapEnabled: true");
    cluster.apply(&yaml(&[SERVER, USERS, stranger, &ann]));
    let outcome = cluster.reconcile();
    outcome.expect(MAIL, "Programmed", "False NameConflict");
    outcome.expect("CASMailbox/ann", "Programmed", "Unknown Pending");
}

#[test]
fn a_mailbox_that_an_earlier_server_served_is_not_served_by_the_next_one() {
    let mut cluster = Cluster::new();
    let ann = cas_mailbox("ann", "mailbox: ann@example.com, imapEnabled: true");
    let all = yaml(&[SERVER, USERS, &ann]);
    cluster.apply(&all);
    cluster
        .settle()
        .expect("CASMailbox/ann", "Programmed", "True Programmed");
    // Pods come and go, and it stays so; but not with another server of that name.
    cluster.pods[0].said = None;
    cluster
        .reconcile()
        .expect("CASMailbox/ann", "Programmed", "True Programmed");
    cluster.now += 1.minute();
    cluster.made_anew = true;
    cluster
        .reconcile()
        .expect("CASMailbox/ann", "Programmed", "Unknown");
}

#[test]
fn an_object_of_somebody_else_is_not_touched() {
    let mut cluster = Cluster::new();
    let stranger =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: mail-certificates-v1}\nstringData: {a: b}";
    cluster.apply(&yaml(&[SERVER, USERS, stranger]));
    let outcome = cluster.settle();
    outcome.expect(
        MAIL,
        "Programmed",
        "False NameConflict: Objects of somebody else have names that are needed here: Secret mail-certificates-v1.",
    );
    let key = ("Secret", "mail-certificates-v1".to_owned());
    assert!(!cluster.objects.contains_key(&key), "it was written over");
}

#[test]
fn an_object_without_its_server_waits_and_says_so() {
    let mut cluster = Cluster::new();
    let lost =
        cas_mailbox("lost", "mailbox: ann@example.com").replace("{name: mail}", "{name: post}");
    cluster.apply(&yaml(&[SERVER, USERS, &lost]));
    cluster.settle().expect(
        "CASMailbox/lost",
        "Ready",
        "False ServerNotFound: spec.serverRef.name: there is no MailAccessServer post.",
    );
}

#[test]
fn a_service_stays_when_the_last_port_is_closed() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    cluster.settle();
    let closed = SERVER
        .replace(
            "imap: {enabled: true}",
            "imap: {unencryptedOrTLSBindings: [], sslBindings: []}",
        )
        .replace(
            "pop: {enabled: true}",
            "pop: {unencryptedOrTLSBindings: [], sslBindings: []}",
        );
    cluster.apply(&yaml(&[&closed, USERS]));
    let outcome = cluster.settle();
    assert!(outcome.built.service.is_none());
    let service = cluster
        .objects
        .values()
        .find(|object| matches!(object, Object::Service(_)));
    assert!(service.is_some());
}
