//! One object as the cache keeps it: without what nobody here asks for.

use super::kind::Kind;
use crate::reconcile::{Invalid, Object, Observed};
use k8s_openapi::api::core::v1::{ContainerStatus, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::DynamicObject;
use mailaccess_crds::admission::{self, FieldError};
use mailaccess_crds::{CASMailbox, CertificateBinding, MailAccessServer};
use serde::Deserialize;
use serde_json::Value;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// The annotation of a pod that makes its kubelet look at the documents again.
pub const WANTED_ANNOTATION: &str = "mailaccess.dev/wanted";

/// An object.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Tells it from an earlier one of its name.
    pub uid: String,
    /// Its resourceVersion; higher is newer. Zero where the server's are no numbers, and then nothing is
    /// taken for older than anything.
    pub version: u64,
    /// Of all that a reconciliation may depend on; a status that was written is not among it.
    pub fingerprint: u64,
    /// What is kept.
    pub item: Item,
}

/// What is kept of an object.
#[derive(Debug, Clone)]
pub enum Item {
    /// A server.
    Server(Observed<MailAccessServer>),
    /// What is said of a mailbox or group.
    Mailbox(Observed<CASMailbox>),
    /// A certificate's services.
    Binding(Observed<CertificateBinding>),
    /// Something that the operator writes, or could be asked not to.
    Object(Box<Object>),
    /// A pod.
    Pod(PodRow),
}

/// How far a pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Nothing runs in it yet, or again.
    Starting,
    /// Something runs in it.
    Running,
    /// It was asked to end, and something runs in it still. Its kubelet brings it no documents any more.
    Ending,
    /// All its containers have ended for good, so that it serves nothing.
    Ended,
}

/// What is kept of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PodRow {
    /// Its name.
    pub name: String,
    /// The value of `app.kubernetes.io/instance`.
    pub server: String,
    /// Where it answers, once it has an address.
    pub ip: Option<String>,
    /// How far it is.
    pub phase: Phase,
    /// How often its container was started again.
    pub restarts: i64,
    /// What the kubelet was nudged with last.
    pub wanted: Option<String>,
    /// What keeps it from running, where that will not pass by itself.
    pub hindrance: Option<String>,
    /// Whether its kubelet found it ready.
    pub is_ready: bool,
}

const ROLLOUT_FIELDS: [&str; 4] = [
    "conditions",
    "observedGeneration",
    "replicas",
    "updatedReplicas",
];

/// The few keys that anybody reads in Secrets of others.
const READ_KEYS: [&str; 4] = ["passwd", "group", "tls.crt", "tls.key"];

impl Row {
    /// Keeps what matters of an object; one that cannot be read is left out, and said.
    pub fn of(kind: Kind, object: DynamicObject) -> Option<Self> {
        let name = object.metadata.name.clone().unwrap_or_default();
        let row = serde_json::to_value(object)
            .ok()
            .and_then(|value| Self::read(kind, value));
        if row.is_none() {
            tracing::warn!(
                kind = kind.as_str(),
                name,
                "an object cannot be read and is left out"
            );
        }
        row
    }

    /// Keeps what matters of an object that the API server sent; nothing, if it is no object of that kind.
    pub fn read(kind: Kind, mut value: Value) -> Option<Self> {
        let object = value.as_object_mut()?;
        object.insert("apiVersion".to_owned(), kind.api_version().into());
        object.insert("kind".to_owned(), kind.as_str().into());
        let metadata = object.get_mut("metadata")?.as_object_mut()?;
        metadata.remove("managedFields");
        let text = |key: &str| metadata.get(key).and_then(Value::as_str).map(str::to_owned);
        let name = text("name")?;
        let uid = text("uid").unwrap_or_default();
        let version = text("resourceVersion")
            .and_then(|version| version.parse().ok())
            .unwrap_or_default();
        let item = Item::read(kind, value)?;
        Some(Self {
            fingerprint: item.fingerprint(),
            name,
            uid,
            version,
            item,
        })
    }
}

impl Item {
    fn read(kind: Kind, value: Value) -> Option<Self> {
        match kind {
            Kind::MailAccessServer => Some(Self::Server(observe(value, |object| match object {
                admission::Object::MailAccessServer(object) => Some(object),
                _ => None,
            })?)),
            Kind::CASMailbox => Some(Self::Mailbox(observe(value, |object| match object {
                admission::Object::CASMailbox(object) => Some(object),
                _ => None,
            })?)),
            Kind::CertificateBinding => {
                Some(Self::Binding(observe(value, |object| match object {
                    admission::Object::CertificateBinding(object) => Some(object),
                    _ => None,
                })?))
            }
            Kind::Pod => Some(Self::Pod(PodRow::read(&value)?)),
            Kind::Secret
            | Kind::ConfigMap
            | Kind::ServiceAccount
            | Kind::Service
            | Kind::PodDisruptionBudget
            | Kind::Deployment => Object::from_value(project(kind, value))
                .map(|object| Self::Object(Box::new(object))),
        }
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let value = match self {
            Self::Server(object) => without_status(object),
            Self::Mailbox(object) => without_status(object),
            Self::Binding(object) => without_status(object),
            Self::Object(object) => serde_json::to_value(object).unwrap_or_default(),
            Self::Pod(pod) => {
                let mut pod = pod.clone();
                // Written by the operator itself.
                pod.wanted = None;
                pod.hash(&mut hasher);
                return hasher.finish();
            }
        };
        without_bookkeeping(value).to_string().hash(&mut hasher);
        hasher.finish()
    }
}

/// `Observed`, as JSON without its status.
trait Whole {
    fn whole(&self) -> Value;
}

impl<K: serde::Serialize> Whole for Observed<K> {
    fn whole(&self) -> Value {
        match self {
            Self::Valid(object) => serde_json::to_value(object).unwrap_or_default(),
            Self::Invalid(object) => object.raw.clone(),
        }
    }
}

fn without_status(object: &impl Whole) -> Value {
    let mut value = object.whole();
    if let Some(object) = value.as_object_mut() {
        object.remove("status");
    }
    value
}

/// Changes with every write, also of a status.
fn without_bookkeeping(mut value: Value) -> Value {
    if let Some(metadata) = value
        .get_mut("metadata")
        .and_then(|metadata| metadata.as_object_mut())
    {
        metadata.remove("resourceVersion");
    }
    value
}

/// Judges a stored object as if it were written now: one that came in under another schema may not fit.
fn observe<K>(
    value: Value,
    pick: impl Fn(admission::Object) -> Option<Box<K>>,
) -> Option<Observed<K>>
where
    K: kube::Resource + HasStatus,
{
    let metadata: ObjectMeta = serde_json::from_value(value.get("metadata")?.clone()).ok()?;
    let status = value.get("status").cloned().unwrap_or_default();
    match admission::judge(value.clone(), None) {
        Ok(accepted) => {
            let mut object = pick(accepted.object)?;
            *object.meta_mut() = metadata;
            object.set_status(status);
            Some(Observed::Valid(object))
        }
        Err(errors) => Some(Observed::Invalid(Box::new(Invalid {
            metadata,
            raw: value,
            causes: errors.iter().map(FieldError::to_string).collect(),
        }))),
    }
}

/// A status that cannot be read counts as none.
trait HasStatus {
    fn set_status(&mut self, status: Value);
}

macro_rules! has_status {
    ($($kind:ident),*) => {$(
        impl HasStatus for $kind {
            fn set_status(&mut self, status: Value) {
                self.status = serde_json::from_value(status).ok();
            }
        }
    )*};
}

has_status!(MailAccessServer, CASMailbox, CertificateBinding);

/// Of an object of somebody else the name is enough, and of a Secret the few keys that may be pointed at.
fn project(kind: Kind, mut value: Value) -> Value {
    let is_ours = is_ours(&value);
    // What somebody applied stands there once more, of a Secret with all that is in it.
    if let Some(annotations) = value
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    if let Some(object) = value.as_object_mut() {
        match kind {
            Kind::Service => {}
            Kind::Deployment => keep_rollout(object.get_mut("status")),
            _ => {
                object.remove("status");
            }
        }
        if !is_ours {
            for field in ["spec", "status", "binaryData"] {
                object.remove(field);
            }
            match kind {
                Kind::Secret => keep_keys(object.get_mut("data")),
                _ => {
                    object.remove("data");
                }
            }
        }
    }
    value
}

/// By its label, or by its owner where somebody took the label away.
fn is_ours(value: &Value) -> bool {
    let label = value
        .pointer("/metadata/labels/app.kubernetes.io~1managed-by")
        .and_then(Value::as_str);
    let owners = value
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    label == Some(crate::reconcile::build::labels::MANAGER)
        || owners
            .into_iter()
            .flatten()
            .any(|owner| owner["kind"] == "MailAccessServer" && owner["controller"] == true)
}

/// Of a Deployment's status what tells how far its pods are of the newest template. The rest changes all the
/// time.
fn keep_rollout(status: Option<&mut Value>) {
    let Some(status) = status.and_then(Value::as_object_mut) else {
        return;
    };
    status.retain(|key, _| ROLLOUT_FIELDS.contains(&key.as_str()));
    for condition in status
        .get_mut("conditions")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        condition.retain(|key, _| !key.starts_with("last"));
    }
}

fn keep_keys(data: Option<&mut Value>) {
    if let Some(data) = data.and_then(Value::as_object_mut) {
        data.retain(|key, _| READ_KEYS.contains(&key.as_str()));
    }
}

impl PodRow {
    fn read(value: &Value) -> Option<Self> {
        let pod = k8s_openapi::api::core::v1::Pod::deserialize(value).ok()?;
        let status = pod.status.unwrap_or_default();
        let phase = status.phase.as_deref().unwrap_or_default();
        let containers = status.container_statuses.unwrap_or_default();
        let is_running = containers.iter().any(|container| {
            container
                .state
                .as_ref()
                .is_some_and(|state| state.running.is_some())
        });
        let conditions = status.conditions.unwrap_or_default();
        let hindrance = hindrance(&conditions, &containers);
        let label = |key: &str| pod.metadata.labels.as_ref()?.get(key).cloned();
        Some(Self {
            name: pod.metadata.name?,
            server: label("app.kubernetes.io/instance")?,
            ip: status.pod_ip.filter(|ip| !ip.is_empty()),
            phase: match phase {
                "Succeeded" | "Failed" => Phase::Ended,
                _ if pod.metadata.deletion_timestamp.is_some() => Phase::Ending,
                _ if is_running => Phase::Running,
                _ => Phase::Starting,
            },
            restarts: containers
                .iter()
                .map(|container| i64::from(container.restart_count))
                .sum(),
            wanted: pod
                .metadata
                .annotations
                .and_then(|mut annotations| annotations.remove(WANTED_ANNOTATION)),
            hindrance,
            is_ready: conditions
                .iter()
                .any(|it| it.type_ == "Ready" && it.status == "True"),
        })
    }
}

/// Nothing of what every pod goes through, and no text that changes from one attempt to the next: each is a
/// status that is written.
fn hindrance(conditions: &[PodCondition], containers: &[ContainerStatus]) -> Option<String> {
    let unschedulable = conditions
        .iter()
        .find(|it| it.type_ == "PodScheduled" && it.reason.as_deref() == Some("Unschedulable"));
    if let Some(condition) = unschedulable {
        let text = condition.message.as_deref().unwrap_or_default();
        return Some(format!("Unschedulable: {}", text.trim_end_matches('.')));
    }
    containers.iter().find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        match waiting.reason.as_deref()? {
            "ContainerCreating" | "PodInitializing" => None,
            "ErrImagePull" | "ImagePullBackOff" => {
                Some(format!("ImagePullBackOff: {}", container.image))
            }
            reason => Some(reason.to_owned()),
        }
    })
}
