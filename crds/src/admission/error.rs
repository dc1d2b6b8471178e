//! Why an object is refused: where, by which cause, and what was expected.

use std::fmt;

use serde_json::Value;

/// The longest value that an error repeats.
const MAX_VALUE_CHARS: usize = 80;

/// One reason against an object. Its text is the API server's own where the API server has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field, such as `spec.imap.sslBindings[0].port`; empty for the object as a whole.
    pub field: String,
    /// What kind of fault it is.
    pub cause: Cause,
    /// The value that was found, as JSON; empty where it says nothing or must not be shown.
    pub value: String,
    /// What was expected.
    pub detail: String,
    /// The line of the file, where it is known.
    pub line: Option<u32>,
}

/// The API server's causes, and the two of Strict decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The value is wrong.
    Invalid,
    /// The value is of another type.
    TypeInvalid,
    /// A value is missing.
    Required,
    /// The value is none of those that are allowed.
    NotSupported,
    /// The text is too long.
    TooLong,
    /// The list or map has too many entries.
    TooMany,
    /// The value stands twice where it may stand once.
    Duplicate,
    /// The change is not allowed.
    Forbidden,
    /// The schema has no such field.
    UnknownField,
    /// The key stands twice in one object.
    DuplicateField,
}

impl FieldError {
    pub(super) fn new(field: &str, cause: Cause, detail: &str) -> Self {
        Self {
            field: field.to_owned(),
            cause,
            value: String::new(),
            detail: detail.to_owned(),
            line: None,
        }
    }

    pub(super) fn with_value(mut self, value: &Value) -> Self {
        let text = value.to_string();
        self.value = if text.chars().count() > MAX_VALUE_CHARS {
            let shown: String = text.chars().take(MAX_VALUE_CHARS).collect();
            format!("{shown}...")
        } else {
            text
        };
        self
    }

    /// By field; what is said of no field comes last, since it often only explains the rest.
    fn rank(&self) -> (bool, &str, Cause) {
        (self.field.is_empty(), &self.field, self.cause)
    }

    /// CEL rules name the type of the value they looked at, never the value.
    pub(super) fn with_type(mut self, value: Option<&Value>) -> Self {
        self.value = format!("{:?}", type_name(value));
        self
    }
}

impl Cause {
    /// The name as the API server has it in its field errors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "FieldValueInvalid",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::Required => "FieldValueRequired",
            Self::NotSupported => "FieldValueNotSupported",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::UnknownField => "UnknownField",
            Self::DuplicateField => "DuplicateField",
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::Required => "Required value",
            Self::NotSupported => "Unsupported value",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Duplicate => "Duplicate value",
            Self::Forbidden => "Forbidden",
            Self::UnknownField => "unknown field",
            Self::DuplicateField => "duplicate field",
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if matches!(self.cause, Cause::UnknownField | Cause::DuplicateField) {
            write!(f, "{} \"{}\"", self.cause.phrase(), self.field)?;
        } else {
            if !self.field.is_empty() {
                write!(f, "{}: ", self.field)?;
            }
            f.write_str(self.cause.phrase())?;
            if !self.value.is_empty() {
                write!(f, ": {}", self.value)?;
            }
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for FieldError {}

/// Reasons collected so far.
#[derive(Debug, Default)]
pub(super) struct Errors(Vec<FieldError>);

impl Errors {
    pub(super) fn push(&mut self, error: FieldError) {
        if !self.0.contains(&error) {
            self.0.push(error);
        }
    }

    pub(super) fn into_result(mut self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort_by(|a, b| a.rank().cmp(&b.rank()));
        Err(self.0)
    }

    /// Whether a value is so wrong that the API server does not run the rules.
    pub(super) fn hide_values_from_rules(&self) -> bool {
        self.0.iter().any(|error| {
            matches!(
                error.cause,
                Cause::NotSupported
                    | Cause::Required
                    | Cause::TooLong
                    | Cause::TooMany
                    | Cause::TypeInvalid
            )
        })
    }
}

/// The name that the API server gives to the type of a value.
pub(super) fn type_name(value: Option<&Value>) -> &'static str {
    match value {
        None | Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(number)) if number.is_f64() => "number",
        Some(Value::Number(_)) => "integer",
        Some(Value::String(_)) => "string",
        Some(Value::Array(_)) => "array",
        Some(Value::Object(_)) => "object",
    }
}

/// `path.field`, or `field` at the root.
pub(super) fn child(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}
