//! ConfigMaps and Secrets that carry documents, one each.

use super::labels::owned;
use crate::reconcile::published::{PublishedDocument, REGISTER_ANNOTATION, Register};
use crate::reconcile::{Identity, Object};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use mailaccess_config::DocumentName;
use mailaccess_config::document::Carrier;
use std::collections::BTreeMap;

/// The object of a document.
pub fn build(
    server: &Identity,
    name: DocumentName,
    document: &PublishedDocument,
    register: &Register,
) -> Object {
    let mut metadata = owned(server, name.object_name(&server.name));
    if name == DocumentName::Certificates
        && let Ok(register) = serde_json::to_string(register)
    {
        metadata.annotations = Some([(REGISTER_ANNOTATION.to_owned(), register)].into());
    }
    let key = name.file_name();
    match name.carrier() {
        Carrier::ConfigMap => {
            let (data, binary_data) = match String::from_utf8(document.file.clone()) {
                Ok(text) if !name.is_compressed() => (Some([(key, text)].into()), None),
                _ => (None, Some(bytes(key, document))),
            };
            Object::ConfigMap(ConfigMap {
                metadata,
                data,
                binary_data,
                immutable: None,
            })
        }
        Carrier::Secret => Object::Secret(Secret {
            metadata,
            data: Some(bytes(key, document)),
            type_: Some("Opaque".to_owned()),
            ..Secret::default()
        }),
    }
}

fn bytes(key: String, document: &PublishedDocument) -> BTreeMap<String, ByteString> {
    [(key, ByteString(document.file.clone()))].into()
}
