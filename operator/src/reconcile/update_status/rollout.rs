//! How far the pods are of the newest template: an image, a claim or a size that was changed is served by new
//! pods, and no document says so.

use crate::reconcile::Object;
use crate::reconcile::dereference::World;
use crate::reconcile::finding::{Finding, Reason};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentStatus};

/// What a Deployment's own status comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// How many pods there should be.
    pub replicas: usize,
    /// Why that is not so yet, or cannot be.
    pub outstanding: Option<Finding>,
}

/// Reads it off the server's Deployment. Where nobody keeps its status, as without a cluster, there is nothing to
/// read.
pub fn read(world: &World) -> Option<Rollout> {
    let uid = world.server.metadata().uid.as_deref().unwrap_or_default();
    let deployment = world.existing.iter().find_map(|object| match object {
        Object::Deployment(deployment)
            if object.name() == world.server.name() && object.is_controlled_by(uid) =>
        {
            Some(deployment)
        }
        _ => None,
    })?;
    let status = deployment.status.as_ref()?;
    let wanted = replicas(deployment);
    Some(Rollout {
        replicas: usize::try_from(wanted).unwrap_or_default(),
        outstanding: outstanding(deployment, status, wanted),
    })
}

fn replicas(deployment: &Deployment) -> i32 {
    let spec = deployment.spec.as_ref();
    spec.and_then(|spec| spec.replicas).unwrap_or(1)
}

/// As `kubectl rollout status` sees it, but for the readiness of pods: these say that themselves.
fn outstanding(deployment: &Deployment, status: &DeploymentStatus, wanted: i32) -> Option<Finding> {
    if let Some(text) = condition(status, "ReplicaFailure", "True") {
        return Some(failed(&text));
    }
    let updated = status.updated_replicas.unwrap_or_default();
    let all = status.replicas.unwrap_or_default();
    let is_seen = status.observed_generation >= deployment.metadata.generation;
    if is_seen && updated >= wanted && all <= updated {
        return None;
    }
    if is_seen && let Some(text) = condition(status, "Progressing", "False") {
        return Some(failed(&text));
    }
    let updated = if is_seen { updated } else { 0 };
    let message = format!(
        "Rolling out: {updated} of {wanted} {} the newest template, {} there.",
        if wanted == 1 { "pod has" } else { "pods have" },
        if all == 1 {
            "1 is".to_owned()
        } else {
            format!("{all} are")
        },
    );
    Some(Finding::unknown(Reason::RollingOut, message))
}

fn failed(text: &str) -> Finding {
    let message = format!(
        "The Deployment cannot be rolled out: {}.",
        text.trim_end_matches('.')
    );
    Finding::no(Reason::RolloutFailed, message)
}

fn condition(status: &DeploymentStatus, type_: &str, truth: &str) -> Option<String> {
    let found = status
        .conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == type_ && condition.status == truth)?;
    let text = found.message.as_ref().or(found.reason.as_ref());
    Some(text.cloned().unwrap_or_else(|| type_.to_owned()))
}
