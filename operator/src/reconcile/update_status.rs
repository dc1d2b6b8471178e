//! Step five: what is true of each object now. Computed here from what pods report; written by whoever
//! holds a client or a terminal.
//!
//! Late rather than hopeful: `Programmed` means that pods serve it, not that it was stored.

pub mod certificate;
pub mod conditions;
pub mod mailbox;
pub mod orphan;
pub mod rollout;
pub mod server;
pub mod serving;

use super::build::Built;
use super::dereference::{Observed, World};
use super::finding::Reason;
use super::validate::Validated;
use mailaccess_crds::{
    CASMailbox, CASMailboxStatus, CertificateBinding, CertificateBindingStatus, Condition,
    ConditionStatus, MailAccessServer, MailAccessServerStatus,
};
use std::collections::BTreeMap;

/// The status of every object of a server, by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Statuses {
    /// The server's.
    pub server: MailAccessServerStatus,
    /// Those of its `CASMailboxes`.
    pub mailboxes: BTreeMap<String, CASMailboxStatus>,
    /// Those of its `CertificateBindings`.
    pub bindings: BTreeMap<String, CertificateBindingStatus>,
}

impl Statuses {
    /// Whether pods have something left to load, so that looking again soon is worth it.
    pub fn is_outstanding(&self) -> bool {
        let server = &self.server.conditions;
        let mailboxes = self.mailboxes.values().map(|status| &status.conditions);
        let bindings = self.bindings.values().map(|status| &status.conditions);
        mailboxes
            .chain(bindings)
            .chain([server])
            .flatten()
            .any(|condition| {
                condition.type_ == "Programmed"
                    && match condition.status {
                        ConditionStatus::True => false,
                        ConditionStatus::Unknown => true,
                        // What pods refuse may fit later: a port that somebody else has.
                        ConditionStatus::False => condition.reason == Reason::Refused.to_string(),
                    }
            })
    }
}

/// Computes every status from what was validated and built and from what pods said.
pub fn compute(world: &World, validated: &Validated, built: &Built) -> Statuses {
    let previous_mailboxes: BTreeMap<&str, Vec<Condition>> = world
        .mailboxes
        .iter()
        .map(|object| (object.name(), object.conditions()))
        .collect();
    let previous_bindings: BTreeMap<&str, Vec<Condition>> = world
        .bindings
        .iter()
        .map(|object| (object.name(), object.conditions()))
        .collect();
    let none = Vec::new();
    let mailboxes = validated.mailboxes.objects.iter().map(|mailbox| {
        let previous = previous_mailboxes.get(mailbox.name.as_str());
        let status = mailbox::status(world, mailbox, built, previous.unwrap_or(&none));
        (mailbox.name.clone(), status)
    });
    let bindings = validated.bindings.objects.iter().map(|binding| {
        let previous = previous_bindings.get(binding.name.as_str());
        let status = certificate::status(world, binding, built, previous.unwrap_or(&none));
        (binding.name.clone(), status)
    });
    Statuses {
        server: server::status(world, validated, built, &world.server.conditions()),
        mailboxes: mailboxes.collect(),
        bindings: bindings.collect(),
    }
}

/// The conditions that an object has so far.
pub trait PreviousConditions {
    /// `status.conditions`, empty where there is none that can be read.
    fn conditions(&self) -> Vec<Condition>;
}

macro_rules! previous_conditions {
    ($($kind:ident),*) => {$(
        impl PreviousConditions for Observed<$kind> {
            fn conditions(&self) -> Vec<Condition> {
                match self {
                    Self::Valid(object) => object
                        .status
                        .as_ref()
                        .map(|status| status.conditions.clone())
                        .unwrap_or_default(),
                    Self::Invalid(object) => object
                        .raw
                        .pointer("/status/conditions")
                        .and_then(|value| serde_json::from_value(value.clone()).ok())
                        .unwrap_or_default(),
                }
            }
        }
    )*};
}

previous_conditions!(MailAccessServer, CASMailbox, CertificateBinding);
