//! A cluster in memory: objects that were applied, objects that were written, pods that load them. The
//! five steps are the real ones.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::{Timestamp, ToSpan as _};
use mailaccess_config::DocumentName;
use mailaccess_config::document;
use mailaccess_crds::admission::{self, read_documents};
use mailaccess_crds::{Condition, ConditionStatus, MailAccessServerStatus};
use mailaccess_operator::files::dereference::{Surroundings, dereference, orphans};
use mailaccess_operator::files::{Ledger, Notice, ObjectId, SourceFile};
use mailaccess_operator::reconcile::build::self_signed::FreshKey;
use mailaccess_operator::reconcile::build::{Built, Moment, Unwritten, build};
use mailaccess_operator::reconcile::dereference::Operator;
use mailaccess_operator::reconcile::report::{DocumentReport, PodReport, PodStatus};
use mailaccess_operator::reconcile::update_status::{Statuses, compute};
use mailaccess_operator::reconcile::validate::{Validated, validate};
use mailaccess_operator::reconcile::{Object, Observed, apply};
use std::collections::BTreeMap;

/// The server that every test is about.
pub(crate) const MAIL: &str = "MailAccessServer/mail";

/// A server that is served, with two people and a group; what a test adds comes behind it.
pub(crate) const SERVER: &str = r"
apiVersion: mailaccess.dev/v1alpha1
kind: MailAccessServer
metadata: {name: mail}
spec:
  imap: {enabled: true}
  pop: {enabled: true}
  mailboxDefaults: {imapEnabled: true, popEnabled: true}
  domains: [{name: example.com, netbiosName: EXAMPLE}]
  defaultDomain: example.com
  authentication:
    sources: [{name: local, users: {secretRefs: [{name: users}]}}]
  store:
    maildir: {persistentVolumeClaim: {claimName: mail}}
";

/// Its people.
pub(crate) const USERS: &str = r"
apiVersion: v1
kind: Secret
metadata: {name: users}
stringData:
  passwd: |
    ann@example.com:{SHA256-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8
    bob@example.com:{SHA256-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8
  group: |
    Field Engineers: ann@example.com
";

/// Several documents as one file.
pub(crate) fn yaml(documents: &[&str]) -> String {
    documents.join("\n---\n")
}

/// A CASMailbox by its name and the rest of its spec.
pub(crate) fn cas_mailbox(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: mailaccess.dev/v1alpha1\nkind: CASMailbox\nmetadata: {{name: {name}}}\n\
         spec: {{serverRef: {{name: mail}}, {spec}}}\n"
    )
}

/// A CertificateBinding for both services.
pub(crate) fn binding(name: &str, secret: &str) -> String {
    format!(
        "apiVersion: mailaccess.dev/v1alpha1\nkind: CertificateBinding\nmetadata: {{name: {name}}}\n\
         spec: {{serverRef: {{name: mail}}, secretRef: {{name: {secret}}}, services: [IMAP, POP]}}\n"
    )
}

/// A Secret with a certificate and a key.
pub(crate) fn tls_secret(name: &str, chain: &str, key: &str) -> String {
    let indent = |text: &str| text.trim_end().replace('\n', "\n    ");
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ntype: kubernetes.io/tls\n\
         stringData:\n  tls.crt: |\n    {}\n  tls.key: |\n    {}\n",
        indent(chain),
        indent(key)
    )
}

/// A chain and a key for these names, valid for so many days around the cluster's beginning.
pub(crate) fn certificate(names: &[&str], days: std::ops::Range<i64>) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = rcgen::CertificateParams::new(names).unwrap();
    let day = |day: i64| {
        let secs = now().as_second() + day * 86_400;
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs(secs.unsigned_abs())
    };
    params.not_before = day(days.start);
    params.not_after = day(days.end);
    let certificate = params.self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// When every test begins.
pub(crate) fn now() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// What a reconciliation came to.
pub(crate) struct Outcome {
    pub(crate) validated: Validated,
    pub(crate) built: Built,
    /// How many objects had to be written.
    pub(crate) written: usize,
    pub(crate) conditions: BTreeMap<String, Vec<Condition>>,
}

pub(crate) struct Cluster {
    pub(crate) ledger: Ledger,
    pub(crate) objects: BTreeMap<(&'static str, String), Object>,
    pub(crate) pods: Vec<PodReport>,
    /// What a process that runs on knows of documents.
    pub(crate) remembered: Vec<Object>,
    /// The server was made just now, though its mailboxes were there before.
    pub(crate) made_anew: bool,
    /// What the API server refuses.
    pub(crate) unwritten: Vec<Unwritten>,
    /// Where the Service is reached.
    pub(crate) addresses: Vec<String>,
    server_status: Option<MailAccessServerStatus>,
    pub(crate) now: Timestamp,
}

impl Cluster {
    /// With one pod that has loaded nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            ledger: Ledger::new("default"),
            objects: BTreeMap::new(),
            pods: vec![PodReport {
                pod: "mail-0".to_owned(),
                said: None,
                ..PodReport::default()
            }],
            remembered: Vec::new(),
            made_anew: false,
            unwritten: Vec::new(),
            addresses: vec!["192.0.2.1".to_owned()],
            server_status: None,
            now: now(),
        }
    }

    /// Applies a file, in place of what was applied before.
    pub(crate) fn apply(&mut self, yaml: &str) -> Vec<Notice> {
        self.now += 1.second();
        let file = SourceFile {
            path: "mail.yaml".into(),
            text: Ok(yaml.to_owned()),
        };
        self.ledger.apply(&[file], self.now)
    }

    /// The operator starts anew: it knows what the API server knows, and nothing else.
    pub(crate) fn restart(&mut self) {
        let memory = self.ledger.to_memory().unwrap();
        self.ledger = Ledger::new("default");
        self.ledger.remember(&memory).unwrap();
    }

    /// Whether there is a server `mail`.
    pub(crate) fn has_server(&self) -> bool {
        self.ledger.entry(&id(MAIL)).is_some()
    }

    /// All five steps once, for the server `mail`.
    pub(crate) fn reconcile(&mut self) -> Outcome {
        self.reconcile_with(|_| {})
    }

    /// The same, with a change to what was validated that no file could bring about in a test.
    pub(crate) fn reconcile_with(&mut self, change: impl FnOnce(&mut Validated)) -> Outcome {
        self.now += 1.second();
        let server = id(MAIL);
        let around = Surroundings {
            existing: self.objects.values().cloned().collect(),
            pods: self.pods.clone(),
            addresses: self.addresses.clone(),
            operator: Operator {
                image: "mailaccess:test".to_owned(),
                cluster_domain: "cluster.local".to_owned(),
            },
            now: self.now,
            fresh_key: FreshKey::generate().unwrap(),
        };
        let mut world = dereference(&self.ledger, &server, around).expect("there is a server");
        world.remembered.clone_from(&self.remembered);
        if self.made_anew
            && let Observed::Valid(server) = &mut world.server
        {
            server.metadata.creation_timestamp = Some(Time(self.now));
        }
        let mut validated = validate(&world);
        change(&mut validated);
        let mut built = build(
            &validated,
            &Moment {
                now: world.now,
                fresh_key: &world.fresh_key,
                pods: &world.pods,
                cluster_domain: &world.operator.cluster_domain,
            },
        );
        built.unwritten.clone_from(&self.unwritten);
        let existing: Vec<Object> = self.objects.values().cloned().collect();
        let changes = apply::changes(&built, &existing);
        let written = changes.len();
        for object in changes {
            let (kind, name) = object.key();
            self.objects.insert((kind, name.to_owned()), object.clone());
        }
        let statuses = compute(&world, &validated, &built);
        let mut conditions = self.update_status(statuses);
        for (id, orphaned) in orphans(&self.ledger, self.now) {
            conditions.insert(id.to_string(), orphaned);
        }
        Outcome {
            validated,
            built,
            written,
            conditions,
        }
    }

    fn update_status(&mut self, statuses: Statuses) -> BTreeMap<String, Vec<Condition>> {
        let Statuses {
            server,
            mailboxes,
            bindings,
        } = statuses;
        let mut conditions = BTreeMap::new();
        assert_fits(SERVER, &server);
        self.server_status = Some(server.clone());
        self.ledger.set_status(&id(MAIL), &server);
        conditions.insert(MAIL.to_owned(), server.conditions);
        for (name, status) in mailboxes {
            assert_fits(&cas_mailbox("ann", "mailbox: ann@example.com"), &status);
            let name = format!("CASMailbox/{name}");
            self.ledger.set_status(&id(&name), &status);
            conditions.insert(name, status.conditions);
        }
        for (name, status) in bindings {
            assert_fits(&binding("mail", "mail-tls"), &status);
            let name = format!("CertificateBinding/{name}");
            self.ledger.set_status(&id(&name), &status);
            conditions.insert(name, status.conditions);
        }
        conditions
    }

    /// Every pod loads what is written.
    pub(crate) fn load(&mut self, built: &Built) {
        for pod in &mut self.pods {
            pod.said = Some(loaded(built));
        }
    }

    /// Reconciles, lets the pods load it, and reconciles again.
    pub(crate) fn settle(&mut self) -> Outcome {
        let outcome = self.reconcile();
        self.load(&outcome.built);
        self.reconcile()
    }

    /// What was said last of the server `mail`.
    pub(crate) fn server_status(&self) -> MailAccessServerStatus {
        self.server_status.clone().expect("it was reconciled")
    }

    /// A document as it lies in its object.
    pub(crate) fn document(&self, name: DocumentName) -> String {
        let object_name = name.object_name("mail");
        let object = self
            .objects
            .values()
            .find(|object| object.name() == object_name)
            .unwrap_or_else(|| panic!("{object_name} is not there"));
        let file = match object {
            Object::ConfigMap(map) => map
                .data
                .as_ref()
                .map(|data| data[&name.file_name()].clone().into_bytes())
                .or_else(|| Some(map.binary_data.as_ref()?[&name.file_name()].0.clone())),
            Object::Secret(secret) => secret
                .data
                .as_ref()
                .map(|data| data[&name.file_name()].0.clone()),
            _ => None,
        };
        document::read(name, &file.unwrap()).unwrap().1
    }

    /// What is said of a mailbox.
    pub(crate) fn row(&self, address: &str) -> String {
        let address: mailaccess_config::MailboxAddress = address.parse().unwrap();
        let shard = self.document(DocumentName::Mailboxes(address.shard()));
        let rows = shard.lines().filter(|row| row.contains(address.as_str()));
        rows.collect::<Vec<_>>().join("\n")
    }

    /// Whether somebody has a password.
    pub(crate) fn has_password(&self, address: &str) -> bool {
        let address: mailaccess_config::MailboxAddress = address.parse().unwrap();
        let shard = self.document(DocumentName::Credentials(address.shard()));
        shard
            .lines()
            .any(|row| row.starts_with(&format!("{address}:")))
    }
}

/// The API server would take this status: one that it refuses would reach nobody, whatever else is in it.
#[track_caller]
fn assert_fits<S: serde::Serialize>(object: &str, status: &S) {
    let object = read_documents(object).remove(0).unwrap().value;
    let stored = admission::judge(object, None).unwrap().value;
    let mut written = stored.clone();
    written["status"] = serde_json::to_value(status).unwrap();
    if let Err(errors) = admission::judge_status(written, &stored) {
        panic!("{}: {errors:?}", stored["kind"]);
    }
}

/// What a pod says that has loaded everything.
pub(crate) fn loaded(built: &Built) -> PodStatus {
    PodStatus {
        documents: built
            .documents
            .iter()
            .map(|(name, document)| {
                let report = DocumentReport {
                    format: Some(document.header.format),
                    sequence: Some(document.header.sequence),
                    digest: Some(document.header.digest),
                    error: None,
                };
                (name.file_name(), report)
            })
            .collect(),
        ..PodStatus::default()
    }
}

/// `Kind/name`.
pub(crate) fn id(text: &str) -> ObjectId {
    let (kind, name) = text.split_once('/').unwrap();
    ObjectId {
        kind: kind.to_owned(),
        namespace: "default".to_owned(),
        name: name.to_owned(),
    }
}

impl Outcome {
    /// `True Accepted: message`.
    #[track_caller]
    pub(crate) fn condition(&self, object: &str, condition: &str) -> String {
        let conditions = self
            .conditions
            .get(object)
            .unwrap_or_else(|| panic!("{object} has no status"));
        let condition = conditions
            .iter()
            .find(|found| found.type_ == condition)
            .unwrap_or_else(|| panic!("{object} has no condition {condition}"));
        let status = match condition.status {
            ConditionStatus::True => "True",
            ConditionStatus::False => "False",
            ConditionStatus::Unknown => "Unknown",
        };
        format!("{status} {}: {}", condition.reason, condition.message)
    }

    /// Whether a condition begins so: `False SecretNotFound`.
    #[track_caller]
    pub(crate) fn expect(&self, object: &str, condition: &str, beginning: &str) {
        let found = self.condition(object, condition);
        assert!(
            found.starts_with(beginning),
            "{object} {condition}: expected {beginning}, found {found}"
        );
    }
}
