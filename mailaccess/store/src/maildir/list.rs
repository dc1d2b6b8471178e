//! The uidlist of a folder: its file, read as it grows and written under the lock.
//!
//! Existing bytes never change: lines are appended, or a whole new file takes the place of the old one.
//! The file that was read is held open, so that no other can be taken for it.

use super::dirs::LIST;
use super::uidlist::{self, BadLine, Header, Record, Version};
use crate::volume::{Attempt, Dir, Errno, FaultPoint, File, Identity, Volume};
use mailaccess_mail::store::{ErrorKind, StoreError};
use mailaccess_mail::{Uid, UidValidity};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

const TEMPORARY: &[u8] = b"dovecot-uidlist.tmp";
/// A write within one page is there whole or not at all, whatever becomes of the writer.
const PAGE: u64 = 4096;

#[derive(Debug)]
pub(super) struct List {
    file: File,
    identity: Identity,
    /// Where the next record begins: behind the last whole line.
    consumed: u64,
    /// The length of the file; more than `consumed` behind a line that was not finished.
    len: u64,
    version: Version,
    header: Header,
    records: BTreeMap<Uid, Record>,
    by_base: HashMap<Arc<[u8]>, Uid>,
    /// The next UID, whatever the header says.
    next: u32,
    /// The UID of the last record, also when its message is gone.
    last: u32,
    /// Lines in the file, those of messages that are gone among them.
    lines: usize,
    /// Lines that mean nothing.
    bad_lines: usize,
}

/// What there is of a uidlist.
#[derive(Debug)]
pub(super) enum Read {
    Missing,
    Broken,
    List(Box<List>),
}

impl List {
    /// Reads the list, going on from what was read before where that is the same file.
    pub(super) fn read(before: Option<Box<Self>>, folder: &Dir) -> Result<Read, Errno> {
        let file = match folder.open_file(LIST) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(Read::Missing),
            Err(errno) => return Err(errno),
        };
        let stamp = file.stamp()?;
        if let Some(mut list) = before
            && list.identity == stamp.identity
            && list.consumed <= stamp.len
        {
            list.len = stamp.len;
            if stamp.len > list.consumed {
                let more = list.file.read_from(list.consumed)?;
                list.take_lines(&more);
            }
            return Ok(Read::List(list));
        }
        let bytes = file.read_from(0)?;
        Ok(Self::parse(file, stamp.identity, &bytes).map_or_else(
            |why| {
                tracing::error!(%why, "a uidlist is broken");
                Read::Broken
            },
            |list| Read::List(Box::new(list)),
        ))
    }

    fn parse(file: File, identity: Identity, bytes: &[u8]) -> Result<Self, BadLine> {
        let end = memchr::memchr(b'\n', bytes).ok_or(BadLine::Header)?;
        let (version, header) = Header::parse(&bytes[..end])?;
        let mut list = Self {
            file,
            identity,
            consumed: end as u64 + 1,
            len: bytes.len() as u64,
            version,
            next: header.next,
            last: 0,
            header,
            records: BTreeMap::new(),
            by_base: HashMap::new(),
            lines: 0,
            bad_lines: 0,
        };
        list.take_lines(&bytes[end + 1..]);
        Ok(list)
    }

    /// Takes whole lines; what is behind the last line end is not finished, or never will be.
    fn take_lines(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let line = &rest[..end];
            rest = &rest[end + 1..];
            self.consumed += end as u64 + 1;
            self.lines += 1;
            match Record::parse(self.version, line) {
                Ok(record) => self.take(record),
                Err(why) => {
                    self.bad_lines += 1;
                    tracing::warn!(%why, "a line of a uidlist is skipped");
                }
            }
        }
    }

    fn take(&mut self, record: Record) {
        if record.uid.get() <= self.last {
            self.bad_lines += 1;
            tracing::warn!(uid = %record.uid, "a line of a uidlist is out of order and skipped");
        } else {
            self.insert(record);
        }
    }

    fn insert(&mut self, record: Record) {
        self.last = record.uid.get();
        self.next = self.next.max(uidlist::following(record.uid));
        // A message that was moved back has a new UID.
        if let Some(earlier) = self.by_base.insert(Arc::clone(&record.base), record.uid) {
            self.records.remove(&earlier);
        }
        self.records.insert(record.uid, record);
    }

    /// Begins a list where there is none, or none that can be read.
    pub(super) fn begin(
        volume: &Volume,
        folder: &Dir,
        uid_validity: UidValidity,
        guid: &str,
    ) -> Result<Box<Self>, StoreError> {
        let header = Header::new(uid_validity, guid);
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        let (file, identity) = replace(volume, folder, &bytes)?;
        Self::parse(file, identity, &bytes)
            .map(Box::new)
            .map_err(|why| StoreError::caused(ErrorKind::ServerBug, "begin a uidlist", why))
    }

    pub(super) fn uid_validity(&self) -> UidValidity {
        self.header.uid_validity
    }

    /// The number of the next UID; the message may get none when it is beyond the last.
    pub(super) fn next(&self) -> u32 {
        self.next
    }

    /// Which file this is, and how long.
    pub(super) fn glance(&self) -> (Identity, u64) {
        (self.identity, self.len)
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    pub(super) fn record(&self, uid: Uid) -> Option<&Record> {
        self.records.get(&uid)
    }

    pub(super) fn uid_of(&self, base: &[u8]) -> Option<Uid> {
        self.by_base.get(base).copied()
    }

    /// The base name as it is kept here already, to be shared.
    pub(super) fn shared_base(&self, base: &[u8]) -> Arc<[u8]> {
        self.by_base
            .get_key_value(base)
            .map_or_else(|| base.into(), |(shared, _)| Arc::clone(shared))
    }

    /// Forgets a message that is gone; its line stays until the file is written anew.
    pub(super) fn remove(&mut self, uid: Uid) {
        if let Some(record) = self.records.remove(&uid) {
            self.by_base.remove(&record.base);
        }
    }

    /// Keeps a size with every line ended by CRLF; says whether that is news.
    pub(super) fn set_size_on_wire(&mut self, uid: Uid, size: u64) -> bool {
        self.records
            .get_mut(&uid)
            .is_some_and(|record| record.size_on_wire().is_none() && record.set_size_on_wire(size))
    }

    /// Records for these files, with the next UIDs.
    pub(super) fn assign(&self, bases: &[Arc<[u8]>]) -> Result<Vec<Record>, StoreError> {
        let mut next = self.next;
        bases
            .iter()
            .map(|base| {
                let uid = uidlist::assignable(next)
                    .ok_or_else(|| StoreError::new(ErrorKind::Limit, "assign a UID"))?;
                next = uidlist::following(uid);
                Ok(Record::new(uid, Arc::clone(base)))
            })
            .collect()
    }

    /// Adds records at the end, each by itself: a crash may leave some of them out.
    pub(super) fn append(
        &mut self,
        volume: &Volume,
        folder: &Dir,
        records: Vec<Record>,
    ) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        if !self.can_grow() {
            return self.rewrite(volume, folder, records);
        }
        let attempt = || "append to a uidlist".to_owned();
        let file = folder.open_for_writing(LIST).attempt(attempt)?;
        if file.stamp().attempt(attempt)?.identity != self.identity {
            return Err(StoreError::new(
                ErrorKind::InUse,
                "append to a uidlist replaced meanwhile",
            ));
        }
        let mut bytes = Vec::new();
        write_all(&records, &mut bytes);
        let written = file.write_all_at(self.consumed, &bytes).and_then(|()| {
            volume.reach(FaultPoint::ListAppended);
            file.sync()
        });
        if let Err(errno) = written {
            // What was written in part counts for nobody, and must not stay before what comes next.
            file.truncate(self.consumed).attempt(attempt)?;
            return Err(errno).attempt(attempt);
        }
        self.consumed += bytes.len() as u64;
        self.len = self.consumed;
        self.lines += records.len();
        for record in records {
            self.insert(record);
        }
        Ok(())
    }

    /// Adds records, all or none, whatever happens.
    pub(super) fn commit(
        &mut self,
        volume: &Volume,
        folder: &Dir,
        records: Vec<Record>,
    ) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        write_all(&records, &mut bytes);
        let (first, last) = (self.consumed, self.consumed + bytes.len() as u64 - 1);
        // One line torn apart is none.
        if records.len() <= 1 || first / PAGE == last / PAGE {
            self.append(volume, folder, records)
        } else {
            self.rewrite(volume, folder, records)
        }
    }

    /// Whether lines can be put at the end of the file as it is.
    fn can_grow(&self) -> bool {
        self.version == Version::Three && self.bad_lines == 0 && self.len == self.consumed
    }

    /// Whether less than three quarters of the lines are of messages that are here.
    pub(super) fn is_sparse(&self) -> bool {
        self.records.len() * 4 < self.lines * 3
    }

    /// Writes the file anew, with these records added.
    pub(super) fn rewrite(
        &mut self,
        volume: &Volume,
        folder: &Dir,
        more: Vec<Record>,
    ) -> Result<(), StoreError> {
        let mut header = self.header.clone();
        header.next = more.last().map_or(self.next, |last| {
            self.next.max(uidlist::following(last.uid))
        });
        if !header.has_guid() {
            let guid = crate::maildir::new_guid()?;
            header.fields.push(format!("G{guid}").into_bytes().into());
        }
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        for record in self.records.values().chain(&more) {
            record.write(&mut bytes);
        }
        let (file, identity) = replace(volume, folder, &bytes)?;
        self.file = file;
        self.identity = identity;
        self.consumed = bytes.len() as u64;
        self.len = self.consumed;
        self.version = Version::Three;
        self.next = header.next;
        self.header = header;
        self.bad_lines = 0;
        for record in more {
            self.insert(record);
        }
        self.lines = self.records.len();
        Ok(())
    }
}

fn write_all(records: &[Record], out: &mut Vec<u8>) {
    for record in records {
        record.write(out);
    }
}

/// Puts a new file in the place of the list, on disk before it is seen.
fn replace(volume: &Volume, folder: &Dir, bytes: &[u8]) -> Result<(File, Identity), StoreError> {
    let attempt = || "write a uidlist".to_owned();
    match folder.remove_file(TEMPORARY) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno).attempt(attempt),
    }
    let mut file = folder.create_new(TEMPORARY).attempt(attempt)?;
    let written = file.write_all(bytes).and_then(|()| file.sync());
    volume.reach(FaultPoint::ListWritten);
    let replaced = written.and_then(|()| folder.rename(TEMPORARY, folder, LIST));
    if let Err(errno) = replaced {
        // It takes room that is needed elsewhere.
        let _ = folder.remove_file(TEMPORARY);
        return Err(errno).attempt(attempt);
    }
    volume.reach(FaultPoint::ListReplaced);
    folder.sync().attempt(attempt)?;
    let identity = file.stamp().attempt(attempt)?.identity;
    Ok((file, identity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> (tempfile::TempDir, Dir, Read) {
        let temp = tempfile::tempdir().unwrap();
        let dir = Volume::new(temp.path(), None).open_root().unwrap();
        dir.create_new(LIST).unwrap().write_all(bytes).unwrap();
        let read = List::read(None, &dir).unwrap();
        (temp, dir, read)
    }

    fn list(bytes: &[u8]) -> (tempfile::TempDir, Dir, Box<List>) {
        match read(bytes) {
            (temp, dir, Read::List(list)) => (temp, dir, list),
            (_, _, other) => panic!("no list: {other:?}"),
        }
    }

    fn numbers(list: &List) -> Vec<u32> {
        list.records().map(|record| record.uid.get()).collect()
    }

    #[test]
    fn what_others_append_is_read_on_from_there() {
        let (_temp, dir, before) = list(b"3 V5 N1 G0\n1 :a\n");
        let file = dir.open_for_writing(LIST).unwrap();
        file.write_all_at(before.consumed, b"2 :b\n3 :c").unwrap();
        let Read::List(list) = List::read(Some(before), &dir).unwrap() else {
            panic!("it is there")
        };
        assert_eq!((numbers(&list), list.next()), (vec![1, 2], 3));
        file.write_all_at(list.len, b"\n").unwrap();
        let Read::List(list) = List::read(Some(list), &dir).unwrap() else {
            panic!("it is there")
        };
        assert_eq!((numbers(&list), list.next()), (vec![1, 2, 3], 4));
    }

    #[test]
    fn a_list_that_was_replaced_is_read_anew() {
        let (_temp, dir, before) = list(b"3 V5 N9 G0\n1 :a\n2 :b\n");
        dir.create_new(b"other")
            .unwrap()
            .write_all(b"3 V5 N9 G0\n2 :b\n8 :c\n")
            .unwrap();
        dir.rename(b"other", &dir, LIST).unwrap();
        let Read::List(list) = List::read(Some(before), &dir).unwrap() else {
            panic!("it is there")
        };
        assert_eq!(numbers(&list), [2, 8]);
    }

    #[test]
    fn a_message_moved_back_has_its_later_uid() {
        let (_temp, _dir, list) = list(b"3 V5 N1 G0\n1 :a:2,S\n2 :b\n5 :a\n");
        assert_eq!(numbers(&list), [2, 5]);
        assert_eq!(list.uid_of(b"a"), Uid::new(5));
    }

    #[test]
    fn a_uid_stays_used_when_its_message_goes() {
        let (temp, dir, mut list) = list(b"3 V5 N1 G0\n1 :a\n7 :b\n");
        list.remove(Uid::new(7).unwrap());
        let volume = Volume::new(temp.path(), None);
        list.rewrite(&volume, &dir, Vec::new()).unwrap();
        let Read::List(again) = List::read(None, &dir).unwrap() else {
            panic!("it is there")
        };
        assert_eq!((numbers(&again), again.next()), (vec![1], 8));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_file_is_read_and_gone_on_with(
            lines in prop::collection::vec("[0-9]{1,10}( [A-Z][a-z0-9]{0,3}){0,2} :[a-z]{1,3}(:2,[A-Z])?", 0..12),
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = format!("3 V7 N1 G0\n{}\n", lines.join("\n")).into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(cut.index(bytes.len()) + 1);
            let (temp, dir, Read::List(mut list)) = read(&bytes) else {
                return Ok(());
            };
            let before = numbers(&list);
            prop_assert!(before.is_sorted());
            prop_assert!(before.last().is_none_or(|last| *last < list.next()));
            let bases: [Arc<[u8]>; 2] = [b"new.1"[..].into(), b"new.2"[..].into()];
            if let Ok(records) = list.assign(&bases) {
                let volume = Volume::new(temp.path(), None);
                list.append(&volume, &dir, records).unwrap();
                let Read::List(again) = List::read(None, &dir).unwrap() else {
                    panic!("what was written is read")
                };
                prop_assert_eq!(numbers(&again), numbers(&list));
                prop_assert_eq!(numbers(&again).len(), before.len() + 2);
                prop_assert_eq!(again.next(), list.next());
            }
        }
    }
}
