//! The documents of a server: what is meant, as text that pods read, parsed with their own code before it
//! is published.

pub mod certificates;
pub mod credentials;
pub mod mailboxes;
pub mod rules;
pub mod settings;

use crate::reconcile::published::PublishedDocument;
use crate::reconcile::report::PodReport;
use crate::reconcile::validate::Validated;
use k8s_openapi::jiff::Timestamp;
use mailaccess_config::document::{self, DocumentError, Header};
use mailaccess_config::{Certificate, ContentError, DocumentName};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A document that cannot be published; what was published before stays.
#[derive(Debug, thiserror::Error)]
pub enum DocumentFault {
    /// Its content does not mean what was meant.
    #[error("{name}: {source}")]
    Content {
        /// Which document.
        name: DocumentName,
        /// Why.
        source: ContentError,
    },
    /// It does not fit an object.
    #[error("{name}: {source}")]
    Envelope {
        /// Which document.
        name: DocumentName,
        /// Why.
        source: DocumentError,
    },
}

/// The content of every document that there is something to say in.
pub fn contents(
    validated: &Validated,
    self_signed: Option<&Certificate>,
) -> Vec<(DocumentName, Result<String, DocumentFault>)> {
    let mut contents = Vec::new();
    if let Some(content) = settings::content(validated, self_signed) {
        contents.push((DocumentName::Settings, content));
    }
    contents.push((DocumentName::Rules, rules::content(validated)));
    contents.push((
        DocumentName::Certificates,
        certificates::content(validated, self_signed),
    ));
    let mailboxes = mailboxes::contents(validated);
    contents.extend(mailboxes.map(|(shard, content)| (DocumentName::Mailboxes(shard), content)));
    let credentials = credentials::contents(validated);
    contents
        .extend(credentials.map(|(shard, content)| (DocumentName::Credentials(shard), content)));
    contents
        .into_iter()
        .map(|(name, content)| {
            let content = content.map_err(|source| DocumentFault::Content { name, source });
            (name, content)
        })
        .collect()
}

/// Puts a content into its envelope. What is published already stays byte for byte.
pub fn publish(
    name: DocumentName,
    content: String,
    previous: Option<&PublishedDocument>,
    pods: &[PodReport],
    now: Timestamp,
) -> Result<PublishedDocument, DocumentFault> {
    let newest = newest_header(name, &content, previous, pods);
    if let Some(previous) = previous
        && previous.content == content
        && newest == Some(previous.header)
    {
        return Ok(previous.clone());
    }
    let now = now.as_millisecond().max(0).unsigned_abs();
    let file = document::publish(name, &content, newest.as_ref(), now)
        .map_err(|source| DocumentFault::Envelope { name, source })?;
    let header = document::next_header(&content, newest.as_ref(), now);
    Ok(PublishedDocument {
        header,
        content,
        file,
    })
}

/// Pods take nothing but a higher sequence, so one that they have seen counts even where the published
/// document was deleted or restored from a backup. Of two with one sequence the one with other content
/// counts, so that what is wanted gets a higher one.
fn newest_header(
    name: DocumentName,
    content: &str,
    previous: Option<&PublishedDocument>,
    pods: &[PodReport],
) -> Option<Header> {
    let wanted = document::Digest::of(content.as_bytes());
    pods.iter()
        .filter_map(|pod| pod.loaded(name))
        .chain(previous.map(|document| document.header))
        .max_by_key(|header| (header.sequence, header.digest != wanted))
}

/// One digest over all documents: what a pod has to show to serve what is wanted.
pub fn combined_digest(documents: &BTreeMap<DocumentName, PublishedDocument>) -> document::Digest {
    let mut text = String::new();
    for (name, document) in documents {
        let _ = writeln!(text, "{name} {}", document.header.digest);
    }
    document::Digest::of(text.as_bytes())
}
