//! One look at the directory after another: what is read, what is newer, what is put in force.
//!
//! Blocks; belongs on a thread for that. Nobody but [`super::watching`] calls it.

use super::effective::Effective;
use super::status::{DocumentState, DocumentStatus, DocumentsStatus, Fault};
use crate::cause::Chain;
use mailaccess_config::document::{self, FILE_LIMIT};
use mailaccess_config::{
    Certificates, ContentError, Credentials, Digest, DocumentError, DocumentName, Header,
    Mailboxes, Rules, Settings, Shard,
};
use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

/// A file whose times are younger than this may change again without showing it.
const RACY_MILLIS: i64 = 2_000;

/// All documents and how each came to be what it is.
#[derive(Default)]
pub(super) struct Documents {
    slots: BTreeMap<DocumentName, Slot>,
    effective: Effective,
    /// Good, newer than what is in force, and not yet fitting their counterpart.
    next_settings: Option<(Header, Arc<Settings>)>,
    next_certificates: Option<(Header, Arc<Certificates>)>,
}

#[derive(Default)]
struct Slot {
    status: DocumentStatus,
    stamp: Option<Stamp>,
    /// Of the whole file: that which was judged last.
    judged: Option<Digest>,
}

/// What changes when a file does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// Whether a look changed what is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Changed,
    Same,
}

/// A document that was read and means something.
enum Content {
    Settings(Arc<Settings>),
    Rules(Arc<Rules>),
    Mailboxes(Shard, Arc<Mailboxes>),
    Credentials(Shard, Arc<Credentials>),
    Certificates(Arc<Certificates>),
}

/// Why a file is not put in force.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("read the file")]
    File(#[source] io::Error),
    #[error("no regular file")]
    Kind,
    #[error(transparent)]
    Document(#[from] DocumentError),
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error("its sequence is that of the loaded one, its content is another")]
    Sequence,
}

impl Documents {
    /// Looks at every file once and puts in force what is good and newer.
    pub(super) fn look(&mut self, directory: &Path, now_unix_millis: u64) -> Look {
        let mut look = Look::Same;
        for name in DocumentName::all() {
            if self.look_at(directory, name, now_unix_millis) == Look::Changed {
                look = Look::Changed;
            }
        }
        if self.switch_serving() == Look::Changed {
            look = Look::Changed;
        }
        look
    }

    pub(super) fn effective(&self) -> Effective {
        self.effective.clone()
    }

    pub(super) fn status(&self) -> DocumentsStatus {
        let documents: BTreeMap<_, _> = DocumentName::all()
            .map(|name| {
                let status = self.slots.get(&name).map(|slot| slot.status.clone());
                (name.file_name(), status.unwrap_or_default())
            })
            .collect();
        DocumentsStatus {
            complete: documents.values().all(|status| status.loaded.is_some()),
            documents,
        }
    }

    fn look_at(&mut self, directory: &Path, name: DocumentName, now: u64) -> Look {
        let slot = self.slots.entry(name).or_default();
        let judged = match slot.read(&directory.join(name.file_name()), now) {
            Ok(Found::Missing) => {
                slot.status.state = DocumentState::Missing;
                slot.status.error = None;
                return Look::Same;
            }
            Ok(Found::Same) => return Look::Same,
            Ok(Found::Bytes(bytes)) => slot.judge(name, &bytes),
            Err(refused) => Err(refused),
        };
        match judged {
            Ok(Judged::State(state)) => {
                slot.status.state = state;
                slot.status.error = None;
                Look::Same
            }
            Ok(Judged::Newer(header, content)) => self.take(name, header, content),
            Err(refused) => {
                slot.refuse(name, &refused, now);
                Look::Same
            }
        }
    }

    /// Puts a document in force, or keeps it until its counterpart fits.
    fn take(&mut self, name: DocumentName, header: Header, content: Content) -> Look {
        let slot = self.slots.entry(name).or_default();
        match content {
            Content::Settings(settings) => {
                self.next_settings = Some((header, settings));
                slot.wait();
                return Look::Same;
            }
            Content::Certificates(certificates) => {
                self.next_certificates = Some((header, certificates));
                slot.wait();
                return Look::Same;
            }
            Content::Rules(rules) => self.effective.set_rules(rules),
            Content::Mailboxes(shard, mailboxes) => {
                self.effective.set_mailboxes(shard, mailboxes);
            }
            Content::Credentials(shard, credentials) => {
                self.effective.set_credentials(shard, credentials);
            }
        }
        slot.load(name, header);
        Look::Changed
    }

    /// Puts the newest settings and certificates in force that fit each other.
    fn switch_serving(&mut self) -> Look {
        let fits = |settings: &Settings, certificates: &Certificates| {
            let mut named = settings.certificate_ids().into_iter();
            named.all(|id| certificates.by_id.contains_key(id))
        };
        let next_settings = self.next_settings.as_ref().map(|(_, next)| next);
        let next_certificates = self.next_certificates.as_ref().map(|(_, next)| next);
        let settings = self.effective.settings();
        let certificates = Some(self.effective.certificates());
        let newest = [
            (next_settings, next_certificates),
            (next_settings, certificates),
            (settings, next_certificates),
        ]
        .into_iter()
        .filter_map(|(settings, certificates)| Some((settings?, certificates?)))
        .find(|(settings, certificates)| fits(settings, certificates));
        let Some((settings, certificates)) = newest else {
            return Look::Same;
        };
        let (settings, certificates) = (Arc::clone(settings), Arc::clone(certificates));
        let newer_settings = self
            .next_settings
            .take_if(|(_, next)| Arc::ptr_eq(next, &settings));
        let newer_certificates = self
            .next_certificates
            .take_if(|(_, next)| Arc::ptr_eq(next, &certificates));
        self.effective.set_serving(settings, certificates);
        for (name, header) in [
            (
                DocumentName::Settings,
                newer_settings.map(|(header, _)| header),
            ),
            (
                DocumentName::Certificates,
                newer_certificates.map(|(header, _)| header),
            ),
        ] {
            if let Some(header) = header {
                self.slots.entry(name).or_default().load(name, header);
            }
        }
        Look::Changed
    }
}

/// A file since the last look.
enum Found {
    Missing,
    Same,
    Bytes(Vec<u8>),
}

/// A file beside what is in force.
enum Judged {
    State(DocumentState),
    Newer(Header, Content),
}

impl Slot {
    /// The file's bytes, unless it is surely the one that was judged last.
    fn read(&mut self, path: &Path, now_unix_millis: u64) -> Result<Found, Refused> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.stamp = None;
                self.judged = None;
                return Ok(Found::Missing);
            }
            Err(error) => return Err(Refused::File(error)),
        };
        let stamp = Stamp::of(&metadata);
        if self.stamp == Some(stamp) {
            return Ok(Found::Same);
        }
        if !metadata.is_file() {
            return Err(Refused::Kind);
        }
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(FILE_LIMIT as u64 + 1).read_to_end(&mut bytes))
            .map_err(Refused::File)?;
        let digest = Digest::of(&bytes);
        let same = self.judged == Some(digest);
        self.judged = Some(digest);
        self.stamp = stamp.settled(now_unix_millis).then_some(stamp);
        Ok(if same {
            Found::Same
        } else {
            Found::Bytes(bytes)
        })
    }

    /// What a file's bytes are beside what is in force.
    fn judge(&self, name: DocumentName, bytes: &[u8]) -> Result<Judged, Refused> {
        let header = document::read_header(name, bytes)?;
        if let Some(loaded) = self.status.loaded {
            if header.sequence < loaded.sequence {
                return Ok(Judged::State(DocumentState::Older));
            }
            if header.sequence == loaded.sequence && header.digest != loaded.digest {
                return Err(Refused::Sequence);
            }
        }
        let (header, text) = document::read(name, bytes)?;
        if self.status.loaded == Some(header) {
            return Ok(Judged::State(DocumentState::Loaded));
        }
        let content = match name {
            DocumentName::Settings => Content::Settings(Arc::new(Settings::from_text(&text)?)),
            DocumentName::Rules => Content::Rules(Arc::new(Rules::from_text(&text)?)),
            DocumentName::Mailboxes(shard) => {
                Content::Mailboxes(shard, Arc::new(Mailboxes::from_text(shard, &text)?))
            }
            DocumentName::Credentials(shard) => {
                Content::Credentials(shard, Arc::new(Credentials::from_text(shard, &text)?))
            }
            DocumentName::Certificates => {
                Content::Certificates(Arc::new(Certificates::from_text(&text)?))
            }
        };
        Ok(Judged::Newer(header, content))
    }

    fn load(&mut self, name: DocumentName, header: Header) {
        tracing::info!(document = %name, sequence = header.sequence, digest = %header.digest, "document loaded");
        self.status.loaded = Some(header);
        self.status.state = DocumentState::Loaded;
        self.status.error = None;
        self.status.loads += 1;
    }

    fn wait(&mut self) {
        self.status.state = DocumentState::Waiting;
        self.status.error = None;
    }

    fn refuse(&mut self, name: DocumentName, refused: &Refused, now_unix_millis: u64) {
        let text = Chain(refused).to_string();
        if matches!(refused, Refused::File(_) | Refused::Kind) {
            // Nothing was judged: whatever can be read next time is, even what was judged before.
            self.stamp = None;
            self.judged = None;
            // The same is met again at every look: one failure, not one a look.
            if self.status.state == DocumentState::Refused
                && self
                    .status
                    .error
                    .as_ref()
                    .is_some_and(|error| error.text == text)
            {
                return;
            }
        }
        tracing::warn!(document = %name, error = %text, "document refused, the last good one stays");
        self.status.state = DocumentState::Refused;
        self.status.failures += 1;
        self.status.error = Some(Fault {
            text,
            at_unix_millis: now_unix_millis,
        });
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether another change would surely show: the file system's clock has moved on since.
    fn settled(self, now_unix_millis: u64) -> bool {
        let changed = self.changed.0.saturating_mul(1_000);
        i64::try_from(now_unix_millis).is_ok_and(|now| now.saturating_sub(changed) > RACY_MILLIS)
    }
}
