//! What statuses say when: one rule a test.

use crate::cluster::{
    Cluster, SERVER, USERS, binding, cas_mailbox, certificate, loaded, tls_secret, yaml,
};
use k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus};
use k8s_openapi::jiff::ToSpan as _;
use mailaccess_config::{DocumentName, Protocol};
use mailaccess_operator::reconcile::Object;
use mailaccess_operator::reconcile::build::Unwritten;
use mailaccess_operator::reconcile::report::{
    Fault, HandshakeReport, ListenerReport, PodReport, TlsFaultReport,
};

const MAIL: &str = "MailAccessServer/mail";

#[test]
fn programmed_means_served_and_not_stored() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    let stored = cluster.reconcile();
    stored.expect(
        MAIL,
        "Programmed",
        "Unknown Pending: Served by 0 of 1 pod so far.",
    );
    stored.expect(MAIL, "Ready", "Unknown Pending");
    stored.expect(MAIL, "Reconciling", "True Pending");
    stored.expect(MAIL, "Stalled", "False Idle");
    cluster.load(&stored.built);
    let served = cluster.reconcile();
    served.expect(MAIL, "Programmed", "True Programmed: Served by 1 of 1 pod.");
    served.expect(MAIL, "Ready", "True Programmed");
    served.expect(MAIL, "Reconciling", "False Idle");
}

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
fn a_pod_that_is_ending_counts_until_it_is_gone() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    let first = cluster.settle();
    cluster.pods.push(PodReport {
        pod: "mail-1".to_owned(),
        said: Some(loaded(&first.built)),
        ..PodReport::default()
    });
    cluster.apply(&yaml(&[
        &SERVER.replace("{enabled: true}", "{enabled: true, maxConnections: 7}"),
        USERS,
    ]));
    let edited = cluster.reconcile();
    cluster.pods[0].said = Some(loaded(&edited.built));
    let one = cluster.reconcile();
    one.expect(
        MAIL,
        "Programmed",
        "Unknown Pending: Served by 1 of 2 pods so far.",
    );
    cluster.pods.pop();
    let gone = cluster.reconcile();
    gone.expect(MAIL, "Programmed", "True Programmed: Served by 1 of 1 pod.");
}

#[test]
fn without_pods_nothing_is_programmed() {
    let mut cluster = Cluster::new();
    cluster.pods.clear();
    cluster.apply(&yaml(&[SERVER, USERS]));
    cluster
        .reconcile()
        .expect(MAIL, "Programmed", "Unknown NoPods");
}

#[test]
fn a_server_without_replicas_says_that_it_serves_nothing() {
    let mut cluster = Cluster::new();
    cluster.pods.clear();
    cluster.apply(&yaml(&[&format!("{SERVER}  replicas: 0\n"), USERS]));
    cluster.reconcile().expect(
        MAIL,
        "Programmed",
        "False NoPods: spec.replicas: it is 0, so there is no pod that could serve.",
    );
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
fn a_mailbox_stays_programmed_while_pods_come_and_go() {
    let mut cluster = Cluster::new();
    let ann = cas_mailbox("ann", "mailbox: ann@example.com, popEnabled: false");
    cluster.apply(&yaml(&[SERVER, USERS, &ann]));
    let pending = cluster.reconcile();
    pending.expect(
        "CASMailbox/ann",
        "Programmed",
        "Unknown Pending: Not every pod serves it yet.",
    );
    cluster.load(&pending.built);
    let served = cluster.reconcile();
    served.expect("CASMailbox/ann", "Programmed", "True Programmed");
    cluster.pods.push(PodReport {
        pod: "mail-1".to_owned(),
        said: None,
        ..PodReport::default()
    });
    let grown = cluster.reconcile();
    grown.expect("CASMailbox/ann", "Programmed", "True Programmed");
    grown.expect(MAIL, "Programmed", "Unknown Pending");
    // Another generation has to be served anew.
    let ann = cas_mailbox("ann", "mailbox: ann@example.com, popEnabled: true");
    cluster.apply(&yaml(&[SERVER, USERS, &ann]));
    cluster
        .reconcile()
        .expect("CASMailbox/ann", "Programmed", "Unknown Pending");
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

#[test]
fn what_a_pod_refuses_is_said() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    let outcome = cluster.settle();
    let mut said = loaded(&outcome.built);
    said.listeners = vec![ListenerReport {
        port: 143,
        error: Some(Fault {
            text: "the port is taken".to_owned(),
        }),
    }];
    cluster.pods[0].said = Some(said);
    let outcome = cluster.reconcile();
    outcome.expect(
        MAIL,
        "Programmed",
        "False Refused: pod mail-0: port 143: the port is taken.",
    );
    outcome.expect(MAIL, "Stalled", "True Refused");
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

#[test]
fn pods_that_have_loaded_everything_and_are_not_ready_serve_nobody() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    let outcome = cluster.settle();
    let said = cluster.pods[0].said.as_mut().unwrap();
    said.not_ready = vec!["the volume has no marker".to_owned()];
    cluster.reconcile().expect(
        MAIL,
        "Programmed",
        "Unknown NotReady: No pod is ready: mail-0: the volume has no marker.",
    );
    // Beside one that serves it is counted as what it is ...
    cluster.pods.push(PodReport {
        pod: "mail-1".to_owned(),
        said: Some(loaded(&outcome.built)),
        ..PodReport::default()
    });
    cluster.reconcile().expect(
        MAIL,
        "Programmed",
        "True Programmed: Served by 1 of 2 pods; not ready: mail-0: the volume has no marker.",
    );
    assert_eq!(cluster.server_status().pods_serving, Some(1));
    // ... and one that ends goes on with the clients that it has.
    cluster.pods[0].is_ending = true;
    cluster.reconcile().expect(
        MAIL,
        "Programmed",
        "True Programmed: Served by 2 of 2 pods.",
    );
}

#[test]
fn before_any_pod_takes_clients_nothing_is_served() {
    let mut cluster = Cluster::new();
    let (chain, key) = certificate(&["mail.example.com"], -1..30);
    cluster.apply(&yaml(&[
        SERVER,
        USERS,
        &cas_mailbox("ann", "mailbox: ann@example.com, popEnabled: false"),
        &binding("mail", "mail-tls"),
        &tls_secret("mail-tls", &chain, &key),
    ]));
    let outcome = cluster.reconcile();
    cluster.load(&outcome.built);
    let said = cluster.pods[0].said.as_mut().unwrap();
    said.not_ready = vec!["the volume has no marker".to_owned()];
    let objects = [MAIL, "CASMailbox/ann", "CertificateBinding/mail"];
    let waiting = cluster.reconcile();
    for object in objects {
        waiting.expect(object, "Ready", "Unknown NotReady: No pod is ready");
    }
    cluster.load(&outcome.built);
    let served = cluster.reconcile();
    for object in objects {
        served.expect(object, "Ready", "True");
    }
    // What was served stays so while pods come and go.
    let said = cluster.pods[0].said.as_mut().unwrap();
    said.not_ready = vec!["the volume has no marker".to_owned()];
    let later = cluster.reconcile();
    later.expect("CASMailbox/ann", "Ready", "True");
}

#[test]
fn somebody_who_comes_later_is_served_when_pods_know_them() {
    let mut cluster = Cluster::new();
    let rules = [
        cas_mailbox("ann", "mailbox: ann@example.com, popEnabled: false"),
        cas_mailbox(
            "fields",
            "distributionGroup: Field Engineers, popEnabled: false",
        ),
    ];
    let nobody =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: users}\nstringData: {passwd: ''}\n";
    cluster.apply(&yaml(&[SERVER, nobody, &rules[0], &rules[1]]));
    let before = cluster.settle();
    before.expect("CASMailbox/ann", "Ready", "False MailboxNotFound");
    before.expect(
        "CASMailbox/fields",
        "Ready",
        "False DistributionGroupNotFound",
    );
    cluster.apply(&yaml(&[SERVER, USERS, &rules[0], &rules[1]]));
    let published = cluster.reconcile();
    for object in ["CASMailbox/ann", "CASMailbox/fields"] {
        published.expect(object, "ResolvedRefs", "True");
        published.expect(object, "Ready", "Unknown Pending");
    }
    cluster.load(&published.built);
    let served = cluster.reconcile();
    for object in ["CASMailbox/ann", "CASMailbox/fields"] {
        served.expect(object, "Ready", "True Programmed");
    }
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

/// What the controller of Deployments says: which generation it has seen, how many pods there are, and how many of
/// them are of the newest template.
fn roll_out(cluster: &mut Cluster, seen: i64, all: i32, updated: i32, conditions: &[(&str, &str)]) {
    let key = ("Deployment", "mail".to_owned());
    let Some(Object::Deployment(deployment)) = cluster.objects.get_mut(&key) else {
        panic!("there is no Deployment");
    };
    let conditions = conditions
        .iter()
        .map(|(type_, status)| DeploymentCondition {
            type_: (*type_).to_owned(),
            status: (*status).to_owned(),
            message: Some("pods \"mail-2\" is forbidden: exceeded quota".to_owned()),
            ..DeploymentCondition::default()
        });
    deployment.metadata.generation = Some(2);
    deployment.spec.as_mut().unwrap().replicas = Some(2);
    deployment.status = Some(DeploymentStatus {
        observed_generation: Some(seen),
        replicas: Some(all),
        updated_replicas: Some(updated),
        conditions: Some(conditions.collect()),
        ..DeploymentStatus::default()
    });
}

#[test]
fn an_image_is_served_when_every_pod_has_it() {
    let mut cluster = Cluster::new();
    let server = SERVER.replace("spec:", "spec:\n  replicas: 2");
    cluster.apply(&yaml(&[&server, USERS]));
    let outcome = cluster.settle();
    cluster.pods.push(PodReport {
        pod: "mail-1".to_owned(),
        said: Some(loaded(&outcome.built)),
        ..PodReport::default()
    });
    for (seen, all, updated, expected) in [
        (2, 2, 2, "True Programmed: Served by 2 of 2 pods."),
        (
            1,
            2,
            2,
            "Unknown RollingOut: Rolling out: 0 of 2 pods have the newest template, 2 are there.",
        ),
        (
            2,
            2,
            0,
            "Unknown RollingOut: Rolling out: 0 of 2 pods have the newest template, 2 are there.",
        ),
        (
            2,
            3,
            2,
            "Unknown RollingOut: Rolling out: 2 of 2 pods have the newest template, 3 are there.",
        ),
        (
            2,
            1,
            1,
            "Unknown RollingOut: Rolling out: 1 of 2 pods have the newest template, 1 is there.",
        ),
    ] {
        roll_out(&mut cluster, seen, all, updated, &[]);
        cluster.reconcile().expect(MAIL, "Ready", expected);
    }
    // No more pods are let in.
    roll_out(&mut cluster, 2, 2, 0, &[("ReplicaFailure", "True")]);
    let refused = cluster.reconcile();
    refused.expect(
        MAIL,
        "Ready",
        "False RolloutFailed: The Deployment cannot be rolled out: pods \"mail-2\" is forbidden: exceeded quota.",
    );
    refused.expect(MAIL, "Stalled", "True RolloutFailed");
    // One pod fewer is one pod fewer.
    cluster.pods.pop();
    roll_out(&mut cluster, 2, 1, 1, &[]);
    cluster.reconcile();
    let status = cluster.server_status();
    assert_eq!(
        (status.pods_serving, status.pods_wanted),
        (Some(1), Some(2))
    );
}

#[test]
fn what_keeps_a_pod_from_running_is_said() {
    let mut cluster = Cluster::new();
    cluster.pods[0].hindrance = Some("ImagePullBackOff: mailaccess:gone".to_owned());
    cluster.apply(&yaml(&[SERVER, USERS]));
    cluster.reconcile().expect(
        MAIL,
        "Ready",
        "Unknown Pending: Not every pod can run: pod mail-0: ImagePullBackOff: mailaccess:gone.",
    );
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
