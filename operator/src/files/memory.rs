//! What is kept of the ledger between two runs: of each object what an API server would have stored. No
//! Secrets, and nothing of them.
//!
//! ```text
//! {"format":2,"digest":"SHA-256 of the line that follows"}
//! [{"kind":"CASMailbox","namespace":"default","name":"ann","object":{...}}]
//! ```

use super::ledger::ObjectId;
use k8s_openapi::jiff::Timestamp;
use mailaccess_config::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::path::Path;

const FORMAT: u32 = 2;
/// Room for the objects of a hundred thousand people.
pub const LIMIT: u64 = 256 << 20;
/// The kinds that are kept.
const KINDS: [&str; 3] = ["MailAccessServer", "CASMailbox", "CertificateBinding"];

/// Why there is no memory.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// Another release wrote it.
    #[error("it has format {0}, and this release reads {FORMAT}")]
    Format(u32),
    /// Nobody wrote it so.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// There is too much of it.
    #[error("it is larger than {LIMIT} bytes")]
    TooLarge,
}

/// Comes first, so that every release can tell what follows.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u32,
    digest: Digest,
}

/// What an API server remembers of an object beside what people write.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity {
    #[serde(flatten)]
    pub(super) id: ObjectId,
    pub(super) uid: String,
    pub(super) created: Timestamp,
    pub(super) generation: i64,
    pub(super) spec: Digest,
    #[serde(default)]
    pub(super) status: Value,
}

/// An object as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Kept<'ledger> {
    #[serde(flatten)]
    pub(super) identity: Cow<'ledger, Identity>,
    /// The file that it stood in.
    pub(super) file: String,
    /// Where in it.
    pub(super) line: u32,
    /// What was accepted, or what was denied.
    pub(super) object: Cow<'ledger, Value>,
    /// Why it was not accepted; empty if it was.
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    pub(super) causes: Cow<'ledger, [String]>,
}

/// Whether anything of this kind is kept: Secrets never are.
pub(super) fn is_kept(id: &ObjectId) -> bool {
    KINDS.contains(&id.kind.as_str())
}

/// As it is kept: paths that are no text are not found again.
pub(super) fn file_name(file: &Path) -> String {
    file.to_string_lossy().into_owned()
}

/// Writes memory out.
pub(super) fn print(kept: &[Kept<'_>]) -> Result<String, MemoryError> {
    let print_error = |error: serde_json::Error| MemoryError::Damaged(error.to_string());
    let body = serde_json::to_string(kept).map_err(print_error)?;
    let header = Header {
        format: FORMAT,
        digest: Digest::of(body.as_bytes()),
    };
    let header = serde_json::to_string(&header).map_err(print_error)?;
    let text = format!("{header}\n{body}");
    if text.len() as u64 > LIMIT {
        return Err(MemoryError::TooLarge);
    }
    Ok(text)
}

/// Reads what [`print`] wrote, whole or not at all.
pub(super) fn parse(text: &str) -> Result<Vec<Kept<'static>>, MemoryError> {
    // The first format was a list and nothing else.
    if text.starts_with('[') {
        return Err(MemoryError::Format(1));
    }
    let no_header = || MemoryError::Damaged("it does not begin with its format".to_owned());
    let (first, body) = text.split_once('\n').ok_or_else(no_header)?;
    let first: Value = serde_json::from_str(first).map_err(|_| no_header())?;
    match first["format"].as_u64().map(u32::try_from) {
        Some(Ok(FORMAT)) => {}
        Some(Ok(other)) => return Err(MemoryError::Format(other)),
        _ => return Err(no_header()),
    }
    let header: Header = serde_json::from_value(first).map_err(|_| no_header())?;
    if header.digest != Digest::of(body.as_bytes()) {
        let text = "its digest is another".to_owned();
        return Err(MemoryError::Damaged(text));
    }
    let kept: Vec<Kept<'static>> =
        serde_json::from_str(body).map_err(|error| MemoryError::Damaged(error.to_string()))?;
    kept.iter().try_for_each(check)?;
    Ok(kept)
}

/// An object that is kept under another's name would be compared with that one.
fn check(kept: &Kept<'_>) -> Result<(), MemoryError> {
    let id = &kept.identity.id;
    if !is_kept(id) {
        let text = format!("{id} is of no kind that is kept");
        return Err(MemoryError::Damaged(text));
    }
    let object = &kept.object;
    let metadata = &object["metadata"];
    let is_itself = object["kind"] == id.kind.as_str()
        && metadata["name"] == id.name.as_str()
        && metadata["namespace"] == id.namespace.as_str();
    if !is_itself {
        let text = format!("{id} is kept as another object");
        return Err(MemoryError::Damaged(text));
    }
    Ok(())
}
