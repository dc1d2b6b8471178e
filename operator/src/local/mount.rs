//! A directory as a kubelet mounts a projected volume, byte for byte:
//!
//! ```text
//! ..2026_11_24_12_00_00.123456789/settings-v1     the files of one moment
//! ..data -> ..2026_11_24_12_00_00.123456789       swapped by one rename
//! settings-v1 -> ..data/settings-v1               what a pod opens
//! ```

use k8s_openapi::jiff::Timestamp;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

const DATA: &str = "..data";
const NEXT: &str = "..data_tmp";

/// A mounted directory.
#[derive(Debug)]
pub struct Mount {
    directory: PathBuf,
}

impl Mount {
    /// The directory, made if it is not there. Nobody but its owner may look in: there are keys in it.
    pub fn open(directory: PathBuf) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)?;
        Ok(Self { directory })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// Shows these files instead of those before, all in one moment. Files that are the same already are
    /// left alone.
    pub fn show(&self, files: &BTreeMap<String, Vec<u8>>, now: Timestamp) -> io::Result<()> {
        if self.shows(files) {
            return Ok(());
        }
        let before = fs::read_link(self.directory.join(DATA)).ok();
        let moment = now.strftime("..%Y_%m_%d_%H_%M_%S.%9f").to_string();
        let next = self.directory.join(&moment);
        DirBuilder::new().mode(0o700).create(&next)?;
        for (name, bytes) in files {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o400)
                .open(next.join(name))?
                .write_all(bytes)?;
        }
        let link = self.directory.join(NEXT);
        match fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => symlink(&moment, &link)?,
        }
        fs::rename(link, self.directory.join(DATA))?;
        self.link_files(files)?;
        if let Some(before) = before
            && before.as_os_str() != moment.as_str()
        {
            remove_if_there(&self.directory.join(before))?;
        }
        Ok(())
    }

    fn shows(&self, files: &BTreeMap<String, Vec<u8>>) -> bool {
        let data = self.directory.join(DATA);
        let Ok(entries) = fs::read_dir(&data) else {
            return false;
        };
        entries.count() == files.len()
            && files
                .iter()
                .all(|(name, bytes)| fs::read(data.join(name)).is_ok_and(|file| file == *bytes))
    }

    fn link_files(&self, files: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
        for name in files.keys() {
            let link = self.directory.join(name);
            if fs::symlink_metadata(&link).is_err() {
                symlink(Path::new(DATA).join(name), link)?;
            }
        }
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if !name.starts_with("..") && !files.contains_key(name.as_ref()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn remove_if_there(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(list: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
        list.iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
            .collect()
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + secs).unwrap()
    }

    #[test]
    fn files_are_links_through_data_and_change_together() {
        let directory = tempfile::tempdir().unwrap();
        let mount = Mount::open(directory.path().join("documents")).unwrap();
        mount
            .show(&files(&[("a", "1"), ("b", "1")]), at(0))
            .unwrap();
        let read = |name: &str| fs::read_to_string(mount.path().join(name));
        assert_eq!(read("a").unwrap(), "1");
        let link = fs::read_link(mount.path().join("a")).unwrap();
        assert_eq!(link, Path::new("..data/a"));

        mount
            .show(&files(&[("a", "2"), ("c", "2")]), at(1))
            .unwrap();
        assert_eq!(read("a").unwrap(), "2");
        assert_eq!(read("c").unwrap(), "2");
        assert!(read("b").is_err());
        let moments = fs::read_dir(mount.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_dir());
        assert_eq!(moments.count(), 1, "the files of earlier moments are gone");
    }

    #[test]
    fn nothing_is_written_when_nothing_changed() {
        let directory = tempfile::tempdir().unwrap();
        let mount = Mount::open(directory.path().to_owned()).unwrap();
        mount.show(&files(&[("a", "1")]), at(0)).unwrap();
        let before = fs::read_link(directory.path().join(DATA)).unwrap();
        mount.show(&files(&[("a", "1")]), at(9)).unwrap();
        assert_eq!(fs::read_link(directory.path().join(DATA)).unwrap(), before);
    }

    #[test]
    fn what_a_killed_process_left_half_done_is_finished() {
        let directory = tempfile::tempdir().unwrap();
        symlink("..nowhere", directory.path().join(NEXT)).unwrap();
        symlink("..gone", directory.path().join(DATA)).unwrap();
        let mount = Mount::open(directory.path().to_owned()).unwrap();
        mount.show(&files(&[("a", "1")]), at(0)).unwrap();
        assert_eq!(fs::read(directory.path().join("a")).unwrap(), b"1");
    }
}
