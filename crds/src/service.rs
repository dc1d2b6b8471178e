//! The Service that clients reach the pods by.

#![expect(
    unreachable_pub,
    reason = "the derive puts a public copy of each struct into a function"
)]
#![expect(
    clippy::doc_markdown,
    reason = "kubectl explain prints these comments as they are"
)]

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pattern;

/// The Service of a MailAccessServer. Its ports follow the bindings, also while a protocol is disabled.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = (
    "!has(self.loadBalancerClass) || self.type == 'LoadBalancer'",
    "loadBalancerClass needs type LoadBalancer"
))]
#[x_kube(validation = (
    "self.type != 'LoadBalancer' || oldSelf.type != 'LoadBalancer' || (has(self.loadBalancerClass) ? self.loadBalancerClass : '') == (has(oldSelf.loadBalancerClass) ? oldSelf.loadBalancerClass : '')",
    "loadBalancerClass cannot change while type is LoadBalancer"
))]
#[x_kube(validation = (
    "!has(self.ipFamilies) || !has(oldSelf.ipFamilies) || self.ipFamilies[0] == oldSelf.ipFamilies[0]",
    "the first of ipFamilies cannot change: the Service's own address belongs to it"
))]
#[x_kube(validation = (
    "!has(self.ipFamilies) || self.ipFamilies.size() < 2 || (has(self.ipFamilyPolicy) && self.ipFamilyPolicy != 'SingleStack')",
    "two ipFamilies need ipFamilyPolicy PreferDualStack or RequireDualStack"
))]
pub struct ServiceSettings {
    /// How the Service is reached: ClusterIP inside the cluster only, NodePort on every node, LoadBalancer by an address of
    /// its own. Default: LoadBalancer. hot
    #[serde(rename = "type", default)]
    pub type_: ServiceType,
    /// Annotations of the Service, such as those that load balancers read; at most 32. Default: none. hot
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32, "additionalProperties" = {"type": "string", "maxLength": 4096}, "x-kubernetes-map-type" = "granular"))]
    #[x_kube(validation = (
        "self.all(key, key.size() <= 317 && key.matches('^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",
        "must have names of the form prefix/name or name, as annotations have"
    ))]
    pub annotations: BTreeMap<String, String>,
    /// Which load balancer serves the Service; only with type LoadBalancer, and fixed while that type stays. Default: the
    /// cluster's own. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 317), regex(pattern = pattern::QUALIFIED_NAME))]
    pub load_balancer_class: Option<String>,
    /// Whether the Service has one or both IP families. Default: the cluster's own. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_family_policy: Option<IpFamilyPolicy>,
    /// IP families of the Service, the first being that of its cluster IP; 1 or 2. Default: the cluster's own. hot
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = (
        "self.all(a, self.exists_one(b, b == a))",
        "an IP family must not be named twice"
    ))]
    pub ip_families: Option<Vec<IpFamily>>,
    /// Where traffic from outside goes: Local keeps it on the node it reached, so that pods see the client's address, Cluster
    /// spreads it over all pods; written only for NodePort and LoadBalancer. Default: Local. hot
    #[serde(default)]
    pub external_traffic_policy: ExternalTrafficPolicy,
}

/// How a Service is reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ServiceType {
    /// Inside the cluster only.
    ClusterIP,
    /// On a port of every node.
    NodePort,
    /// By an address of its own.
    #[default]
    LoadBalancer,
}

/// Whether the Service has one or both IP families. Default: the cluster's own. hot
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IpFamilyPolicy {
    /// One.
    SingleStack,
    /// Both where the cluster has both.
    PreferDualStack,
    /// Both.
    RequireDualStack,
}

/// An IP family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IpFamily {
    /// 32 bits.
    IPv4,
    /// 128 bits.
    IPv6,
}

/// Where traffic from outside goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExternalTrafficPolicy {
    /// To pods of the same node.
    #[default]
    Local,
    /// To all pods.
    Cluster,
}
