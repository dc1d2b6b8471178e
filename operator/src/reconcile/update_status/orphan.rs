//! Objects whose MailAccessServer is not there: they wait for it, and say so.

use super::PreviousConditions;
use super::conditions::{Findings, Stamp, conditions};
use crate::reconcile::Observed;
use crate::reconcile::dereference::ServerRef;
use crate::reconcile::finding::{Finding, Reason};
use k8s_openapi::jiff::Timestamp;
use mailaccess_crds::Condition;

/// The conditions of an object whose server is not there.
pub fn orphan<K>(object: &Observed<K>, now: Timestamp) -> Vec<Condition>
where
    K: kube::Resource,
    Observed<K>: ServerRef + PreviousConditions,
{
    let accepted = match object {
        Observed::Valid(_) => Finding::yes(Reason::Accepted, "The object is valid."),
        Observed::Invalid(object) => Finding::no(Reason::Invalid, format!("{}.", object.cause())),
    };
    let previous = object.conditions();
    let stamp = Stamp {
        generation: object.generation(),
        previous: &previous,
        now,
    };
    let message = match object.server_name() {
        Some(server) => format!("spec.serverRef.name: there is no MailAccessServer {server}."),
        None => "spec.serverRef.name: it cannot be read.".to_owned(),
    };
    let findings = Findings {
        accepted,
        resolved: Finding::no(Reason::ServerNotFound, message.clone()),
        programmed: Finding::no(Reason::ServerNotFound, message),
    };
    conditions(&findings, stamp)
}
