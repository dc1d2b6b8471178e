//! Bringing a folder in memory up to what is on disk, and what is on disk into order: the steps of
//! whoever holds the lock. Without the lock it only reads, and decides nothing about what is missing.

use super::dirs::{Glance, KEYWORDS, Place};
use super::folder::{Held, Life, State};
use super::keywords::{self, Keywords};
use super::list::{List, Read};
use super::listing::Listing;
use super::message::Message;
use super::{name, sweep, uidvalidity};
use crate::index::Entry;
use crate::volume::{Attempt, Errno, FaultPoint, Moment};
use mailaccess_mail::store::{ErrorKind, StoreError};
use mailaccess_mail::{ModSeq, Uid};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Largest `dovecot-keywords` that is read: 26 long lines.
const KEYWORDS_LIMIT: u64 = 64 * 1024;
/// Scans before the question whether a message is gone is left open.
const ROUNDS: usize = 5;

/// What becomes of the files in `new/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NewFiles {
    /// They stay, and stay recent.
    Leave,
    /// They go to `cur/`, and are recent to a session of this process.
    Move,
}

/// Reads everything again.
pub(super) fn sync(held: &mut Held<'_>, new_files: NewFiles) -> Result<(), StoreError> {
    read_files(held)?;
    let attempt = || "read a folder".to_owned();
    let mut listing = Listing::read(&held.dirs, held.list()?).attempt(attempt)?;
    held.folder.inner.note_skipped(&listing.skipped);
    let mut doubt = held
        .lock
        .as_ref()
        .is_none_or(|lock| is_racy(&listing.before, lock.taken()));
    let mut undecided = BTreeSet::new();
    let mut moved = Vec::new();
    if held.lock.is_some() {
        let doubles = sweep::settle_doubles(held, &mut listing)?;
        let forward = sweep::tidy_temporary(held, &mut listing)?;
        undecided = expunge_missing(held, &mut listing)?;
        doubt |= assign_new(held, &mut listing) == Assigned::Later;
        if new_files == NewFiles::Move {
            moved = move_new(held, &mut listing)?;
        }
        compact(held);
        if doubles || forward || !moved.is_empty() {
            listing.before = held.dirs.glance().attempt(attempt)?;
            doubt = true;
        }
    } else {
        undecided.extend(held.list()?.records().map(|record| record.uid));
    }
    let known = Known {
        listing,
        undecided,
        doubt,
    };
    apply(held, &known, &moved)
}

/// Moves what is known to lie in `new/` without reading the directories; memory must be current.
pub(super) fn move_known(held: &mut Held<'_>) -> Result<(), StoreError> {
    let new: Vec<(Uid, Vec<u8>)> = {
        let state = held.folder.state();
        let new = state.index.iter();
        new.filter(|(_, entry)| entry.message.place == Place::New)
            .map(|(uid, entry)| (uid, entry.message.name()))
            .collect()
    };
    for (uid, file) in new {
        let to = name::seen_by_reader(&file);
        match held.dirs.new.rename(&file, &held.dirs.cur, &to) {
            Ok(()) => {
                held.folder.inner.volume.reach(FaultPoint::SelectMoved);
                let mut state = held.folder.state();
                if let Some(message) = state.index.message_mut(uid) {
                    message.is_now(Place::Cur, &to);
                }
                state.index.make_recent(uid);
            }
            Err(errno) if stays(errno) => {}
            // Another hand was quicker: it has to be looked at.
            Err(Errno::NOENT) => return sync(held, NewFiles::Move),
            Err(errno) => return Err(errno).attempt(|| "move new messages".to_owned()),
        }
    }
    held.adopt()
}

/// Reads uidlist and keywords; begins a uidlist where there is none.
pub(super) fn read_files(held: &mut Held<'_>) -> Result<(), StoreError> {
    let attempt = || "read a uidlist".to_owned();
    let folder = Arc::clone(&held.dirs.folder);
    let read = List::read(held.disk.list.take(), &folder).attempt(attempt)?;
    let list = match read {
        Read::List(list) => list,
        Read::Missing | Read::Broken if held.lock.is_none() => {
            return Err(StoreError::new(ErrorKind::NoPermission, "begin a uidlist"));
        }
        Read::Missing | Read::Broken => {
            let inner = &held.folder.inner;
            let root = inner.volume.open_below(&held.folder.account.components());
            let uid_validity = uidvalidity::next(&root.attempt(attempt)?)?;
            let guid = super::new_guid()?;
            List::begin(&inner.volume, &folder, uid_validity, &guid)?
        }
    };
    let uid_validity = list.uid_validity();
    held.disk.list = Some(list);
    let known = held.folder.state().uid_validity;
    if known.is_some_and(|known| known != uid_validity) {
        // Every UID that sessions know means something else now.
        held.folder.end();
        return Err(StoreError::new(
            ErrorKind::Unavailable,
            format!(
                "go on with mailbox {} under another UIDVALIDITY",
                held.folder.name
            ),
        ));
    }
    held.folder.state().uid_validity = Some(uid_validity);
    read_keywords(held)
}

fn read_keywords(held: &mut Held<'_>) -> Result<(), StoreError> {
    match held.dirs.folder.read(KEYWORDS, KEYWORDS_LIMIT) {
        Ok(content) => {
            let version = Some(keywords::version(&content.stamp));
            if held.disk.keywords_version != version {
                held.disk.keywords = Keywords::parse(&content.bytes);
                held.disk.keywords_version = version;
            }
            Ok(())
        }
        Err(Errno::NOENT) => {
            held.disk.keywords = Keywords::default();
            held.disk.keywords_version = None;
            Ok(())
        }
        Err(errno) => Err(errno).attempt(|| "read keywords".to_owned()),
    }
}

/// Whether the directories changed so shortly before they were read that one more change may not show.
fn is_racy(glance: &Glance, now: (i64, u32)) -> bool {
    let (secs, nanos) = glance.moved_last();
    (secs.saturating_add(1), nanos) >= now
}

/// Decides which messages are gone, and forgets them. Only who misses a file twice, the second time
/// while nothing moved, may say so; the others are given back, undecided.
fn expunge_missing(
    held: &mut Held<'_>,
    listing: &mut Listing,
) -> Result<BTreeSet<Uid>, StoreError> {
    let absent = |list: &List, listing: &Listing| -> BTreeSet<Uid> {
        let records = list.records();
        records
            .filter(|record| !listing.files.contains_key(&record.base))
            .map(|record| record.uid)
            .collect()
    };
    let mut missing = absent(held.list()?, listing);
    for _ in 0..ROUNDS {
        if missing.is_empty() {
            return Ok(missing);
        }
        held.keep();
        let again =
            Listing::read(&held.dirs, held.list()?).attempt(|| "read a folder again".to_owned())?;
        let still = absent(held.list()?, &again);
        missing.retain(|uid| still.contains(uid));
        let quiet = again.quiet;
        *listing = again;
        if quiet {
            for uid in std::mem::take(&mut missing) {
                held.list_mut()?.remove(uid);
            }
            return Ok(still_undecided(held.list()?, listing));
        }
    }
    tracing::info!("a folder does not come to rest: what is missing is decided later");
    Ok(missing)
}

/// What was there in the first scan and not in the last.
fn still_undecided(list: &List, listing: &Listing) -> BTreeSet<Uid> {
    list.records()
        .filter(|record| !listing.files.contains_key(&record.base))
        .map(|record| record.uid)
        .collect()
}

/// Whether every file has a UID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Assigned {
    All,
    Later,
}

/// Gives UIDs to files that have none. Where that cannot be written they are not shown yet.
fn assign_new(held: &mut Held<'_>, listing: &mut Listing) -> Assigned {
    let Ok(list) = held.list() else {
        return Assigned::Later;
    };
    let mut bases: Vec<Arc<[u8]>> = listing
        .files
        .keys()
        .filter(|base| list.uid_of(base).is_none())
        .cloned()
        .collect();
    bases.sort_unstable_by(|a, b| name::arrival_order(a, b));
    let assigned = list.assign(&bases).and_then(|records| {
        held.check()?;
        let (volume, folder) = (&held.folder.inner.volume, Arc::clone(&held.dirs.folder));
        match &mut held.disk.list {
            Some(list) => list.append(volume, &folder, records),
            None => Ok(()),
        }
    });
    let Err(error) = assigned else {
        return Assigned::All;
    };
    tracing::warn!(%error, files = bases.len(), "new messages get no UIDs yet");
    for base in &bases {
        listing.files.remove(base);
    }
    Assigned::Later
}

/// Moves the files in `new/` to `cur/`; gives the bases of those it moved itself.
fn move_new(held: &Held<'_>, listing: &mut Listing) -> Result<Vec<Arc<[u8]>>, StoreError> {
    let new: Vec<(Arc<[u8]>, Vec<u8>)> = listing
        .files
        .iter()
        .filter(|(_, found)| found.place == Place::New)
        .map(|(base, found)| (Arc::clone(base), [&**base, &*found.suffix].concat()))
        .collect();
    let mut moved = Vec::with_capacity(new.len());
    for (base, file) in new {
        held.keep();
        let to = name::seen_by_reader(&file);
        match held.dirs.new.rename(&file, &held.dirs.cur, &to) {
            Ok(()) => {
                held.folder.inner.volume.reach(FaultPoint::SelectMoved);
                if let Some(found) = listing.files.get_mut(&base) {
                    found.place = Place::Cur;
                    found.suffix = name::suffix(&to).into();
                }
                moved.push(base);
            }
            // It stays where it is, readable.
            Err(errno) if stays(errno) => {}
            // Another hand was quicker; the next look finds out where it is.
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno).attempt(|| "move new messages".to_owned()),
        }
    }
    Ok(moved)
}

fn stays(errno: Errno) -> bool {
    matches!(
        errno,
        Errno::NOSPC | Errno::DQUOT | Errno::ACCESS | Errno::PERM | Errno::ROFS
    )
}

/// Writes the uidlist anew when it is mostly of messages that are gone. A failure costs nothing.
pub(super) fn compact(held: &mut Held<'_>) {
    let (volume, folder) = (&held.folder.inner.volume, Arc::clone(&held.dirs.folder));
    if held.check().is_ok()
        && let Some(list) = &mut held.disk.list
        && list.is_sparse()
        && let Err(error) = list.rewrite(volume, &folder, Vec::new())
    {
        tracing::debug!(%error, "a uidlist stays longer than it need be");
    }
}

/// What was read of the directories.
struct Known {
    listing: Listing,
    /// Messages not found of which nobody may say that they are gone.
    undecided: BTreeSet<Uid>,
    doubt: bool,
}

/// Brings what readers see up to what was read.
fn apply(held: &mut Held<'_>, known: &Known, moved: &[Arc<[u8]>]) -> Result<(), StoreError> {
    let list = held.list()?;
    let mut state = held.folder.state();
    let before = state.index.cursor();
    let modseq = state.index.modseq().next();
    let letters_mean_other = state.keywords != held.disk.keywords;
    state.keywords = held.disk.keywords.clone();
    for record in list.records() {
        let Some(found) = known.listing.files.get(&record.base) else {
            continue;
        };
        let entry = state.index.entry(record.uid);
        let same = entry.is_some_and(|entry| {
            entry.message.place == found.place && entry.message.suffix == found.suffix
        });
        if same && !letters_mean_other {
            continue;
        }
        let message = Message::new(record, found.place, found.suffix.clone());
        take(&mut state, record.uid, message, modseq);
    }
    let gone: Vec<Uid> = state
        .index
        .iter()
        .map(|(uid, _)| uid)
        .filter(|uid| list.record(*uid).is_none() && !known.undecided.contains(uid))
        .collect();
    for uid in gone {
        state.index.expunge(uid);
    }
    if state.index.cursor() != before {
        state.index.next_modseq();
    }
    for base in moved {
        if let Some(uid) = list.uid_of(base) {
            state.index.make_recent(uid);
        }
    }
    state.next = list.next();
    state.life = Life::Read;
    state.seen = Some(Glance {
        list: Some(list.glance()),
        keywords: held.disk.keywords_version,
        ..known.listing.before
    });
    let doubt = known.doubt || !known.listing.quiet || !known.undecided.is_empty();
    state.doubtful_since = doubt.then(Moment::now);
    if state.index.cursor() != before {
        held.hints.0 = state.hints();
    }
    drop(state);
    held.current = true;
    Ok(())
}

/// Takes a message, or its new name, into the index.
fn take(state: &mut State, uid: Uid, message: Message, modseq: ModSeq) {
    let flags = state.keywords.flags(message.letters());
    if let Some(known) = state.index.message_mut(uid) {
        known.place = message.place;
        known.suffix = message.suffix;
        state.index.set_flags(uid, flags, modseq);
    } else {
        state.index.append(
            uid,
            Entry {
                flags,
                modseq,
                message,
            },
        );
    }
}

impl Held<'_> {
    /// The uidlist, which was read.
    pub(super) fn list(&self) -> Result<&List, StoreError> {
        self.disk.list.as_deref().ok_or_else(unread)
    }

    pub(super) fn list_mut(&mut self) -> Result<&mut List, StoreError> {
        self.disk.list.as_deref_mut().ok_or_else(unread)
    }

    /// Says, in long work, that we are still there.
    pub(super) fn keep(&self) {
        if let Some(lock) = &self.lock {
            lock.keep();
        }
    }

    /// Whether the lock still stands, to be asked before a commit.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match &self.lock {
            Some(lock) => lock.check(),
            None => Err(StoreError::new(ErrorKind::NoPermission, "lock a folder")),
        }
    }

    /// Takes what the directories look like after our own change as what was read; what others did in
    /// the same moment is looked for a little later.
    pub(super) fn adopt(&mut self) -> Result<(), StoreError> {
        if !self.current {
            return Ok(());
        }
        let glance = self
            .dirs
            .glance()
            .attempt(|| format!("look at mailbox {}", self.folder.name))?;
        let mut state = self.folder.state();
        state.seen = Some(glance);
        state.doubtful_since.get_or_insert_with(Moment::now);
        Ok(())
    }
}

fn unread() -> StoreError {
    StoreError::new(ErrorKind::ServerBug, "use a uidlist that was not read")
}
