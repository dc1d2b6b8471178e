//! One session's hold on a mailbox in memory.

use super::body::MemoryBody;
use super::{Folder, MemoryAccount, Message, Shared, gone, tell};
use crate::index::Entry;
use mailaccess_mail::store::{
    Body, Changes, Copied, Cursor, ErrorKind, Expunge, Mailbox, OpenMode, Row, Snapshot,
    StoreError, Stored,
};
use mailaccess_mail::{FlagChange, Flags, InternalDate, MailboxName, ModSeq, SystemFlag, Uid};
use std::sync::Arc;

pub(super) struct MemoryMailbox {
    pub(super) account: MemoryAccount,
    pub(super) name: MailboxName,
    pub(super) mode: OpenMode,
    pub(super) id: u64,
}

impl MemoryMailbox {
    /// Reads something of the mailbox; a mailbox deleted and made anew is another one.
    fn with<T>(&self, read: impl FnOnce(&mut Folder) -> T) -> Result<T, StoreError> {
        let mut shared = self.account.lock();
        Ok(read(self.folder(&mut shared)?))
    }

    fn folder<'a>(&self, shared: &'a mut Shared) -> Result<&'a mut Folder, StoreError> {
        shared
            .folder(&self.name)
            .ok()
            .filter(|folder| folder.sessions.contains_key(&self.id))
            .ok_or_else(|| gone(&self.name))
    }

    /// Changes the mailbox, then gives every session a hint.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Folder, usize) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.mode == OpenMode::Examine {
            return Err(StoreError::new(
                ErrorKind::NoPermission,
                format!("change mailbox {} opened for reading", self.name),
            ));
        }
        let mut shared = self.account.lock();
        shared.may_change()?;
        let limit = shared.keyword_limit;
        let folder = self.folder(&mut shared)?;
        let result = change(folder, limit)?;
        let hints = folder.hints();
        drop(shared);
        tell(&hints);
        Ok(result)
    }

    fn each<T>(
        &self,
        uids: &[Uid],
        read: impl Fn(&Folder, Uid, &Entry<Message>) -> T,
    ) -> Result<Vec<Option<T>>, StoreError> {
        self.with(|folder| {
            uids.iter()
                .map(|uid| {
                    folder
                        .index
                        .entry(*uid)
                        .map(|entry| read(folder, *uid, entry))
                })
                .collect()
        })
    }
}

impl Drop for MemoryMailbox {
    fn drop(&mut self) {
        if let Ok(folder) = self.account.lock().folder(&self.name) {
            folder.sessions.remove(&self.id);
        }
    }
}

impl Mailbox for MemoryMailbox {
    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let mut shared = self.account.lock();
        let limit = shared.keyword_limit;
        let folder = self.folder(&mut shared)?;
        let recent = match folder.sessions.get_mut(&self.id) {
            Some(session) => folder.index.claim_all(&mut session.claims),
            None => Vec::new(),
        };
        Ok(Snapshot {
            cursor: folder.index.cursor(),
            uid_validity: folder.uid_validity,
            uid_next: folder.uid_next,
            highest_modseq: folder.index.modseq(),
            uids: folder.index.uids(),
            recent,
            first_unseen: folder.index.first_unseen(),
            keywords: folder.keywords.iter().cloned().collect(),
            new_keywords: folder.new_keywords(limit),
            is_read_only: false,
        })
    }

    fn changes(&self, since: Cursor) -> Result<Changes, StoreError> {
        let mut shared = self.account.lock();
        let folder = self.folder(&mut shared)?;
        let session = folder.sessions.get_mut(&self.id);
        let session = session.ok_or_else(|| gone(&self.name))?;
        Ok(folder.index.changes(since, &mut session.claims))
    }

    fn rows(&self, uids: &[Uid]) -> Result<Vec<Option<Row>>, StoreError> {
        self.each(uids, |_, uid, entry| entry.row(uid))
    }

    fn sizes(&self, uids: &[Uid]) -> Result<Vec<Option<u64>>, StoreError> {
        self.each(uids, |_, _, entry| entry.message.bytes.len() as u64)
    }

    fn internal_dates(&self, uids: &[Uid]) -> Result<Vec<Option<InternalDate>>, StoreError> {
        self.each(uids, |_, _, entry| entry.message.internal_date)
    }

    fn body(&self, uid: Uid) -> Result<Option<Arc<dyn Body>>, StoreError> {
        self.with(|folder| {
            folder.index.entry(uid).map(|entry| {
                Arc::new(MemoryBody(Arc::clone(&entry.message.bytes))) as Arc<dyn Body>
            })
        })
    }

    fn unique_ids(&self, uids: &[Uid]) -> Result<Vec<Option<String>>, StoreError> {
        self.each(uids, |folder, uid, entry| {
            let given = entry.message.unique_id.clone();
            given.unwrap_or_else(|| crate::unique_id(uid, folder.uid_validity))
        })
    }

    fn store(
        &self,
        uids: &[Uid],
        change: &FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Vec<Stored>, StoreError> {
        self.change(|folder, limit| {
            if let FlagChange::Add(flags) | FlagChange::Replace(flags) = change {
                folder.learn_keywords(flags, limit)?;
            }
            let modseq = folder.index.next_modseq();
            Ok(uids
                .iter()
                .map(|&uid| store_one(folder, uid, change, (unchanged_since, modseq)))
                .collect())
        })
    }

    fn copy(&self, uids: &[Uid], target: &MailboxName) -> Result<Copied, StoreError> {
        let mut shared = self.account.lock();
        shared.may_change()?;
        let limit = shared.keyword_limit;
        let from = self.folder(&mut shared)?;
        let copies: Vec<(Uid, Flags, Message)> = uids
            .iter()
            .filter_map(|&uid| {
                let entry = from.index.entry(uid)?;
                let mut message = entry.message.clone();
                message.unique_id = None;
                Some((uid, entry.flags.clone(), message))
            })
            .collect();
        let folder = shared.folder(target)?;
        folder.room_for(copies.len())?;
        let mut all = Flags::none();
        for keyword in copies.iter().flat_map(|(_, flags, _)| flags.keywords()) {
            all.insert_keyword(keyword.clone());
        }
        folder.learn_keywords(&all, limit)?;
        let modseq = folder.index.next_modseq();
        let mut pairs = Vec::with_capacity(copies.len());
        for (uid, flags, message) in copies {
            pairs.push((uid, folder.push(flags, modseq, message)?));
        }
        let (uid_validity, hints) = (folder.uid_validity, folder.hints());
        drop(shared);
        tell(&hints);
        Ok(Copied {
            uid_validity,
            uids: pairs,
        })
    }

    fn expunge(&self, which: Expunge<'_>) -> Result<Vec<Uid>, StoreError> {
        self.change(|folder, _| {
            let deleted = |uid: &Uid| {
                let entry = folder.index.entry(*uid);
                entry.is_some_and(|entry| entry.flags.has(SystemFlag::Deleted))
            };
            let mut condemned: Vec<Uid> = match which {
                Expunge::Deleted => folder
                    .index
                    .uids()
                    .iter()
                    .copied()
                    .filter(deleted)
                    .collect(),
                Expunge::DeletedAmong(uids) => uids.iter().copied().filter(deleted).collect(),
                Expunge::These(uids) => uids.to_vec(),
            };
            condemned.sort_unstable();
            condemned.dedup();
            condemned.retain(|uid| folder.index.expunge(*uid).is_some());
            if !condemned.is_empty() {
                folder.index.next_modseq();
            }
            Ok(condemned)
        })
    }
}

fn store_one(
    folder: &mut Folder,
    uid: Uid,
    change: &FlagChange,
    (unchanged_since, modseq): (Option<ModSeq>, ModSeq),
) -> Stored {
    let Some(entry) = folder.index.entry(uid) else {
        return Stored::Gone(uid);
    };
    if unchanged_since.is_some_and(|limit| entry.modseq > limit) {
        return Stored::Modified(uid);
    }
    let flags = entry.flags.changed(change);
    folder.index.set_flags(uid, flags, modseq);
    folder.index.row(uid).map_or(Stored::Gone(uid), Stored::Row)
}
