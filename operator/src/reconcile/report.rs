//! What pods say of themselves in `/status`, as far as a status depends on it.

use mailaccess_config::document::Header;
use mailaccess_config::{DocumentName, Protocol};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One pod.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PodReport {
    /// Its name.
    pub pod: String,
    /// What it said last; nothing, and nobody knows what it serves.
    pub said: Option<PodStatus>,
    /// Whether it was asked to end.
    pub is_ending: bool,
    /// What keeps it from running, as half a sentence, where that will not pass by itself.
    pub hindrance: Option<String>,
}

/// The part of a pod's `/status` that statuses are made of. Fields that this release does not know are
/// another release's.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodStatus {
    /// Whose settings it has, `namespace/name`; nothing before it has any.
    #[serde(default)]
    pub server: Option<String>,
    /// Why it is not ready, if it is not.
    #[serde(default)]
    pub not_ready: Vec<String>,
    /// By file name.
    #[serde(default)]
    pub documents: BTreeMap<String, DocumentReport>,
    /// What it listens on.
    #[serde(default)]
    pub listeners: Vec<ListenerReport>,
    /// Protocols that go on with the certificates they had.
    #[serde(default)]
    pub tls_faults: Vec<TlsFaultReport>,
    /// What a handshake with its own listeners showed.
    #[serde(default)]
    pub handshakes: Vec<HandshakeReport>,
}

/// A document as a pod sees it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentReport {
    /// The format of what is in force.
    #[serde(default)]
    pub format: Option<u32>,
    /// The sequence of what is in force.
    #[serde(default)]
    pub sequence: Option<u64>,
    /// The digest of what is in force.
    #[serde(default)]
    pub digest: Option<mailaccess_config::Digest>,
    /// What is wrong with what lies in the directory.
    #[serde(default)]
    pub error: Option<Fault>,
}

/// What is wrong, in a pod's words.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Fault {
    /// The whole chain of causes.
    pub text: String,
}

/// A port of a pod.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerReport {
    /// As in the settings.
    pub port: u16,
    /// Why it is not open.
    #[serde(default)]
    pub error: Option<Fault>,
}

/// A protocol whose wanted certificates could not be put in force.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsFaultReport {
    /// Which protocol's ports.
    pub protocol: Protocol,
    /// Why not.
    pub error: Fault,
}

/// What a refusal of a pod is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A document, by its file name.
    Document(String),
    /// A port of the settings.
    Port(u16),
    /// The certificates of a protocol.
    Tls(Protocol),
}

/// Something that a pod cannot do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it is about.
    pub subject: Subject,
    /// Why not.
    pub text: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Document(name) => write!(f, "{name}: {}", self.text),
            Subject::Port(port) => write!(f, "port {port}: {}", self.text),
            Subject::Tls(protocol) => write!(f, "TLS of {protocol}: {}", self.text),
        }
    }
}

/// A handshake of a pod with itself.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandshakeReport {
    /// Which protocol's port.
    pub protocol: Protocol,
    /// SHA-1 of the certificate that it showed.
    pub thumbprint: String,
}

impl PodReport {
    /// Whether it said that it takes no clients.
    pub fn is_unready(&self) -> bool {
        let said = self.said.as_ref();
        said.is_some_and(|said| !said.not_ready.is_empty())
    }

    /// What a pod has loaded of a document.
    pub fn loaded(&self, name: DocumentName) -> Option<Header> {
        let document = self.said.as_ref()?.documents.get(&name.file_name())?;
        Some(Header {
            format: document.format?,
            sequence: document.sequence?,
            digest: document.digest?,
        })
    }

    /// Whether a pod serves the document with this header. An equal content of an earlier publication is
    /// not enough: what was published in between may still be on its way to the pod.
    pub fn serves(&self, name: DocumentName, wanted: &Header) -> bool {
        self.loaded(name).as_ref() == Some(wanted)
    }

    /// What a pod cannot do.
    pub fn refusals(&self) -> Vec<Refusal> {
        let Some(said) = &self.said else {
            return Vec::new();
        };
        let refusal = |subject, error: &Fault| Refusal {
            subject,
            text: error.text.clone(),
        };
        let documents = said.documents.iter().filter_map(|(name, document)| {
            let error = document.error.as_ref()?;
            Some(refusal(Subject::Document(name.clone()), error))
        });
        let listeners = said.listeners.iter().filter_map(|listener| {
            let error = listener.error.as_ref()?;
            Some(refusal(Subject::Port(listener.port), error))
        });
        let faults = said.tls_faults.iter();
        let certificates = faults.map(|it| refusal(Subject::Tls(it.protocol), &it.error));
        documents.chain(listeners).chain(certificates).collect()
    }

    /// Whether a handshake showed this certificate, for each of these protocols.
    pub fn has_shown(&self, thumbprint: &str, protocols: &BTreeSet<Protocol>) -> bool {
        let Some(said) = &self.said else {
            return false;
        };
        protocols.iter().all(|protocol| {
            said.handshakes.iter().any(|handshake| {
                handshake.protocol == *protocol && handshake.thumbprint == thumbprint
            })
        })
    }
}
