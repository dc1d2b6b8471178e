//! Secrets: people, certificates and keys. No value of one stands in an error.

use base64::{Engine, engine::general_purpose::STANDARD};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use serde_json::{Value, json};

use super::{
    Accepted, Object, core_kind,
    error::{Cause, Errors, FieldError},
    metadata,
};

/// Kubernetes' limit for all values of a Secret together.
const MAX_BYTES: usize = 1024 * 1024;

/// The keys that a type of Secret must have.
const REQUIRED: [(&str, &[&str]); 3] = [
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
];

/// Judges a Secret. `stringData` becomes `data`, as the API server makes it.
pub(super) fn judge(mut value: Value, old: Option<&Value>) -> Result<Accepted, Vec<FieldError>> {
    check_encoding(&value)?;
    let mut secret: Secret = core_kind::decode(&value).map_err(without_values)?;
    let mut errors = Errors::default();
    metadata::check(&value, old, &mut errors);

    let mut data = secret.data.take().unwrap_or_default();
    for (key, text) in secret.string_data.take().unwrap_or_default() {
        data.insert(key, ByteString(text.into_bytes()));
    }
    let type_ = secret.type_.clone().unwrap_or_else(|| "Opaque".to_owned());
    for key in data.keys() {
        if !is_key(key) {
            let detail =
                "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
            errors.push(FieldError::new(
                &format!("data[{key}]"),
                Cause::Invalid,
                detail,
            ));
        }
    }
    if data.values().map(|bytes| bytes.0.len()).sum::<usize>() > MAX_BYTES {
        let detail = format!("may not be more than {MAX_BYTES} bytes");
        errors.push(FieldError::new("data", Cause::TooLong, &detail));
    }
    for key in REQUIRED
        .iter()
        .filter(|(name, _)| *name == type_)
        .flat_map(|(_, keys)| *keys)
    {
        if !data.contains_key(*key) {
            errors.push(FieldError::new(
                &format!("data[{key}]"),
                Cause::Required,
                "",
            ));
        }
    }
    secret.type_ = Some(type_);
    secret.data = (!data.is_empty()).then_some(data);

    if let Some(fields) = value.as_object_mut() {
        fields.remove("stringData");
        fields.remove("data");
        fields.insert("type".to_owned(), json!(secret.type_));
        if let Some(data) = &secret.data {
            fields.insert("data".to_owned(), json!(data));
        }
    }
    if let Some(old) = old {
        check_update(&value, old, &mut errors);
    }
    errors.into_result()?;
    Ok(Accepted {
        value,
        object: Object::Secret(Box::new(secret)),
    })
}

fn check_update(value: &Value, old: &Value, errors: &mut Errors) {
    if value["type"] != old["type"] {
        errors.push(FieldError::new(
            "type",
            Cause::Invalid,
            "field is immutable",
        ));
    }
    if old["immutable"] == json!(true) {
        for field in ["data", "immutable"] {
            if value[field] != old[field] {
                let detail = "field is immutable when `immutable` is set";
                errors.push(FieldError::new(field, Cause::Forbidden, detail));
            }
        }
    }
}

/// Finds values that are no base64 before the type does: its error would repeat them.
fn check_encoding(value: &Value) -> Result<(), Vec<FieldError>> {
    let mut errors = Errors::default();
    for (key, value) in value["data"].as_object().into_iter().flatten() {
        let field = format!("data[{key}]");
        match value {
            Value::Null => {}
            Value::String(text) if STANDARD.decode(text.replace(['\n', '\r'], "")).is_ok() => {}
            Value::String(_) => {
                let detail = "illegal base64 data: write it under stringData to have it encoded";
                errors.push(FieldError::new(&field, Cause::Invalid, detail));
            }
            _ => errors.push(FieldError::new(
                &field,
                Cause::TypeInvalid,
                "must be a string",
            )),
        }
    }
    for (key, value) in value["stringData"].as_object().into_iter().flatten() {
        if !value.is_string() && !value.is_null() {
            let field = format!("stringData[{key}]");
            errors.push(FieldError::new(
                &field,
                Cause::TypeInvalid,
                "must be a string",
            ));
        }
    }
    errors.into_result()
}

/// An error of the type itself could repeat a value.
fn without_values(errors: Vec<FieldError>) -> Vec<FieldError> {
    errors
        .into_iter()
        .map(|error| match error.cause {
            Cause::TypeInvalid => {
                FieldError::new(&error.field, error.cause, "a field is not of its type")
            }
            _ => error,
        })
        .collect()
}

fn is_key(key: &str) -> bool {
    (1..=253).contains(&key.len())
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && key != "."
        && !key.starts_with("..")
}
