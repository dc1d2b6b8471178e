//! An open message. It stays whole when it is expunged meanwhile, since the file is held open.

use super::folder::Folder;
use super::measure::{Mark, Measured, read_wire};
use super::message::Message;
use super::{files, name};
use crate::volume::{Errno, File};
use mailaccess_mail::Uid;
use mailaccess_mail::store::{Body, BodyLost};
use std::sync::{Arc, PoisonError, RwLock};

pub(super) struct MaildirBody {
    folder: Arc<Folder>,
    uid: Uid,
    file: RwLock<Arc<File>>,
    disk: u64,
    len: u64,
    /// Where the file has bare line ends.
    marks: Option<Box<[Mark]>>,
}

/// What opening a message found out about its size on the wire, if that is news.
pub(super) struct Opened {
    pub(super) body: MaildirBody,
    pub(super) news: Option<u64>,
}

impl MaildirBody {
    /// Measures a file just opened, as far as its name does not say everything.
    pub(super) fn open(
        folder: &Arc<Folder>,
        uid: Uid,
        message: &Message,
        file: File,
    ) -> Result<Opened, Errno> {
        let disk = file.stamp()?.len;
        // A name that is wrong about one size is trusted about none.
        let trusted = name::size_on_disk(&message.base).is_none_or(|size| size == disk);
        let known = message.wire.filter(|wire| trusted && *wire >= disk);
        let (disk, len, marks) = if known == Some(disk) {
            (disk, disk, None)
        } else {
            let Measured { disk, wire, marks } = Measured::read(&file)?;
            (disk, wire, (wire != disk).then_some(marks))
        };
        let body = Self {
            folder: Arc::clone(folder),
            uid,
            file: RwLock::new(Arc::new(file)),
            disk,
            len,
            marks,
        };
        let news = (message.wire != Some(len)).then_some(len);
        Ok(Opened { body, news })
    }

    fn file(&self) -> Arc<File> {
        Arc::clone(&self.file.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn read(&self, file: &File, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        match &self.marks {
            None => file.read_at(offset, buffer),
            Some(marks) => read_wire(marks, offset, buffer, |at, piece| {
                file.read_at(at, piece).map(Some)
            })
            .map(|read| read.unwrap_or(0)),
        }
    }

    /// Opens the file again where the server of the volume has forgotten it; it must be as long.
    fn open_again(&self) -> Result<Arc<File>, Errno> {
        let file = files::open_again(&self.folder, self.uid)?;
        if file.stamp()?.len != self.disk {
            return Err(Errno::STALE);
        }
        let file = Arc::new(file);
        *self.file.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&file);
        Ok(file)
    }

    /// As much of the buffer as there is before the end.
    fn limit(&self, offset: u64, buffer: usize) -> usize {
        let left = self.len.saturating_sub(offset);
        usize::try_from(left).map_or(buffer, |left| left.min(buffer))
    }
}

impl Body for MaildirBody {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, BodyLost> {
        let want = self.limit(offset, buffer.len());
        let buffer = &mut buffer[..want];
        let read = match self.read(&self.file(), offset, buffer) {
            Err(Errno::STALE) => self
                .open_again()
                .and_then(|file| self.read(&file, offset, buffer)),
            other => other,
        };
        match read {
            Ok(read) if read == want => Ok(read),
            Ok(read) => Err(too_short(offset + read as u64)),
            Err(errno) => Err(lost(offset, errno)),
        }
    }

    fn try_read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<Option<usize>, BodyLost> {
        let want = self.limit(offset, buffer.len());
        if want == 0 {
            return Ok(Some(0));
        }
        let buffer = &mut buffer[..want];
        let file = self.file();
        let read = match &self.marks {
            None => file.try_read_at(offset, buffer),
            Some(marks) => read_wire(marks, offset, buffer, |at, piece| {
                file.try_read_at(at, piece)
            }),
        };
        match read {
            Ok(Some(0)) => Err(too_short(offset)),
            // Opening it again may block.
            Err(Errno::STALE) => Ok(None),
            Ok(read) => Ok(read),
            Err(errno) => Err(lost(offset, errno)),
        }
    }
}

fn lost(offset: u64, errno: Errno) -> BodyLost {
    BodyLost {
        offset,
        source: Box::new(std::io::Error::from(errno)),
    }
}

fn too_short(offset: u64) -> BodyLost {
    BodyLost {
        offset,
        source: "the file is shorter than it was when it was opened".into(),
    }
}
