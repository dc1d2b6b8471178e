//! Mail as it lies on the disk, looked at from outside.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder with `cur`, `new` and `tmp`.
#[derive(Debug, Clone)]
pub(crate) struct Maildir(pub(crate) PathBuf);

impl Maildir {
    /// A mailbox of this name beside INBOX (Maildir++).
    pub(crate) fn folder(&self, name: &str) -> Self {
        Self(self.0.join(format!(".{name}")))
    }

    /// Delivers a message as a delivery agent does: written in `tmp`, moved to `new`.
    pub(crate) fn deliver(&self, message: &[u8]) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("1700000000.M{number}P{}.outside", std::process::id());
        let tmp = self.0.join("tmp").join(&name);
        fs::write(&tmp, message).unwrap();
        fs::rename(tmp, self.0.join("new").join(&name)).unwrap();
        name
    }

    /// Every message file by its base name.
    pub(crate) fn files(&self) -> BTreeMap<String, PathBuf> {
        let mut files = BTreeMap::new();
        for folder in ["new", "cur"] {
            for entry in fs::read_dir(self.0.join(folder)).unwrap() {
                let Ok(entry) = entry else { continue };
                let name = entry.file_name().into_string().unwrap();
                let base = name.split(':').next().unwrap().to_owned();
                files.insert(base, entry.path());
            }
        }
        files
    }

    /// What the uidlist says, in its order: UID and base name.
    pub(crate) fn uids(&self) -> Vec<(u32, String)> {
        let text = fs::read_to_string(self.0.join("dovecot-uidlist")).unwrap_or_default();
        text.lines()
            .skip(1)
            .filter_map(|line| {
                let (head, name) = line.split_once(" :")?;
                let uid = head.split(' ').next()?.parse().ok()?;
                Some((uid, name.split(':').next()?.to_owned()))
            })
            .collect()
    }

    /// The messages that are there, by ascending UID, as they must go over the wire.
    pub(crate) fn messages(&self) -> Vec<(u32, Vec<u8>)> {
        let files = self.files();
        self.uids()
            .into_iter()
            .filter_map(|(uid, base)| {
                let bytes = fs::read(files.get(&base)?).ok()?;
                Some((uid, wire_bytes(&bytes)))
            })
            .collect()
    }
}

/// A file's bytes with every bare LF made CRLF.
fn wire_bytes(file: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(file.len());
    for (index, byte) in file.iter().enumerate() {
        if *byte == b'\n' && (index == 0 || file[index - 1] != b'\r') {
            wire.push(b'\r');
        }
        wire.push(*byte);
    }
    wire
}
