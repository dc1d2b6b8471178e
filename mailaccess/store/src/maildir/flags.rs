//! STORE: flags are letters of file names. A change is applied to the letters found at that moment, so
//! that two writers merge; the name on disk, not the one remembered, is the truth.

use super::commit;
use super::dirs::Place;
use super::folder::{Folder, Held};
use super::name::{self, Letters};
use super::sync::{self, NewFiles};
use crate::volume::{Attempt, Errno, FaultPoint};
use mailaccess_mail::store::{ErrorKind, Row, StoreError, Stored};
use mailaccess_mail::{FlagChange, Flags, Keyword, ModSeq, Uid};

/// What STORE asks.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) uids: &'a [Uid],
    pub(super) change: &'a FlagChange,
    pub(super) unchanged_since: Option<ModSeq>,
}

pub(super) fn store(folder: &Folder, asked: Asked<'_>) -> Result<Vec<Stored>, StoreError> {
    let mut held = folder.hold()?;
    let volume = &folder.inner.volume;
    volume.reach(FaultPoint::StoreLocked);
    // Whether something changed since is only known when everything is.
    if asked.unchanged_since.is_some() && !held.current {
        sync::sync(&mut held, NewFiles::Leave)?;
    } else {
        sync::read_files(&mut held)?;
    }
    let keywords: &[Keyword] = match asked.change {
        FlagChange::Add(flags) | FlagChange::Replace(flags) => flags.keywords(),
        FlagChange::Remove(_) => &[],
    };
    commit::teach(&mut held, keywords)?;
    volume.reach(FaultPoint::StoreKeywordsWritten);
    held.check()?;
    let modseq = folder.state().index.next_modseq();
    let mut stored = Vec::with_capacity(asked.uids.len());
    for &uid in asked.uids {
        held.keep();
        stored.push(store_one(&mut held, uid, asked, modseq)?);
    }
    volume.reach(FaultPoint::StoreAllRenamed);
    held.adopt()?;
    held.hints.0 = folder.state().hints();
    Ok(stored)
}

fn store_one(
    held: &mut Held<'_>,
    uid: Uid,
    asked: Asked<'_>,
    modseq: ModSeq,
) -> Result<Stored, StoreError> {
    // A file may be renamed by hands that take no lock; each time it is looked for again.
    for _ in 0..5 {
        let Some(before) = look(held, uid) else {
            return Ok(Stored::Gone(uid));
        };
        let unchanged = |limit| before.modseq <= limit || before.modseq == modseq;
        if !asked.unchanged_since.is_none_or(unchanged) {
            return Ok(Stored::Modified(uid));
        }
        let letters = Letters::of(&before.file);
        let flags = held.disk.keywords.flags(letters).changed(asked.change);
        let letters = new_letters(held, &flags, letters)?;
        match rename(held, &before, letters) {
            Ok((place, file)) => {
                held.folder.inner.volume.reach(FaultPoint::StoreRenamed);
                return Ok(note(held, uid, (place, &file), modseq));
            }
            Err(Errno::NOENT) => sync::sync(held, NewFiles::Leave)?,
            Err(errno) => return Err(errno).attempt(|| "change flags".to_owned()),
        }
    }
    Err(StoreError::new(
        ErrorKind::Unavailable,
        "find a message whose file moves all the time",
    ))
}

fn new_letters(held: &Held<'_>, flags: &Flags, old: Letters) -> Result<Letters, StoreError> {
    held.disk
        .keywords
        .letters(flags, old)
        .ok_or_else(|| StoreError::new(ErrorKind::ServerBug, "find the letter of a keyword"))
}

struct Before {
    place: Place,
    file: Vec<u8>,
    modseq: ModSeq,
}

fn look(held: &Held<'_>, uid: Uid) -> Option<Before> {
    let state = held.folder.state();
    state.index.entry(uid).map(|entry| Before {
        place: entry.message.place,
        file: entry.message.name(),
        modseq: entry.modseq,
    })
}

/// Gives the file its new name; where that is the old one it must still have it.
fn rename(held: &Held<'_>, before: &Before, letters: Letters) -> Result<(Place, Vec<u8>), Errno> {
    let dir = held.dirs.place(before.place);
    if letters == Letters::of(&before.file) {
        dir.file_stamp(&before.file)?;
        return Ok((before.place, before.file.clone()));
    }
    let to = name::with_letters(&before.file, letters);
    if !name::fits(&to) {
        return Err(Errno::NAMETOOLONG);
    }
    dir.rename(&before.file, &held.dirs.cur, &to)?;
    Ok((Place::Cur, to))
}

/// Notes the new name; gives the row.
fn note(held: &Held<'_>, uid: Uid, (place, file): (Place, &[u8]), modseq: ModSeq) -> Stored {
    let flags = held.disk.keywords.flags(Letters::of(file));
    let mut state = held.folder.state();
    let was_new = state.index.message_mut(uid).is_some_and(|message| {
        let was_new = message.place == Place::New;
        message.is_now(place, file);
        was_new
    });
    if was_new && place == Place::Cur {
        state.index.make_recent(uid);
    }
    state.index.set_flags(uid, flags, modseq);
    let row: Option<Row> = state.index.row(uid);
    row.map_or(Stored::Gone(uid), Stored::Row)
}
