//! What pods serve, and when a status says so: one rule a test.

use crate::cluster::{
    Cluster, MAIL, SERVER, USERS, binding, cas_mailbox, certificate, loaded, tls_secret, yaml,
};
use k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus};
use mailaccess_operator::reconcile::Object;
use mailaccess_operator::reconcile::report::{Fault, ListenerReport, PodReport};

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
