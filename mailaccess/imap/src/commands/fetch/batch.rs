//! A batch of messages: looked up together, and marked as seen under one lock before any byte flows.

use super::request::{Item, Request, Seen};
use crate::encode::status::Status;
use crate::home::Selected;
use crate::view::{Access, Target};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use mailaccess_mail::step::Output;
use mailaccess_mail::store::{ErrorKind, Mailbox, Row, StoreError, Stored};
use mailaccess_mail::{FlagChange, Flags, InternalDate, SystemFlag, Uid};

/// A message that was looked up.
pub(super) struct Loaded {
    pub(super) number: u32,
    pub(super) row: Row,
    /// Whether it was marked as seen just now; its flags are told then.
    pub(super) newly_seen: bool,
    pub(super) size: Option<u64>,
    pub(super) internal_date: Option<InternalDate>,
}

/// Looks up messages. Those that are gone are left out.
pub(super) fn load(
    request: &mut Request,
    targets: &[Target],
    selected: &mut Selected,
    out: &mut Output,
) -> Result<VecDeque<Loaded>, StoreError> {
    let uids: Vec<Uid> = targets.iter().map(|target| target.uid).collect();
    let mailbox = &*selected.mailbox;
    let mut rows = mailbox.rows(&uids)?;
    let mut seen = BTreeMap::new();
    if request.seen == Seen::Set && selected.view.access() == Access::ReadWrite {
        match mark_seen(mailbox, &rows) {
            Ok(marked) => seen = marked,
            Err(error) if leaves_mail_readable(&error) => {
                // The client gets its mail; that it stays unread is told once.
                request.seen = Seen::Kept;
                let code = error.kind().response_code();
                Status::no(code, "The messages cannot be marked as seen.").write(None, out);
            }
            Err(error) => return Err(error),
        }
    }
    let sizes = column(request, &Item::Size, || mailbox.sizes(&uids))?;
    let dates = column(request, &Item::InternalDate, || {
        mailbox.internal_dates(&uids)
    })?;
    let mut loaded = VecDeque::with_capacity(targets.len());
    for (index, target) in targets.iter().enumerate() {
        let Some(before) = rows.get_mut(index).and_then(Option::take) else {
            continue;
        };
        let size = sizes
            .as_ref()
            .map(|sizes| sizes.get(index).copied().flatten());
        let date = dates
            .as_ref()
            .map(|dates| dates.get(index).copied().flatten());
        if size == Some(None) || date == Some(None) {
            continue;
        }
        let marked = seen.remove(&target.uid);
        loaded.push_back(Loaded {
            number: target.number,
            newly_seen: marked.is_some(),
            row: marked.unwrap_or(before),
            size: size.flatten(),
            internal_date: date.flatten(),
        });
    }
    Ok(loaded)
}

/// Asks for a column of data only when an item needs it.
fn column<T>(
    request: &Request,
    item: &Item,
    look_up: impl FnOnce() -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    request.items.contains(item).then(look_up).transpose()
}

/// Marks those as seen that are not; gives their new rows.
fn mark_seen(
    mailbox: &dyn Mailbox,
    rows: &[Option<Row>],
) -> Result<BTreeMap<Uid, Row>, StoreError> {
    let unseen: Vec<Uid> = rows
        .iter()
        .flatten()
        .filter(|row| !row.flags.has(SystemFlag::Seen))
        .map(|row| row.uid)
        .collect();
    if unseen.is_empty() {
        return Ok(BTreeMap::new());
    }
    let change = FlagChange::Add(Flags::from_iter([SystemFlag::Seen]));
    let stored = mailbox.store(&unseen, &change, None)?;
    Ok(stored
        .into_iter()
        .filter_map(|stored| match stored {
            Stored::Row(row) => Some((row.uid, row)),
            Stored::Gone(_) | Stored::Modified(_) => None,
        })
        .collect())
}

/// Whether mail can be read although nothing can be written.
fn leaves_mail_readable(error: &StoreError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NoPermission | ErrorKind::OverQuota | ErrorKind::InUse
    )
}
