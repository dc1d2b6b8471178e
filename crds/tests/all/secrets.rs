//! Secrets and claims: Kubernetes' own kinds as far as our files hold them.

use mailaccess_crds::admission::{Object, judge, read_documents};
use serde_json::{Value, json};

fn secret(fields: &Value) -> Value {
    let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "users"}});
    for (name, value) in fields.as_object().unwrap() {
        secret[name] = value.clone();
    }
    secret
}

#[track_caller]
fn refused(value: Value, old: Option<&Value>, expected: &str) {
    let errors = judge(value, old).unwrap_err();
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(shown, [expected]);
}

#[test]
fn string_data_becomes_data_and_wins() {
    let value = secret(&json!({"data": {"a": "b2xk", "b": "eA=="}, "stringData": {"a": "new"}}));
    let accepted = judge(value, None).unwrap();
    assert_eq!(accepted.value["data"], json!({"a": "bmV3", "b": "eA=="}));
    assert_eq!(accepted.value["type"], "Opaque");
    assert!(accepted.value.get("stringData").is_none());
    let Object::Secret(secret) = accepted.object else {
        panic!("a Secret is a Secret");
    };
    assert_eq!(secret.data.unwrap()["a"].0, b"new");
    assert!(secret.string_data.is_none());
}

#[test]
fn a_wrong_secret_is_refused_and_its_values_are_not_shown() {
    refused(
        secret(&json!({"data": {"a": "no base64: hunter2"}})),
        None,
        "data[a]: Invalid value: illegal base64 data: write it under stringData to have it encoded",
    );
    refused(
        secret(&json!({"stringData": {"a": 7}})),
        None,
        "stringData[a]: Invalid value: must be a string",
    );
    refused(
        secret(&json!({"stringDate": {"a": "hunter2"}})),
        None,
        "unknown field \"stringDate\"",
    );
    refused(
        secret(&json!({"data": ["hunter2"]})),
        None,
        "Invalid value: a field is not of its type",
    );
    refused(
        secret(&json!({"stringData": {"a b": "x"}})),
        None,
        "data[a b]: Invalid value: a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    );
    refused(
        secret(&json!({"type": "kubernetes.io/tls", "stringData": {"tls.crt": "x"}})),
        None,
        "data[tls.key]: Required value",
    );
    refused(
        secret(&json!({"stringData": {"a": "x".repeat(1024 * 1024 + 1)}})),
        None,
        "data: Too long: may not be more than 1048576 bytes",
    );
}

#[test]
fn what_is_stored_bounds_what_may_come() {
    let stored = judge(
        secret(&json!({"immutable": true, "stringData": {"a": "x"}})),
        None,
    )
    .unwrap()
    .value;
    assert!(judge(stored.clone(), Some(&stored)).is_ok());
    refused(
        secret(&json!({"immutable": true, "stringData": {"a": "y"}})),
        Some(&stored),
        "data: Forbidden: field is immutable when `immutable` is set",
    );
    refused(
        secret(&json!({"immutable": true, "type": "other", "stringData": {"a": "x"}})),
        Some(&stored),
        "type: Invalid value: field is immutable",
    );
}

#[test]
fn a_doubled_key_of_a_secret_is_an_error() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: users}\nstringData:\n  passwd: a\n  passwd: b\n";
    let errors = read_documents(text)
        .remove(0)
        .unwrap()
        .judge(None)
        .unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "line 6: duplicate field \"stringData.passwd\""
    );
}

#[test]
fn a_claim_needs_a_mode_and_a_size() {
    let claim = |spec: Value| json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "mail"}, "spec": spec});
    let size = json!({"requests": {"storage": "1Gi"}});
    assert!(
        judge(
            claim(json!({"accessModes": ["ReadWriteMany"], "resources": size})),
            None
        )
        .is_ok()
    );
    refused(
        claim(json!({"resources": size})),
        None,
        "spec.accessModes: Required value: at least 1 access mode is required",
    );
    refused(
        claim(json!({"accessModes": ["ReadWriteMany"]})),
        None,
        "spec.resources[storage]: Required value",
    );
    refused(
        claim(json!({"accessModes": ["ReadWriteMany"], "resources": size, "storageClass": "fast"})),
        None,
        "unknown field \"spec.storageClass\"",
    );
}
