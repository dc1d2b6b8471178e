//! APPEND: bytes go to files in `tmp/` as they come, and become messages in one commit.

use super::commit::{self, Points, Staged};
use super::folder::Folder;
use super::measure::Counter;
use super::name;
use crate::volume::{Attempt, Dir, FaultPoint, File};
use mailaccess_mail::store::{Append, Appended, ErrorKind, NewMessage, StoreError};
use std::sync::Arc;

const POINTS: Points = Points {
    locked: FaultPoint::AppendLocked,
    named: FaultPoint::AppendNamed,
    listed: FaultPoint::AppendListed,
    moved: FaultPoint::AppendMoved,
    settled: FaultPoint::AppendSettled,
};

pub(super) struct MaildirAppend {
    folder: Arc<Folder>,
    tmp: Arc<Dir>,
    complete: Vec<Staged>,
    writing: Option<Writing>,
}

/// The message begun last.
struct Writing {
    file: File,
    message: NewMessage,
    counter: Counter,
    /// Removes the file when it is not finished.
    staged: Staged,
}

impl MaildirAppend {
    pub(super) fn new(folder: Arc<Folder>) -> Result<Self, StoreError> {
        let tmp = folder.dirs()?.tmp;
        Ok(Self {
            folder,
            tmp,
            complete: Vec::new(),
            writing: None,
        })
    }

    /// Completes the message begun last: on disk, with its date.
    fn complete(&mut self) -> Result<(), StoreError> {
        let Some(mut writing) = self.writing.take() else {
            return Ok(());
        };
        let written = writing.counter.on_disk();
        if written != writing.message.len {
            return Err(StoreError::new(
                ErrorKind::ServerBug,
                format!("append {written} of {} bytes", writing.message.len),
            ));
        }
        let volume = &self.folder.inner.volume;
        volume.reach(FaultPoint::AppendWritten);
        let attempt = || "complete a new message".to_owned();
        if let Some(date) = writing.message.internal_date {
            writing
                .file
                .set_modified(date.unix_secs())
                .attempt(attempt)?;
        }
        // All of it, times included: they are the date of the message.
        writing.file.sync_all().attempt(attempt)?;
        volume.reach(FaultPoint::AppendSynced);
        let base = name::with_sizes(&writing.staged.base, written, writing.counter.on_wire());
        writing.staged.base = base.into();
        self.complete.push(writing.staged);
        Ok(())
    }
}

impl Append for MaildirAppend {
    fn begin(&mut self, message: NewMessage) -> Result<(), StoreError> {
        self.complete()?;
        let base = self.folder.inner.unique_name();
        let file = self
            .tmp
            .create_new(&base)
            .attempt(|| "begin a new message".to_owned())?;
        let flags = message.flags.clone();
        let staged = Staged::new(Arc::clone(&self.tmp), base.clone(), base.into(), flags);
        self.folder.inner.volume.reach(FaultPoint::AppendCreated);
        self.writing = Some(Writing {
            file,
            message,
            counter: Counter::default(),
            staged,
        });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let writing = self.writing.as_mut().ok_or_else(|| {
            StoreError::new(ErrorKind::ServerBug, "write a message that was not begun")
        })?;
        writing
            .file
            .write_all(bytes)
            .attempt(|| "write a new message".to_owned())?;
        writing.counter.take(bytes);
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<Appended, StoreError> {
        self.complete()?;
        let committed = commit::commit(&self.folder, std::mem::take(&mut self.complete), &POINTS)?;
        Ok(Appended {
            uid_validity: committed.uid_validity,
            uids: committed.uids,
        })
    }
}
