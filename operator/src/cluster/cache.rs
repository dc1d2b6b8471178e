//! What a namespace holds, with an index from everything that can be pointed at to the servers that
//! depend on it. Knows no client: what a watch says goes in, whom it concerns comes out.

use super::kind::Kind;
use super::row::{Item, Phase, PodRow, Row};
use crate::reconcile::dereference::{ServerRef, secret_names};
use crate::reconcile::{Lookup, Object, Observed};
use mailaccess_crds::{CASMailbox, CertificateBinding, MailAccessServer};
use std::collections::{BTreeMap, BTreeSet};

/// Whom a change concerns beside the servers that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beyond {
    /// It names nobody that could be read, so it may mean each of them.
    EveryServer,
    /// A server has come or gone, or an object waits for one.
    Orphans,
}

/// Which servers a change concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    /// By name; a server of that name may not be there.
    pub servers: BTreeSet<String>,
    /// What else.
    pub beyond: BTreeSet<Beyond>,
}

impl Affected {
    /// Both together.
    pub fn extend(&mut self, other: Self) {
        self.servers.extend(other.servers);
        self.beyond.extend(other.beyond);
    }
}

/// The objects of one namespace.
#[derive(Debug, Default)]
pub struct Cache {
    rows: BTreeMap<(Kind, String), Row>,
    /// Mailboxes and bindings by the server that they name; `None` for those that cannot be read so far.
    referrers: BTreeMap<(Kind, Option<String>), BTreeSet<String>>,
    /// By name of a Secret: who points at it, and for which server.
    secret_refs: BTreeMap<String, BTreeSet<(Kind, String, String)>>,
}

/// What one server depends on.
#[derive(Debug)]
pub struct Parts {
    /// The server.
    pub server: Observed<MailAccessServer>,
    /// What names it, or cannot be read so far.
    pub mailboxes: Vec<Observed<CASMailbox>>,
    /// What names it.
    pub bindings: Vec<Observed<CertificateBinding>>,
    /// What is pointed at.
    pub secrets: BTreeMap<String, Lookup>,
    /// Everything with a name that begins like the server's.
    pub existing: Vec<Object>,
    /// Its pods, without those that have ended.
    pub pods: Vec<PodRow>,
}

impl Cache {
    /// One object came or changed. Nothing, if what is there is newer.
    pub fn put(&mut self, kind: Kind, row: Row) -> Affected {
        let key = (kind, row.name.clone());
        if let Some(there) = self.rows.get(&key) {
            if row.version < there.version && row.version != 0 {
                return Affected::default();
            }
            if there.fingerprint == row.fingerprint && there.uid == row.uid {
                self.rows.insert(key, row);
                return Affected::default();
            }
        }
        self.set(key, Some(row))
    }

    /// One object is gone; nothing, if another one of its name is there by now.
    pub fn remove(&mut self, kind: Kind, name: &str, uid: &str) -> Affected {
        let key = (kind, name.to_owned());
        match self.rows.get(&key) {
            Some(there) if there.uid == uid => self.set(key, None),
            _ => Affected::default(),
        }
    }

    /// Everything there is of a kind, whatever was known before.
    pub fn replace(&mut self, kind: Kind, rows: Vec<Row>) -> Affected {
        let names: BTreeSet<String> = rows.iter().map(|row| row.name.clone()).collect();
        let gone: Vec<String> = self
            .of_kind(kind)
            .map(|row| row.name.clone())
            .filter(|name| !names.contains(name))
            .collect();
        let mut affected = Affected::default();
        for name in gone {
            affected.extend(self.set((kind, name), None));
        }
        for row in rows {
            affected.extend(self.set((kind, row.name.clone()), Some(row)));
        }
        affected
    }

    /// An object.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Row> {
        self.rows.get(&(kind, name.to_owned()))
    }

    /// All objects of a kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Row> {
        self.rows
            .range((kind, String::new())..)
            .take_while(move |((other, _), _)| *other == kind)
            .map(|(_, row)| row)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The servers, but those that are being deleted.
    pub fn servers(&self) -> impl Iterator<Item = &str> {
        self.of_kind(Kind::MailAccessServer)
            .filter(|row| match &row.item {
                Item::Server(server) => server.metadata().deletion_timestamp.is_none(),
                _ => false,
            })
            .map(|row| row.name.as_str())
    }

    /// Collects what a server depends on; nothing, if it is not there or is being deleted.
    pub fn parts(&self, server: &str) -> Option<Parts> {
        let row = self.get(Kind::MailAccessServer, server)?;
        let Item::Server(object) = &row.item else {
            return None;
        };
        if object.metadata().deletion_timestamp.is_some() {
            return None;
        }
        let mailboxes = self.naming(Kind::CASMailbox, server, |item| match item {
            Item::Mailbox(mailbox) => Some(mailbox.clone()),
            _ => None,
        });
        let bindings = self.naming(Kind::CertificateBinding, server, |item| match item {
            Item::Binding(binding) => Some(binding.clone()),
            _ => None,
        });
        let secrets = secret_names(object, &bindings)
            .into_iter()
            .map(|name| {
                let found = match self.get(Kind::Secret, &name).map(|row| &row.item) {
                    Some(Item::Object(object)) => match &**object {
                        Object::Secret(secret) => Lookup::Found(Box::new(secret.clone())),
                        _ => Lookup::Missing,
                    },
                    _ => Lookup::Missing,
                };
                (name, found)
            })
            .collect();
        Some(Parts {
            server: object.clone(),
            mailboxes,
            bindings,
            secrets,
            existing: self.named_like(server),
            pods: self.pods(server),
        })
    }

    fn naming<T>(&self, kind: Kind, server: &str, pick: impl Fn(&Item) -> Option<T>) -> Vec<T> {
        [Some(server.to_owned()), None]
            .into_iter()
            .filter_map(|name| self.referrers.get(&(kind, name)))
            .flatten()
            .filter_map(|name| pick(&self.get(kind, name)?.item))
            .collect()
    }

    fn named_like(&self, server: &str) -> Vec<Object> {
        let kinds = [
            Kind::Secret,
            Kind::ConfigMap,
            Kind::ServiceAccount,
            Kind::Service,
            Kind::PodDisruptionBudget,
            Kind::Deployment,
        ];
        kinds
            .into_iter()
            .flat_map(|kind| {
                self.rows.range((kind, server.to_owned())..).take_while(
                    move |((other, name), _)| *other == kind && name.starts_with(server),
                )
            })
            .filter_map(|(_, row)| match &row.item {
                Item::Object(object) => Some((**object).clone()),
                _ => None,
            })
            .collect()
    }

    /// The pods of a server, but those that have ended.
    pub fn pods(&self, server: &str) -> Vec<PodRow> {
        self.of_kind(Kind::Pod)
            .filter_map(|row| match &row.item {
                Item::Pod(pod) if pod.server == server && pod.phase != Phase::Ended => {
                    Some(pod.clone())
                }
                _ => None,
            })
            .collect()
    }

    fn set(&mut self, key: (Kind, String), row: Option<Row>) -> Affected {
        let mut affected = Affected::default();
        if let Some(before) = self.rows.remove(&key) {
            affected.extend(self.concerned(key.0, &before));
            self.unlink(key.0, &before);
        }
        if let Some(row) = row {
            self.link(key.0, &row);
            affected.extend(self.concerned(key.0, &row));
            self.rows.insert(key, row);
        }
        affected
    }

    fn link(&mut self, kind: Kind, row: &Row) {
        if let Some(server) = referrer(&row.item) {
            self.referrers
                .entry((kind, server))
                .or_default()
                .insert(row.name.clone());
        }
        for (secret, server) in pointed_at(row) {
            self.secret_refs
                .entry(secret)
                .or_default()
                .insert((kind, row.name.clone(), server));
        }
    }

    fn unlink(&mut self, kind: Kind, row: &Row) {
        if let Some(server) = referrer(&row.item) {
            let key = (kind, server);
            if let Some(names) = self.referrers.get_mut(&key) {
                names.remove(&row.name);
                if names.is_empty() {
                    self.referrers.remove(&key);
                }
            }
        }
        for (secret, server) in pointed_at(row) {
            if let Some(refs) = self.secret_refs.get_mut(&secret) {
                refs.remove(&(kind, row.name.clone(), server));
                if refs.is_empty() {
                    self.secret_refs.remove(&secret);
                }
            }
        }
    }

    /// Whom an object concerns.
    fn concerned(&self, kind: Kind, row: &Row) -> Affected {
        let mut affected = Affected::default();
        match &row.item {
            Item::Server(_) => {
                affected.servers.insert(row.name.clone());
                affected.beyond.insert(Beyond::Orphans);
            }
            Item::Mailbox(_) | Item::Binding(_) => {
                affected.beyond.insert(Beyond::Orphans);
                match referrer(&row.item).flatten() {
                    Some(server) => {
                        affected.servers.insert(server);
                    }
                    None => {
                        affected.beyond.insert(Beyond::EveryServer);
                    }
                }
            }
            Item::Object(object) => {
                affected.servers.extend(owner(object));
                affected.servers.extend(self.needing(&row.name));
                if kind == Kind::Secret {
                    let refs = self.secret_refs.get(&row.name).into_iter().flatten();
                    affected
                        .servers
                        .extend(refs.map(|(_, _, server)| server.clone()));
                }
            }
            Item::Pod(pod) => {
                affected.servers.insert(pod.server.clone());
            }
        }
        affected
    }

    /// Servers whose objects have, or would have, this name: the server's own or one that goes on after a
    /// hyphen.
    fn needing(&self, name: &str) -> BTreeSet<String> {
        let ends = name.match_indices('-').map(|(at, _)| at);
        ends.chain([name.len()])
            .map(|end| &name[..end])
            .filter(|name| self.get(Kind::MailAccessServer, name).is_some())
            .map(str::to_owned)
            .collect()
    }
}

/// The server that an object names, if it is of a kind that names one.
#[expect(
    clippy::option_option,
    reason = "no reference, and one that cannot be read, are two things"
)]
fn referrer(item: &Item) -> Option<Option<String>> {
    match item {
        Item::Mailbox(mailbox) => Some(mailbox.server_name().map(str::to_owned)),
        Item::Binding(binding) => Some(binding.server_name().map(str::to_owned)),
        Item::Server(_) | Item::Object(_) | Item::Pod(_) => None,
    }
}

/// The Secrets that an object points at, each with the server that it is for.
fn pointed_at(row: &Row) -> Vec<(String, String)> {
    match &row.item {
        Item::Server(server) => secret_names(server, &[])
            .into_iter()
            .map(|secret| (secret, row.name.clone()))
            .collect(),
        Item::Binding(Observed::Valid(binding)) => vec![(
            binding.spec.secret_ref.name.clone(),
            binding.spec.server_ref.name.clone(),
        )],
        _ => Vec::new(),
    }
}

/// The server that controls an object.
fn owner(object: &Object) -> Option<String> {
    object
        .metadata()
        .owner_references
        .iter()
        .flatten()
        .find(|owner| owner.controller == Some(true) && owner.kind == "MailAccessServer")
        .map(|owner| owner.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn row(kind: Kind, name: &str, version: u64, rest: Value) -> Row {
        let mut value = rest;
        value["metadata"]["name"] = name.into();
        value["metadata"]["namespace"] = "mail".into();
        value["metadata"]["uid"] = format!("{name}-uid").into();
        value["metadata"]["resourceVersion"] = version.to_string().into();
        Row::read(kind, value).unwrap()
    }

    fn server(name: &str, version: u64) -> Row {
        let spec = json!({
            "mailboxDefaults": {"imapEnabled": false, "popEnabled": false},
            "domains": [{"name": "example.com"}],
            "authentication": {"sources": [{"name": "local", "users": {"secretRefs": [{"name": "users"}]}}]},
            "store": {"maildir": {
                "persistentVolumeClaim": {"claimName": "mail"},
                "runAsUser": 5000, "runAsGroup": 5000,
            }},
        });
        let row = row(
            Kind::MailAccessServer,
            name,
            version,
            json!({"metadata": {}, "spec": spec}),
        );
        assert!(
            matches!(&row.item, Item::Server(Observed::Valid(_))),
            "{row:?}"
        );
        row
    }

    fn mailbox(name: &str, server: &Value, version: u64) -> Row {
        let spec = json!({"serverRef": server, "mailbox": "ann@example.com"});
        row(
            Kind::CASMailbox,
            name,
            version,
            json!({"metadata": {}, "spec": spec}),
        )
    }

    fn names(affected: &Affected) -> Vec<&str> {
        affected.servers.iter().map(String::as_str).collect()
    }

    fn two_servers() -> Cache {
        let mut cache = Cache::default();
        cache.put(Kind::MailAccessServer, server("mail", 1));
        cache.put(Kind::MailAccessServer, server("other", 2));
        cache
    }

    #[test]
    fn a_mailbox_concerns_the_server_that_it_names() {
        let mut cache = two_servers();
        let affected = cache.put(
            Kind::CASMailbox,
            mailbox("ann", &json!({"name": "mail"}), 3),
        );
        assert_eq!(names(&affected), ["mail"]);
        assert_eq!(cache.parts("mail").unwrap().mailboxes.len(), 1);
        assert_eq!(cache.parts("other").unwrap().mailboxes.len(), 0);
    }

    #[test]
    fn a_mailbox_whose_server_cannot_be_read_concerns_all() {
        let mut cache = two_servers();
        let affected = cache.put(Kind::CASMailbox, mailbox("ann", &json!(7), 3));
        assert!(affected.beyond.contains(&Beyond::EveryServer));
        assert_eq!(cache.parts("mail").unwrap().mailboxes.len(), 1);
        assert_eq!(cache.parts("other").unwrap().mailboxes.len(), 1);
    }

    #[test]
    fn a_secret_concerns_those_that_point_at_it_and_no_longer_when_they_stop() {
        let mut cache = Cache::default();
        let secret = |version, data: &str| {
            row(
                Kind::Secret,
                "users",
                version,
                json!({"metadata": {}, "data": {"passwd": data}}),
            )
        };
        assert_eq!(
            names(&cache.put(Kind::Secret, secret(1, "")))[..],
            [] as [&str; 0]
        );
        cache.put(Kind::MailAccessServer, server("mail", 2));
        assert_eq!(names(&cache.put(Kind::Secret, secret(3, "YQ=="))), ["mail"]);
        assert_eq!(
            names(&cache.remove(Kind::Secret, "users", "users-uid")),
            ["mail"]
        );
        cache.remove(Kind::MailAccessServer, "mail", "mail-uid");
        assert!(names(&cache.put(Kind::Secret, secret(4, ""))).is_empty());
        assert!(cache.secret_refs.is_empty());
    }

    #[test]
    fn an_object_concerns_the_server_that_needs_its_name() {
        let mut cache = two_servers();
        let config_map =
            |name, version| row(Kind::ConfigMap, name, version, json!({"metadata": {}}));
        for (name, whose) in [
            ("mail-settings-v1", vec!["mail"]),
            ("mail", vec!["mail"]),
            ("mailer", vec![]),
            ("other-mailboxes-v1-03", vec!["other"]),
        ] {
            let affected = cache.put(Kind::ConfigMap, config_map(name, 9));
            assert_eq!(names(&affected), whose, "{name}");
        }
    }

    #[test]
    fn an_older_version_is_not_taken_and_an_equal_one_wakes_nobody() {
        let mut cache = two_servers();
        let ann = |version| mailbox("ann", &json!({"name": "mail"}), version);
        cache.put(Kind::CASMailbox, ann(5));
        assert_eq!(cache.put(Kind::CASMailbox, ann(6)), Affected::default());
        assert_eq!(cache.get(Kind::CASMailbox, "ann").unwrap().version, 6);
        let older = mailbox("ann", &json!({"name": "other"}), 4);
        assert_eq!(cache.put(Kind::CASMailbox, older), Affected::default());
        assert_eq!(cache.parts("other").unwrap().mailboxes.len(), 0);
    }

    #[test]
    fn a_status_wakes_nobody_and_is_kept() {
        let mut cache = two_servers();
        cache.put(
            Kind::CASMailbox,
            mailbox("ann", &json!({"name": "mail"}), 5),
        );
        let spec = json!({"serverRef": {"name": "mail"}, "mailbox": "ann@example.com"});
        let status = json!({"observedGeneration": 3, "conditions": []});
        let with_status = row(
            Kind::CASMailbox,
            "ann",
            6,
            json!({"metadata": {"generation": 3}, "spec": spec, "status": status}),
        );
        // The generation is news, the status is not.
        assert_eq!(
            names(&cache.put(Kind::CASMailbox, with_status.clone())),
            ["mail"]
        );
        let again = Row {
            version: 7,
            ..with_status
        };
        assert_eq!(cache.put(Kind::CASMailbox, again), Affected::default());
        let mailboxes = cache.parts("mail").unwrap().mailboxes;
        let Observed::Valid(mailbox) = &mailboxes[0] else {
            panic!("it is valid");
        };
        assert_eq!(mailbox.status.as_ref().unwrap().observed_generation, 3);
    }

    #[test]
    fn a_new_list_removes_what_is_gone_even_if_its_version_is_lower() {
        let mut cache = two_servers();
        for (name, version) in [("ann", 15), ("bob", 16)] {
            cache.put(
                Kind::CASMailbox,
                mailbox(name, &json!({"name": "mail"}), version),
            );
        }
        let restored = vec![mailbox("ann", &json!({"name": "other"}), 4)];
        let affected = cache.replace(Kind::CASMailbox, restored);
        assert_eq!(names(&affected), ["mail", "other"]);
        assert_eq!(cache.parts("mail").unwrap().mailboxes.len(), 0);
        assert_eq!(cache.parts("other").unwrap().mailboxes.len(), 1);
    }

    #[test]
    fn of_other_peoples_secrets_only_what_may_be_pointed_at_is_kept() {
        let data = json!({"passwd": "YQ==", "tls.key": "Yg==", "token": "Yw=="});
        let row = row(
            Kind::Secret,
            "users",
            1,
            json!({"metadata": {}, "data": data}),
        );
        let Item::Object(object) = &row.item else {
            panic!("it is an object");
        };
        let kept = serde_json::to_value(&**object).unwrap();
        assert_eq!(kept["data"], json!({"passwd": "YQ==", "tls.key": "Yg=="}));
    }

    #[test]
    fn a_server_that_is_being_deleted_is_left_alone() {
        let mut cache = Cache::default();
        let mut leaving = server("mail", 1);
        if let Item::Server(Observed::Valid(object)) = &mut leaving.item {
            object.metadata.deletion_timestamp =
                Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
                    k8s_openapi::jiff::Timestamp::UNIX_EPOCH,
                ));
        }
        cache.put(Kind::MailAccessServer, leaving);
        assert!(cache.parts("mail").is_none());
        assert_eq!(cache.servers().count(), 0);
    }
}
