//! Users' Secrets: who may log on with which password, and which groups they are in.
//!
//! Fails closed: what cannot be read denies exactly the people it speaks of. Hashes go into the result and
//! never into a message.

use crate::reconcile::finding::{Finding, Reason, list};
use crate::reconcile::{Lookup, Published};
use k8s_openapi::api::core::v1::Secret;
use mailaccess_config::passwd::Fault;
use mailaccess_config::{GroupName, MailboxAddress, PasswordHash, Settings, Shard, group, passwd};
use mailaccess_crds::Source;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Everybody that the sources of a server know.
#[derive(Debug, Default)]
pub struct People {
    /// `None` is denied, because the line that counts is bad.
    pub passwords: BTreeMap<MailboxAddress, Option<PasswordHash>>,
    /// The groups of each person.
    pub groups_of: BTreeMap<MailboxAddress, BTreeSet<GroupName>>,
    /// The groups, of all Secrets together.
    pub groups: BTreeMap<GroupName, Group>,
    problems: Vec<(Reason, String)>,
    first_seen: BTreeMap<MailboxAddress, String>,
}

/// A group's members, as far as anything depends on them all.
#[derive(Debug, Default)]
pub struct Group {
    /// How many there are.
    pub members: usize,
    /// Which documents speak of them.
    pub shards: BTreeSet<Shard>,
}

impl People {
    /// Reads the sources in their order; of an address that stands twice the first one counts.
    pub fn read(
        sources: &[Source],
        secrets: &BTreeMap<String, Lookup>,
        settings: Option<&Settings>,
    ) -> Self {
        let mut people = Self::default();
        for (index, source) in sources.iter().enumerate() {
            let refs = source.users.iter().flat_map(|users| &users.secret_refs);
            for (position, secret_ref) in refs.enumerate() {
                let field =
                    format!("spec.authentication.sources[{index}].users.secretRefs[{position}]");
                let place = format!(
                    "{field}: Secret {} of source {}",
                    secret_ref.name, source.name
                );
                people.read_ref(&place, &secret_ref.name, secrets.get(&secret_ref.name));
            }
        }
        people.count_members();
        if let Some(settings) = settings {
            people.report_strange_domains(settings);
        }
        people
    }

    /// Those that were published last, for a server that cannot be read so far that its sources are known.
    pub fn last_good(published: &Published) -> Self {
        let mut people = Self {
            passwords: published
                .credentials()
                .map(|(address, hash)| (address, Some(hash)))
                .collect(),
            groups_of: published
                .mailboxes()
                .map(|(address, row)| (address, row.groups))
                .collect(),
            ..Self::default()
        };
        people.count_members();
        people
    }

    /// Everything that is wrong, and what there are warnings of.
    pub fn problems(&self) -> impl Iterator<Item = (Reason, &str)> {
        let problems = self.problems.iter();
        problems.map(|(reason, message)| (*reason, message.as_str()))
    }

    /// The server's `ResolvedRefs`. The gravest problem gives the reason; a warning alone leaves it true.
    pub fn finding(&self) -> Finding {
        let mut problems = self.problems.clone();
        problems.sort_by_key(|(reason, _)| is_warning(*reason));
        let messages: Vec<&String> = problems.iter().map(|(_, message)| message).collect();
        match problems.first() {
            None => Finding::yes(
                Reason::ResolvedRefs,
                format!(
                    "{} can log on.",
                    count(self.passwords.len(), "person", "people")
                ),
            ),
            Some((reason, _)) if is_warning(*reason) => {
                Finding::yes(*reason, format!("{}.", list(&messages)))
            }
            Some((reason, _)) => Finding::no(*reason, format!("{}.", list(&messages))),
        }
    }

    fn read_ref(&mut self, place: &str, name: &str, lookup: Option<&Lookup>) {
        let Some(Lookup::Found(secret)) = lookup else {
            self.report(
                Reason::SecretNotFound,
                format!("{place} is not there, so its people are denied"),
            );
            return;
        };
        match bytes(secret, "passwd") {
            Some(passwd) => self.read_passwd(name, &passwd),
            None => self.report(
                Reason::SecretUnreadable,
                format!("{place} has no key passwd, so its people are denied"),
            ),
        }
        if let Some(group) = bytes(secret, "group") {
            self.read_group(name, &group);
        }
    }

    fn read_passwd(&mut self, secret: &str, text: &[u8]) {
        let passwd::Passwd { people, problems } = passwd::parse(text);
        for problem in problems {
            let reason = match problem.fault {
                Fault::Duplicate { .. } => Reason::DuplicateUser,
                Fault::PlainText => Reason::PlainTextPassword,
                Fault::Form | Fault::Address(_) | Fault::Password(_) => Reason::InvalidUserLine,
            };
            self.report(reason, format!("Secret {secret}, passwd, {problem}"));
        }
        for (address, hash) in people {
            match self.passwords.entry(address.clone()) {
                Entry::Vacant(entry) => {
                    entry.insert(hash);
                    self.first_seen.insert(address, secret.to_owned());
                }
                Entry::Occupied(_) => {
                    let first = self.first_seen.get(&address).cloned().unwrap_or_default();
                    self.report(
                        Reason::DuplicateUser,
                        format!(
                            "Secret {secret}, passwd: {address} stands in Secret {first} already, which counts"
                        ),
                    );
                }
            }
        }
    }

    fn read_group(&mut self, secret: &str, text: &[u8]) {
        let groups = group::parse(text);
        for problem in &groups.problems {
            self.report(
                Reason::InvalidUserLine,
                format!("Secret {secret}, group, {problem}"),
            );
        }
        for (member, groups) in groups.by_member() {
            self.groups_of.entry(member).or_default().extend(groups);
        }
        for group in groups.members.into_keys() {
            self.groups.entry(group).or_default();
        }
    }

    fn count_members(&mut self) {
        for (member, groups) in &self.groups_of {
            let shard = member.shard();
            for group in groups {
                let group = self.groups.entry(group.clone()).or_default();
                group.members += 1;
                group.shards.insert(shard);
            }
        }
    }

    fn report_strange_domains(&mut self, settings: &Settings) {
        let strange: Vec<String> = self
            .passwords
            .keys()
            .filter(|address| !settings.has_domain(address.domain()))
            .map(|address| {
                format!(
                    "{address} cannot log on, since spec.domains does not list {}",
                    address.domain()
                )
            })
            .collect();
        for message in strange {
            self.report(Reason::DomainNotFound, message);
        }
    }

    fn report(&mut self, reason: Reason, message: String) {
        self.problems.push((reason, message));
    }
}

fn is_warning(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::DuplicateUser | Reason::PlainTextPassword | Reason::DomainNotFound
    )
}

/// A key of a Secret, as the API server would show it.
pub fn bytes(secret: &Secret, key: &str) -> Option<Vec<u8>> {
    let text = secret.string_data.as_ref().and_then(|data| data.get(key));
    text.map(|text| text.clone().into_bytes())
        .or_else(|| Some(secret.data.as_ref()?.get(key)?.0.clone()))
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
