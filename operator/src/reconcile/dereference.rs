//! Step one: what has to be read before anything can be decided. Whoever reads fills a [`World`]; this file
//! says with what, and reads nothing itself.

use super::build::self_signed::FreshKey;
use super::report::PodReport;
use super::{Object, Published};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use mailaccess_crds::{CASMailbox, CertificateBinding, MailAccessServer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An object as it is stored, which may have been written under another schema.
#[derive(Debug, Clone)]
pub enum Observed<K> {
    /// It fits the schema and its rules.
    Valid(Box<K>),
    /// It does not.
    Invalid(Box<Invalid>),
}

/// An object that does not fit its schema.
#[derive(Debug, Clone)]
pub struct Invalid {
    /// Its metadata, which always fits.
    pub metadata: ObjectMeta,
    /// The object as it is.
    pub raw: Value,
    /// What is wrong with it, each with its field.
    pub causes: Vec<String>,
}

/// A Secret that somebody points at.
#[derive(Debug, Clone)]
pub enum Lookup {
    /// It is there.
    Found(Box<Secret>),
    /// It is not.
    Missing,
}

/// Everything that one server's reconciliation depends on.
#[derive(Debug)]
pub struct World {
    /// The server.
    pub server: Observed<MailAccessServer>,
    /// The `CASMailboxes` that name it, and those that cannot be read so far that it is known whom they name.
    pub mailboxes: Vec<Observed<CASMailbox>>,
    /// The `CertificateBindings` that name it.
    pub bindings: Vec<Observed<CertificateBinding>>,
    /// Every Secret that the server and its bindings point at.
    pub secrets: BTreeMap<String, Lookup>,
    /// Objects that have names which the server's own have or would have.
    pub existing: Vec<Object>,
    /// What carried documents when this process looked last: a document that somebody deletes or damages is
    /// still known.
    pub remembered: Vec<Object>,
    /// The pods, ending ones too.
    pub pods: Vec<PodReport>,
    /// Where clients reach the Service.
    pub addresses: Vec<String>,
    /// What the operator was started with.
    pub operator: Operator,
    /// The time.
    pub now: Timestamp,
    /// For a self-signed certificate, if one is due.
    pub fresh_key: FreshKey,
}

/// What the operator was started with.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The image of pods whose server names none.
    pub image: String,
    /// The last part of the Services' names in DNS.
    pub cluster_domain: String,
}

impl World {
    /// What was published for the server before.
    pub fn published(&self) -> Published {
        let metadata = self.server.metadata();
        let name = metadata.name.as_deref().unwrap_or_default();
        let uid = metadata.uid.as_deref().unwrap_or_default();
        let read = |objects: &[Object]| Published::read(name, uid, objects);
        read(&self.existing).or(read(&self.remembered))
    }
}

impl<K: kube::Resource> Observed<K> {
    /// Its metadata.
    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Valid(object) => object.meta(),
            Self::Invalid(object) => &object.metadata,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// Its generation, zero before the first.
    pub fn generation(&self) -> i64 {
        self.metadata().generation.unwrap_or_default()
    }
}

impl Invalid {
    /// A text in it, if it is readable: `["spec", "serverRef", "name"]`.
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        path.iter()
            .try_fold(&self.raw, |value, key| value.get(key))?
            .as_str()
    }

    /// The causes as one text.
    pub fn cause(&self) -> String {
        super::finding::list(&self.causes)
    }
}

/// The name of the server that a CASMailbox or CertificateBinding is for, if that can be read.
pub trait ServerRef {
    /// `spec.serverRef.name`.
    fn server_name(&self) -> Option<&str>;
}

impl ServerRef for Observed<CASMailbox> {
    fn server_name(&self) -> Option<&str> {
        match self {
            Self::Valid(object) => Some(&object.spec.server_ref.name),
            Self::Invalid(object) => object.text(&["spec", "serverRef", "name"]),
        }
    }
}

impl ServerRef for Observed<CertificateBinding> {
    fn server_name(&self) -> Option<&str> {
        match self {
            Self::Valid(object) => Some(&object.spec.server_ref.name),
            Self::Invalid(object) => object.text(&["spec", "serverRef", "name"]),
        }
    }
}

/// The Secrets to look up for a server: by name, never by a list of all.
pub fn secret_names(
    server: &Observed<MailAccessServer>,
    bindings: &[Observed<CertificateBinding>],
) -> BTreeSet<String> {
    let users = match server {
        Observed::Valid(server) => server
            .spec
            .authentication
            .sources
            .iter()
            .flat_map(|source| source.users.iter().flat_map(|users| &users.secret_refs))
            .map(|secret| secret.name.clone())
            .collect(),
        Observed::Invalid(_) => BTreeSet::new(),
    };
    let certificates = bindings.iter().filter_map(|binding| match binding {
        Observed::Valid(binding) => Some(binding.spec.secret_ref.name.clone()),
        Observed::Invalid(_) => None,
    });
    certificates.chain(users).collect()
}
