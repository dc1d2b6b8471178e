//! The status of a MailAccessServer: addresses, ports, and how many pods serve all that is wanted.

use super::conditions::{Findings, Stamp, conditions};
use super::serving::{count, outstanding};
use crate::reconcile::build::Built;
use crate::reconcile::build::labels::selector_text;
use crate::reconcile::dereference::World;
use crate::reconcile::finding::{Finding, Reason, list};
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
    let count = count(&world.pods, built, &names);
    let refused = outstanding(&world.pods, built, &names);
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
    } else if refused.reason != Reason::Pending || !count.is_complete() {
        refused
    } else if let Some(reasons) = nobody_is_ready(&world.pods) {
        Finding::unknown(Reason::NotReady, format!("No pod is ready: {reasons}."))
    } else {
        Finding::yes(Reason::Programmed, format!("Served by {count}."))
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
        pods_wanted: Some(number(count.wanted)),
        pods_serving: Some(number(count.serving)),
        wanted_digest: Some(built.wanted_digest().to_string()),
        replicas: Some(number(world.pods.len())),
        selector: Some(selector_text(&validated.server)),
    }
}

/// Why no pod is ready. One that is ending is not, and need not be while another one is.
fn nobody_is_ready(pods: &[PodReport]) -> Option<String> {
    let mut reasons = Vec::new();
    for pod in pods {
        let not_ready = &pod.said.as_ref()?.not_ready;
        if not_ready.is_empty() {
            return None;
        }
        reasons.push(format!("{}: {}", pod.pod, list(not_ready)));
    }
    Some(list(&reasons))
}

/// A count as statuses carry it.
pub(super) fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
