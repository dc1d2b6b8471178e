//! An open regular file.

use super::Errno;
use rustix::fs::{Stat, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::io::ReadWriteFlags;
use std::fs::TryLockError;
use std::io::{IoSliceMut, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

/// What a file holds, read whole, and which file that was.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) stamp: Stamp,
}

/// Which file: two with the same are one, as long as one of them is held open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

/// A file or directory at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) identity: Identity,
    pub(crate) len: u64,
    pub(crate) links: u64,
    /// Last change of the content: seconds since 1970 and nanoseconds.
    pub(crate) modified: (i64, u32),
    /// Last change of content, name count or attributes.
    pub(crate) changed: (i64, u32),
}

impl Stamp {
    pub(super) fn of(stat: &Stat) -> Self {
        let nanos = |n| u32::try_from(n).unwrap_or(0);
        #[allow(
            clippy::unnecessary_cast,
            clippy::useless_conversion,
            reason = "the width of these fields differs between architectures"
        )]
        Self {
            identity: Identity {
                device: stat.st_dev as u64,
                inode: stat.st_ino as u64,
            },
            len: u64::try_from(stat.st_size).unwrap_or(0),
            links: stat.st_nlink as u64,
            modified: (stat.st_mtime as i64, nanos(stat.st_mtime_nsec)),
            changed: (stat.st_ctime as i64, nanos(stat.st_ctime_nsec)),
        }
    }
}

#[derive(Debug)]
pub(crate) struct File(std::fs::File);

impl File {
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self(fd.into())
    }

    pub(crate) fn stamp(&self) -> Result<Stamp, Errno> {
        rustix::fs::fstat(&self.0).map(|stat| Stamp::of(&stat))
    }

    /// Reads from an offset until the buffer is full or the file ends.
    pub(crate) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self
                .0
                .read_at(&mut buffer[filled..], offset + filled as u64)
            {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(errno(&e)),
            }
        }
        Ok(filled)
    }

    /// Reads what the page cache has at an offset; `None` when it has nothing or the file system cannot
    /// tell. Zero only at the end.
    pub(crate) fn try_read_at(
        &self,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<Option<usize>, Errno> {
        let mut slices = [IoSliceMut::new(buffer)];
        loop {
            match rustix::io::preadv2(&self.0, &mut slices, offset, ReadWriteFlags::NOWAIT) {
                Ok(read) => return Ok(Some(read)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                    return Ok(None);
                }
                Err(errno) => return Err(errno),
            }
        }
    }

    /// The rest of the file from an offset.
    pub(crate) fn read_from(&self, offset: u64) -> Result<Vec<u8>, Errno> {
        let len = self.stamp()?.len.saturating_sub(offset);
        let mut bytes = vec![0; usize::try_from(len).map_err(|_| Errno::FBIG)?];
        let read = self.read_at(offset, &mut bytes)?;
        bytes.truncate(read);
        Ok(bytes)
    }

    /// Writes where the last write ended.
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        self.0.write_all(bytes).map_err(|e| errno(&e))
    }

    /// Writes at an offset; fails with what is written in part when the volume is full.
    pub(crate) fn write_all_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.0.write_all_at(bytes, offset).map_err(|e| errno(&e))
    }

    pub(crate) fn truncate(&self, len: u64) -> Result<(), Errno> {
        rustix::fs::ftruncate(&self.0, len)
    }

    /// Brings the content and the size to the disk.
    pub(crate) fn sync(&self) -> Result<(), Errno> {
        rustix::fs::fdatasync(&self.0)
    }

    /// Brings everything of the file to the disk, its times included.
    pub(crate) fn sync_all(&self) -> Result<(), Errno> {
        rustix::fs::fsync(&self.0)
    }

    /// Sets the time of last modification.
    pub(crate) fn set_modified(&self, unix_secs: i64) -> Result<(), Errno> {
        self.set_times(Timespec {
            tv_sec: unix_secs,
            tv_nsec: 0,
        })
    }

    /// Sets the time of last modification to now, by the clock of the volume.
    pub(crate) fn touch(&self) -> Result<(), Errno> {
        self.set_times(Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        })
    }

    fn set_times(&self, last_modification: Timespec) -> Result<(), Errno> {
        let last_access = Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        };
        let times = Timestamps {
            last_access,
            last_modification,
        };
        rustix::fs::futimens(&self.0, &times)
    }

    /// Takes the exclusive lock (flock) if nobody holds it; it goes with the file.
    pub(crate) fn try_lock(&self) -> Result<bool, Errno> {
        match self.0.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(e)) => Err(errno(&e)),
        }
    }

    /// The whole content, and the file it came from.
    pub(super) fn into_content(mut self, limit: u64) -> Result<Content, Errno> {
        let stamp = self.stamp()?;
        if stamp.len > limit {
            return Err(Errno::FBIG);
        }
        let mut bytes = Vec::new();
        let most = limit.saturating_add(1);
        (&mut self.0)
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(|e| errno(&e))?;
        if bytes.len() as u64 > limit {
            return Err(Errno::FBIG);
        }
        Ok(Content { bytes, stamp })
    }
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
