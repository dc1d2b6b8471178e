//! What is loaded and what is wrong, for the admin port, the metrics and the operator.

use arc_swap::ArcSwap;
use mailaccess_config::{DocumentName, Header};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All documents as of one moment.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentsStatus {
    /// Whether every document has been loaded since the start. Never goes back.
    pub complete: bool,
    /// By file name.
    pub documents: BTreeMap<String, DocumentStatus>,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentStatus {
    /// What is in force; nothing, and what it would say is denied.
    #[serde(flatten)]
    pub loaded: Option<Header>,
    /// How what lies in the directory relates to that.
    pub state: DocumentState,
    /// What is wrong with what lies there; the one in force is older then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
    /// How often a new one was put in force.
    pub loads: u64,
    /// How often one was refused.
    pub failures: u64,
}

/// How what lies in the directory relates to what is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum DocumentState {
    /// There is no file.
    #[default]
    Missing,
    /// It is in force.
    Loaded,
    /// It is older than what is in force.
    Older,
    /// It is good, and waits for the certificates or settings that go with it.
    Waiting,
    /// It cannot be used.
    Refused,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// The whole chain of causes.
    pub text: String,
    /// When it was found.
    pub at_unix_millis: u64,
}

/// Where the newest status lies.
#[derive(Debug)]
pub struct StatusCell(ArcSwap<DocumentsStatus>);

impl StatusCell {
    /// The newest status.
    pub fn snapshot(&self) -> Arc<DocumentsStatus> {
        self.0.load_full()
    }

    /// Whether there has been one complete valid set since the start: what readiness asks.
    pub fn complete(&self) -> bool {
        self.0.load().complete
    }

    pub(super) fn set(&self, status: DocumentsStatus) {
        self.0.store(Arc::new(status));
    }
}

impl Default for StatusCell {
    /// Nothing has been looked at.
    fn default() -> Self {
        Self(ArcSwap::from_pointee(DocumentsStatus {
            complete: false,
            documents: DocumentName::all()
                .map(|name| (name.file_name(), DocumentStatus::default()))
                .collect(),
        }))
    }
}
