//! The objects that the operator writes, of every kind, as one type.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde_json::Value;

/// An object of a kind that the operator writes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Object {
    /// What pods run under.
    ServiceAccount(ServiceAccount),
    /// Documents that may be read by everybody.
    ConfigMap(ConfigMap),
    /// Documents with keys or hashes.
    Secret(Secret),
    /// What clients speak to.
    Service(Box<Service>),
    /// How many pods may be drained.
    PodDisruptionBudget(PodDisruptionBudget),
    /// The pods.
    Deployment(Box<Deployment>),
}

impl Object {
    /// Its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ServiceAccount(_) => "ServiceAccount",
            Self::ConfigMap(_) => "ConfigMap",
            Self::Secret(_) => "Secret",
            Self::Service(_) => "Service",
            Self::PodDisruptionBudget(_) => "PodDisruptionBudget",
            Self::Deployment(_) => "Deployment",
        }
    }

    /// Its metadata.
    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::ServiceAccount(object) => &object.metadata,
            Self::ConfigMap(object) => &object.metadata,
            Self::Secret(object) => &object.metadata,
            Self::Service(object) => &object.metadata,
            Self::PodDisruptionBudget(object) => &object.metadata,
            Self::Deployment(object) => &object.metadata,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or_default()
    }

    /// Its name among all objects of a namespace.
    pub fn key(&self) -> (&'static str, &str) {
        (self.kind(), self.name())
    }

    /// Whether the object with this uid controls it.
    pub fn is_controlled_by(&self, uid: &str) -> bool {
        self.metadata()
            .owner_references
            .iter()
            .flatten()
            .any(|owner| owner.controller == Some(true) && owner.uid == uid)
    }
}

impl Object {
    /// Reads an object of a kind that the operator writes.
    pub fn from_value(value: Value) -> Option<Self> {
        let kind = value.get("kind")?.as_str()?.to_owned();
        match kind.as_str() {
            "ServiceAccount" => serde_json::from_value(value).map(Self::ServiceAccount),
            "ConfigMap" => serde_json::from_value(value).map(Self::ConfigMap),
            "Secret" => serde_json::from_value(value).map(Self::Secret),
            "Service" => {
                serde_json::from_value(value).map(|service| Self::Service(Box::new(service)))
            }
            "PodDisruptionBudget" => serde_json::from_value(value).map(Self::PodDisruptionBudget),
            "Deployment" => serde_json::from_value(value)
                .map(|deployment| Self::Deployment(Box::new(deployment))),
            _ => return None,
        }
        .ok()
    }
}
