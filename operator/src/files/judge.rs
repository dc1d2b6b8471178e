//! Between files and the API server's verdict: which object a document is, and what is said of a refusal.
//! The verdict itself is `mailaccess_crds::admission`.

use super::ledger::ObjectId;
use super::source::{Place, SourceFile};
use mailaccess_crds::admission::{self, FieldError, Kind};
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;

/// An object as it is written.
#[derive(Debug)]
pub struct Document {
    /// Where it stands.
    pub place: Place,
    /// Which object it is.
    pub id: ObjectId,
    /// Its kind.
    pub kind: Kind,
    /// What is written.
    pub written: admission::Document,
}

/// Why something in a file is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In which file.
    pub file: PathBuf,
    /// Which object, if that can be read.
    pub id: Option<ObjectId>,
    /// Everything that is wrong.
    pub causes: Vec<Cause>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// In which line of the file.
    pub line: Option<u32>,
    /// The field, and what was expected.
    pub text: String,
}

impl Fault {
    /// One thing that is wrong with an object as a whole.
    pub fn of_object(place: Place, id: ObjectId, text: &str) -> Self {
        Self {
            file: place.file,
            id: Some(id),
            causes: vec![Cause {
                line: Some(place.line),
                text: text.to_owned(),
            }],
        }
    }

    /// Everything that the API server says against an object.
    pub fn of_fields(place: &Place, id: Option<ObjectId>, errors: &[FieldError]) -> Self {
        Self {
            file: place.file.clone(),
            id,
            causes: errors
                .iter()
                .map(|error| Cause {
                    line: error.line.or(Some(place.line)),
                    text: without_line(error),
                })
                .collect(),
        }
    }

    /// One thing that is wrong with a file as a whole.
    pub fn of_file(file: &SourceFile, line: Option<u32>, text: String) -> Self {
        Self {
            file: file.path.clone(),
            id: None,
            causes: vec![Cause { line, text }],
        }
    }
}

/// One line for each cause: file, line, object, field, and what was expected.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, cause) in self.causes.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:", self.file.display())?;
            if let Some(line) = cause.line {
                write!(f, "{line}:")?;
            }
            if let Some(id) = &self.id {
                write!(f, " {id}:")?;
            }
            write!(f, " {}", cause.text)?;
        }
        Ok(())
    }
}

/// All errors as text.
pub fn texts(errors: &[FieldError]) -> Vec<String> {
    errors.iter().map(without_line).collect()
}

/// The line is said elsewhere.
fn without_line(error: &FieldError) -> String {
    let mut error = error.clone();
    error.line = None;
    error.to_string()
}

/// Reads a file. What cannot be read so far that it is known which object it is, is a fault of the file.
pub fn read(file: &SourceFile, namespace: &str) -> (Vec<Document>, Vec<Fault>) {
    let text = match &file.text {
        Ok(text) => text,
        Err(error) => {
            return (
                Vec::new(),
                vec![Fault::of_file(file, None, error.to_string())],
            );
        }
    };
    let mut documents = Vec::new();
    let mut faults = Vec::new();
    for document in admission::read_documents(text) {
        match document {
            Err(unreadable) => {
                let line = Some(unreadable.line);
                faults.push(Fault::of_file(file, line, unreadable.message));
            }
            Ok(written) => match identify(file, written, namespace) {
                Ok(document) => documents.push(document),
                Err(fault) => faults.push(fault),
            },
        }
    }
    (documents, faults)
}

fn identify(
    file: &SourceFile,
    mut written: admission::Document,
    namespace: &str,
) -> Result<Document, Fault> {
    let place = Place {
        file: file.path.clone(),
        line: written.line,
    };
    let kind = written.kind();
    if kind == Kind::Unmatched || written.name().is_empty() {
        let errors = written.judge(None).err().unwrap_or_default();
        return Err(Fault::of_fields(&place, None, &errors));
    }
    let text = |field: &str| written.value[field].as_str().unwrap_or_default().to_owned();
    let id = ObjectId {
        kind: text("kind"),
        namespace: written.namespace().unwrap_or(namespace).to_owned(),
        name: written.name().to_owned(),
    };
    // As kubectl does, and so that an object does not change its namespace by having it written out.
    if written.namespace().is_none()
        && let Some(metadata) = written.value["metadata"].as_object_mut()
    {
        metadata.insert("namespace".to_owned(), Value::from(namespace));
    }
    Ok(Document {
        place,
        id,
        kind,
        written,
    })
}
