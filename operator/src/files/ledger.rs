//! What an API server would hold after these files were applied: of each object the last accepted version,
//! with the identity, generation and status that it would give it.
//!
//! A refused edit changes nothing. An object that never was acceptable is kept as it is, as one stored
//! under an older schema would be, so that its target can be denied.

use super::judge::{self, Document, Fault};
use super::memory::{self, Identity, Kept, MemoryError};
use super::source::{Place, SourceFile};
use crate::reconcile::{Invalid, Observed};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use mailaccess_config::Digest;
use mailaccess_crds::admission::{self, Accepted, Kind, Object};
use mailaccess_crds::{CASMailbox, CertificateBinding, MailAccessServer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectId {
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// An object of a kind that is ours, or that ours point at.
#[derive(Debug, Clone)]
pub enum Stored {
    /// A server.
    Server(Observed<MailAccessServer>),
    /// A mailbox's or group's rights.
    Mailbox(Observed<CASMailbox>),
    /// A certificate's services.
    Binding(Observed<CertificateBinding>),
    /// Users or a certificate.
    Secret(Box<Secret>),
}

/// An object and where it comes from.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where it stands.
    pub place: Place,
    /// What is in force.
    pub stored: Stored,
    /// The same as it was accepted; nothing, if it never was.
    accepted: Option<Value>,
}

impl Entry {
    /// Whether it ever fitted its schema.
    pub fn was_accepted(&self) -> bool {
        self.accepted.is_some()
    }

    /// What is in force instead of an edit that was refused.
    fn instead(&self) -> &'static str {
        if self.stored.invalid().is_some() {
            NO_LONGER_FITS
        } else {
            LAST_ACCEPTED
        }
    }

    fn kept<'ledger>(&'ledger self, identity: &'ledger Identity) -> Kept<'ledger> {
        let (object, causes) = match (&self.accepted, self.stored.invalid()) {
            (Some(accepted), _) => (Cow::Borrowed(accepted), Cow::default()),
            (None, Some(invalid)) => (
                Cow::Borrowed(&invalid.raw),
                Cow::Borrowed(invalid.causes.as_slice()),
            ),
            (None, None) => (Cow::Owned(Value::Null), Cow::default()),
        };
        Kept {
            identity: Cow::Borrowed(identity),
            file: memory::file_name(&self.place.file),
            line: self.place.line,
            object,
            causes,
        }
    }
}

/// Something that people should know about their files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// An object, or a whole file, was refused.
    Refused {
        /// What and why.
        fault: Fault,
        /// What is in force instead.
        instead: &'static str,
    },
    /// An object of a kind that is nobody's here.
    Skipped {
        /// Where.
        place: Place,
        /// Which.
        id: ObjectId,
    },
    /// An object is new or another one now.
    Accepted {
        /// Which.
        id: ObjectId,
        /// Its generation.
        generation: i64,
    },
    /// An object is gone.
    Deleted {
        /// Which.
        id: ObjectId,
    },
}

const LAST_ACCEPTED: &str = "its last accepted version stays in force";
const NO_LONGER_FITS: &str =
    "its last accepted version no longer fits, so whatever it is about is denied";
const TARGET_DENIED: &str = "it was never accepted, so whatever it is about is denied";
const FILE_STAYS: &str = "what this file said before stays in force";
const EMPTIED: &str = "the file is empty; delete it to delete what it said";
const NOTHING: &str = "there is no earlier version";

/// All objects.
#[derive(Debug)]
pub struct Ledger {
    namespace: String,
    entries: BTreeMap<ObjectId, Entry>,
    memory: BTreeMap<ObjectId, Identity>,
    told: BTreeSet<String>,
}

impl Ledger {
    /// An empty one; objects without a namespace get this one.
    pub fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            entries: BTreeMap::new(),
            memory: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    /// Takes over what [`Ledger::to_memory`] gave in an earlier run, whole or not at all: what was in force
    /// then is in force until the files say otherwise.
    pub fn remember(&mut self, text: &str) -> Result<(), MemoryError> {
        for kept in memory::parse(text)? {
            let Kept {
                identity,
                file,
                line,
                object,
                causes,
            } = kept;
            let identity = identity.into_owned();
            let place = Place {
                file: file.into(),
                line,
            };
            let entry = restored(&identity.id, object.into_owned(), causes.into_owned());
            let Some((mut stored, accepted)) = entry else {
                continue;
            };
            stamp(&mut stored, &identity);
            let entry = Entry {
                place,
                stored,
                accepted,
            };
            self.entries.insert(identity.id.clone(), entry);
            self.memory.insert(identity.id.clone(), identity);
        }
        Ok(())
    }

    /// What the next run has to know.
    pub fn to_memory(&self) -> Result<String, MemoryError> {
        let kept: Vec<Kept<'_>> = self
            .entries
            .iter()
            .filter(|(id, _)| memory::is_kept(id))
            .filter_map(|(id, entry)| Some(entry.kept(self.memory.get(id)?)))
            .collect();
        memory::print(&kept)
    }

    /// Every object.
    pub fn entries(&self) -> impl Iterator<Item = (&ObjectId, &Entry)> {
        self.entries.iter()
    }

    /// An object.
    pub fn entry(&self, id: &ObjectId) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// Applies all files, as `kubectl apply --prune` would; says what changed and what was refused, each
    /// only once.
    pub fn apply(&mut self, files: &[SourceFile], now: Timestamp) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut seen = BTreeSet::new();
        let mut unreadable: BTreeSet<PathBuf> = BTreeSet::new();
        for file in files {
            let (documents, mut faults) = judge::read(file, &self.namespace);
            let instead = if self.has_objects_of(&file.path) {
                // Many editors empty a file before they write it.
                if file.is_blank() {
                    faults.push(Fault::of_file(file, None, EMPTIED.to_owned()));
                }
                FILE_STAYS
            } else {
                NOTHING
            };
            for fault in faults {
                unreadable.insert(file.path.clone());
                notices.push(Notice::Refused { fault, instead });
            }
            for document in documents {
                self.apply_one(document, &mut seen, now, &mut notices);
            }
        }
        self.prune(&seen, &unreadable, &mut notices);
        self.only_news(notices, files)
    }

    fn has_objects_of(&self, file: &Path) -> bool {
        self.entries.values().any(|entry| entry.place.file == file)
    }

    fn apply_one(
        &mut self,
        document: Document,
        seen: &mut BTreeSet<ObjectId>,
        now: Timestamp,
        notices: &mut Vec<Notice>,
    ) {
        let Document {
            place,
            id,
            kind,
            written,
        } = document;
        if !seen.insert(id.clone()) {
            let message = "the same object stands in the files twice; the first one counts";
            notices.push(Notice::Refused {
                fault: Fault::of_object(place, id, message),
                instead: LAST_ACCEPTED,
            });
            return;
        }
        let old = self.entries.get(&id);
        if kind == Kind::Foreign {
            notices.push(Notice::Skipped { place, id });
            return;
        }
        let accepted = match written.judge(old.and_then(|old| old.accepted.as_ref())) {
            Ok(accepted) => accepted,
            Err(errors) => {
                let causes = judge::texts(&errors);
                let stored = invalid(&id, &written.value, old, causes);
                let instead = match (&stored, old) {
                    (Some(_), _) => TARGET_DENIED,
                    (None, Some(old)) => old.instead(),
                    (None, None) => NOTHING,
                };
                notices.push(Notice::Refused {
                    fault: Fault::of_fields(&place, Some(id.clone()), &errors),
                    instead,
                });
                if let Some(stored) = stored {
                    let entry = Entry {
                        place,
                        stored,
                        accepted: None,
                    };
                    self.store(id, entry, &written.value, now);
                }
                return;
            }
        };
        let Some(stored) = Stored::from_accepted(&accepted) else {
            notices.push(Notice::Skipped { place, id });
            return;
        };
        if let Some(entry) = self.entries.get_mut(&id)
            && entry.accepted.as_ref() == Some(&accepted.value)
        {
            entry.place = place;
            return;
        }
        let Accepted { value, .. } = accepted;
        let entry = Entry {
            place,
            stored,
            accepted: Some(value.clone()),
        };
        let generation = self.store(id.clone(), entry, &value, now);
        notices.push(Notice::Accepted { id, generation });
    }

    /// Keeps an object, and gives it what the API server would: uid, time of creation, generation, and the
    /// status that it had.
    fn store(&mut self, id: ObjectId, mut entry: Entry, value: &Value, now: Timestamp) -> i64 {
        let generation = self.identify(&id, value, &mut entry.stored, now);
        self.entries.insert(id, entry);
        generation
    }

    fn identify(
        &mut self,
        id: &ObjectId,
        written: &Value,
        stored: &mut Stored,
        now: Timestamp,
    ) -> i64 {
        let spec = Digest::of(
            written
                .get("spec")
                .unwrap_or(written)
                .to_string()
                .as_bytes(),
        );
        let memory = self.memory.entry(id.clone()).or_insert_with(|| Identity {
            id: id.clone(),
            uid: uid(id, now),
            created: now,
            generation: 0,
            spec,
            status: Value::Null,
        });
        if memory.generation == 0 || memory.spec != spec {
            memory.generation += 1;
            memory.spec = spec;
        }
        stamp(stored, memory);
        memory.generation
    }

    fn prune(
        &mut self,
        seen: &BTreeSet<ObjectId>,
        unreadable: &BTreeSet<PathBuf>,
        notices: &mut Vec<Notice>,
    ) {
        let gone: Vec<ObjectId> = self
            .entries
            .iter()
            .filter(|(id, entry)| !seen.contains(*id) && !unreadable.contains(&entry.place.file))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            self.entries.remove(&id);
            self.memory.remove(&id);
            notices.push(Notice::Deleted { id });
        }
    }

    /// A file is read again for every change, but each refusal is said once until it or its file changes.
    fn only_news(&mut self, notices: Vec<Notice>, files: &[SourceFile]) -> Vec<Notice> {
        let mut told = BTreeSet::new();
        let version = |path: &Path| {
            let file = files.iter().find(|file| file.path == path)?;
            Some(Digest::of(file.text.as_ref().ok()?.as_bytes()).to_string())
        };
        let news = notices
            .into_iter()
            .filter(|notice| {
                let text = match notice {
                    Notice::Refused { fault, .. } => {
                        format!("{fault:?} {:?}", version(&fault.file))
                    }
                    Notice::Skipped { .. } => format!("{notice:?}"),
                    Notice::Accepted { .. } | Notice::Deleted { .. } => return true,
                };
                let is_news = !self.told.contains(&text);
                told.insert(text);
                is_news
            })
            .collect();
        self.told = told;
        news
    }

    /// Keeps the status of an object; says whether it is another one now.
    pub fn set_status<S: Serialize>(&mut self, id: &ObjectId, status: &S) -> bool {
        let (Ok(status), Some(entry), Some(memory)) = (
            serde_json::to_value(status),
            self.entries.get_mut(id),
            self.memory.get_mut(id),
        ) else {
            return false;
        };
        if memory.status == status {
            return false;
        }
        memory.status = status;
        entry.stored.set_status(&memory.status);
        true
    }
}

/// An object that was never accepted is kept as it is; a Secret, having no rules of its own, is not.
fn invalid(
    id: &ObjectId,
    written: &Value,
    old: Option<&Entry>,
    causes: Vec<String>,
) -> Option<Stored> {
    if old.is_some_and(|old| old.accepted.is_some()) {
        return None;
    }
    Stored::refused(id, written.clone(), causes)
}

/// An object as it was in force in an earlier run, and what was accepted of it. One that fitted an older
/// schema alone is one that does not fit; that it was accepted still counts for what may not change.
fn restored(id: &ObjectId, object: Value, causes: Vec<String>) -> Option<(Stored, Option<Value>)> {
    if !causes.is_empty() {
        return Some((Stored::refused(id, object, causes)?, None));
    }
    match admission::judge(object.clone(), None) {
        Ok(accepted) => Some((Stored::from_accepted(&accepted)?, Some(accepted.value))),
        Err(errors) => {
            let stored = Stored::refused(id, object.clone(), judge::texts(&errors))?;
            Some((stored, Some(object)))
        }
    }
}

/// Gives an object what the API server would.
fn stamp(stored: &mut Stored, identity: &Identity) {
    let metadata = stored.metadata_mut();
    metadata.namespace = Some(identity.id.namespace.clone());
    metadata.uid = Some(identity.uid.clone());
    metadata.generation = Some(identity.generation);
    metadata.creation_timestamp = Some(Time(identity.created));
    stored.set_status(&identity.status);
}

/// Tells an object from an earlier one of the same name.
fn uid(id: &ObjectId, now: Timestamp) -> String {
    let digest = Digest::of(format!("{id:?} {now}").as_bytes()).to_string();
    format!(
        "{}-{}-{}-{}-{}",
        &digest[..8],
        &digest[8..12],
        &digest[12..16],
        &digest[16..20],
        &digest[20..32]
    )
}

impl Stored {
    /// Nothing for kinds that nobody needs here.
    fn from_accepted(accepted: &Accepted) -> Option<Self> {
        match accepted.object.clone() {
            Object::MailAccessServer(object) => Some(Self::Server(Observed::Valid(object))),
            Object::CASMailbox(object) => Some(Self::Mailbox(Observed::Valid(object))),
            Object::CertificateBinding(object) => Some(Self::Binding(Observed::Valid(object))),
            Object::Secret(object) => Some(Self::Secret(object)),
            Object::PersistentVolumeClaim(_) => None,
        }
    }

    /// Nothing for kinds that have no rules of their own.
    fn refused(id: &ObjectId, raw: Value, causes: Vec<String>) -> Option<Self> {
        let invalid = Box::new(Invalid {
            metadata: ObjectMeta {
                name: Some(id.name.clone()),
                ..ObjectMeta::default()
            },
            raw,
            causes,
        });
        match id.kind.as_str() {
            "MailAccessServer" => Some(Self::Server(Observed::Invalid(invalid))),
            "CASMailbox" => Some(Self::Mailbox(Observed::Invalid(invalid))),
            "CertificateBinding" => Some(Self::Binding(Observed::Invalid(invalid))),
            _ => None,
        }
    }

    fn invalid(&self) -> Option<&Invalid> {
        match self {
            Self::Server(Observed::Invalid(invalid))
            | Self::Mailbox(Observed::Invalid(invalid))
            | Self::Binding(Observed::Invalid(invalid)) => Some(invalid),
            _ => None,
        }
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Server(object) => object.metadata_mut(),
            Self::Mailbox(object) => object.metadata_mut(),
            Self::Binding(object) => object.metadata_mut(),
            Self::Secret(object) => &mut object.metadata,
        }
    }

    fn set_status(&mut self, status: &Value) {
        match self {
            Self::Server(Observed::Valid(object)) => object.status = read_status(status),
            Self::Mailbox(Observed::Valid(object)) => object.status = read_status(status),
            Self::Binding(Observed::Valid(object)) => object.status = read_status(status),
            Self::Server(Observed::Invalid(object))
            | Self::Mailbox(Observed::Invalid(object))
            | Self::Binding(Observed::Invalid(object)) => {
                if let Some(raw) = object.raw.as_object_mut() {
                    raw.insert("status".to_owned(), status.clone());
                }
            }
            Self::Secret(_) => {}
        }
    }
}

fn read_status<S: serde::de::DeserializeOwned>(status: &Value) -> Option<S> {
    serde_json::from_value(status.clone()).ok()
}

impl<K: kube::Resource> Observed<K> {
    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        match self {
            Self::Valid(object) => object.meta_mut(),
            Self::Invalid(object) => &mut object.metadata,
        }
    }
}
