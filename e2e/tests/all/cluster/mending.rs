//! What happens to the operator's own objects, to users' Secrets and to itself: nothing is written without need,
//! hand edits are mended, and lost rights are lost at once.

use super::certificates::certificate;
use super::operator::Operator;
use super::sandbox::Place;
use super::tenant::{LIMIT, Tenant, at};
use super::uninvolved::Uninvolved;
use crate::harness::{Imap, Security, eventually, figure, now};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A tenant with one pod that serves the quickstart.
pub(super) fn served(prefix: &str) -> (Tenant, Operator, IpAddr) {
    let tenant = Tenant::new(prefix);
    tenant.quickstart(1);
    let operator = Operator::start(&tenant);
    let pod = tenant.wait_until_served()[0];
    (tenant, operator, pod)
}

pub(super) fn may_log_on(tenant: &Tenant, pod: IpAddr, name: &str) -> bool {
    tenant.sandbox.within(Place::Client, || {
        Imap::connect_to(at(pod, 993), Security::Tls)
            .and_then(|mut imap| imap.try_log_on(name, "quickstart"))
            .is_ok_and(|reply| reply.is_ok())
    })
}

fn sequence(document: &Value) -> u64 {
    let text = document["data"]["settings-v1"].as_str().unwrap_or_default();
    // `mailaccess settings-v1 SEQUENCE DIGEST`
    let head = text.lines().next().unwrap_or_default();
    head.split(' ')
        .nth(2)
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("no sequence in {head:?}"))
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn a_restart_with_nothing_changed_writes_nothing() {
    let (tenant, operator, _) = served("restart");
    operator.stop();
    let before = tenant.sandbox.audited_writes(&tenant.name);
    assert!(before.len() > 10, "{before:?}");
    let watches = tenant.sandbox.audited_watches(&tenant.name).len();
    let operator = Operator::start(&tenant);
    // Reconciled once, pods asked, and nothing left to do.
    eventually("it has reconciled", LIMIT, || {
        let done = operator.metric("controller_runtime_reconcile_total", "success");
        (done >= 1.0).then_some(())
    });
    operator.wait_for_rest();
    let reads = operator.metric("rest_client_requests_total", "\"GET\"");
    figure("requests of a restart that only read", reads);
    assert!(
        operator.writes().abs() < 0.5,
        "it wrote {} times",
        operator.writes()
    );
    // By the other side's count, after it has ended in peace.
    operator.stop();
    let after = tenant.sandbox.audited_writes(&tenant.name);
    assert_eq!(after[before.len()..], [""; 0]);
    // Each kind is watched once, whoever needs it.
    let begun = tenant
        .sandbox
        .audited_watches(&tenant.name)
        .split_off(watches);
    let kinds: BTreeSet<&String> = begun.iter().collect();
    assert_eq!(begun.len(), kinds.len(), "{begun:?}");
    assert!(kinds.len() >= 9, "{kinds:?}");
}

/// A document that is deleted, and one that is scribbled on.
fn spoil_a_document(tenant: &Tenant) {
    let settings = tenant.core("configmaps", "mail-settings-v1").unwrap();
    let path = format!(
        "/api/v1/namespaces/{}/configmaps/mail-settings-v1",
        tenant.name
    );
    let begin = now();
    tenant.sandbox.request("DELETE", &path, None);
    let made = eventually("the deleted document is there again", LIMIT, || {
        tenant.core("configmaps", "mail-settings-v1")
    });
    figure(
        "a deleted document is there again after",
        format!("{:.0?}", begin.elapsed()),
    );
    assert!(sequence(&made) >= sequence(&settings));
    let rubbish = json!({"data": {"settings-v1": "rubbish"}});
    tenant.sandbox.request("PATCH", &path, Some(&rubbish));
    eventually("the edited document is mended", LIMIT, || {
        let text = tenant.core("configmaps", "mail-settings-v1")?;
        (text["data"]["settings-v1"] != "rubbish").then_some(())
    });
}

/// Keys and passwords are deleted, also after the sign was taken away that they are ours.
fn spoil_secrets(tenant: &Tenant) {
    let certificates = "mail-certificates-v1";
    let label = "app.kubernetes.io/managed-by";
    tenant.patch_secret(
        certificates,
        &json!({"metadata": {"labels": {label: null}}}),
    );
    eventually("the label is there again", LIMIT, || {
        let secret = tenant.core("secrets", certificates)?;
        secret["metadata"]["labels"][label].as_str().map(drop)
    });
    let mut all: Vec<String> = (0..16)
        .map(|shard| format!("mail-credentials-v1-{shard:02}"))
        .collect();
    all.push(certificates.to_owned());
    for secret in &all {
        let path = format!("/api/v1/namespaces/{}/secrets/{secret}", tenant.name);
        tenant.sandbox.request("DELETE", &path, None);
    }
    for secret in &all {
        eventually("a deleted Secret is there again", LIMIT, || {
            tenant.core("secrets", secret)
        });
    }
}

fn spoil_the_workload(tenant: &Tenant) {
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/mail", tenant.name);
    let replicas = json!({"spec": {"replicas": 3}});
    tenant.sandbox.request("PATCH", &path, Some(&replicas));
    eventually("the edited Deployment is mended", LIMIT, || {
        let deployment = tenant.sandbox.request("GET", &path, None);
        (deployment["spec"]["replicas"] == 1).then_some(())
    });
    let path = format!("/api/v1/namespaces/{}/services/mail", tenant.name);
    let selector = json!({"spec": {"selector": {"x": "y"}}});
    tenant.sandbox.request("PATCH", &path, Some(&selector));
    eventually("the Service chooses its pods again", LIMIT, || {
        let service = tenant.core("services", "mail")?;
        service["spec"]["selector"].get("x").is_none().then_some(())
    });
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn objects_that_somebody_edits_or_deletes_are_mended_and_nobody_notices() {
    let (tenant, operator, pod) = served("mending");
    let shown = || tenant.sandbox.within(Place::Client, || certificate(pod));
    let before = shown();
    let uninvolved = Uninvolved::start(tenant.sandbox, pod);
    spoil_a_document(&tenant);
    spoil_secrets(&tenant);
    tenant.set_banner("After the mending");
    tenant.wait_for_banner(pod, "After the mending");
    assert_eq!(shown(), before, "another certificate is shown");
    assert!(may_log_on(&tenant, pod, "ann@example.com"));
    spoil_the_workload(&tenant);
    tenant.wait_for("mailaccessservers", "mail", "Programmed", "True");
    assert!(uninvolved.end() > 10);
    operator.stop();
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn without_the_users_secret_everybody_is_denied_until_it_is_back() {
    let (tenant, operator, pod) = served("users");
    assert!(may_log_on(&tenant, pod, "ann@example.com"));
    let users = tenant.core("secrets", "users").unwrap();
    let path = format!("/api/v1/namespaces/{}/secrets", tenant.name);
    tenant
        .sandbox
        .request("DELETE", &format!("{path}/users"), None);
    eventually("Ann is denied", LIMIT, || {
        (!may_log_on(&tenant, pod, "ann@example.com")).then_some(())
    });
    let server = tenant.wait_for("mailaccessservers", "mail", "ResolvedRefs", "False");
    assert!(server.to_string().contains("SecretNotFound"), "{server}");
    let again = json!({"metadata": {"name": "users"}, "data": users["data"]});
    tenant.sandbox.request("POST", &path, Some(&again));
    eventually("Ann is let in again", LIMIT, || {
        may_log_on(&tenant, pod, "ann@example.com").then_some(())
    });
    tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
    // A pod starts once, however often its documents change.
    assert_eq!(tenant.restarts(), [json!(0)]);
    operator.stop();
    // One event a transition.
    let path = format!("/apis/events.k8s.io/v1/namespaces/{}/events", tenant.name);
    let events = tenant.sandbox.request("GET", &path, None);
    let of = |reason: &str| {
        let events = events["items"].as_array().into_iter().flatten();
        let is_of = |event: &&Value| {
            event["regarding"]["kind"] == "MailAccessServer" && event["reason"] == reason
        };
        events.filter(is_of).count()
    };
    assert_eq!(of("SecretNotFound"), 1, "{events}");
    assert!(of("Programmed") >= 1, "{events}");
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn with_an_emptied_users_secret_everybody_is_denied_until_it_is_filled_again() {
    let (tenant, operator, pod) = served("emptied");
    assert!(may_log_on(&tenant, pod, "ann@example.com"));
    let users = tenant.core("secrets", "users").unwrap();
    tenant.patch_secret("users", &json!({"data": {"passwd": null, "group": null}}));
    eventually("Ann is denied", LIMIT, || {
        (!may_log_on(&tenant, pod, "ann@example.com")).then_some(())
    });
    let server = tenant.wait_for("mailaccessservers", "mail", "ResolvedRefs", "False");
    assert!(server["status"].to_string().contains("passwd"), "{server}");
    tenant.patch_secret("users", &json!({"data": users["data"]}));
    eventually("Ann is let in again", LIMIT, || {
        may_log_on(&tenant, pod, "ann@example.com").then_some(())
    });
    tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
    assert_eq!(tenant.restarts(), [json!(0)]);
    operator.stop();
}
