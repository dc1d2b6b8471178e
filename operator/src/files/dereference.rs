//! `dereference` from files: everything that one server depends on, out of the ledger.

use super::ledger::{Ledger, ObjectId, Stored};
use crate::reconcile::build::self_signed::FreshKey;
use crate::reconcile::dereference::{Operator, ServerRef, World, secret_names};
use crate::reconcile::report::PodReport;
use crate::reconcile::update_status::orphan::orphan;
use crate::reconcile::{Lookup, Object};
use k8s_openapi::jiff::Timestamp;
use mailaccess_crds::Condition;

/// Everything that does not come from the files.
#[derive(Debug)]
pub struct Surroundings {
    /// What was written before.
    pub existing: Vec<Object>,
    /// The pods.
    pub pods: Vec<PodReport>,
    /// Where clients reach them.
    pub addresses: Vec<String>,
    /// What the operator was started with.
    pub operator: Operator,
    /// The time.
    pub now: Timestamp,
    /// A key that nobody has used.
    pub fresh_key: FreshKey,
}

/// Every MailAccessServer of the files.
pub fn servers(ledger: &Ledger) -> Vec<ObjectId> {
    ledger
        .entries()
        .filter(|(_, entry)| matches!(entry.stored, Stored::Server(_)))
        .map(|(id, _)| id.clone())
        .collect()
}

/// What tells a server from an earlier one of its name.
pub fn uid(ledger: &Ledger, id: &ObjectId) -> Option<String> {
    match &ledger.entry(id)?.stored {
        Stored::Server(server) => server.metadata().uid.clone(),
        _ => None,
    }
}

/// Collects what a server depends on.
pub fn dereference(ledger: &Ledger, id: &ObjectId, around: Surroundings) -> Option<World> {
    let Stored::Server(server) = &ledger.entry(id)?.stored else {
        return None;
    };
    let neighbours = || {
        ledger
            .entries()
            .filter(|(other, _)| other.namespace == id.namespace)
            .map(|(_, entry)| entry)
    };
    let mailboxes = neighbours().filter_map(|entry| match &entry.stored {
        Stored::Mailbox(mailbox) => is_for(mailbox, id).then(|| mailbox.clone()),
        _ => None,
    });
    let bindings: Vec<_> = neighbours()
        .filter_map(|entry| match &entry.stored {
            Stored::Binding(binding) => is_for(binding, id).then(|| binding.clone()),
            _ => None,
        })
        .collect();
    let secrets = secret_names(server, &bindings)
        .into_iter()
        .map(|name| {
            let found = lookup(ledger, id, &name);
            (name, found)
        })
        .collect();
    let strangers = neighbours().filter_map(|entry| match &entry.stored {
        Stored::Secret(secret) => Some(Object::Secret((**secret).clone())),
        _ => None,
    });
    let Surroundings {
        existing,
        pods,
        addresses,
        operator,
        now,
        fresh_key,
    } = around;
    Some(World {
        remembered: Vec::new(),
        server: server.clone(),
        mailboxes: mailboxes.collect(),
        secrets,
        existing: existing.into_iter().chain(strangers).collect(),
        bindings,
        pods,
        addresses,
        operator,
        now,
        fresh_key,
    })
}

/// Whether an object names this server, or may mean it because nobody can read whom it names.
fn is_for(object: &impl ServerRef, server: &ObjectId) -> bool {
    object.server_name().is_none_or(|name| name == server.name)
}

fn lookup(ledger: &Ledger, server: &ObjectId, name: &str) -> Lookup {
    let id = ObjectId {
        kind: "Secret".to_owned(),
        namespace: server.namespace.clone(),
        name: name.to_owned(),
    };
    match ledger.entry(&id).map(|entry| &entry.stored) {
        Some(Stored::Secret(secret)) => Lookup::Found(secret.clone()),
        _ => Lookup::Missing,
    }
}

/// The conditions of every object whose server is not there.
pub fn orphans(ledger: &Ledger, now: Timestamp) -> Vec<(ObjectId, Vec<Condition>)> {
    let is_there = |id: &ObjectId, name: Option<&str>| {
        servers(ledger).iter().any(|server| {
            server.namespace == id.namespace && name.is_none_or(|name| name == server.name)
        })
    };
    ledger
        .entries()
        .filter_map(|(id, entry)| {
            let (server, conditions) = match &entry.stored {
                Stored::Mailbox(mailbox) => (mailbox.server_name(), orphan(mailbox, now)),
                Stored::Binding(binding) => (binding.server_name(), orphan(binding, now)),
                Stored::Server(_) | Stored::Secret(_) => return None,
            };
            (!is_there(id, server)).then(|| (id.clone(), conditions))
        })
        .collect()
}
