//! One pod at a time may be drained, and one that is broken anyway may always be.

use super::labels::{owned, selector};
use crate::reconcile::Identity;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The `PodDisruptionBudget` of a server's pods.
pub fn build(server: &Identity) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: owned(server, server.name.clone()),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(selector(server)),
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    }
}
