//! An open directory: what is in it, by name.

use super::file::{Content, File, Stamp};
use super::{BENEATH, Errno, Kind};
use rustix::fs::{Access, AtFlags, FileType, Mode, OFlags};
use std::os::fd::OwnedFd;

const DIRECTORY: OFlags = OFlags::DIRECTORY
    .union(OFlags::RDONLY)
    .union(OFlags::CLOEXEC);
/// A FIFO must not make us wait; it is refused right after.
const FILE: OFlags = OFlags::CLOEXEC
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);
/// How often an open is tried again that met a replaced file.
const STALE_TRIES: usize = 10;
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);
const PRIVATE_DIRECTORY: Mode = Mode::RWXU;

/// What an entry of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    Directory,
    File,
    /// A link, socket or the like: never touched.
    Other,
}

#[derive(Debug)]
pub(crate) struct Dir(OwnedFd);

impl Dir {
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    pub(crate) fn open_dir(&self, name: &[u8]) -> Result<Self, Errno> {
        check_name(name)?;
        open(self, name, DIRECTORY, Mode::empty()).map(Self)
    }

    pub(super) fn open_dir_below(&self, path: &str) -> Result<Self, Errno> {
        open(self, path.as_bytes(), DIRECTORY, Mode::empty()).map(Self)
    }

    /// Opens a regular file for reading.
    pub(crate) fn open_file(&self, name: &[u8]) -> Result<File, Errno> {
        self.open_regular(name, OFlags::RDONLY)
    }

    /// Opens a regular file for reading and writing; makes it where there is none.
    pub(crate) fn open_or_create(&self, name: &[u8]) -> Result<File, Errno> {
        self.open_regular(name, OFlags::RDWR | OFlags::CREATE)
    }

    /// Opens a regular file for reading and writing.
    pub(crate) fn open_for_writing(&self, name: &[u8]) -> Result<File, Errno> {
        self.open_regular(name, OFlags::RDWR)
    }

    /// Makes a file that must not be there yet.
    pub(crate) fn create_new(&self, name: &[u8]) -> Result<File, Errno> {
        self.open_regular(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL)
    }

    fn open_regular(&self, name: &[u8], flags: OFlags) -> Result<File, Errno> {
        check_name(name)?;
        let mode = if flags.contains(OFlags::CREATE) {
            PRIVATE_FILE
        } else {
            Mode::empty()
        };
        let fd = open(self, name, flags | FILE, mode)?;
        let stat = rustix::fs::fstat(&fd)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(File::new(fd)),
            _ => Err(Errno::ISDIR),
        }
    }

    /// Reads a small file whole; a longer one than `limit` is an error.
    pub(crate) fn read(&self, name: &[u8], limit: u64) -> Result<Content, Errno> {
        self.open_file(name)?.into_content(limit)
    }

    /// Makes a directory for ourselves alone.
    pub(crate) fn make_dir(&self, name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        rustix::fs::mkdirat(&self.0, name, PRIVATE_DIRECTORY)
    }

    pub(crate) fn remove_dir(&self, name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)
    }

    pub(crate) fn remove_file(&self, name: &[u8]) -> Result<(), Errno> {
        check_name(name)?;
        rustix::fs::unlinkat(&self.0, name, AtFlags::empty())
    }

    /// Gives an entry another name or place; what has that name is replaced.
    pub(crate) fn rename(&self, from: &[u8], to_dir: &Self, to: &[u8]) -> Result<(), Errno> {
        check_name(from)?;
        check_name(to)?;
        rustix::fs::renameat(&self.0, from, &to_dir.0, to)
    }

    /// Gives a file a second name, which must be free.
    pub(crate) fn link(&self, from: &[u8], to_dir: &Self, to: &[u8]) -> Result<(), Errno> {
        check_name(from)?;
        check_name(to)?;
        rustix::fs::linkat(&self.0, from, &to_dir.0, to, AtFlags::empty())
    }

    /// The regular file of this name; a link counts as absent.
    pub(crate) fn file_stamp(&self, name: &[u8]) -> Result<Stamp, Errno> {
        check_name(name)?;
        let stat = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Ok(Stamp::of(&stat)),
            _ => Err(Errno::NOENT),
        }
    }

    /// What this entry is.
    pub(crate) fn entry_kind(&self, name: &[u8]) -> Result<EntryKind, Errno> {
        check_name(name)?;
        let stat = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(kind_of(FileType::from_raw_mode(stat.st_mode)))
    }

    /// The directory itself.
    pub(crate) fn stamp(&self) -> Result<Stamp, Errno> {
        rustix::fs::fstat(&self.0).map(|stat| Stamp::of(&stat))
    }

    /// Whether this process may change what is in the directory, and the volume lets it.
    pub(crate) fn is_writable(&self) -> Result<bool, Errno> {
        match rustix::fs::accessat(&self.0, c".", Access::WRITE_OK, AtFlags::EACCESS) {
            Ok(()) => Ok(true),
            Err(Errno::ROFS | Errno::ACCESS | Errno::PERM) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Brings names made, changed and removed to the disk.
    pub(crate) fn sync(&self) -> Result<(), Errno> {
        match rustix::fs::fsync(&self.0) {
            // Some file systems cannot sync a directory; there is nothing better to do then.
            Err(Errno::INVAL | Errno::BADF | Errno::OPNOTSUPP) => Ok(()),
            other => other,
        }
    }

    pub(crate) fn kind(&self) -> Result<Kind, Errno> {
        let stat = rustix::fs::fstatfs(&self.0)?;
        #[allow(
            clippy::cast_sign_loss,
            clippy::unnecessary_cast,
            reason = "a magic number, whose type differs between architectures"
        )]
        Ok(Kind::of(stat.f_type as u64))
    }

    /// Calls `see` with the name and kind of each entry but `.` and `..`.
    pub(crate) fn list(&self, mut see: impl FnMut(&[u8], EntryKind)) -> Result<(), Errno> {
        // A fresh descriptor: one's position in a directory is shared by all that use it.
        let fd = rustix::fs::openat(&self.0, ".", DIRECTORY, Mode::empty())?;
        let mut entries = rustix::fs::Dir::new(fd)?;
        while let Some(entry) = entries.read() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name == b"." || name == b".." {
                continue;
            }
            let kind = match entry.file_type() {
                // The file system does not say.
                FileType::Unknown => match self.entry_kind(name) {
                    Ok(kind) => kind,
                    Err(Errno::NOENT) => continue,
                    Err(errno) => return Err(errno),
                },
                known => kind_of(known),
            };
            see(name, kind);
        }
        Ok(())
    }
}

fn kind_of(file_type: FileType) -> EntryKind {
    match file_type {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        _ => EntryKind::Other,
    }
}

fn open(dir: &Dir, path: &[u8], flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    let mut stale = 0;
    loop {
        match rustix::fs::openat2(&dir.0, path, flags, mode, BENEATH) {
            // A rename or mount elsewhere came in between (openat2(2)).
            Err(Errno::AGAIN | Errno::INTR) => {}
            // A network file system remembered a file that was replaced; asked again it knows better.
            Err(Errno::STALE) if stale < STALE_TRIES => stale += 1,
            other => return other,
        }
    }
}

fn check_name(name: &[u8]) -> Result<(), Errno> {
    if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') {
        return Err(Errno::INVAL);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Volume;
    use super::{Dir, EntryKind, Errno};
    use std::os::unix::fs::symlink;

    fn root() -> (tempfile::TempDir, Dir) {
        let temp = tempfile::tempdir().unwrap();
        let dir = Volume::new(temp.path(), None).open_root().unwrap();
        (temp, dir)
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        let (temp, dir) = root();
        std::fs::write(temp.path().join("file"), "x").unwrap();
        for name in ["", ".", "..", "../file", "a/b", "/etc/passwd"] {
            assert_eq!(
                dir.open_file(name.as_bytes()).unwrap_err(),
                Errno::INVAL,
                "{name}"
            );
            assert_eq!(
                dir.remove_file(name.as_bytes()).unwrap_err(),
                Errno::INVAL,
                "{name}"
            );
        }
        assert!(dir.open_dir_below("../x").is_err());
        assert!(dir.open_file(b"file").is_ok());
    }

    #[test]
    fn a_link_is_followed_nowhere() {
        let (temp, dir) = root();
        std::fs::write(temp.path().join("file"), "x").unwrap();
        std::fs::create_dir(temp.path().join("dir")).unwrap();
        symlink(temp.path().join("file"), temp.path().join("link")).unwrap();
        symlink(temp.path().join("dir"), temp.path().join("linked")).unwrap();
        assert_eq!(dir.open_file(b"link").unwrap_err(), Errno::LOOP);
        assert_eq!(dir.open_dir(b"linked").unwrap_err(), Errno::LOOP);
        assert_eq!(dir.file_stamp(b"link").unwrap_err(), Errno::NOENT);
        assert_eq!(dir.entry_kind(b"link").unwrap(), EntryKind::Other);
        assert!(dir.open_dir_below("linked").is_err());
    }

    #[test]
    fn only_a_regular_file_is_opened_and_none_is_waited_for() {
        let (temp, dir) = root();
        let fifo = temp.path().join("fifo");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&fifo)
                .status()
                .unwrap()
                .success()
        );
        assert!(dir.open_file(b"fifo").is_err());
        assert!(dir.open_for_writing(b"fifo").is_err());
    }
}
