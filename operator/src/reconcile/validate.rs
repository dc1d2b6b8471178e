//! Step two: one value that cannot be wrong, made of everything that was read, and a finding for each
//! object about what could not be used.
//!
//! Rights fail closed; settings and certificates keep what was published last.

pub mod certificate;
pub mod mailbox;
pub mod people;
pub mod server;

pub use certificate::{ValidatedBinding, ValidatedBindings};
pub use mailbox::{Target, ValidatedMailbox, ValidatedMailboxes};
pub use people::People;
pub use server::{Encryption, Image, Port, ServiceKind, ServiceShape, Workload};

use super::dereference::{Observed, World};
use super::finding::{Finding, Reason, list};
use super::{Identity, Published};
use mailaccess_config::{Protocol, Settings};
use mailaccess_crds::{MailAccessServer, MailService};
use std::collections::BTreeSet;

/// Everything that is to be served for one MailAccessServer.
#[derive(Debug)]
pub struct Validated {
    /// Which server.
    pub server: Identity,
    /// What is in force: the spec's, or the last good. Without any, nothing is served.
    pub settings: Option<Settings>,
    /// The pods; absent while the spec cannot be obeyed, and then they stay as they are.
    pub workload: Option<Workload>,
    /// Who may log on.
    pub people: People,
    /// Who may use what.
    pub mailboxes: ValidatedMailboxes,
    /// Which certificate is shown.
    pub bindings: ValidatedBindings,
    /// Names of objects that belong to somebody else.
    pub strangers: BTreeSet<(&'static str, String)>,
    /// What was published before.
    pub published: Published,
    /// The server's own conditions.
    pub accepted: Finding,
    /// Likewise.
    pub resolved: Finding,
}

/// Judges everything of one server together.
pub fn validate(world: &World) -> Validated {
    let server = identity(&world.server);
    let published = world.published();
    let (spec, fault) = match &world.server {
        Observed::Valid(server) => (Some(server), None),
        Observed::Invalid(invalid) => (None, Some(invalid.cause())),
    };
    let settings = spec.map(|server| server::settings(server));
    let workload = match (spec, &settings) {
        (Some(spec), Some(Ok(settings))) => {
            Some(server::workload(&spec.spec, settings, &world.operator))
        }
        _ => None,
    };
    let (settings, fault) = match settings {
        Some(Ok(settings)) => (Some(settings), fault),
        Some(Err(error)) => (last_settings(&published), Some(error.to_string())),
        None => (last_settings(&published), fault),
    };
    let (workload, fault) = match workload.transpose() {
        Ok(workload) => (workload, fault),
        Err(error) => (None, Some(error.to_string())),
    };
    let (people, resolved) = people(world, &published, settings.as_ref());
    let mailboxes = mailbox::validate(&world.mailboxes, settings.as_ref(), &people);
    let bindings = certificate::validate(&world.bindings, &world.secrets, &published, world.now);
    Validated {
        accepted: accepted(fault, &mailboxes, settings.is_some()),
        resolved,
        strangers: strangers(&server, world),
        server,
        settings,
        workload,
        people,
        mailboxes,
        bindings,
        published,
    }
}

fn identity(server: &Observed<MailAccessServer>) -> Identity {
    let metadata = server.metadata();
    Identity {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: server.name().to_owned(),
        uid: metadata.uid.clone().unwrap_or_default(),
        generation: server.generation(),
    }
}

/// Whom the server's sources know, and its `ResolvedRefs`.
fn people(world: &World, published: &Published, settings: Option<&Settings>) -> (People, Finding) {
    match &world.server {
        Observed::Valid(server) => {
            let sources = &server.spec.authentication.sources;
            let people = People::read(sources, &world.secrets, settings);
            let finding = people.finding();
            (people, finding)
        }
        Observed::Invalid(_) => (
            People::last_good(published),
            Finding::unknown(Reason::Invalid, "The object cannot be read."),
        ),
    }
}

/// Their certificates are chosen anew.
fn last_settings(published: &Published) -> Option<Settings> {
    let mut settings = published.settings()?;
    settings.imap.certificates = None;
    settings.pop.certificates = None;
    Some(settings)
}

fn accepted(fault: Option<String>, mailboxes: &ValidatedMailboxes, has_settings: bool) -> Finding {
    if let Some(fault) = fault {
        let consequence = if has_settings {
            "the last good settings stay"
        } else {
            "nothing is served, since there are no earlier settings"
        };
        return Finding::no(Reason::Invalid, format!("{fault}; {consequence}."));
    }
    if mailboxes.unreadable.is_empty() {
        Finding::yes(Reason::Accepted, "The object is valid and obeyed.")
    } else {
        Finding::no(
            Reason::InvalidMailboxes,
            format!("{}.", list(&mailboxes.unreadable)),
        )
    }
}

fn strangers(server: &Identity, world: &World) -> BTreeSet<(&'static str, String)> {
    world
        .existing
        .iter()
        .filter(|object| !object.is_controlled_by(&server.uid))
        .map(|object| (object.kind(), object.name().to_owned()))
        .collect()
}

/// The protocol of a service that certificates are bound to.
pub(crate) fn protocol(service: MailService) -> Protocol {
    match service {
        MailService::IMAP => Protocol::Imap,
        MailService::POP => Protocol::Pop,
    }
}
