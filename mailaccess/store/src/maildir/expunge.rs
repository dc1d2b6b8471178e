//! EXPUNGE: the files go; their lines in the uidlist mean nothing any more, and stay until it is written
//! anew.

use super::folder::{Folder, Held};
use super::sync::{self, NewFiles};
use crate::volume::{Attempt, Errno, FaultPoint};
use mailaccess_mail::store::{ErrorKind, Expunge, StoreError};
use mailaccess_mail::{Flags, SystemFlag, Uid};
use std::collections::BTreeSet;

pub(super) fn expunge(folder: &Folder, which: Expunge<'_>) -> Result<Vec<Uid>, StoreError> {
    let mut held = folder.hold()?;
    let volume = &folder.inner.volume;
    volume.reach(FaultPoint::ExpungeLocked);
    if held.current {
        sync::read_files(&mut held)?;
    } else {
        sync::sync(&mut held, NewFiles::Leave)?;
    }
    held.check()?;
    let mut removed = Vec::new();
    for uid in condemned(&held, which) {
        held.keep();
        if remove(&mut held, uid, which)? {
            removed.push(uid);
            volume.reach(FaultPoint::ExpungeRemoved);
        }
    }
    volume.reach(FaultPoint::ExpungeAllRemoved);
    let mut state = folder.state();
    if !removed.is_empty() {
        state.index.next_modseq();
    }
    held.hints.0 = state.hints();
    drop(state);
    sync::compact(&mut held);
    held.adopt()?;
    Ok(removed)
}

fn condemned(held: &Held<'_>, which: Expunge<'_>) -> BTreeSet<Uid> {
    let state = held.folder.state();
    let here = |uid: &Uid| applies(state.index.entry(*uid).map(|entry| &entry.flags), which);
    match which {
        Expunge::Deleted => state
            .index
            .iter()
            .map(|(uid, _)| uid)
            .filter(here)
            .collect(),
        Expunge::DeletedAmong(uids) | Expunge::These(uids) => {
            uids.iter().copied().filter(here).collect()
        }
    }
}

fn applies(flags: Option<&Flags>, which: Expunge<'_>) -> bool {
    match (flags, which) {
        (None, _) => false,
        (Some(_), Expunge::These(_)) => true,
        (Some(flags), _) => flags.has(SystemFlag::Deleted),
    }
}

/// Removes a message as long as it is to be removed by its name on disk; says whether this call did.
fn remove(held: &mut Held<'_>, uid: Uid, which: Expunge<'_>) -> Result<bool, StoreError> {
    for _ in 0..5 {
        let found = {
            let state = held.folder.state();
            let entry = state.index.entry(uid);
            entry
                .filter(|entry| applies(Some(&entry.flags), which))
                .map(|entry| (entry.message.place, entry.message.name()))
        };
        let Some((place, file)) = found else {
            return Ok(false);
        };
        match held.dirs.place(place).remove_file(&file) {
            Ok(()) => {
                held.folder.state().index.expunge(uid);
                held.list_mut()?.remove(uid);
                return Ok(true);
            }
            // It has other flags now, or somebody removed it.
            Err(Errno::NOENT) => sync::sync(held, NewFiles::Leave)?,
            Err(errno) => return Err(errno).attempt(|| "remove a message".to_owned()),
        }
    }
    Err(StoreError::new(
        ErrorKind::Unavailable,
        "find a message whose file moves all the time",
    ))
}
