//! Step three: every document and every object of a server, built whole each time.
//!
//! Knows no clock, no file and no random numbers: equal arguments give equal objects, but for the signature
//! of a self-signed certificate.

pub mod carrier;
pub mod deployment;
pub mod documents;
pub mod labels;
pub mod pod_disruption_budget;
pub mod self_signed;
pub mod service;
pub mod service_account;

use super::published::{PublishedDocument, Register, Registered};
use super::report::PodReport;
use super::validate::Validated;
use super::{Identity, Object};
use k8s_openapi::jiff::Timestamp;
use mailaccess_config::document::Digest;
use mailaccess_config::settings::CertificateChoice;
use mailaccess_config::{Certificate, Certificates, DocumentName, Protocol, Settings};
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
    /// Names that are taken.
    pub conflicts: Vec<String>,
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
    let certificates = certificates(validated, self_signed.as_ref());
    let settings = validated
        .settings
        .as_ref()
        .map(|settings| with_certificates(settings, validated, self_signed.as_ref()));
    let documents = publish_all(
        validated,
        settings.as_ref(),
        &certificates,
        moment,
        &mut faults,
    );
    let register = register(validated, self_signed.as_ref());
    let server = validated.server.clone();
    let mut conflicts = Vec::new();
    let carriers = documents
        .iter()
        .map(|(name, document)| carrier::build(&server, *name, document, &register))
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

fn certificates(validated: &Validated, self_signed: Option<&Certificate>) -> Certificates {
    let mut certificates = Certificates::default();
    let bound = validated
        .bindings
        .objects
        .iter()
        .filter_map(|binding| binding.certificate.as_ref());
    for certificate in bound.chain(self_signed) {
        certificates.insert(certificate.clone());
    }
    certificates
}

/// Any binding beats the self-signed certificate.
fn with_certificates(
    settings: &Settings,
    validated: &Validated,
    self_signed: Option<&Certificate>,
) -> Settings {
    let choice = |protocol: Protocol| {
        let bound = validated.bindings.choices.get(&protocol).cloned();
        bound.or_else(|| {
            self_signed.map(|certificate| CertificateChoice {
                default: certificate.id().clone(),
                names: BTreeMap::new(),
            })
        })
    };
    let mut settings = settings.clone();
    settings.imap.certificates = choice(Protocol::Imap);
    settings.pop.certificates = choice(Protocol::Pop);
    settings
}

fn register(validated: &Validated, self_signed: Option<&Certificate>) -> Register {
    let bindings = validated.bindings.objects.iter().filter_map(|binding| {
        let certificate = binding.certificate.as_ref()?;
        let registered = Registered {
            id: certificate.id().clone(),
            services: binding.services.iter().map(ToString::to_string).collect(),
        };
        Some((binding.name.clone(), registered))
    });
    Register {
        self_signed: self_signed.map(|certificate| certificate.id().clone()),
        bindings: bindings.collect(),
    }
}

fn publish_all(
    validated: &Validated,
    settings: Option<&Settings>,
    certificates: &Certificates,
    moment: &Moment<'_>,
    faults: &mut Vec<String>,
) -> BTreeMap<DocumentName, PublishedDocument> {
    let mut documents = BTreeMap::new();
    for (name, content) in documents::contents(validated, settings, certificates) {
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

/// Objects of a stranger with a name that ours would need are not touched.
fn is_taken(validated: &Validated, object: &Object, conflicts: &mut Vec<String>) -> bool {
    let (kind, name) = object.key();
    let taken = validated.strangers.contains(&(kind, name.to_owned()));
    if taken {
        conflicts.push(format!("{kind} {name}"));
    }
    taken
}
