//! One YAML document as JSON, with the line of every field.
//!
//! The grammar is the parser's; what scalars, keys, merges and doubled keys mean is decided here, as `kubectl` decides it.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};
use serde_json::{Map, Value};

use super::{
    error::{Cause, FieldError, child},
    scalar,
};

/// Lists and maps within each other; our deepest schema has a tenth of it.
const MAX_DEPTH: usize = 64;

/// Values of one document, repeated ones counted each time: a few lines of aliases can stand for billions.
const MAX_VALUES: usize = 200_000;

/// A document that was read.
#[derive(Debug, Default)]
pub(super) struct Composed {
    pub(super) value: Value,
    /// The line of each field and entry, by its path, from 1.
    pub(super) lines: BTreeMap<String, u32>,
    /// Keys that stand twice.
    pub(super) doubled: Vec<FieldError>,
}

/// Why a document cannot be read, and where.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) line: u32,
    pub(super) message: String,
}

/// Reads one document; `first_line` is the line of the file that its text begins at.
pub(super) fn compose(text: &str, first_line: u32) -> Result<Composed, Fault> {
    let mut composer = Composer {
        parser: Parser::new_from_str(text),
        first_line,
        anchors: HashMap::new(),
        values: 0,
        composed: Composed::default(),
    };
    loop {
        let (event, span) = composer.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) => {}
            Event::StreamEnd => return Ok(composer.composed),
            event => {
                composer.composed.value = composer.node(event, span, "", 0)?;
                break;
            }
        }
    }
    loop {
        let (event, span) = composer.next()?;
        match event {
            Event::DocumentEnd => {}
            Event::StreamEnd => return Ok(composer.composed),
            _ => return Err(composer.fault(span, "documents are separated by a line `---`")),
        }
    }
}

struct Composer<'text> {
    parser: Parser<'text, StrInput<'text>>,
    first_line: u32,
    anchors: HashMap<usize, Value>,
    values: usize,
    composed: Composed,
}

impl<'text> Composer<'text> {
    /// The next event that is no comment.
    fn next(&mut self) -> Result<(Event<'text>, Span), Fault> {
        loop {
            match self.parser.next_event() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok(next)) => return Ok(next),
                Some(Err(error)) => {
                    let line = self.line(error.marker().line());
                    let message = error.info();
                    return Err(Fault { line, message });
                }
                None => return Ok((Event::StreamEnd, Span::default())),
            }
        }
    }

    fn node(
        &mut self,
        event: Event<'text>,
        span: Span,
        path: &str,
        depth: usize,
    ) -> Result<Value, Fault> {
        if depth > MAX_DEPTH {
            return Err(self.fault(span, "lists and maps are nested too deep"));
        }
        self.count(1, span)?;
        let (anchor, value) = match event {
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned();
                let value = value
                    .ok_or_else(|| self.fault(span, "an alias stands inside its own anchor"))?;
                self.count(size(&value), span)?;
                return Ok(value);
            }
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, self.scalar(&text, style, tag.as_deref(), span)?)
            }
            Event::SequenceStart(_, anchor, _) => (anchor, self.sequence(path, depth)?),
            Event::MappingStart(_, anchor, _) => (anchor, self.mapping(path, depth)?),
            _ => return Err(self.fault(span, "a value was expected")),
        };
        if anchor != 0 {
            self.count(size(&value), span)?;
            self.anchors.insert(anchor, value.clone());
        }
        Ok(value)
    }

    fn sequence(&mut self, path: &str, depth: usize) -> Result<Value, Fault> {
        let mut entries = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Value::Array(entries));
            }
            let path = format!("{path}[{}]", entries.len());
            self.note(&path, span);
            entries.push(self.node(event, span, &path, depth + 1)?);
        }
    }

    fn mapping(&mut self, path: &str, depth: usize) -> Result<Value, Fault> {
        let mut fields = Map::new();
        let mut merged = Map::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            if let Event::Scalar(text, ScalarStyle::Plain, _, None) = &event
                && text == "<<"
            {
                self.merge(&mut merged, path, depth)?;
                continue;
            }
            let key = self.key(event, span, path, depth)?;
            let path = child(path, &key);
            let doubled = fields.contains_key(&key);
            if doubled {
                let mut error = FieldError::new(&path, Cause::DuplicateField, "");
                error.line = Some(self.line(span.start.line()));
                self.composed.doubled.push(error);
            } else {
                self.note(&path, span);
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, &path, depth + 1)?;
            fields.insert(key, value);
        }
        for (key, value) in merged {
            fields.entry(key).or_insert(value);
        }
        Ok(Value::Object(fields))
    }

    /// `<<`: fields of another map, or of several, where this one has none of that name.
    fn merge(
        &mut self,
        merged: &mut Map<String, Value>,
        path: &str,
        depth: usize,
    ) -> Result<(), Fault> {
        let (event, span) = self.next()?;
        let sources = match self.node(event, span, path, depth + 1)? {
            Value::Array(sources) => sources,
            source => vec![source],
        };
        for source in sources {
            let Value::Object(source) = source else {
                return Err(self.fault(
                    span,
                    "map merge requires map or sequence of maps as the value",
                ));
            };
            for (key, value) in source {
                merged.entry(key).or_insert(value);
            }
        }
        Ok(())
    }

    fn key(
        &mut self,
        event: Event<'text>,
        span: Span,
        path: &str,
        depth: usize,
    ) -> Result<String, Fault> {
        match self.node(event, span, path, depth + 1)? {
            Value::String(key) => Ok(key),
            key @ (Value::Bool(_) | Value::Number(_)) => Ok(key.to_string()),
            _ => Err(self.fault(span, "a key must be a text")),
        }
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> Result<Value, Fault> {
        let Some(tag) = tag else {
            return if style == ScalarStyle::Plain {
                scalar::resolve(text).map_err(|message| self.fault(span, &message))
            } else {
                Ok(Value::from(text))
            };
        };
        let name = tag
            .suffix_in_namespace("tag:yaml.org,2002:")
            .unwrap_or(Cow::Borrowed("str"));
        let resolved = || scalar::resolve(text).map_err(|message| self.fault(span, &message));
        let refused = || self.fault(span, &format!("cannot decode `{text}` as a !!{name}"));
        match &*name {
            "null" => Some(resolved()?).filter(Value::is_null).ok_or_else(refused),
            "bool" => Some(resolved()?)
                .filter(Value::is_boolean)
                .ok_or_else(refused),
            "int" | "float" => Some(resolved()?)
                .filter(Value::is_number)
                .ok_or_else(refused),
            "binary" => {
                let bytes = STANDARD.decode(text.replace(['\n', '\r', ' '], "")).ok();
                let decoded = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
                decoded.map(Value::from).ok_or_else(refused)
            }
            _ => Ok(Value::from(text)),
        }
    }

    fn count(&mut self, values: usize, span: Span) -> Result<(), Fault> {
        self.values += values;
        if self.values > MAX_VALUES {
            return Err(self.fault(span, "the document has too many values"));
        }
        Ok(())
    }

    fn note(&mut self, path: &str, span: Span) {
        let line = self.line(span.start.line());
        self.composed.lines.insert(path.to_owned(), line);
    }

    fn line(&self, line: usize) -> u32 {
        let line = u32::try_from(line.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first_line.saturating_add(line)
    }

    fn fault(&self, span: Span, message: &str) -> Fault {
        Fault {
            line: self.line(span.start.line()),
            message: message.to_owned(),
        }
    }
}

/// Values in a value, itself included.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(entries) => entries.iter().map(size).sum(),
        Value::Object(fields) => fields.values().map(size).sum(),
        _ => 0,
    }
}
