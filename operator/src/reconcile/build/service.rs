//! The address that mail clients use. Its ports follow the binding lists even while a protocol is off, so
//! that switching one on needs no new load balancer.

use super::labels::{owned, selector_labels};
use crate::reconcile::Identity;
use crate::reconcile::validate::{ServiceKind, ServiceShape, Workload};
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// The Service of a server; none while every binding list is empty, since a Service needs a port.
pub fn build(server: &Identity, workload: &Workload) -> Option<Service> {
    if workload.ports.is_empty() {
        return None;
    }
    let shape = &workload.service;
    let mut metadata = owned(server, server.name.clone());
    if !shape.annotations.is_empty() {
        metadata.annotations = Some(shape.annotations.clone());
    }
    Some(Service {
        metadata,
        spec: Some(ServiceSpec {
            type_: Some(shape.kind.as_str().to_owned()),
            selector: Some(selector_labels(server)),
            ports: Some(ports(workload)),
            external_traffic_policy: external_traffic_policy(shape),
            load_balancer_class: shape.load_balancer_class.clone(),
            ip_family_policy: shape.ip_family_policy.clone(),
            ip_families: (!shape.ip_families.is_empty()).then(|| shape.ip_families.clone()),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}

/// Port numbers are the same in Service and pod, and a port's name is made of its number: adding one
/// renames no other.
fn ports(workload: &Workload) -> Vec<ServicePort> {
    workload
        .ports
        .iter()
        .map(|port| ServicePort {
            name: Some(port.name()),
            port: port.number.into(),
            target_port: Some(IntOrString::Int(port.number.into())),
            protocol: Some("TCP".to_owned()),
            ..ServicePort::default()
        })
        .collect()
}

/// The API server refuses the field on a `ClusterIP` Service.
fn external_traffic_policy(shape: &ServiceShape) -> Option<String> {
    match shape.kind {
        ServiceKind::ClusterIp => None,
        ServiceKind::NodePort | ServiceKind::LoadBalancer => {
            Some(shape.external_traffic_policy.clone())
        }
    }
}
