//! What the schema itself bounds: types, required fields, lengths, ranges, patterns, enumerations and formats.

use std::sync::LazyLock;

use k8s_openapi::jiff::civil::Date;
use regex::Regex;
use serde_json::{Number, Value};

use super::{
    error::{Cause, Errors, FieldError, child, type_name},
    schema::Schema,
};

/// Checks an object; metadata has a check of its own.
pub(super) fn check(object: &Value, schema: &Schema, errors: &mut Errors) {
    check_object(object, schema, "", errors);
}

fn check_value(value: &Value, schema: &Schema, path: &str, errors: &mut Errors) {
    let found = type_name(Some(value));
    if !schema.type_.is_empty() && !is_of_type(value, &schema.type_) {
        let detail = format!("{path} in body must be of type {}: {found:?}", schema.type_);
        errors.push(FieldError::new(path, Cause::TypeInvalid, &detail).with_type(Some(value)));
    }
    if !schema.enumeration.is_empty() && !schema.enumeration.contains(value) {
        let values: Vec<String> = schema.enumeration.iter().map(Value::to_string).collect();
        let detail = format!("supported values: {}", values.join(", "));
        errors.push(FieldError::new(path, Cause::NotSupported, &detail).with_value(value));
    }
    match value {
        Value::String(text) => check_text(text, schema, path, errors),
        Value::Number(number) => check_number(number, schema, path, errors),
        Value::Array(entries) => check_entries(entries, schema, path, errors),
        Value::Object(_) => check_object(value, schema, path, errors),
        Value::Bool(_) | Value::Null => {}
    }
}

fn is_of_type(value: &Value, type_: &str) -> bool {
    match type_ {
        "integer" => matches!(value, Value::Number(number) if !number.is_f64()
            || number.as_f64().is_some_and(|float| float.fract() == 0.0)),
        "number" => value.is_number(),
        other => type_name(Some(value)) == other,
    }
}

fn check_object(object: &Value, schema: &Schema, path: &str, errors: &mut Errors) {
    let Some(fields) = object.as_object() else {
        return;
    };
    for name in &schema.required {
        if !fields.contains_key(name) {
            errors.push(FieldError::new(&child(path, name), Cause::Required, ""));
        }
    }
    if let Some(max) = schema.max_properties
        && fields.len() > max
    {
        let detail = format!("must have at most {max} items");
        errors
            .push(FieldError::new(path, Cause::TooMany, &detail).with_value(&fields.len().into()));
    }
    for (name, value) in fields {
        if path.is_empty() && matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        if let Some(schema) = schema.properties.get(name).or(schema.values.as_deref()) {
            check_value(value, schema, &child(path, name), errors);
        }
    }
}

fn check_entries(entries: &[Value], schema: &Schema, path: &str, errors: &mut Errors) {
    if let Some(max) = schema.max_items
        && entries.len() > max
    {
        let detail = format!("must have at most {max} items");
        errors
            .push(FieldError::new(path, Cause::TooMany, &detail).with_value(&entries.len().into()));
    }
    if let Some(min) = schema.min_items
        && entries.len() < min
    {
        let detail = format!("{path} in body should have at least {min} items");
        errors
            .push(FieldError::new(path, Cause::Invalid, &detail).with_value(&entries.len().into()));
    }
    if let Some(items) = &schema.items {
        for (index, entry) in entries.iter().enumerate() {
            check_value(entry, items, &format!("{path}[{index}]"), errors);
        }
    }
}

fn check_text(text: &str, schema: &Schema, path: &str, errors: &mut Errors) {
    let value = Value::from(text);
    let invalid =
        |detail: String| FieldError::new(path, Cause::Invalid, &detail).with_value(&value);
    let length = text.chars().count();
    // Of these three the API server names the first.
    if let Some(max) = schema.max_length
        && length > max
    {
        let detail = format!("may not be more than {max} bytes");
        errors.push(FieldError::new(path, Cause::TooLong, &detail));
    } else if let Some(min) = schema.min_length
        && length < min
    {
        errors.push(invalid(format!(
            "{path} in body should be at least {min} chars long"
        )));
    } else if let Some(pattern) = &schema.pattern
        && !pattern.is_match(text)
    {
        errors.push(invalid(format!("{path} in body should match '{pattern}'")));
    }
    if schema.format == "date-time" && !is_date_time(text) {
        let detail = format!("{path} in body must be of type date-time: {value}");
        errors.push(FieldError::new(path, Cause::TypeInvalid, &detail).with_type(Some(&value)));
    }
}

/// RFC 3339 5.6 as the API server reads it:
///
/// ```text
/// date-time = full-date "T" full-time
/// full-time = time-hour ":" time-minute ":" time-second [time-secfrac] ("Z" / time-numoffset)
/// ```
fn is_date_time(text: &str) -> bool {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(
            "^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
        )
        .expect("a constant")
    });
    let Some((date, time)) = text.split_once(['T', 't']) else {
        return false;
    };
    date.len() == "2006-01-02".len() && date.parse::<Date>().is_ok() && TIME.is_match(time)
}

fn check_number(number: &Number, schema: &Schema, path: &str, errors: &mut Errors) {
    let value = Value::from(number.clone());
    let Some(float) = number.as_f64() else {
        return;
    };
    let mut invalid = |detail: String| {
        errors.push(FieldError::new(path, Cause::Invalid, &detail).with_value(&value));
    };
    if let Some(min) = schema.minimum
        && float < min
    {
        invalid(format!(
            "{path} in body should be greater than or equal to {min}"
        ));
    }
    if let Some(max) = schema.maximum
        && float > max
    {
        invalid(format!(
            "{path} in body should be less than or equal to {max}"
        ));
    }
    let range = match schema.format.as_str() {
        "int32" => f64::from(i32::MIN)..=f64::from(i32::MAX),
        _ => return,
    };
    if !range.contains(&float) {
        invalid(format!("{path} in body must be of type int32"));
    }
}
