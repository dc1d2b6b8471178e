//! A file as `kubectl` reads it: documents between lines `---`, each one object, or a `List` of them.

use std::{collections::BTreeMap, fmt};

use serde_json::Value;

use super::{
    Accepted, FieldError, Kind, judge, kind_of,
    yaml::{self, Composed},
};

/// One object of a file.
#[derive(Clone, Debug)]
pub struct Document {
    /// The line of the file that it begins at, from 1.
    pub line: u32,
    /// The object as it was written, with nothing filled in.
    pub value: Value,
    lines: BTreeMap<String, u32>,
    doubled: Vec<FieldError>,
}

/// A part of a file that is no YAML, or no object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The line of the file, from 1.
    pub line: u32,
    /// What was expected.
    pub message: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for Unreadable {}

/// Reads every document of a file; one that cannot be read hides no other. Empty documents are skipped, a `v1` `List` gives
/// its items.
pub fn read_documents(text: &str) -> Vec<Result<Document, Unreadable>> {
    split(text)
        .into_iter()
        .flat_map(|part| match part {
            Ok((line, text)) => read(text, line),
            Err(unreadable) => vec![Err(unreadable)],
        })
        .collect()
}

impl Document {
    /// The kind, by `apiVersion` and `kind`.
    pub fn kind(&self) -> Kind {
        kind_of(&self.value)
    }

    /// `metadata.name`, or nothing where there is none.
    pub fn name(&self) -> &str {
        self.value["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// `metadata.namespace`, where one is written.
    pub fn namespace(&self) -> Option<&str> {
        self.value["metadata"]["namespace"].as_str()
    }

    /// Judges the object, and says in which line what is wrong; see [`judge`].
    pub fn judge(&self, old: Option<&Value>) -> Result<Accepted, Vec<FieldError>> {
        let judged = judge(self.value.clone(), old);
        if self.doubled.is_empty() && judged.is_ok() {
            return judged;
        }
        let mut errors = self.doubled.clone();
        errors.extend(judged.err().into_iter().flatten().map(|mut error| {
            error.line = Some(self.line_of(&error.field));
            error
        }));
        Err(errors)
    }

    /// The line of a field, or of the nearest thing around it that is written.
    pub fn line_of(&self, field: &str) -> u32 {
        let mut field = field;
        loop {
            if let Some(line) = self.lines.get(field) {
                return *line;
            }
            let Some(end) = field.rfind(['.', '[']) else {
                return self.line;
            };
            field = &field[..end];
        }
    }
}

/// Splits at lines `---`, which may carry a comment and nothing else.
fn split(text: &str) -> Vec<Result<(u32, &str), Unreadable>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parts = Vec::new();
    let (mut start, mut start_line) = (0, 1);
    let (mut end, mut line) = (0, 1);
    for row in text.split_inclusive('\n') {
        let after = end + row.len();
        if let Some(rest) = row.strip_prefix("---") {
            parts.push(Ok((start_line, &text[start..end])));
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                let message = format!(
                    "a line `---` separates documents and carries only a comment, not `{rest}`"
                );
                parts.push(Err(Unreadable { line, message }));
            }
            (start, start_line) = (after, line + 1);
        }
        (end, line) = (after, line + 1);
    }
    parts.push(Ok((start_line, &text[start..])));
    parts
}

fn read(text: &str, line: u32) -> Vec<Result<Document, Unreadable>> {
    let composed = match yaml::compose(text, line) {
        Ok(composed) => composed,
        Err(fault) => {
            let message = format!("error parsing YAML: {}", fault.message);
            return vec![Err(Unreadable {
                line: fault.line,
                message,
            })];
        }
    };
    match &composed.value {
        Value::Null => Vec::new(),
        Value::Object(fields)
            if fields.get("kind") == Some(&"List".into()) && fields.contains_key("items") =>
        {
            items(&composed, line)
        }
        Value::Object(_) => vec![Ok(document(composed, line))],
        _ => vec![Err(Unreadable {
            line: first_line(text, line),
            message: "a document must be a map with apiVersion, kind and metadata".to_owned(),
        })],
    }
}

fn document(composed: Composed, line: u32) -> Document {
    let line = composed.lines.values().copied().min().unwrap_or(line);
    Document {
        line,
        value: composed.value,
        lines: composed.lines,
        doubled: composed.doubled,
    }
}

/// The items of a `List`, each with the lines and faults of its own.
fn items(list: &Composed, line: u32) -> Vec<Result<Document, Unreadable>> {
    let Some(items) = list.value["items"].as_array() else {
        return Vec::new();
    };
    let item = |(index, value): (usize, &Value)| {
        let prefix = format!("items[{index}]");
        let inside = |field: &str| {
            let rest = field.strip_prefix(&prefix)?;
            rest.strip_prefix('.').map(str::to_owned)
        };
        let lines = list
            .lines
            .iter()
            .filter_map(|(field, line)| Some((inside(field)?, *line)));
        let doubled = list.doubled.iter().filter_map(|error| {
            let field = inside(&error.field)?;
            Some(FieldError {
                field,
                ..error.clone()
            })
        });
        Document {
            line: list.lines.get(&prefix).copied().unwrap_or(line),
            value: value.clone(),
            lines: lines.collect(),
            doubled: doubled.collect(),
        }
    };
    items.iter().enumerate().map(item).map(Ok).collect()
}

fn first_line(text: &str, line: u32) -> u32 {
    let blank = text.lines().take_while(|row| row.trim().is_empty()).count();
    line.saturating_add(u32::try_from(blank).unwrap_or(0))
}
