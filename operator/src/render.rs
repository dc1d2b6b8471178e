//! `render`: what would be written for a directory of files, or everything that is wrong with them.

mod yaml;

use crate::files::dereference::{Surroundings, dereference, orphans, servers};
use crate::files::source::read_directory;
use crate::files::{Ledger, Notice, ObjectId};
use crate::reconcile::build::self_signed::{FreshKey, SelfSignedError};
use crate::reconcile::build::{self, Moment};
use crate::reconcile::dereference::Operator;
use crate::reconcile::update_status::Statuses;
use crate::reconcile::validate::validate;
use crate::reconcile::{Reason, update_status};
use k8s_openapi::jiff::Timestamp;
use mailaccess_crds::{Condition, ConditionStatus};
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// What a directory renders to.
#[derive(Debug, Default)]
pub struct Rendered {
    /// Objects as YAML; empty if there is an error.
    pub yaml: String,
    /// What has to be changed before anything is written.
    pub errors: Vec<String>,
    /// What should be looked at, such as things that may be somewhere else.
    pub warnings: Vec<String>,
    /// Objects that are not needed here.
    pub skipped: Vec<String>,
}

/// Why nothing can be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The directory.
    #[error("read the directory")]
    Read(#[source] io::Error),
    /// The self-signed certificate's key.
    #[error("make a private key")]
    Key(#[from] SelfSignedError),
    /// An object that is no YAML.
    #[error("write yaml: {0}")]
    Yaml(String),
}

/// What `render` was started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The namespace of objects that name none.
    pub namespace: String,
    /// What the operator of a cluster would be started with.
    pub operator: Operator,
    /// The time that is assumed.
    pub now: Timestamp,
}

/// Renders every MailAccessServer of a directory.
pub fn render(directory: &Path, options: &Options) -> Result<Rendered, RenderError> {
    let files = read_directory(directory).map_err(RenderError::Read)?;
    let mut ledger = Ledger::new(&options.namespace);
    let mut rendered = Rendered::default();
    for notice in ledger.apply(&files, options.now) {
        match notice {
            Notice::Refused { fault, .. } => rendered.errors.push(fault.to_string()),
            Notice::Skipped { place, id } => rendered
                .skipped
                .push(format!("{place}: {id}: not needed here")),
            Notice::Accepted { .. } | Notice::Deleted { .. } => {}
        }
    }
    for server in servers(&ledger) {
        render_server(&ledger, &server, options, &mut rendered)?;
    }
    for (id, conditions) in orphans(&ledger, options.now) {
        rendered.judge(&ledger, &id, &conditions);
    }
    if servers(&ledger).is_empty() && rendered.errors.is_empty() {
        rendered.warnings.push(format!(
            "{}: there is no MailAccessServer in it",
            directory.display()
        ));
    }
    if !rendered.errors.is_empty() {
        rendered.yaml.clear();
    }
    Ok(rendered)
}

fn render_server(
    ledger: &Ledger,
    id: &ObjectId,
    options: &Options,
    rendered: &mut Rendered,
) -> Result<(), RenderError> {
    let around = Surroundings {
        existing: Vec::new(),
        pods: Vec::new(),
        addresses: Vec::new(),
        operator: options.operator.clone(),
        now: options.now,
        fresh_key: FreshKey::generate()?,
    };
    let Some(world) = dereference(ledger, id, around) else {
        return Ok(());
    };
    let validated = validate(&world);
    let moment = Moment {
        now: world.now,
        fresh_key: &world.fresh_key,
        pods: &world.pods,
        cluster_domain: &world.operator.cluster_domain,
    };
    let built = build::build(&validated, &moment);
    let Statuses {
        server,
        mailboxes,
        bindings,
    } = update_status::compute(&world, &validated, &built);
    rendered.judge(ledger, id, &server.conditions);
    for (name, status) in mailboxes {
        rendered.judge(ledger, &sibling(id, "CASMailbox", name), &status.conditions);
    }
    for (name, status) in bindings {
        let id = sibling(id, "CertificateBinding", name);
        rendered.judge(ledger, &id, &status.conditions);
    }
    let text = yaml::objects(&built).map_err(RenderError::Yaml)?;
    rendered.yaml.push_str(&text);
    Ok(())
}

fn sibling(server: &ObjectId, kind: &str, name: String) -> ObjectId {
    ObjectId {
        kind: kind.to_owned(),
        namespace: server.namespace.clone(),
        name,
    }
}

impl Rendered {
    /// Everything that a condition says which is not as it should be. What may be on the cluster although
    /// it is not among the files is a warning; so is what is obeyed nevertheless.
    fn judge(&mut self, ledger: &Ledger, id: &ObjectId, conditions: &[Condition]) {
        let Some(entry) = ledger.entry(id) else {
            return;
        };
        for condition in conditions {
            let said = &condition.message;
            let text = || format!("{}: {id}: {said}{}", entry.place, secrets(ledger, id, said));
            match Weight::of(condition) {
                // The schema's refusal has been said, with its line.
                _ if !entry.was_accepted() && condition.reason == Reason::Invalid.to_string() => {}
                Weight::Error => self.errors.push(text()),
                Weight::Warning => self.warnings.push(text()),
                Weight::Nothing => {}
            }
        }
    }
}

/// Where the Secrets stand that a message speaks of: that is where the mistake is.
fn secrets(ledger: &Ledger, id: &ObjectId, message: &str) -> String {
    let mut places = String::new();
    for (other, entry) in ledger.entries() {
        let is_near = other.kind == "Secret" && other.namespace == id.namespace;
        let name = format!("Secret {}", other.name);
        let mut said = message.split(&name).skip(1);
        let is_name =
            |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '-');
        if is_near && said.any(is_name) {
            let _ = write!(places, " ({other}: {})", entry.place);
        }
    }
    places
}

/// How grave a condition is for somebody who renders.
enum Weight {
    Error,
    Warning,
    Nothing,
}

impl Weight {
    fn of(condition: &Condition) -> Self {
        let says = |reason: Reason| condition.reason == reason.to_string();
        let is_elsewhere = [
            Reason::SecretNotFound,
            Reason::ServerNotFound,
            Reason::MailboxNotFound,
            Reason::DistributionGroupNotFound,
        ]
        .into_iter()
        .any(says);
        match condition.type_.as_str() {
            "Accepted" | "ResolvedRefs" if condition.reason == condition.type_ => Self::Nothing,
            "Accepted" | "ResolvedRefs" => {
                if condition.status == ConditionStatus::False && !is_elsewhere {
                    Self::Error
                } else {
                    Self::Warning
                }
            }
            "Programmed" if says(Reason::NameConflict) || says(Reason::DocumentNotPublishable) => {
                Self::Error
            }
            _ => Self::Nothing,
        }
    }
}
