//! Lists that are sets or maps: an entry, or its key, stands once.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    error::{Cause, Errors, FieldError, child},
    schema::{List, Schema},
};

/// Names every entry that stands a second time.
pub(super) fn check(object: &Value, schema: &Schema, errors: &mut Errors) {
    check_value(object, schema, "", errors);
}

fn check_value(value: &Value, schema: &Schema, path: &str, errors: &mut Errors) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(schema) = schema.properties.get(name).or(schema.values.as_deref()) {
                    check_value(value, schema, &child(path, name), errors);
                }
            }
        }
        Value::Array(entries) => {
            check_unique(entries, &schema.list, path, errors);
            if let Some(items) = &schema.items {
                for (index, entry) in entries.iter().enumerate() {
                    check_value(entry, items, &format!("{path}[{index}]"), errors);
                }
            }
        }
        _ => {}
    }
}

fn check_unique(entries: &[Value], list: &List, path: &str, errors: &mut Errors) {
    let mut seen = BTreeSet::new();
    for (index, entry) in entries.iter().enumerate() {
        let key = match list {
            List::Atomic => return,
            List::Set => entry.clone(),
            List::Map(keys) => Value::Object(
                keys.iter()
                    .filter_map(|key| Some((key.clone(), entry.get(key)?.clone())))
                    .collect::<Map<_, _>>(),
            ),
        };
        if !seen.insert(key.to_string()) {
            let field = format!("{path}[{index}]");
            errors.push(FieldError::new(&field, Cause::Duplicate, "").with_value(&key));
        }
    }
}
