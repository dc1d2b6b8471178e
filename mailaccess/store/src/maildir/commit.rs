//! How new messages come into a folder, for APPEND and COPY alike: they lie complete in `tmp/`, one
//! write of the uidlist makes all of them messages, and then they go where they belong. Whoever comes
//! after a crash finds either no UID, and leaves the files to be swept, or every UID, and finishes.

use super::dirs::Place;
use super::folder::{Folder, Held, Life};
use super::keywords::{self, Learnt};
use super::message::Message;
use super::name::{self, Letters};
use super::sync::{self, NewFiles};
use super::uidlist::Record;
use super::{dirs::KEYWORDS, sweep};
use crate::index::Entry;
use crate::volume::{Attempt, Dir, Errno, FaultPoint};
use mailaccess_mail::store::{ErrorKind, StoreError};
use mailaccess_mail::{Flags, Keyword, Uid, UidValidity};
use std::sync::Arc;

/// A complete file in `tmp/`, removed when it does not become a message.
#[derive(Debug)]
pub(super) struct Staged {
    tmp: Arc<Dir>,
    /// What it is called in `tmp/` now; none once it belongs to the folder.
    file: Option<Vec<u8>>,
    /// The base name that it will have.
    pub(super) base: Arc<[u8]>,
    pub(super) flags: Flags,
}

impl Staged {
    pub(super) fn new(tmp: Arc<Dir>, file: Vec<u8>, base: Arc<[u8]>, flags: Flags) -> Self {
        Self {
            tmp,
            file: Some(file),
            base,
            flags,
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(file) = &self.file
            && let Err(error) = self.tmp.remove_file(file)
        {
            tracing::debug!(%error, "a file stays in tmp until it is swept");
        }
    }
}

/// The fault points on the way.
pub(super) struct Points {
    pub(super) locked: FaultPoint,
    pub(super) named: FaultPoint,
    pub(super) listed: FaultPoint,
    pub(super) moved: FaultPoint,
    pub(super) settled: FaultPoint,
}

/// What came of it.
pub(super) struct Committed {
    pub(super) uid_validity: UidValidity,
    pub(super) uids: Vec<Uid>,
}

/// Makes all of them messages of the folder, or none.
pub(super) fn commit(
    folder: &Folder,
    mut staged: Vec<Staged>,
    points: &Points,
) -> Result<Committed, StoreError> {
    let volume = &folder.inner.volume;
    let mut held = folder.hold()?;
    volume.reach(points.locked);
    // Sessions are told of UIDs in ascending order: what others added comes first.
    let read = folder.state().life == Life::Read;
    if read && !held.current {
        sync::sync(&mut held, NewFiles::Leave)?;
    } else {
        sync::read_files(&mut held)?;
    }
    let letters = learn(&mut held, staged.iter().map(|message| &message.flags))?;
    let files = name_all(&held, &mut staged, &letters)?;
    volume.reach(points.named);
    let bases: Vec<_> = staged
        .iter()
        .map(|message| Arc::clone(&message.base))
        .collect();
    let records = held.list()?.assign(&bases)?;
    held.check()?;
    let folder_dir = Arc::clone(&held.dirs.folder);
    held.list_mut()?
        .commit(volume, &folder_dir, records.clone())?;
    for message in &mut staged {
        message.file = None;
    }
    volume.reach(points.listed);
    let settled = sweep::settle(&held, &files, points.moved);
    volume.reach(points.settled);
    let committed = Committed {
        uid_validity: held.list()?.uid_validity(),
        uids: records.iter().map(|record| record.uid).collect(),
    };
    if !settled {
        // The next look at the folder finishes it.
        held.current = false;
        folder.state().seen = None;
    }
    show(&mut held, &records, &files);
    Ok(committed)
}

/// Gives every keyword of these flags a letter, on disk; gives the letters of each.
pub(super) fn learn<'a>(
    held: &mut Held<'_>,
    all: impl Iterator<Item = &'a Flags> + Clone,
) -> Result<Vec<Letters>, StoreError> {
    let keywords: Vec<Keyword> = all
        .clone()
        .flat_map(|flags| flags.keywords().iter().cloned())
        .collect();
    teach(held, &keywords)?;
    all.map(|flags| {
        held.disk
            .keywords
            .letters(flags, Letters::default())
            .ok_or_else(|| StoreError::new(ErrorKind::ServerBug, "find the letter of a keyword"))
    })
    .collect()
}

/// Gives every one of these keywords a letter, on disk.
pub(super) fn teach(held: &mut Held<'_>, keywords: &[Keyword]) -> Result<(), StoreError> {
    if keywords.is_empty() {
        return Ok(());
    }
    let used = held.folder.state().letters_in_use();
    let mut learnt = held.disk.keywords.clone();
    let news = learnt
        .learn(keywords, used)
        .map_err(|why| StoreError::caused(ErrorKind::Limit, "take a new keyword", why))?;
    if news == Learnt::Something {
        held.check()?;
        let version =
            write_keywords(held, &learnt.write()).attempt(|| "write keywords".to_owned())?;
        held.disk.keywords = learnt.clone();
        held.disk.keywords_version = Some(version);
        // Else the next reading compares what readers know with what is on disk.
        if held.current {
            held.folder.state().keywords = learnt;
        }
    }
    Ok(())
}

/// Replaces the file of keywords; its time grows with each writing, since readers go by it.
fn write_keywords(held: &Held<'_>, bytes: &[u8]) -> Result<keywords::Version, Errno> {
    const TEMPORARY: &[u8] = b"dovecot-keywords.lock";
    let folder = &held.dirs.folder;
    let before = match folder.file_stamp(KEYWORDS) {
        Ok(stamp) => Some(stamp.modified.0),
        Err(Errno::NOENT) => None,
        Err(errno) => return Err(errno),
    };
    match folder.remove_file(TEMPORARY) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    let mut file = folder.create_new(TEMPORARY)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync())
        .and_then(|()| {
            let now = file.stamp()?.modified.0;
            match before {
                Some(before) if now <= before => file.set_modified(before.saturating_add(1)),
                _ => Ok(()),
            }
        });
    held.folder.inner.volume.reach(FaultPoint::KeywordsWritten);
    let replaced = written.and_then(|()| folder.rename(TEMPORARY, folder, KEYWORDS));
    if let Err(errno) = replaced {
        // It takes room that is needed elsewhere.
        let _ = folder.remove_file(TEMPORARY);
        return Err(errno);
    }
    folder.sync()?;
    Ok(keywords::version(&file.stamp()?))
}

/// Gives the files in `tmp/` the names that they will have as messages, flags included.
fn name_all(
    held: &Held<'_>,
    staged: &mut [Staged],
    letters: &[Letters],
) -> Result<Vec<Vec<u8>>, StoreError> {
    let attempt = || "name a new message".to_owned();
    let here = held.dirs.tmp.stamp().attempt(attempt)?.identity;
    let mut files = Vec::with_capacity(staged.len());
    for (message, letters) in staged.iter_mut().zip(letters) {
        held.keep();
        if message.tmp.stamp().attempt(attempt)?.identity != here {
            held.folder.end();
            return Err(StoreError::new(ErrorKind::NonExistent, attempt()));
        }
        let name = if letters.is_empty() {
            message.base.to_vec()
        } else {
            name::with_letters(&message.base, *letters)
        };
        if !name::fits(&name) {
            return Err(StoreError::new(ErrorKind::Limit, attempt()));
        }
        if let Some(file) = &mut message.file {
            message
                .tmp
                .rename(file, &message.tmp, &name)
                .attempt(attempt)?;
            file.clone_from(&name);
        }
        files.push(name);
    }
    Ok(files)
}

/// Shows the new messages to the sessions of this process.
fn show(held: &mut Held<'_>, records: &[Record], files: &[Vec<u8>]) {
    if !held.current {
        return;
    }
    let keywords = held.disk.keywords.clone();
    let mut state = held.folder.state();
    let modseq = state.index.next_modseq();
    for (record, file) in records.iter().zip(files) {
        let place = sweep::place_of(file);
        let message = Message::new(record, place, name::suffix(file).into());
        let flags = keywords.flags(message.letters());
        let entry = Entry {
            flags,
            modseq,
            message,
        };
        state.index.append(record.uid, entry);
        // One in `new/` is recent to whoever moves it.
        if place == Place::Cur {
            state.index.make_recent(record.uid);
        }
    }
    if let Some(list) = &held.disk.list {
        state.next = list.next();
    }
    held.hints.0 = state.hints();
    drop(state);
    if let Err(error) = held.adopt() {
        tracing::debug!(%error, "a folder is read again after a commit");
    }
}
