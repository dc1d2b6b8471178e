//! `dereference` from the caches: everything that one server depends on.

use super::cache::Parts;
use super::row::{Phase, PodRow};
use crate::reconcile::build::self_signed::{FreshKey, SelfSignedError};
use crate::reconcile::dereference::{Operator, World};
use crate::reconcile::report::PodReport;
use crate::reconcile::{Object, Observed};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::jiff::Timestamp;
use mailaccess_crds::MailAccessServer;

/// Puts together what the caches hold and what pods said.
#[expect(
    clippy::disallowed_methods,
    reason = "the driver reads the clock; what it calls is told"
)]
pub fn dereference(
    parts: Parts,
    pods: Vec<PodReport>,
    operator: &Operator,
) -> Result<World, SelfSignedError> {
    let Parts {
        server,
        mailboxes,
        bindings,
        secrets,
        existing,
        pods: _,
    } = parts;
    Ok(World {
        remembered: Vec::new(),
        addresses: addresses(&server, &existing),
        server,
        mailboxes,
        bindings,
        secrets,
        existing,
        pods,
        operator: operator.clone(),
        now: Timestamp::now(),
        fresh_key: FreshKey::generate()?,
    })
}

/// Where clients reach the Service: at its load balancer, else inside the cluster.
fn addresses(server: &Observed<MailAccessServer>, existing: &[Object]) -> Vec<String> {
    let uid = server.metadata().uid.as_deref().unwrap_or_default();
    let service = existing.iter().find_map(|object| match object {
        Object::Service(service)
            if object.name() == server.name() && object.is_controlled_by(uid) =>
        {
            Some(service)
        }
        _ => None,
    });
    service
        .map(|service| reached_at(service))
        .unwrap_or_default()
}

fn reached_at(service: &Service) -> Vec<String> {
    let spec = service.spec.clone().unwrap_or_default();
    if spec.type_.as_deref() == Some("LoadBalancer") {
        let status = service.status.clone().unwrap_or_default();
        return status
            .load_balancer
            .and_then(|balancer| balancer.ingress)
            .into_iter()
            .flatten()
            .filter_map(|ingress| ingress.ip.or(ingress.hostname))
            .collect();
    }
    spec.cluster_ips
        .unwrap_or_default()
        .into_iter()
        .filter(|address| address != "None")
        .collect()
}

/// Whether a pod can be asked and can obey: it has an address and something runs in it.
pub fn answers(pod: &PodRow) -> bool {
    pod.ip.is_some() && matches!(pod.phase, Phase::Running | Phase::Ending)
}
