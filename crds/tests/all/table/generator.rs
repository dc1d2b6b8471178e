//! Values of the table that are too long to write down, and changes of an object.

use serde_json::{Map, Value};

/// Writes out `{repeat: .., times: ..}`, `{texts: .., times: ..}`, `{keys: .., value: .., times: ..}` and `{join: [..]}`.
pub(crate) fn expand(value: &Value) -> Value {
    if let Value::Array(entries) = value {
        return entries.iter().map(expand).collect();
    }
    let Value::Object(fields) = value else {
        return value.clone();
    };
    let names: Vec<&str> = fields.keys().map(String::as_str).collect();
    match names[..] {
        ["repeat", "times"] => match (&fields["repeat"], times(fields)) {
            (Value::String(text), times) => text.repeat(times).into(),
            (entry, times) => (0..times).map(|index| numbered(entry, index)).collect(),
        },
        ["texts", "times"] => (0..times(fields))
            .map(|index| numbered(&fields["texts"], index))
            .collect(),
        ["keys", "times", "value"] => {
            let key = |index| {
                numbered(&fields["keys"], index)
                    .as_str()
                    .unwrap()
                    .to_owned()
            };
            let pairs = (0..times(fields)).map(|index| (key(index), expand(&fields["value"])));
            Value::Object(pairs.collect())
        }
        ["join"] => {
            let parts = fields["join"].as_array().unwrap().iter().map(expand);
            parts
                .map(|part| part.as_str().unwrap().to_owned())
                .collect::<String>()
                .into()
        }
        _ => Value::Object(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), expand(value)))
                .collect(),
        ),
    }
}

fn times(fields: &Map<String, Value>) -> usize {
    usize::try_from(fields["times"].as_u64().unwrap()).unwrap()
}

/// `#` in a text counts; the text `#1000` is a number from 1000 up.
fn numbered(value: &Value, index: usize) -> Value {
    match value {
        Value::String(text) => match text
            .strip_prefix('#')
            .and_then(|start| start.parse::<usize>().ok())
        {
            Some(start) => (start + index).into(),
            None => text.replace('#', &index.to_string()).into(),
        },
        Value::Array(entries) => entries.iter().map(|entry| numbered(entry, index)).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), numbered(value, index)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// The object with the fields of `changes` set, each named by its path; null removes.
pub(crate) fn changed(object: &Value, changes: &Map<String, Value>) -> Value {
    let mut object = object.clone();
    for (path, value) in changes {
        set(&mut object, path, expand(value));
    }
    object
}

/// Sets the field at a path such as `spec.domains[0].name`; null removes it.
pub(crate) fn set(object: &mut Value, path: &str, value: Value) {
    let mut place = object;
    let parts = path.replace('[', ".[");
    let mut parts = parts.split('.').peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        if let Some(index) = part.strip_prefix('[') {
            let index: usize = index.trim_end_matches(']').parse().unwrap();
            place = &mut place.as_array_mut().unwrap()[index];
        } else {
            if place.is_null() {
                *place = Value::Object(Map::new());
            }
            let fields = place.as_object_mut().unwrap();
            if last && value.is_null() {
                fields.remove(part);
                return;
            }
            place = fields.entry(part).or_insert(Value::Null);
        }
    }
    *place = value;
}
