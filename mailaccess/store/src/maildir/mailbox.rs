//! One session's hold on a folder.

use super::body::MaildirBody;
use super::files::Files;
use super::flags::{self, Asked};
use super::folder::Folder;
use super::sync::NewFiles;
use super::{Inner, copy, expunge};
use mailaccess_mail::store::{
    Body, Changes, Copied, Cursor, ErrorKind, Expunge, Mailbox, OpenMode, Row, Snapshot, Status,
    StoreError, Stored,
};
use mailaccess_mail::{FlagChange, InternalDate, MailboxName, ModSeq, Uid, UidValidity};
use std::sync::Arc;

pub(super) struct MaildirMailbox {
    pub(super) folder: Arc<Folder>,
    pub(super) mode: OpenMode,
    pub(super) id: u64,
}

impl MaildirMailbox {
    pub(super) fn refresh(&self) -> Result<(), StoreError> {
        self.folder.refresh(match self.mode {
            OpenMode::Select => NewFiles::Move,
            OpenMode::Examine | OpenMode::Maildrop => NewFiles::Leave,
        })
    }

    fn may_change(&self) -> Result<(), StoreError> {
        if self.mode == OpenMode::Examine {
            return Err(StoreError::new(
                ErrorKind::NoPermission,
                format!("change mailbox {} opened for reading", self.folder.name),
            ));
        }
        Ok(())
    }

    fn closed(&self) -> StoreError {
        StoreError::new(
            ErrorKind::ServerBug,
            format!("use mailbox {} after it was closed", self.folder.name),
        )
    }

    /// Opens and measures a message, and keeps what was found out.
    fn open_body(&self, files: &Files<'_>, uid: Uid) -> Result<Option<MaildirBody>, StoreError> {
        let opened = files.with(uid, |dir, file, message| {
            MaildirBody::open(&self.folder, uid, message, dir.open_file(file)?)
        })?;
        Ok(opened.map(|opened| {
            if let Some(wire) = opened.news {
                self.folder.learn_size(uid, wire);
            }
            opened.body
        }))
    }
}

impl Drop for MaildirMailbox {
    fn drop(&mut self) {
        self.folder.state().sessions.remove(&self.id);
    }
}

/// What STATUS says of a folder just refreshed.
pub(super) fn status(folder: &Folder) -> Result<Status, StoreError> {
    let state = folder.state();
    let uid_validity = state.uid_validity.ok_or_else(|| unread(folder))?;
    Ok(Status {
        messages: state.index.len(),
        recent: state.new_files() + state.index.unclaimed(),
        uid_next: super::uidlist::assignable(state.next),
        uid_validity,
        unseen: state.index.unseen(),
        highest_modseq: state.index.modseq(),
    })
}

fn unread(folder: &Folder) -> StoreError {
    StoreError::new(
        ErrorKind::ServerBug,
        format!("use mailbox {} before it was read", folder.name),
    )
}

impl Mailbox for MaildirMailbox {
    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.refresh()?;
        let is_read_only = !self.folder.is_writable()?;
        let mut guard = self.folder.state();
        let state = &mut *guard;
        if self.mode == OpenMode::Examine {
            state.show_new(self.id);
        }
        let session = state
            .sessions
            .get_mut(&self.id)
            .ok_or_else(|| self.closed())?;
        let recent = state.index.claim_all(&mut session.claims);
        Ok(Snapshot {
            cursor: state.index.cursor(),
            uid_validity: state.uid_validity.ok_or_else(|| unread(&self.folder))?,
            uid_next: super::uidlist::assignable(state.next),
            highest_modseq: state.index.modseq(),
            uids: state.index.uids(),
            recent,
            first_unseen: state.index.first_unseen(),
            keywords: state.keywords(),
            new_keywords: state.new_keywords(),
            is_read_only,
        })
    }

    fn changes(&self, since: Cursor) -> Result<Changes, StoreError> {
        self.refresh()?;
        let mut guard = self.folder.state();
        let state = &mut *guard;
        if self.mode == OpenMode::Examine {
            state.show_new(self.id);
        }
        let session = state
            .sessions
            .get_mut(&self.id)
            .ok_or_else(|| self.closed())?;
        Ok(state.index.changes(since, &mut session.claims))
    }

    fn rows(&self, uids: &[Uid]) -> Result<Vec<Option<Row>>, StoreError> {
        let state = self.folder.state();
        Ok(uids.iter().map(|uid| state.index.row(*uid)).collect())
    }

    fn sizes(&self, uids: &[Uid]) -> Result<Vec<Option<u64>>, StoreError> {
        let known: Vec<Option<Option<u64>>> = {
            let state = self.folder.state();
            let wire = |uid: &Uid| state.index.entry(*uid).map(|entry| entry.message.wire);
            uids.iter().map(wire).collect()
        };
        if known.iter().all(|size| *size != Some(None)) {
            return Ok(known.into_iter().map(Option::flatten).collect());
        }
        let files = Files::of(&self.folder)?;
        let measure = |(uid, known): (&Uid, Option<Option<u64>>)| match known {
            None => Ok(None),
            Some(Some(size)) => Ok(Some(size)),
            Some(None) => Ok(self.open_body(&files, *uid)?.map(|body| body.len())),
        };
        uids.iter().zip(known).map(measure).collect()
    }

    fn internal_dates(&self, uids: &[Uid]) -> Result<Vec<Option<InternalDate>>, StoreError> {
        let mut files = None;
        let mut dates = Vec::with_capacity(uids.len());
        for &uid in uids {
            let known = {
                let state = self.folder.state();
                state.index.entry(uid).map(|entry| entry.message.date)
            };
            dates.push(match known {
                None => None,
                Some(Some(date)) => Some(date),
                Some(None) => {
                    let files = match &mut files {
                        Some(files) => &*files,
                        none => &*none.insert(Files::of(&self.folder)?),
                    };
                    let date = files.with(uid, |dir, file, _| {
                        let (secs, _) = dir.file_stamp(file)?.modified;
                        Ok(InternalDate::from_unix_secs(secs))
                    })?;
                    if let Some(message) = self.folder.state().index.message_mut(uid) {
                        message.date = date;
                    }
                    date
                }
            });
        }
        Ok(dates)
    }

    fn body(&self, uid: Uid) -> Result<Option<Arc<dyn Body>>, StoreError> {
        let files = Files::of(&self.folder)?;
        let body = self.open_body(&files, uid)?;
        Ok(body.map(|body| Arc::new(body) as Arc<dyn Body>))
    }

    fn unique_ids(&self, uids: &[Uid]) -> Result<Vec<Option<String>>, StoreError> {
        let state = self.folder.state();
        let uid_validity = state.uid_validity.ok_or_else(|| unread(&self.folder))?;
        let unique_id = |uid: &Uid| {
            let message = &state.index.entry(*uid)?.message;
            Some(shown_id(message.unique_id.as_deref(), *uid, uid_validity))
        };
        Ok(uids.iter().map(unique_id).collect())
    }

    fn store(
        &self,
        uids: &[Uid],
        change: &FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Vec<Stored>, StoreError> {
        self.may_change()?;
        let asked = Asked {
            uids,
            change,
            unchanged_since,
        };
        flags::store(&self.folder, asked)
    }

    fn copy(&self, uids: &[Uid], target: &MailboxName) -> Result<Copied, StoreError> {
        let to = Inner::folder(&self.folder.inner, &self.folder.account, target)?;
        copy::copy(&self.folder, uids, &to)
    }

    fn expunge(&self, which: Expunge<'_>) -> Result<Vec<Uid>, StoreError> {
        self.may_change()?;
        expunge::expunge(&self.folder, which)
    }
}

/// What POP3 may show of an id: one that a client would not read is as none (RFC 1939 UIDL).
fn shown_id(given: Option<&[u8]>, uid: Uid, uid_validity: UidValidity) -> String {
    given
        .filter(|id| (1..=70).contains(&id.len()))
        .filter(|id| id.iter().all(u8::is_ascii_graphic))
        .and_then(|id| String::from_utf8(id.to_vec()).ok())
        .unwrap_or_else(|| crate::unique_id(uid, uid_validity))
}

impl Folder {
    /// Keeps the size of a message on the wire, in memory at once and in the uidlist before long.
    fn learn_size(self: &Arc<Self>, uid: Uid, wire: u64) {
        let mut state = self.state();
        if let Some(message) = state.index.message_mut(uid) {
            message.wire = Some(wire);
        }
        let first = state.unsaved_sizes.is_empty();
        state.unsaved_sizes.insert(uid, wire);
        drop(state);
        if first {
            self.inner.notice.save_later(self);
        }
    }
}
