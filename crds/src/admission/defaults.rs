//! Nulls and defaults, as the API server treats them before it looks at anything else.

use serde_json::Value;

use super::schema::Schema;

/// Removes every null from fields without a default; with one, the null stays for [`fill`] to replace.
pub(super) fn drop_nulls(value: &mut Value, schema: &Schema) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| {
                let schema = schema.properties.get(name).or(schema.values.as_deref());
                !value.is_null() || schema.is_none_or(|schema| schema.default.is_some())
            });
            for (name, value) in fields {
                if let Some(schema) = schema.properties.get(name).or(schema.values.as_deref()) {
                    drop_nulls(value, schema);
                }
            }
        }
        Value::Array(entries) => {
            if let Some(items) = &schema.items {
                for entry in entries {
                    drop_nulls(entry, items);
                }
            }
        }
        _ => {}
    }
}

/// Fills in what is missing, from the outside in: the default of an object gets its fields' defaults in turn.
pub(super) fn fill(value: &mut Value, schema: &Schema) {
    match value {
        Value::Object(fields) => {
            for (name, property) in &schema.properties {
                if let Some(default) = &property.default
                    && fields.get(name).is_none_or(Value::is_null)
                {
                    fields.insert(name.clone(), default.clone());
                }
            }
            for (name, value) in fields {
                if let Some(schema) = schema.properties.get(name).or(schema.values.as_deref()) {
                    fill(value, schema);
                }
            }
        }
        Value::Array(entries) => {
            if let Some(items) = &schema.items {
                for entry in entries {
                    fill(entry, items);
                }
            }
        }
        _ => {}
    }
}
