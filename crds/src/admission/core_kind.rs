//! Kubernetes' own kinds: no schema is at hand, their types are. A field that the type did not keep is unknown.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Accepted, Object,
    error::{Cause, Errors, FieldError, child},
    metadata,
};

/// Judges a `PersistentVolumeClaim` as far as one can without its storage class.
pub(super) fn judge_claim(value: Value) -> Result<Accepted, Vec<FieldError>> {
    let claim: PersistentVolumeClaim = decode(&value)?;
    let mut errors = Errors::default();
    metadata::check(&value, None, &mut errors);
    let spec = claim.spec.clone().unwrap_or_default();
    if spec.access_modes.is_none_or(|modes| modes.is_empty()) {
        let detail = "at least 1 access mode is required";
        errors.push(FieldError::new("spec.accessModes", Cause::Required, detail));
    }
    let requests = spec
        .resources
        .and_then(|resources| resources.requests)
        .unwrap_or_default();
    if !requests.contains_key("storage") {
        errors.push(FieldError::new(
            "spec.resources[storage]",
            Cause::Required,
            "",
        ));
    }
    errors.into_result()?;
    Ok(Accepted {
        value,
        object: Object::PersistentVolumeClaim(Box::new(claim)),
    })
}

/// Reads an object as its type; unknown fields and wrong types are errors.
pub(super) fn decode<K: DeserializeOwned + Serialize>(value: &Value) -> Result<K, Vec<FieldError>> {
    let typed: K = serde_json::from_value(value.clone())
        .map_err(|error| vec![FieldError::new("", Cause::TypeInvalid, &error.to_string())])?;
    let mut errors = Errors::default();
    find_unknown(value, &typed, "", &mut errors);
    errors.into_result()?;
    Ok(typed)
}

/// Names every field of `value` that its type dropped.
pub(super) fn find_unknown(value: &Value, typed: &impl Serialize, path: &str, errors: &mut Errors) {
    if let Ok(kept) = serde_json::to_value(typed) {
        compare(value, &kept, path, errors);
    }
}

fn compare(value: &Value, kept: &Value, path: &str, errors: &mut Errors) {
    match (value, kept) {
        (Value::Object(fields), Value::Object(kept)) => {
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                let path = child(path, name);
                match kept.get(name) {
                    Some(kept) => compare(value, kept, &path, errors),
                    None => errors.push(FieldError::new(&path, Cause::UnknownField, "")),
                }
            }
        }
        (Value::Array(entries), Value::Array(kept)) => {
            for (index, (entry, kept)) in entries.iter().zip(kept).enumerate() {
                compare(entry, kept, &format!("{path}[{index}]"), errors);
            }
        }
        _ => {}
    }
}
