//! What was written for a server: here a folder with a file for each object, on a cluster the API server.

use crate::reconcile::Object;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

type Key = (&'static str, String);

/// All objects that were written.
#[derive(Debug)]
pub struct Objects {
    directory: PathBuf,
    objects: BTreeMap<Key, Object>,
}

impl Objects {
    /// Reads what an earlier run wrote. What cannot be read counts as absent, as if somebody had deleted it.
    pub fn open(directory: PathBuf) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)?;
        let mut objects = BTreeMap::new();
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if let Some(object) = read(&path) {
                objects.insert(key(&object), object);
            } else {
                tracing::warn!(path = %path.display(), "left out, since it is no object");
            }
        }
        Ok(Self { directory, objects })
    }

    /// Every object.
    pub fn all(&self) -> Vec<Object> {
        self.objects.values().cloned().collect()
    }

    /// Writes objects, in their order.
    pub fn write(&mut self, changed: &[&Object]) -> io::Result<()> {
        for object in changed {
            let text = serde_json::to_vec(object).map_err(io::Error::other)?;
            let path = self.path(object);
            let next = path.with_extension("next");
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&next)?;
            file.write_all(&text)?;
            fs::rename(next, path)?;
            self.objects.insert(key(object), (*object).clone());
        }
        Ok(())
    }

    /// Deletes what none of these uids controls, as the garbage collector does when an owner is gone.
    pub fn keep_controlled_by(&mut self, uids: &BTreeSet<String>) -> io::Result<()> {
        let gone: Vec<Object> = self
            .all()
            .into_iter()
            .filter(|object| !uids.iter().any(|uid| object.is_controlled_by(uid)))
            .collect();
        for object in gone {
            fs::remove_file(self.path(&object))?;
            self.objects.remove(&key(&object));
        }
        Ok(())
    }

    fn path(&self, object: &Object) -> PathBuf {
        let (kind, name) = object.key();
        self.directory.join(format!("{kind}.{name}.json"))
    }
}

fn key(object: &Object) -> Key {
    let (kind, name) = object.key();
    (kind, name.to_owned())
}

fn read(path: &Path) -> Option<Object> {
    let value: Value = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    Object::from_value(value)
}
