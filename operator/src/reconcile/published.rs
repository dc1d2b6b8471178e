//! What was published before: the source of every *last good*, also after the operator was restarted.

use super::Object;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use mailaccess_config::document::{self, Header};
use mailaccess_config::{
    Certificate, CertificateId, Certificates, Credentials, DocumentName, MailboxAddress,
    MailboxRow, Mailboxes, PasswordHash, Settings, Shard,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The annotation of the certificates' Secret that says whose each certificate is: the document itself
/// knows them by content only.
pub const REGISTER_ANNOTATION: &str = "mailaccess.dev/certificates";

/// Whose certificate is whose.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Register {
    /// The server's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_signed: Option<CertificateId>,
    /// By CertificateBinding.
    #[serde(default)]
    pub bindings: BTreeMap<String, Registered>,
}

/// What a CertificateBinding had published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// Its certificate.
    pub id: CertificateId,
    /// `IMAP`, `POP`.
    pub services: Vec<String>,
}

/// A document as it was published.
#[derive(Clone, PartialEq, Eq)]
pub struct PublishedDocument {
    /// Its sequence and digest.
    pub header: Header,
    /// Its content.
    pub content: String,
    /// Its bytes.
    pub file: Vec<u8>,
}

/// There may be keys and hashes in it.
impl fmt::Debug for PublishedDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublishedDocument")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

/// All documents of a server that are published and readable.
#[derive(Debug, Clone, Default)]
pub struct Published {
    documents: BTreeMap<DocumentName, PublishedDocument>,
    register: Register,
}

impl Published {
    /// Reads the documents out of the objects that this server controls. What is damaged counts as absent.
    pub fn read(server: &str, uid: &str, existing: &[Object]) -> Self {
        let owned: BTreeMap<_, _> = existing
            .iter()
            .filter(|object| object.is_controlled_by(uid))
            .map(|object| (object.key(), object))
            .collect();
        let mut published = Self::default();
        for name in DocumentName::all() {
            let object_name = name.object_name(server);
            let kind = match name.carrier() {
                document::Carrier::ConfigMap => "ConfigMap",
                document::Carrier::Secret => "Secret",
            };
            let Some(object) = owned.get(&(kind, object_name.as_str())) else {
                continue;
            };
            if let Some(file) = file(object, &name.file_name())
                && let Ok((header, content)) = document::read(name, &file)
            {
                let read = PublishedDocument {
                    header,
                    content,
                    file,
                };
                published.documents.insert(name, read);
            }
            if name == DocumentName::Certificates {
                published.register = register(object);
            }
        }
        published
    }

    /// With those documents of another look that this one lacks.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        let certificates = DocumentName::Certificates;
        if !self.documents.contains_key(&certificates)
            && other.documents.contains_key(&certificates)
        {
            self.register = other.register;
        }
        for (name, document) in other.documents {
            self.documents.entry(name).or_insert(document);
        }
        self
    }

    /// A document as it was published.
    pub fn document(&self, name: DocumentName) -> Option<&PublishedDocument> {
        self.documents.get(&name)
    }

    /// The settings that are in force.
    pub fn settings(&self) -> Option<Settings> {
        Settings::from_text(&self.document(DocumentName::Settings)?.content).ok()
    }

    /// What is said of each mailbox.
    pub fn mailboxes(&self) -> impl Iterator<Item = (MailboxAddress, MailboxRow)> {
        Shard::all()
            .filter_map(|shard| {
                let document = self.document(DocumentName::Mailboxes(shard))?;
                Mailboxes::from_text(shard, &document.content).ok()
            })
            .flat_map(|mailboxes| mailboxes.rows)
    }

    /// Everybody's password.
    pub fn credentials(&self) -> impl Iterator<Item = (MailboxAddress, PasswordHash)> {
        Shard::all()
            .filter_map(|shard| {
                let document = self.document(DocumentName::Credentials(shard))?;
                Credentials::from_text(shard, &document.content).ok()
            })
            .flat_map(|credentials| credentials.rows)
    }

    /// The certificates that are in force.
    pub fn certificates(&self) -> Certificates {
        self.document(DocumentName::Certificates)
            .and_then(|document| Certificates::from_text(&document.content).ok())
            .unwrap_or_default()
    }

    /// The self-signed certificate that is in force.
    pub fn self_signed(&self) -> Option<Certificate> {
        let id = self.register.self_signed.as_ref()?;
        self.certificates().by_id.remove(id)
    }

    /// What a CertificateBinding had published.
    pub fn registered(&self, binding: &str) -> Option<&Registered> {
        self.register.bindings.get(binding)
    }
}

fn file(object: &Object, key: &str) -> Option<Vec<u8>> {
    match object {
        Object::ConfigMap(ConfigMap {
            data, binary_data, ..
        }) => data
            .as_ref()
            .and_then(|data| data.get(key))
            .map(|text| text.clone().into_bytes())
            .or_else(|| Some(binary_data.as_ref()?.get(key)?.0.clone())),
        Object::Secret(Secret { data, .. }) => Some(data.as_ref()?.get(key)?.0.clone()),
        _ => None,
    }
}

fn register(object: &Object) -> Register {
    object
        .metadata()
        .annotations
        .as_ref()
        .and_then(|annotations| annotations.get(REGISTER_ANNOTATION))
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}
