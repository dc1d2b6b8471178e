//! A ConfigMap that carries one document: text as text, a gzip stream as bytes.

use super::labels::owned;
use crate::reconcile::Identity;
use crate::reconcile::published::PublishedDocument;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use mailaccess_config::DocumentName;

/// The ConfigMap of a document.
pub fn build(server: &Identity, name: DocumentName, document: &PublishedDocument) -> ConfigMap {
    let key = name.file_name();
    let text = String::from_utf8(document.file.clone());
    let (data, binary_data) = match text {
        Ok(text) if !name.is_compressed() => (Some([(key, text)].into()), None),
        _ => {
            let bytes = ByteString(document.file.clone());
            (None, Some([(key, bytes)].into()))
        }
    };
    ConfigMap {
        metadata: owned(server, name.object_name(&server.name)),
        data,
        binary_data,
        immutable: None,
    }
}
