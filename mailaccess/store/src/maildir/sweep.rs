//! Tidying what others left: commits that were not finished, files nobody wants, and two files that
//! claim to be one message. Only under the lock.

use super::dirs::Place;
use super::folder::Held;
use super::listing::Listing;
use super::name;
use crate::volume::{Attempt, EntryKind, Errno, FaultPoint, Stamp};
use mailaccess_mail::store::StoreError;

/// Files in `tmp/` untouched for so long belong to a program that died (36 hours).
const ABANDONED_SECS: i64 = 36 * 3600;
/// Two names of one file are a move that was not finished when they are this old.
const UNFINISHED_MOVE_SECS: i64 = 30;

/// Moves files of which the uidlist says that they are messages out of `tmp/`: their commit was not
/// finished. Once for each folder and process, what was abandoned there is removed. Says whether a
/// message was moved.
pub(super) fn tidy_temporary(
    held: &mut Held<'_>,
    listing: &mut Listing,
) -> Result<bool, StoreError> {
    let list = held.list()?;
    let waiting = |base: &[u8]| list.uid_of(base).is_some() && !listing.files.contains_key(base);
    if held.disk.swept && !list.records().any(|record| waiting(&record.base)) {
        return Ok(false);
    }
    let mut unfinished = Vec::new();
    let mut others = Vec::new();
    held.dirs
        .tmp
        .list(|file, kind| {
            if kind != EntryKind::File {
            } else if waiting(name::base(file)) {
                unfinished.push(file.to_vec());
            } else {
                others.push(file.to_vec());
            }
        })
        .attempt(|| "read tmp".to_owned())?;
    for file in &unfinished {
        let place = place_of(file);
        let to = held.dirs.place(place);
        held.dirs
            .tmp
            .rename(file, to, file)
            .attempt(|| "finish a commit".to_owned())?;
        listing.insert(place, file, held.list()?);
        tracing::info!("a message whose commit was not finished is put in its place");
    }
    if !held.disk.swept {
        remove_abandoned(held, &others);
        held.disk.swept = true;
    }
    Ok(!unfinished.is_empty())
}

/// Where a message of this name belongs: one without flags is new.
pub(super) fn place_of(file: &[u8]) -> Place {
    if file.contains(&b':') {
        Place::Cur
    } else {
        Place::New
    }
}

fn remove_abandoned(held: &Held<'_>, files: &[Vec<u8>]) {
    let now = held.lock.as_ref().map_or(i64::MIN, |lock| lock.taken().0);
    for file in files {
        let abandoned = match held.dirs.tmp.file_stamp(file) {
            Ok(stamp) => is_abandoned(&stamp, now),
            Err(_) => false,
        };
        if abandoned && let Err(error) = held.dirs.tmp.remove_file(file) {
            tracing::debug!(%error, "cannot remove an abandoned file");
        }
    }
}

/// A file may be dated back; when it was changed last it cannot say wrongly.
fn is_abandoned(stamp: &Stamp, now: i64) -> bool {
    now.saturating_sub(stamp.changed.0) >= ABANDONED_SECS
}

/// Settles files whose base another file has: one file under two names loses one, and of two files the
/// second gets a name of its own. Says whether anything was moved.
pub(super) fn settle_doubles(
    held: &mut Held<'_>,
    listing: &mut Listing,
) -> Result<bool, StoreError> {
    let mut moved = false;
    for (place, file) in std::mem::take(&mut listing.doubles) {
        let base = name::base(&file);
        let Some(first) = listing.files.get(base) else {
            continue;
        };
        let first_name = [base, &*first.suffix].concat();
        let kept = held.dirs.place(first.place).file_stamp(&first_name);
        let double = held.dirs.place(place).file_stamp(&file);
        match (kept, double) {
            // It was renamed while the directories were read.
            (_, Err(Errno::NOENT)) => {}
            (Err(Errno::NOENT), Ok(_)) => listing.insert(place, &file, held.list()?),
            (Ok(kept), Ok(double)) if kept.identity == double.identity => {
                let now = held.lock.as_ref().map_or(i64::MIN, |lock| lock.taken().0);
                if now.saturating_sub(double.changed.0) >= UNFINISHED_MOVE_SECS {
                    held.dirs
                        .place(place)
                        .remove_file(&file)
                        .attempt(|| "remove a second name of a message".to_owned())?;
                    moved = true;
                }
            }
            (Ok(_), Ok(_)) => {
                separate(held, listing, place, &file)?;
                moved = true;
            }
            (Err(errno), _) | (_, Err(errno)) => {
                return Err(errno).attempt(|| "compare two files of one name".to_owned());
            }
        }
    }
    Ok(moved)
}

/// Gives the second of two files a fresh base name, in `new/`.
fn separate(
    held: &Held<'_>,
    listing: &mut Listing,
    place: Place,
    file: &[u8],
) -> Result<(), StoreError> {
    let fresh = name::with_sizes_of(&held.folder.inner.unique_name(), file);
    held.dirs
        .place(place)
        .rename(file, &held.dirs.new, &fresh)
        .attempt(|| "tell two messages of one name apart".to_owned())?;
    tracing::warn!("two messages had one name; the second has its own now");
    listing.insert(Place::New, &fresh, held.list()?);
    Ok(())
}

/// Brings messages to the directory where they belong after the uidlist named them. What fails here is
/// finished by whoever reads the folder next; says whether all are there.
pub(super) fn settle(held: &Held<'_>, files: &[Vec<u8>], first_moved: FaultPoint) -> bool {
    let mut all = true;
    let mut used = [false; 2];
    for file in files {
        held.keep();
        let place = place_of(file);
        used[usize::from(place == Place::Cur)] = true;
        if let Err(error) = held.dirs.tmp.rename(file, held.dirs.place(place), file) {
            tracing::warn!(%error, "a message stays in tmp until the folder is read next");
            all = false;
        }
        held.folder.inner.volume.reach(first_moved);
    }
    for (place, used) in [Place::New, Place::Cur].into_iter().zip(used) {
        if used && let Err(error) = held.dirs.place(place).sync() {
            tracing::warn!(%error, "cannot bring a directory to the disk");
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::Volume;

    #[test]
    fn a_file_is_abandoned_a_day_and_a_half_after_its_last_change() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Volume::new(temp.path(), None).open_root().unwrap();
        let file = dir.create_new(b"x").unwrap();
        // An APPEND with an old date.
        file.set_modified(1_000).unwrap();
        let stamp = file.stamp().unwrap();
        assert!(!is_abandoned(&stamp, stamp.changed.0 + ABANDONED_SECS - 1));
        assert!(is_abandoned(&stamp, stamp.changed.0 + ABANDONED_SECS));
        assert!(!is_abandoned(&stamp, i64::MIN));
    }
}
