//! The status of a MailAccessServer: addresses, ports, and how many pods serve all that is wanted.

use super::conditions::{Findings, Stamp, conditions};
use super::rollout::{self, Rollout};
use super::serving::{Count, count, outstanding};
use crate::reconcile::build::Built;
use crate::reconcile::build::labels::selector_text;
use crate::reconcile::dereference::World;
use crate::reconcile::finding::{Finding, Reason, Truth, list};
use crate::reconcile::report::PodReport;
use crate::reconcile::validate::{Validated, server};
use mailaccess_config::DocumentName;
use mailaccess_crds::{Condition, MailAccessServerStatus, StatusPort};

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
    let loaded = count(&world.pods, built, &names);
    let serving = serving(&world.pods, built, &names, rollout.as_ref());
    let rollout = rollout.and_then(|rollout| rollout.outstanding);
    let refused = outstanding(&world.pods, built, &names);
    let is_refused = !matches!(refused.reason, Reason::Pending | Reason::NoPods);
    let wants_no_pods = validated
        .workload
        .as_ref()
        .is_some_and(|workload| workload.replicas == 0);
    let programmed = if validated.settings.is_none() {
        Finding::no(
            Reason::Invalid,
            "There are no settings that could be served.",
        )
    } else if wants_no_pods && world.pods.is_empty() {
        Finding::no(
            Reason::NoPods,
            "spec.replicas: it is 0, so there is no pod that could serve.",
        )
    } else if is_refused {
        refused
    } else if let Some(failure) = rollout.as_ref().filter(|it| it.truth == Truth::False) {
        failure.clone()
    } else if !loaded.is_complete() {
        hindered(&world.pods).unwrap_or(refused)
    } else if let Some(rollout) = rollout {
        rollout
    } else if let Some(reasons) = nobody_is_ready(&world.pods) {
        Finding::unknown(Reason::NotReady, format!("No pod is ready: {reasons}."))
    } else {
        Finding::yes(Reason::Programmed, served(serving, &world.pods))
    };
    let findings = Findings {
        accepted: validated.accepted.clone(),
        resolved: validated.resolved.clone(),
        programmed,
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

/// How many pods have loaded everything and would be sent clients; one that is ending goes on with those that it
/// has. More may be wanted than there are.
fn serving(
    pods: &[PodReport],
    built: &Built,
    names: &[DocumentName],
    rollout: Option<&Rollout>,
) -> Count {
    let taking: Vec<PodReport> = pods
        .iter()
        .filter(|pod| pod.is_ending || !pod.is_unready())
        .cloned()
        .collect();
    let wanted = rollout.map_or(0, |rollout| rollout.replicas);
    Count {
        serving: count(&taking, built, names).serving,
        wanted: pods.len().max(wanted),
    }
}

/// By whom, and who of them takes no clients for what reason.
fn served(serving: Count, pods: &[PodReport]) -> String {
    let unready: Vec<String> = pods
        .iter()
        .filter(|pod| !pod.is_ending && pod.is_unready())
        .map(unready)
        .collect();
    if unready.is_empty() {
        format!("Served by {serving}.")
    } else {
        format!("Served by {serving}; not ready: {}.", list(&unready))
    }
}

/// What keeps pods from running.
fn hindered(pods: &[PodReport]) -> Option<Finding> {
    let hindrances: Vec<String> = pods
        .iter()
        .filter_map(|pod| Some(format!("pod {}: {}", pod.pod, pod.hindrance.as_ref()?)))
        .collect();
    let message = format!("Not every pod can run: {}.", list(&hindrances));
    (!hindrances.is_empty()).then(|| Finding::unknown(Reason::Pending, message))
}

/// Why no pod is ready. One that is ending is not, and need not be while another one is.
pub(super) fn nobody_is_ready(pods: &[PodReport]) -> Option<String> {
    let mut reasons = Vec::new();
    for pod in pods {
        pod.said.as_ref()?;
        if !pod.is_unready() {
            return None;
        }
        reasons.push(unready(pod));
    }
    Some(list(&reasons))
}

fn unready(pod: &PodReport) -> String {
    let reasons = pod.said.iter().flat_map(|said| &said.not_ready);
    format!("{}: {}", pod.pod, list(&reasons.collect::<Vec<_>>()))
}

/// A count as statuses carry it.
pub(super) fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
