//! Whether an object has to be written: pure, on JSON.
//!
//! The API server fills in defaults and other people add fields of their own, so what is wanted is
//! compared with as much of what is there. What the operator wanted once and wants no more shows in a
//! digest that it leaves on the objects it applies.

use crate::reconcile::Object;
use crate::reconcile::apply::is_document;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use mailaccess_config::Digest;
use serde_json::{Map, Value, json};

/// The annotation with the digest of what was applied last.
pub const APPLIED_ANNOTATION: &str = "mailaccess.dev/applied";

/// How an object gets to where it has to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A document that is not there.
    Create(Value),
    /// A document that is another one: by the version that was read, or not at all.
    Replace(Value),
    /// Fields that are ours, whatever the rest is.
    Apply(Value),
}

/// What has to be written for an object to be as wanted; nothing, if it is.
pub fn difference(wanted: &Object, existing: Option<&Object>) -> Option<Write> {
    let value = serde_json::to_value(wanted).ok()?;
    match existing {
        _ if !is_document(wanted) => applied(value, existing).map(Write::Apply),
        None => Some(Write::Create(value)),
        Some(existing) => replaced(wanted, existing).map(Write::Replace),
    }
}

fn applied(mut value: Value, existing: Option<&Object>) -> Option<Value> {
    let digest = Digest::of(value.to_string().as_bytes()).to_string();
    let annotations = value
        .pointer_mut("/metadata")
        .and_then(Value::as_object_mut)?
        .entry("annotations")
        .or_insert_with(|| Value::Object(Map::new()));
    annotations
        .as_object_mut()?
        .insert(APPLIED_ANNOTATION.to_owned(), digest.into());
    let there = existing.and_then(|existing| serde_json::to_value(existing).ok());
    if let Some(there) = there {
        if contains(&there, &value) {
            return None;
        }
        // Nobody else's object of the same name, should this one be gone by now.
        if let Some(uid) = there.pointer("/metadata/uid") {
            value["metadata"]["uid"] = uid.clone();
        }
    }
    Some(value)
}

/// What is wanted, with the labels and annotations that others have put there.
fn replaced(wanted: &Object, existing: &Object) -> Option<Value> {
    let is_same = match (wanted, existing) {
        (Object::ConfigMap(wanted), Object::ConfigMap(existing)) => {
            content_of_config_map(wanted) == content_of_config_map(existing)
        }
        (Object::Secret(wanted), Object::Secret(existing)) => {
            content_of_secret(wanted) == content_of_secret(existing)
        }
        _ => false,
    };
    let metadata = |object: &Object| serde_json::to_value(object.metadata()).unwrap_or_default();
    let (ours, there) = (metadata(wanted), metadata(existing));
    if is_same && contains(&there, &ours) {
        return None;
    }
    let mut value = serde_json::to_value(wanted).ok()?;
    value["metadata"] = merged(there, ours);
    Some(value)
}

fn content_of_config_map(object: &ConfigMap) -> Value {
    json!([
        object.data.clone().unwrap_or_default(),
        object.binary_data.clone().unwrap_or_default(),
    ])
}

fn content_of_secret(object: &Secret) -> Value {
    json!([object.data.clone().unwrap_or_default(), object.type_])
}

/// Maps together, with ours on top; everything else as it is there, but for what is ours.
fn merged(there: Value, ours: Value) -> Value {
    match (there, ours) {
        (Value::Object(mut there), Value::Object(ours)) => {
            for (key, value) in ours {
                let before = there.remove(&key).unwrap_or_default();
                there.insert(key, merged(before, value));
            }
            Value::Object(there)
        }
        (_, ours) => ours,
    }
}

/// Lists that belong whole to whoever applies them; of all others a foreign element is left alone.
const WHOLE_LISTS: [&str; 6] = ["args", "command", "drop", "items", "sources", "sysctls"];

/// Maps likewise: a foreign key would choose other pods.
const WHOLE_MAPS: [&str; 2] = ["matchLabels", "selector"];

/// Whether everything that is wanted is there.
pub fn contains(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| match there.get(key) {
                Some(Value::Array(there)) if WHOLE_LISTS.contains(&key.as_str()) => {
                    is_list(there, wanted)
                }
                Some(Value::Object(map)) if WHOLE_MAPS.contains(&key.as_str()) => {
                    map.len() == wanted.as_object().map_or(0, Map::len)
                        && contains(&there[key], wanted)
                }
                Some(there) => contains(there, wanted),
                None => is_nothing(wanted),
            })
        }
        (Value::Array(there), Value::Array(wanted)) => wanted
            .iter()
            .all(|wanted| there.iter().any(|there| contains(there, wanted))),
        (there, wanted) => there == wanted,
    }
}

fn is_list(there: &[Value], wanted: &Value) -> bool {
    wanted.as_array().is_some_and(|wanted| {
        wanted.len() == there.len()
            && there
                .iter()
                .zip(wanted)
                .all(|(there, wanted)| contains(there, wanted))
    })
}

/// The API server does not keep what says nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Object {
        Object::from_value(value).unwrap()
    }

    fn deployment() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "mail", "labels": {"a": "b"}},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"a": "b"}},
                "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [
                    {"name": "mailaccess", "image": "mailaccess:1", "args": ["serve", "--x"]},
                ]}},
            },
        })
    }

    /// As the API server would store what was applied, with defaults.
    fn stored(wanted: &Value) -> Value {
        let Some(Write::Apply(mut stored)) = difference(&object(wanted.clone()), None) else {
            panic!("a new object is applied");
        };
        stored["metadata"]["uid"] = "u".into();
        stored["metadata"]["resourceVersion"] = "5".into();
        stored["spec"]["progressDeadlineSeconds"] = 600.into();
        stored["spec"]["template"]["spec"]["restartPolicy"] = "Always".into();
        stored["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always".into();
        stored
    }

    fn is_written(wanted: &Value, there: &Value) -> bool {
        difference(&object(wanted.clone()), Some(&object(there.clone()))).is_some()
    }

    #[test]
    fn what_is_as_it_was_applied_is_not_written_again() {
        assert!(!is_written(&deployment(), &stored(&deployment())));
    }

    #[test]
    fn each_hand_edit_of_ours_is_mended_and_what_is_of_others_is_left() {
        let container = "/spec/template/spec/containers/0";
        for (path, value, is_ours) in [
            ("/spec/replicas", json!(9), true),
            ("/metadata/labels/a", json!("c"), true),
            (&format!("{container}/image"), json!("evil:1"), true),
            (&format!("{container}/args"), json!(["serve"]), true),
            (
                "/spec/selector/matchLabels",
                json!({"a": "b", "x": "y"}),
                true,
            ),
            (
                &format!("{container}/args"),
                json!(["serve", "--x", "--y"]),
                true,
            ),
            (
                &format!("{container}/imagePullPolicy"),
                json!("Never"),
                false,
            ),
            ("/spec/progressDeadlineSeconds", json!(60), false),
            ("/metadata/resourceVersion", json!("6"), false),
        ] {
            let mut there = stored(&deployment());
            *there.pointer_mut(path).unwrap() = value;
            assert_eq!(is_written(&deployment(), &there), is_ours, "{path}");
        }
    }

    #[test]
    fn a_sidecar_of_somebody_else_stays() {
        let mut there = stored(&deployment());
        let containers = there.pointer_mut("/spec/template/spec/containers").unwrap();
        let sidecar = json!({"name": "proxy", "image": "proxy:1"});
        containers.as_array_mut().unwrap().insert(0, sidecar);
        assert!(!is_written(&deployment(), &there));
    }

    #[test]
    fn a_field_that_is_wanted_no_more_is_taken_away() {
        let there = stored(&deployment());
        let mut wanted = deployment();
        wanted["spec"].as_object_mut().unwrap().remove("replicas");
        assert!(is_written(&wanted, &there));
    }

    #[test]
    fn an_apply_means_the_object_that_was_seen() {
        let mut there = stored(&deployment());
        there["spec"]["replicas"] = 9.into();
        let write = difference(&object(deployment()), Some(&object(there)));
        let Some(Write::Apply(value)) = write else {
            panic!("it is applied");
        };
        assert_eq!(value["metadata"]["uid"], "u");
        assert!(value["metadata"].get("resourceVersion").is_none());
    }

    fn config_map(text: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "mail-rules-v1", "labels": {"a": "b"}},
            "data": {"rules-v1": text},
        })
    }

    #[test]
    fn a_document_is_created_once_and_replaced_over_what_was_read() {
        let create = difference(&object(config_map("x")), None);
        assert!(matches!(create, Some(Write::Create(_))));
        let mut there = config_map("x");
        there["metadata"]["resourceVersion"] = "5".into();
        there["metadata"]["annotations"] = json!({"others": "own"});
        assert!(!is_written(&config_map("x"), &there));
        let replace = difference(&object(config_map("y")), Some(&object(there)));
        let Some(Write::Replace(value)) = replace else {
            panic!("it is replaced");
        };
        assert_eq!(value["metadata"]["resourceVersion"], "5");
        assert_eq!(value["metadata"]["annotations"]["others"], "own");
        assert_eq!(value["data"]["rules-v1"], "y");
    }

    #[test]
    fn a_key_that_somebody_put_into_a_document_is_taken_out() {
        let mut there = config_map("x");
        there["data"]["more"] = "z".into();
        assert!(is_written(&config_map("x"), &there));
        let mut there = config_map("x");
        there["metadata"]["labels"] = json!({});
        assert!(is_written(&config_map("x"), &there));
    }
}
