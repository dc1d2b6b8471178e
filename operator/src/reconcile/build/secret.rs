//! A Secret that carries one document with keys or hashes.

use super::labels::owned;
use crate::reconcile::Identity;
use crate::reconcile::published::{PublishedDocument, REGISTER_ANNOTATION, Register};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use mailaccess_config::DocumentName;

/// The Secret of a document; that of the certificates also says whose each is.
pub fn build(
    server: &Identity,
    name: DocumentName,
    document: &PublishedDocument,
    register: &Register,
) -> Secret {
    let mut metadata = owned(server, name.object_name(&server.name));
    if name == DocumentName::Certificates
        && let Ok(register) = serde_json::to_string(register)
    {
        metadata.annotations = Some([(REGISTER_ANNOTATION.to_owned(), register)].into());
    }
    let bytes = ByteString(document.file.clone());
    Secret {
        metadata,
        data: Some([(name.file_name(), bytes)].into()),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}
