//! Objects whose MailAccessServer is not there: they wait for it, and say so.

use super::conditions::{Findings, Stamp, conditions};
use crate::reconcile::finding::{Finding, Reason};
use mailaccess_crds::Condition;

/// The conditions of an object that names a server which is not there.
pub fn conditions_without_server(
    accepted: Finding,
    server: Option<&str>,
    stamp: Stamp<'_>,
) -> Vec<Condition> {
    let message = match server {
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
