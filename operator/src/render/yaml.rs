//! Objects as YAML for people to read: in the order in which they are written, with what is secret left
//! out, and with what is compressed shown beside it.

use crate::reconcile::Object;
use crate::reconcile::build::Built;
use crate::reconcile::published::PublishedDocument;
use k8s_openapi::api::core::v1::Secret;
use mailaccess_config::{Certificate, Certificates, Credentials, DocumentName, Shard};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Stands for what is made anew each time, and for what nobody may read.
const GENERATED: &str = "<generated>";
const HIDDEN: &str = "<hidden>";
const UID: &str = "<assigned by the API server>";

/// Every object of a server, each a YAML document.
pub(super) fn objects(built: &Built) -> Result<String, String> {
    let documents: BTreeMap<String, DocumentName> = built
        .documents
        .keys()
        .map(|name| (name.object_name(&built.server.name), *name))
        .collect();
    let mut text = String::new();
    for object in built.objects() {
        text.push_str("---\n");
        let name = match object {
            Object::ConfigMap(_) | Object::Secret(_) => documents.get(object.name()).copied(),
            _ => None,
        };
        let document = name.and_then(|name| Some((name, built.documents.get(&name)?)));
        if let Some((name, document)) = document
            && matches!(name, DocumentName::Mailboxes(_))
        {
            comment(&mut text, name, &document.content);
        }
        let object = match (object, document) {
            (Object::Secret(secret), Some((name, document))) => {
                &Object::Secret(readable(secret, name, document, built))
            }
            (object, _) => object,
        };
        let yaml = serde_saphyr::to_string(object).map_err(|error| error.to_string())?;
        text.push_str(&yaml);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(without_generated(&text, built))
}

/// What a compressed document says.
fn comment(text: &mut String, name: DocumentName, content: &str) {
    if content.is_empty() {
        return;
    }
    let _ = writeln!(text, "# {name}:");
    for line in content.lines() {
        let _ = writeln!(text, "#   {line}");
    }
}

/// A Secret whose document can be read, without keys and hashes.
fn readable(
    secret: &Secret,
    name: DocumentName,
    document: &PublishedDocument,
    built: &Built,
) -> Secret {
    let header = format!(
        "mailaccess {name} {} sha256:{}\n",
        document.header.sequence, document.header.digest
    );
    let content = match name {
        DocumentName::Credentials(shard) => credentials(shard, &document.content),
        _ => certificates(&document.content, built.self_signed.as_ref()),
    };
    Secret {
        data: None,
        string_data: Some([(name.file_name(), header + &content)].into()),
        ..secret.clone()
    }
}

/// Who has a password, and of which scheme.
fn credentials(shard: Shard, content: &str) -> String {
    let Ok(credentials) = Credentials::from_text(shard, content) else {
        return HIDDEN.to_owned();
    };
    let mut text = String::new();
    for (address, hash) in &credentials.rows {
        let scheme = hash.expose().split_inclusive('}').next();
        let _ = writeln!(text, "{address}:{}{HIDDEN}", scheme.unwrap_or_default());
    }
    text
}

fn certificates(content: &str, self_signed: Option<&Certificate>) -> String {
    let Ok(certificates) = Certificates::from_text(content) else {
        return HIDDEN.to_owned();
    };
    let mut text = String::from("certificates:\n");
    for (id, certificate) in &certificates.by_id {
        let is_own = self_signed.is_some_and(|own| own.id() == id);
        let (chain, key) = if is_own {
            (GENERATED.to_owned(), GENERATED)
        } else {
            (certificate.chain_pem().replace('\n', "\n    "), HIDDEN)
        };
        let chain = chain.trim_end();
        let _ = writeln!(text, "- id: {id}\n  chain: |\n    {chain}\n  key: {key}");
    }
    text
}

/// Takes out everything that a cluster assigns, and everything that is different each time because a new
/// certificate was signed.
fn without_generated(text: &str, built: &Built) -> String {
    let mut text = text.replace(&built.server.uid, UID);
    let Some(own) = &built.self_signed else {
        return text;
    };
    text = text.replace(own.id().as_str(), GENERATED);
    for name in [DocumentName::Settings, DocumentName::Certificates] {
        if let Some(document) = built.documents.get(&name) {
            text = text.replace(&document.header.digest.to_string(), GENERATED);
        }
    }
    text
}
