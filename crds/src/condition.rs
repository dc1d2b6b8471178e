//! Conditions: what is true of an object now, and since when.

#![expect(
    unreachable_pub,
    reason = "the derive puts a public copy of each struct into a function"
)]
#![expect(
    clippy::doc_markdown,
    reason = "kubectl explain prints these comments as they are"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One statement about the object, in the shape every Kubernetes tool reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the statement is about: Accepted, ResolvedRefs, Programmed, Ready, Reconciling, Stalled or Conflicted. hot
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 316))]
    pub type_: String,
    /// Whether it holds. hot
    pub status: ConditionStatus,
    /// The generation of the object that the statement is about. hot
    #[schemars(range(min = 0))]
    pub observed_generation: i64,
    /// When `status` last changed. hot
    pub last_transition_time: Time,
    /// Why, as one CamelCase word that programs may compare. hot
    #[schemars(length(min = 1, max = 1024))]
    pub reason: String,
    /// Why, as a sentence that names the field. hot
    #[schemars(length(max = 32768))]
    pub message: String,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It is not known yet.
    Unknown,
}

/// The generation of a status that nobody has written: tools then see work in progress, never a stale success.
pub(crate) fn unobserved() -> i64 {
    -1
}
