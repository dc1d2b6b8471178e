//! Step three: every document and every object of a server, built whole each time.
//!
//! Knows no clock, no file and no random numbers: equal arguments give equal objects, but for the signature
//! of a self-signed certificate.

pub mod config_map;
pub mod deployment;
pub mod documents;
pub mod labels;
pub mod pod_disruption_budget;
pub mod secret;
pub mod self_signed;
pub mod service;
pub mod service_account;

use super::published::{PublishedDocument, Register};
use super::report::PodReport;
use super::validate::Validated;
use super::{Identity, Object};
use k8s_openapi::jiff::Timestamp;
use mailaccess_config::document::{Carrier, Digest};
use mailaccess_config::{Certificate, DocumentName};
use self_signed::{FreshKey, SelfSignedError};
use std::collections::BTreeMap;

/// What `build` needs beside what was validated.
#[derive(Debug)]
pub struct Moment<'a> {
    /// The time.
    pub now: Timestamp,
    /// For a self-signed certificate, if one is due.
    pub fresh_key: &'a FreshKey,
    /// What pods have seen.
    pub pods: &'a [PodReport],
    /// The last part of the Services' names in DNS.
    pub cluster_domain: &'a str,
}

/// An object that could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwritten {
    /// Which document it carries, if it does.
    pub document: Option<DocumentName>,
    /// Kind, name, and what was said, as half a sentence.
    pub text: String,
    /// Whether the same answer is to be expected again.
    pub is_final: bool,
}

/// Every object of a server.
#[derive(Debug, Clone)]
pub struct Built {
    /// Whose.
    pub server: Identity,
    /// The account of the pods.
    pub service_account: Option<Object>,
    /// One object for each document, in the order of the documents.
    pub carriers: Vec<Object>,
    /// What clients speak to; absent, an existing one stays.
    pub service: Option<Object>,
    /// How many pods may be drained.
    pub pod_disruption_budget: Option<Object>,
    /// The pods; absent, existing ones stay.
    pub deployment: Option<Object>,
    /// What the objects carry.
    pub documents: BTreeMap<DocumentName, PublishedDocument>,
    /// Documents that could not be made; an earlier one stays.
    pub faults: Vec<String>,
    /// Names that are taken, each with its kind.
    pub conflicts: Vec<String>,
    /// Objects that could not be written.
    pub unwritten: Vec<Unwritten>,
    /// The server's own certificate.
    pub self_signed: Option<Certificate>,
}

impl Built {
    /// What pods have to show to serve all that is wanted.
    pub fn wanted_digest(&self) -> Digest {
        documents::combined_digest(&self.documents)
    }

    /// Every object, in the order in which they are written: what pods mount comes before the pods.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        // Without `..`: an object that nobody writes does not compile.
        let Self {
            server: _,
            service_account,
            carriers,
            service,
            pod_disruption_budget,
            deployment,
            documents: _,
            faults: _,
            conflicts: _,
            unwritten: _,
            self_signed: _,
        } = self;
        service_account
            .iter()
            .chain(carriers)
            .chain(service)
            .chain(pod_disruption_budget)
            .chain(deployment)
    }
}

/// Builds everything of one server.
pub fn build(validated: &Validated, moment: &Moment<'_>) -> Built {
    let mut faults = Vec::new();
    let self_signed = match own_certificate(validated, moment) {
        Ok(certificate) => certificate,
        Err(error) => {
            faults.push(format!("certificates-v1: {error}"));
            None
        }
    };
    let documents = publish_all(validated, self_signed.as_ref(), moment, &mut faults);
    let register = documents::certificates::register(validated, self_signed.as_ref());
    let server = validated.server.clone();
    let mut conflicts = Vec::new();
    let carriers = documents
        .iter()
        .map(|(name, document)| carrier(&server, *name, document, &register))
        .filter(|object| !is_taken(validated, object, &mut conflicts))
        .collect();
    let mut free =
        |object: Object| Some(object).filter(|object| !is_taken(validated, object, &mut conflicts));
    let workload = validated.workload.as_ref();
    let service_account = free(Object::ServiceAccount(service_account::build(&server)));
    let pod_disruption_budget = free(Object::PodDisruptionBudget(pod_disruption_budget::build(
        &server,
    )));
    let service = workload
        .and_then(|workload| service::build(&server, workload))
        .and_then(|service| free(Object::Service(Box::new(service))));
    let deployment = workload.and_then(|workload| {
        let deployment = deployment::build(&server, workload);
        free(Object::Deployment(Box::new(deployment)))
    });
    Built {
        server,
        service_account,
        carriers,
        service,
        pod_disruption_budget,
        deployment,
        documents,
        faults,
        conflicts,
        unwritten: Vec::new(),
        self_signed,
    }
}

/// The certificate of day one: the published one while it fits, else a new one.
fn own_certificate(
    validated: &Validated,
    moment: &Moment<'_>,
) -> Result<Option<Certificate>, SelfSignedError> {
    let Some(settings) = &validated.settings else {
        return Ok(None);
    };
    let names = self_signed::names(&validated.server, settings, moment.cluster_domain);
    let published = validated.published.self_signed();
    if let Some(published) = published
        && self_signed::may_stay(&published, &names, moment.now)
    {
        return Ok(Some(published));
    }
    self_signed::sign(&validated.server.name, &names, moment.fresh_key, moment.now).map(Some)
}

fn publish_all(
    validated: &Validated,
    self_signed: Option<&Certificate>,
    moment: &Moment<'_>,
    faults: &mut Vec<String>,
) -> BTreeMap<DocumentName, PublishedDocument> {
    let mut documents = BTreeMap::new();
    for (name, content) in documents::contents(validated, self_signed) {
        let previous = validated.published.document(name);
        let published = content.and_then(|content| {
            documents::publish(name, content, previous, moment.pods, moment.now)
        });
        match (published, previous) {
            (Ok(document), _) => {
                documents.insert(name, document);
            }
            (Err(fault), previous) => {
                faults.push(fault.to_string());
                if let Some(previous) = previous {
                    documents.insert(name, previous.clone());
                }
            }
        }
    }
    documents
}

/// The object that carries a document.
fn carrier(
    server: &Identity,
    name: DocumentName,
    document: &PublishedDocument,
    register: &Register,
) -> Object {
    match name.carrier() {
        Carrier::ConfigMap => Object::ConfigMap(config_map::build(server, name, document)),
        Carrier::Secret => Object::Secret(secret::build(server, name, document, register)),
    }
}

/// Objects of a stranger with a name that ours would need are not touched.
fn is_taken(validated: &Validated, object: &Object, conflicts: &mut Vec<String>) -> bool {
    let (kind, name) = object.key();
    let taken = validated.strangers.contains(&(kind, name.to_owned()));
    if taken {
        conflicts.push(format!("{kind} {name}"));
    }
    taken
}
