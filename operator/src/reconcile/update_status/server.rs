//! The status of a MailAccessServer: addresses, ports, and how many pods serve all that is wanted.

use super::conditions::{Findings, Stamp, conditions};
use super::rollout;
use super::serving::{Count, count, hindered, nobody_is_ready, not_taking, outstanding, taking};
use crate::reconcile::build::Built;
use crate::reconcile::build::labels::selector_text;
use crate::reconcile::dereference::World;
use crate::reconcile::finding::{Finding, Reason, Truth};
use crate::reconcile::validate::{Validated, server};
use mailaccess_config::DocumentName;
use mailaccess_crds::{Condition, MailAccessServerStatus, StatusPort};

/// The schema's limits.
const ADDRESSES_LIMIT: usize = 32;
const ADDRESS_LEN_LIMIT: usize = 253;

/// What the server's status is now.
pub fn status(
    world: &World,
    validated: &Validated,
    built: &Built,
    previous: &[Condition],
) -> MailAccessServerStatus {
    let names: Vec<DocumentName> = DocumentName::all().collect();
    let rollout = rollout::read(world);
    // More may be wanted than there are.
    let replicas = rollout.as_ref().map_or(0, |rollout| rollout.replicas);
    let serving = Count {
        serving: taking(&world.pods, built, &names),
        wanted: world.pods.len().max(replicas),
    };
    let outstanding = rollout.and_then(|rollout| rollout.outstanding);
    let findings = Findings {
        accepted: validated.accepted.clone(),
        resolved: validated.resolved.clone(),
        programmed: programmed(world, validated, built, serving, outstanding),
    };
    let generation = validated.server.generation;
    let stamp = Stamp {
        generation,
        previous,
        now: world.now,
    };
    let ports = validated.settings.as_ref().map(server::ports);
    MailAccessServerStatus {
        observed_generation: generation,
        conditions: conditions(&findings, stamp),
        addresses: world
            .addresses
            .iter()
            .filter(|address| (1..=ADDRESS_LEN_LIMIT).contains(&address.len()))
            .take(ADDRESSES_LIMIT)
            .cloned()
            .collect(),
        ports: ports
            .into_iter()
            .flatten()
            .map(|port| StatusPort {
                port: port.number,
                name: port.name(),
            })
            .collect(),
        pods_wanted: Some(number(serving.wanted)),
        pods_serving: Some(number(serving.serving)),
        wanted_digest: Some(built.wanted_digest().to_string()),
        replicas: Some(number(world.pods.len())),
        selector: Some(selector_text(&validated.server)),
    }
}

/// Whether pods serve all that is wanted: the gravest reason against it first.
fn programmed(
    world: &World,
    validated: &Validated,
    built: &Built,
    serving: Count,
    rollout: Option<Finding>,
) -> Finding {
    let World { pods, .. } = world;
    let names: Vec<DocumentName> = DocumentName::all().collect();
    let workload = validated.workload.as_ref();
    if validated.settings.is_none() {
        let message = "There are no settings that could be served.";
        return Finding::no(Reason::Invalid, message);
    }
    if pods.is_empty() && workload.is_some_and(|workload| workload.replicas == 0) {
        let message = "spec.replicas: it is 0, so there is no pod that could serve.";
        return Finding::no(Reason::NoPods, message);
    }
    let refused = outstanding(pods, built, &names);
    if !matches!(refused.reason, Reason::Pending | Reason::NoPods) {
        return refused;
    }
    if let Some(failure) = rollout.as_ref().filter(|it| it.truth == Truth::False) {
        return failure.clone();
    }
    if !count(pods, built, &names).is_complete() {
        return hindered(pods).unwrap_or(refused);
    }
    if let Some(rollout) = rollout {
        return rollout;
    }
    if let Some(reasons) = nobody_is_ready(pods) {
        return Finding::unknown(Reason::NotReady, format!("No pod is ready: {reasons}."));
    }
    let message = match not_taking(pods) {
        None => format!("Served by {serving}."),
        Some(reasons) => format!("Served by {serving}; not ready: {reasons}."),
    };
    Finding::yes(Reason::Programmed, message)
}

/// A count as statuses carry it.
pub(super) fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
