//! Every [`CASMailbox`]: what each says of its target, and what the rights of every target are together.
//!
//! Fails closed: an object that does not fit the schema denies its target, as far as that can be read.

use super::people::People;
use crate::reconcile::dereference::{Invalid, Observed, ServerRef};
use crate::reconcile::finding::{Finding, Reason, list};
use mailaccess_config::{
    DocumentName, GroupName, MailboxAddress, Right, Rights, Settings, access, logon_name,
};
use mailaccess_crds::CASMailbox;
use std::collections::{BTreeMap, BTreeSet};

/// Whom a CASMailbox speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// One mailbox.
    Mailbox(MailboxAddress),
    /// A distribution group's members, whoever they are at the time.
    Group(GroupName),
}

/// A CASMailbox after validation.
#[derive(Debug, Clone)]
pub struct ValidatedMailbox {
    /// Its name.
    pub name: String,
    /// Its generation.
    pub generation: i64,
    /// The documents that have to be loaded before it is obeyed; empty if it has no target.
    pub documents: Vec<DocumentName>,
    /// Whether it is obeyed as it is.
    pub accepted: Finding,
    /// Whether its target exists.
    pub resolved: Finding,
}

/// Every CASMailbox of a server.
#[derive(Debug, Default)]
pub struct ValidatedMailboxes {
    /// One for each object.
    pub objects: Vec<ValidatedMailbox>,
    /// By mailbox.
    pub mailboxes: BTreeMap<MailboxAddress, Rights>,
    /// By group.
    pub groups: BTreeMap<GroupName, Rights>,
    /// Objects that deny nobody although they should, since it cannot be read whom.
    pub unreadable: Vec<String>,
}

struct Statement<'a> {
    object: &'a Observed<CASMailbox>,
    targets: Vec<Target>,
    rights: Rights,
    accepted: Finding,
    /// Why there is no target, though the object says one.
    unresolved: Option<Finding>,
}

impl Statement<'_> {
    /// Whether it allows something to an account that is always blocked.
    fn asks_too_much(&self) -> bool {
        let is_built_in = |target: &Target| matches!(target, Target::Mailbox(address) if access::is_built_in(address));
        [self.rights.imap, self.rights.pop].contains(&Some(Right::Allow))
            && self.targets.iter().any(is_built_in)
    }
}

/// Judges every CASMailbox of a server against each other, its settings and its people.
pub fn validate(
    objects: &[Observed<CASMailbox>],
    settings: Option<&Settings>,
    people: &People,
) -> ValidatedMailboxes {
    let statements: Vec<Statement<'_>> = objects
        .iter()
        .map(|object| match object {
            Observed::Valid(valid) => valid_statement(object, valid, settings),
            Observed::Invalid(invalid) => invalid_statement(object, invalid, settings),
        })
        .collect();
    let mut speakers: BTreeMap<&Target, Vec<&str>> = BTreeMap::new();
    let mut result = ValidatedMailboxes::default();
    for statement in &statements {
        for target in &statement.targets {
            speakers
                .entry(target)
                .or_default()
                .push(statement.object.name());
            let rights = match target {
                Target::Mailbox(address) => result.mailboxes.entry(address.clone()).or_default(),
                Target::Group(group) => result.groups.entry(group.clone()).or_default(),
            };
            *rights = rights.and(statement.rights);
        }
        if let Observed::Invalid(invalid) = statement.object
            && (statement.targets.is_empty() || statement.object.server_name().is_none())
        {
            result.unreadable.push(format!(
                "CASMailbox {} cannot be read: {}",
                statement.object.name(),
                invalid.cause()
            ));
        }
    }
    result.objects = statements
        .iter()
        .map(|statement| conclude(statement, &speakers, settings, people))
        .collect();
    result
}

fn valid_statement<'a>(
    object: &'a Observed<CASMailbox>,
    valid: &CASMailbox,
    settings: Option<&Settings>,
) -> Statement<'a> {
    let spec = &valid.spec;
    let right = |enabled| if enabled { Right::Allow } else { Right::Deny };
    let rights = Rights {
        imap: spec.imap_enabled.map(right),
        pop: spec.pop_enabled.map(right),
    };
    let target = target(
        spec.mailbox.as_deref(),
        spec.distribution_group.as_deref(),
        settings,
    );
    let (targets, unresolved) = match target {
        Ok(target) => (vec![target], None),
        Err(finding) => (Vec::new(), Some(finding)),
    };
    Statement {
        object,
        targets,
        rights,
        accepted: Finding::yes(Reason::Accepted, "The object is valid and obeyed."),
        unresolved,
    }
}

fn invalid_statement<'a>(
    object: &'a Observed<CASMailbox>,
    invalid: &Invalid,
    settings: Option<&Settings>,
) -> Statement<'a> {
    // Both targets, should it name both: whichever was meant is denied.
    let targets: Vec<Target> = [
        target(invalid.text(&["spec", "mailbox"]), None, settings),
        target(None, invalid.text(&["spec", "distributionGroup"]), settings),
    ]
    .into_iter()
    .filter_map(Result::ok)
    .collect();
    let consequence = if targets.is_empty() {
        "nobody can be denied, since its target cannot be read"
    } else {
        "its target is denied both protocols"
    };
    Statement {
        object,
        targets,
        rights: Rights::INVALID,
        accepted: Finding::no(
            Reason::Invalid,
            format!("{}; {consequence}.", invalid.cause()),
        ),
        unresolved: None,
    }
}

fn target(
    mailbox: Option<&str>,
    group: Option<&str>,
    settings: Option<&Settings>,
) -> Result<Target, Finding> {
    let invalid = |field: &str, error: &dyn std::fmt::Display| {
        Finding::no(Reason::Invalid, format!("spec.{field}: {error}."))
    };
    match (mailbox, group) {
        (Some(mailbox), _) if mailbox.contains('\\') => settings
            .and_then(|settings| logon_name::resolve(settings, mailbox))
            .map(Target::Mailbox)
            .ok_or_else(|| {
                Finding::no(
                    Reason::DomainNotFound,
                    "spec.mailbox: no entry of the server's spec.domains has this netbiosName, \
                     or what stands behind it is no mailbox's name.",
                )
            }),
        (Some(mailbox), _) => mailbox
            .parse()
            .map(Target::Mailbox)
            .map_err(|error| invalid("mailbox", &error)),
        (None, Some(group)) => group
            .parse()
            .map(Target::Group)
            .map_err(|error| invalid("distributionGroup", &error)),
        (None, None) => Err(invalid("mailbox", &"there is no target")),
    }
}

fn conclude(
    statement: &Statement<'_>,
    speakers: &BTreeMap<&Target, Vec<&str>>,
    settings: Option<&Settings>,
    people: &People,
) -> ValidatedMailbox {
    let name = statement.object.name();
    let mut others: Vec<&str> = statement
        .targets
        .iter()
        .filter_map(|target| speakers.get(target))
        .flatten()
        .copied()
        .filter(|other| *other != name)
        .collect();
    others.sort_unstable();
    let is_valid = matches!(statement.object, Observed::Valid(_));
    let accepted = if is_valid && statement.asks_too_much() {
        Finding::no(
            Reason::BuiltInAccount,
            "spec.mailbox: Administrator, Anonymous and Guest can never use POP3 or IMAP4, whatever is said of them; \
             remove the object.",
        )
    } else if is_valid && !others.is_empty() {
        conflict(statement, &others)
    } else {
        statement.accepted.clone()
    };
    let resolved = statement.unresolved.clone().unwrap_or_else(|| {
        let findings = statement
            .targets
            .iter()
            .map(|target| resolve(target, settings, people));
        findings
            .max_by_key(|finding| finding.reason != Reason::ResolvedRefs)
            .unwrap_or_else(|| {
                Finding::unknown(Reason::Invalid, "The object's target cannot be read.")
            })
    });
    ValidatedMailbox {
        name: name.to_owned(),
        generation: statement.object.generation(),
        documents: documents(&statement.targets, people),
        accepted,
        resolved,
    }
}

fn conflict(statement: &Statement<'_>, others: &[&str]) -> Finding {
    let field = match statement.targets.first() {
        Some(Target::Group(_)) => "distributionGroup",
        _ => "mailbox",
    };
    Finding::no(
        Reason::Conflicted,
        format!(
            "spec.{field}: the same target stands in CASMailbox {}; where both speak of a protocol, \
             the more restrictive counts.",
            list(others)
        ),
    )
}

fn resolve(target: &Target, settings: Option<&Settings>, people: &People) -> Finding {
    match target {
        Target::Mailbox(address) => {
            if settings.is_some_and(|settings| !settings.has_domain(address.domain())) {
                Finding::no(
                    Reason::DomainNotFound,
                    format!(
                        "spec.mailbox: the server's spec.domains does not list {}.",
                        address.domain()
                    ),
                )
            } else if people.passwords.contains_key(address) {
                Finding::yes(Reason::ResolvedRefs, format!("{address} is known."))
            } else {
                Finding::no(
                    Reason::MailboxNotFound,
                    format!(
                        "spec.mailbox: no source knows {address}; the object counts as soon as one does."
                    ),
                )
            }
        }
        Target::Group(group) => match people.groups.get(group) {
            Some(group) => Finding::yes(
                Reason::ResolvedRefs,
                format!("The group is known; members now: {}.", group.members),
            ),
            None => Finding::no(
                Reason::DistributionGroupNotFound,
                format!(
                    "spec.distributionGroup: no source knows a group {group}; the object counts as \
                     soon as one does."
                ),
            ),
        },
    }
}

/// Where it is said, and where it is said who they are that it speaks of.
fn documents(targets: &[Target], people: &People) -> Vec<DocumentName> {
    let mut documents = BTreeSet::new();
    for target in targets {
        match target {
            Target::Mailbox(address) => {
                documents.insert(DocumentName::Mailboxes(address.shard()));
                documents.insert(DocumentName::Credentials(address.shard()));
            }
            Target::Group(group) => {
                documents.insert(DocumentName::Rules);
                let shards = people.groups.get(group).into_iter();
                let shards = shards.flat_map(|group| &group.shards);
                documents.extend(shards.map(|shard| DocumentName::Mailboxes(*shard)));
            }
        }
    }
    documents.into_iter().collect()
}
