//! Which files of a directory count: those that `kubectl apply -f DIR` takes.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// More than any manifest that people write.
const FILE_LIMIT: u64 = 32 << 20;

/// A file that may hold objects.
#[derive(Debug)]
pub struct SourceFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its text, or why there is none.
    pub text: io::Result<String>,
}

impl SourceFile {
    /// Whether nothing is written in it.
    pub fn is_blank(&self) -> bool {
        self.text.as_ref().is_ok_and(|text| text.trim().is_empty())
    }
}

/// Where an object stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// In which file.
    pub file: PathBuf,
    /// In which line its document begins, counted from one.
    pub line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// Reads every `.yaml`, `.yml` and `.json` file of a directory, in the order of their names; folders in it
/// are left out, as kubectl leaves them out.
pub fn read_directory(directory: &Path) -> io::Result<Vec<SourceFile>> {
    Ok(manifests(directory)?
        .into_iter()
        .map(|path| SourceFile {
            text: read(&path),
            path,
        })
        .collect())
}

/// Their paths alone.
pub fn manifests(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    paths.retain(|path| is_manifest(path));
    paths.sort();
    Ok(paths)
}

/// Editors' own copies begin with a dot.
fn is_manifest(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let known = path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"]
            .iter()
            .any(|known| extension == *known)
    });
    known && !hidden && path.is_file()
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > FILE_LIMIT {
        let message = format!("the file is larger than {FILE_LIMIT} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_manifests_of_the_directory_itself_are_read_in_order() {
        let directory = tempfile::tempdir().unwrap();
        for name in [
            "b.yml",
            "a.yaml",
            ".a.yaml.swp",
            ".hidden.yaml",
            "notes.txt",
            "c.json",
        ] {
            fs::write(directory.path().join(name), name).unwrap();
        }
        fs::create_dir(directory.path().join("d.yaml")).unwrap();
        let read = read_directory(directory.path()).unwrap();
        let names: Vec<String> = read.into_iter().map(|file| file.text.unwrap()).collect();
        assert_eq!(names, ["a.yaml", "b.yml", "c.json"]);
    }
}
