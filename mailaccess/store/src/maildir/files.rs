//! Finding the file of a message, whose name others may change at any time.

use super::dirs::Dirs;
use super::folder::Folder;
use super::message::Message;
use super::sync::NewFiles;
use crate::volume::{Attempt, Dir, Errno, File};
use mailaccess_mail::Uid;
use mailaccess_mail::store::{ErrorKind, StoreError};

/// How often a file that moves is looked for.
const ATTEMPTS: usize = 5;

/// The directories of a folder, for a batch of messages.
pub(super) struct Files<'a> {
    folder: &'a Folder,
    dirs: Dirs,
}

impl<'a> Files<'a> {
    pub(super) fn of(folder: &'a Folder) -> Result<Self, StoreError> {
        let dirs = folder.dirs()?;
        Ok(Self { folder, dirs })
    }

    /// Does something with the file of a message, by its directory and name; `None` when the message is
    /// gone. Where there is no such file, it is looked for on disk.
    pub(super) fn with<T>(
        &self,
        uid: Uid,
        act: impl Fn(&Dir, &[u8], &Message) -> Result<T, Errno>,
    ) -> Result<Option<T>, StoreError> {
        for _ in 0..ATTEMPTS {
            let message = {
                let state = self.folder.state();
                state.index.entry(uid).map(|entry| entry.message.clone())
            };
            let Some(message) = message else {
                return Ok(None);
            };
            match act(self.dirs.place(message.place), &message.name(), &message) {
                Ok(done) => return Ok(Some(done)),
                Err(Errno::NOENT | Errno::STALE) => self.folder.read_again(NewFiles::Leave)?,
                Err(errno) => return Err(errno).attempt(|| "open a message".to_owned()),
            }
        }
        Err(StoreError::new(
            ErrorKind::Unavailable,
            "find a message whose file moves all the time",
        ))
    }
}

/// The file of a message, by the name remembered.
pub(super) fn open_again(folder: &Folder, uid: Uid) -> Result<File, Errno> {
    let message = {
        let state = folder.state();
        let entry = state.index.entry(uid);
        entry
            .map(|entry| entry.message.clone())
            .ok_or(Errno::STALE)?
    };
    let dirs = folder.dirs().map_err(|_| Errno::STALE)?;
    dirs.place(message.place).open_file(&message.name())
}
