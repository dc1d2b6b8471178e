//! Strict field validation: fields that the schema does not have.

use serde_json::Value;

use super::{
    error::{Cause, Errors, FieldError, child},
    schema::Schema,
};

/// Names every field that the schema does not have. `apiVersion`, `kind` and `metadata` belong to every object.
pub(super) fn find(object: &Value, schema: &Schema, errors: &mut Errors) {
    let Some(fields) = object.as_object() else {
        return;
    };
    for (name, value) in fields {
        if matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        find_in_field(name, value, schema, "", errors);
    }
}

fn find_in_field(name: &str, value: &Value, schema: &Schema, path: &str, errors: &mut Errors) {
    let path = child(path, name);
    match (schema.properties.get(name), &schema.values) {
        (Some(property), _) => find_below(value, property, &path, errors),
        (None, Some(values)) => find_below(value, values, &path, errors),
        (None, None) => errors.push(FieldError::new(&path, Cause::UnknownField, "")),
    }
}

fn find_below(value: &Value, schema: &Schema, path: &str, errors: &mut Errors) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                find_in_field(name, value, schema, path, errors);
            }
        }
        Value::Array(entries) => {
            if let Some(items) = &schema.items {
                for (index, entry) in entries.iter().enumerate() {
                    find_below(entry, items, &format!("{path}[{index}]"), errors);
                }
            }
        }
        _ => {}
    }
}
