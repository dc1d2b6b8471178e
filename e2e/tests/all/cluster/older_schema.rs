//! Objects that were stored under an older, looser schema: each is reported and in nobody's way, rights fail
//! closed, and an edit mends it.

use super::certificates::{certificate, fresh_certificate};
use super::mending::{may_log_on, served};
use super::sandbox::Place;
use super::tenant::{LIMIT, Tenant, has_condition};
use crate::harness::eventually;
use serde_json::{Value, json};

/// Leaves an object in the store that the schema of today would refuse: as the API server would have stored it,
/// with one field as it was allowed to be once. Nobody but its readers can notice, so other tests are not
/// disturbed by another definition.
fn leave_behind(tenant: &Tenant, plural: &str, valid: &Value, once: (&str, Value)) {
    let path = format!(
        "/apis/mailaccess.dev/v1alpha1/namespaces/{}/{plural}",
        tenant.name
    );
    let query = "dryRun=All&fieldValidation=Strict";
    let mut object = tenant
        .sandbox
        .request("POST", &format!("{path}?{query}"), Some(valid));
    // The version is the store's own.
    object["metadata"]
        .as_object_mut()
        .unwrap()
        .remove("resourceVersion");
    let (field, value) = once;
    *object.pointer_mut(field).unwrap() = value;
    // It would be refused now; else this shows nothing.
    let refused = tenant
        .sandbox
        .try_request("POST", &format!("{path}?{query}"), Some(&object));
    assert_eq!(refused.unwrap_err().code, 422, "{object}");
    let name = object["metadata"]["name"].as_str().unwrap();
    let key = format!("/registry/mailaccess.dev/{plural}/{}/{name}", tenant.name);
    tenant.sandbox.store_unseen(&key, &object);
}

/// A second server beside the good one, on the same volume and with the same people.
fn second_server(tenant: &Tenant) -> Value {
    let mail = tenant.get("mailaccessservers", "mail").unwrap();
    json!({
        "apiVersion": mail["apiVersion"], "kind": mail["kind"],
        "metadata": {"name": "second"}, "spec": mail["spec"],
    })
}

fn bob() -> Value {
    json!({
        "apiVersion": "mailaccess.dev/v1alpha1", "kind": "CASMailbox",
        "metadata": {"name": "bob"},
        "spec": {
            "serverRef": {"name": "mail"}, "mailbox": "bob@example.com",
            "imapEnabled": true, "popEnabled": true,
        },
    })
}

fn binding() -> Value {
    json!({
        "apiVersion": "mailaccess.dev/v1alpha1", "kind": "CertificateBinding",
        "metadata": {"name": "corp"},
        "spec": {
            "serverRef": {"name": "mail"}, "secretRef": {"name": "mail-tls"},
            "services": ["IMAP", "POP"],
        },
    })
}

/// Waits until an object is refused in these words.
#[track_caller]
fn refused(tenant: &Tenant, plural: &str, name: &str, words: &str) {
    let object = tenant.wait_for(plural, name, "Accepted", "False");
    let conditions = object["status"]["conditions"].as_array().unwrap();
    for condition in ["Accepted", "Ready", "Stalled"] {
        let found = conditions.iter().find(|it| it["type"] == condition);
        let found = found.unwrap_or_else(|| panic!("no {condition} in {object}"));
        assert_eq!(found["reason"], "Invalid", "{object}");
        let message = found["message"].as_str().unwrap();
        assert!(message.starts_with(words), "{condition}: {message}");
    }
    assert!(has_condition(&object, "Ready", "False"), "{object}");
    assert!(has_condition(&object, "Stalled", "True"), "{object}");
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn an_object_of_an_older_schema_is_reported_denied_and_mended_by_an_edit() {
    let (tenant, operator, pod) = served("older");
    assert!(may_log_on(&tenant, pod, "bob@example.com"));
    let (secret, shown) = fresh_certificate();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": "mail-tls"}, "stringData": secret["stringData"],
    });
    tenant.apply(&secret.to_string());

    let out_of_range = ("/spec/imap/maxConnections", json!(0));
    leave_behind(
        &tenant,
        "mailaccessservers",
        &second_server(&tenant),
        out_of_range,
    );
    let a_text = ("/spec/imapEnabled", json!("yes"));
    leave_behind(&tenant, "casmailboxes", &bob(), a_text);
    let none = ("/spec/services", json!([]));
    leave_behind(&tenant, "certificatebindings", &binding(), none);

    refused(
        &tenant,
        "mailaccessservers",
        "second",
        "spec.imap.maxConnections: Invalid value: 0: spec.imap.maxConnections in body should be greater than or equal to 1; ",
    );
    refused(
        &tenant,
        "casmailboxes",
        "bob",
        "spec.imapEnabled: Invalid value: \"string\": spec.imapEnabled in body must be of type boolean: \"string\"; ",
    );
    refused(
        &tenant,
        "certificatebindings",
        "corp",
        "spec.services: Invalid value: 0: spec.services in body should have at least 1 items; ",
    );
    // Bob has his group's right no more; everybody else has what they had.
    eventually("Bob is denied", LIMIT, || {
        (!may_log_on(&tenant, pod, "bob@example.com")).then_some(())
    });
    assert!(may_log_on(&tenant, pod, "ann@example.com"));
    for (plural, name) in [
        ("mailaccessservers", "mail"),
        ("casmailboxes", "ann"),
        ("casmailboxes", "field-engineers"),
    ] {
        tenant.wait_for(plural, name, "Ready", "True");
    }

    mend(&tenant);
    assert!(may_log_on(&tenant, pod, "bob@example.com"));
    let served = tenant
        .sandbox
        .within(Place::Client, || certificate(pod).unwrap());
    assert_eq!(served, shown);
    assert_eq!(tenant.pods().len(), 2, "one of each server");
    operator.stop();
}

/// Each by the edit that its condition asks for.
fn mend(tenant: &Tenant) {
    let edits = [
        (
            "mailaccessservers",
            "second",
            json!({"imap": {"maxConnections": 1}}),
        ),
        ("casmailboxes", "bob", json!({"imapEnabled": true})),
        (
            "certificatebindings",
            "corp",
            json!({"services": ["IMAP", "POP"]}),
        ),
    ];
    for (plural, name, spec) in &edits {
        tenant.patch(plural, name, &json!({"spec": spec}));
    }
    for (plural, name, _) in &edits {
        tenant.wait_for(plural, name, "Ready", "True");
    }
}
