//! Names and labels that every object of a server carries, and whose they are.

use crate::reconcile::Identity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use std::collections::BTreeMap;

/// Who writes these objects; also the field manager of every apply.
pub const MANAGER: &str = "mailaccess-operator";
const APPLICATION: &str = "mailaccess";

/// The two labels that find a server's pods. Never changes: a Deployment's selector cannot.
pub fn selector_labels(server: &Identity) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", APPLICATION),
        ("app.kubernetes.io/instance", &server.name),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// The same as a selector.
pub fn selector(server: &Identity) -> LabelSelector {
    LabelSelector {
        match_labels: Some(selector_labels(server)),
        ..LabelSelector::default()
    }
}

/// The same as text, for the scale subresource: `key=value,key=value`.
pub fn selector_text(server: &Identity) -> String {
    let labels: Vec<String> = selector_labels(server)
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    labels.join(",")
}

/// What every owned object's labels are.
pub fn labels(server: &Identity) -> BTreeMap<String, String> {
    let mut labels = selector_labels(server);
    labels.insert("app.kubernetes.io/managed-by".into(), MANAGER.into());
    labels.insert("app.kubernetes.io/part-of".into(), APPLICATION.into());
    labels
}

/// Metadata of an owned object: deleted with its server, by the garbage collector alone.
pub fn owned(server: &Identity, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(server.namespace.clone()),
        labels: Some(labels(server)),
        owner_references: Some(vec![owner_reference(server)]),
        ..ObjectMeta::default()
    }
}

/// The reference that makes an object the server's. It does not block the owner's deletion, so the operator
/// needs no right on finalizers.
pub fn owner_reference(server: &Identity) -> OwnerReference {
    OwnerReference {
        api_version: format!("{}/{}", mailaccess_crds::GROUP, mailaccess_crds::VERSION),
        kind: "MailAccessServer".to_owned(),
        name: server.name.clone(),
        uid: server.uid.clone(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}
