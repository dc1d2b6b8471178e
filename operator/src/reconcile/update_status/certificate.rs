//! The status of a CertificateBinding: which certificate is in force, and how many pods serve it.

use super::conditions::{Findings, Stamp, at_most, conditions};
use super::server::number;
use super::serving::{Count, count, nobody_is_ready, outstanding, refused};
use crate::reconcile::build::Built;
use crate::reconcile::dereference::World;
use crate::reconcile::finding::{Finding, Reason};
use crate::reconcile::report::{Refusal, Subject};
use crate::reconcile::validate::ValidatedBinding;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use mailaccess_config::{Certificate, DocumentName};
use mailaccess_crds::{CertificateBindingStatus, Condition};

const DOCUMENTS: [DocumentName; 2] = [DocumentName::Settings, DocumentName::Certificates];
/// The schema's limits.
const NAMES_LIMIT: usize = 256;
const NAME_LEN_LIMIT: usize = 253;
const SUBJECT_LIMIT: usize = 4096;

/// What a CertificateBinding's status is now.
pub fn status(
    world: &World,
    binding: &ValidatedBinding,
    built: &Built,
    previous: &[Condition],
) -> CertificateBindingStatus {
    let count = count(&world.pods, built, &DOCUMENTS);
    let findings = Findings {
        accepted: binding.accepted.clone(),
        resolved: binding.resolved.clone(),
        programmed: programmed(world, binding, built, count),
    };
    let stamp = Stamp {
        generation: binding.generation,
        previous,
        now: world.now,
    };
    let leaf = binding.certificate.as_ref().map(Certificate::leaf);
    CertificateBindingStatus {
        observed_generation: binding.generation,
        conditions: conditions(&findings, stamp),
        thumbprint: leaf.map(|leaf| leaf.thumbprint.clone()),
        subject: leaf.map(|leaf| at_most(SUBJECT_LIMIT, leaf.subject.clone())),
        dns_names: leaf
            .into_iter()
            .flat_map(|leaf| leaf.names.iter())
            .filter(|name| (1..=NAME_LEN_LIMIT).contains(&name.len()))
            .take(NAMES_LIMIT)
            .cloned()
            .collect(),
        not_after: leaf
            .and_then(|leaf| Timestamp::from_second(leaf.not_after).ok())
            .map(Time),
        pods_wanted: leaf.map(|_| number(count.wanted)),
        pods_serving: leaf.map(|_| number(count.serving)),
    }
}

fn programmed(world: &World, binding: &ValidatedBinding, built: &Built, count: Count) -> Finding {
    let Some(certificate) = &binding.certificate else {
        return Finding::no(
            binding.resolved.reason,
            "There is no certificate that could be served for this object.",
        );
    };
    if !count.is_complete() {
        return outstanding(&world.pods, built, &DOCUMENTS);
    }
    // Loaded, and yet not shown.
    let is_ours = |refusal: &Refusal| matches!(&refusal.subject, Subject::Tls(protocol) if binding.services.contains(protocol));
    if let Some(finding) = refused(&world.pods, is_ours) {
        return finding;
    }
    if nobody_is_ready(&world.pods).is_some() {
        return Finding::unknown(Reason::NotReady, "No pod is ready yet.");
    }
    let thumbprint = &certificate.leaf().thumbprint;
    let shown = world
        .pods
        .iter()
        .all(|pod| pod.has_shown(thumbprint, &binding.services));
    if shown {
        Finding::yes(
            Reason::Programmed,
            format!("Served by {count}, each of which saw it in a handshake."),
        )
    } else {
        Finding::yes(
            Reason::Loaded,
            format!("{count}: loaded, not yet verified."),
        )
    }
}
