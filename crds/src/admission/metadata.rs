//! What every object has: its name, labels and annotations.

use std::sync::LazyLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regex::Regex;
use serde_json::Value;

use super::{
    core_kind,
    error::{Cause, Errors, FieldError, child},
};
use crate::pattern;

/// Kubernetes' limit for all annotations of an object together.
const MAX_ANNOTATIONS_BYTES: usize = 256 * 1024;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(pattern::OBJECT_NAME).ok());
static NAMESPACE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$").ok());
static KEY: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(pattern::QUALIFIED_NAME).ok());
static VALUE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$").ok());

/// Reads the metadata as its type; unknown fields and wrong types are errors.
pub(super) fn decode(object: &Value, errors: &mut Errors) {
    match object.get("metadata") {
        None | Some(Value::Null) => {}
        Some(metadata) => match serde_json::from_value::<ObjectMeta>(metadata.clone()) {
            Ok(typed) => core_kind::find_unknown(metadata, &typed, "metadata", errors),
            Err(error) => errors.push(FieldError::new(
                "metadata",
                Cause::TypeInvalid,
                &error.to_string(),
            )),
        },
    }
}

/// Checks names, labels and annotations of metadata that [`decode`] could read.
pub(super) fn check(object: &Value, old: Option<&Value>, errors: &mut Errors) {
    let metadata = &object["metadata"];
    check_name(metadata, errors);
    if let Some(namespace) = metadata["namespace"].as_str()
        && !namespace.is_empty()
        && !matches(&NAMESPACE, namespace, 63)
    {
        errors.push(
            FieldError::new("metadata.namespace", Cause::Invalid, LABEL)
                .with_value(&metadata["namespace"]),
        );
    }
    if let Some(old) = old {
        for field in ["name", "namespace"] {
            if old["metadata"][field] != metadata[field] {
                let field = child("metadata", field);
                errors.push(FieldError::new(
                    &field,
                    Cause::Invalid,
                    "field is immutable",
                ));
            }
        }
    }
    check_keys(metadata, errors);
}

fn check_name(metadata: &Value, errors: &mut Errors) {
    let Some(name) = metadata["name"].as_str().filter(|name| !name.is_empty()) else {
        errors.push(FieldError::new(
            "metadata.name",
            Cause::Required,
            "resource name may not be empty",
        ));
        return;
    };
    if name.len() > 253 {
        errors.push(FieldError::new(
            "metadata.name",
            Cause::Invalid,
            "must be no more than 253 characters",
        ));
    }
    if !matches(&NAME, name, usize::MAX) {
        errors.push(
            FieldError::new("metadata.name", Cause::Invalid, SUBDOMAIN)
                .with_value(&metadata["name"]),
        );
    }
}

fn check_keys(metadata: &Value, errors: &mut Errors) {
    let entries = |map: &str| metadata[map].as_object().into_iter().flatten();
    for (key, value) in entries("labels") {
        if !is_qualified(key) {
            errors.push(
                FieldError::new("metadata.labels", Cause::Invalid, QUALIFIED)
                    .with_value(&key.as_str().into()),
            );
        }
        if !matches(&VALUE, value.as_str().unwrap_or_default(), 63) {
            errors.push(
                FieldError::new("metadata.labels", Cause::Invalid, LABEL_VALUE).with_value(value),
            );
        }
    }
    let mut bytes = 0;
    for (key, value) in entries("annotations") {
        bytes += key.len() + value.as_str().map_or(0, str::len);
        // Kubernetes lowers an annotation's key before it looks at it.
        if !is_qualified(&key.to_lowercase()) {
            errors.push(
                FieldError::new("metadata.annotations", Cause::Invalid, QUALIFIED)
                    .with_value(&key.as_str().into()),
            );
        }
    }
    if bytes > MAX_ANNOTATIONS_BYTES {
        let detail = format!("may not be more than {MAX_ANNOTATIONS_BYTES} bytes");
        errors.push(FieldError::new(
            "metadata.annotations",
            Cause::TooLong,
            &detail,
        ));
    }
}

fn is_qualified(key: &str) -> bool {
    let prefix = key.rsplit_once('/').map_or(0, |(prefix, _)| prefix.len());
    prefix <= 253 && matches(&KEY, key, usize::MAX)
}

fn matches(pattern: &LazyLock<Option<Regex>>, text: &str, max: usize) -> bool {
    text.len() <= max
        && pattern
            .as_ref()
            .is_some_and(|pattern| pattern.is_match(text))
}
