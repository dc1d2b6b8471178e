//! COPY: a second name for each file, or a second file where the volume has no hard links, in the
//! target's `tmp/`; then one commit.

use super::commit::{self, Points, Staged};
use super::dirs::Dirs;
use super::files::Files;
use super::folder::Folder;
use super::message::Message;
use super::name;
use crate::volume::{Dir, Errno, FaultPoint};
use mailaccess_mail::Uid;
use mailaccess_mail::store::{Copied, StoreError};
use std::sync::Arc;

const POINTS: Points = Points {
    locked: FaultPoint::CopyLocked,
    named: FaultPoint::CopyNamed,
    listed: FaultPoint::CopyListed,
    moved: FaultPoint::CopyMoved,
    settled: FaultPoint::CopySettled,
};

pub(super) fn copy(from: &Folder, uids: &[Uid], to: &Folder) -> Result<Copied, StoreError> {
    let volume = &to.inner.volume;
    let target = to.dirs()?;
    let files = Files::of(from)?;
    let mut sources = Vec::with_capacity(uids.len());
    let mut staged = Vec::with_capacity(uids.len());
    for &uid in uids {
        let copied = files.with(uid, |dir, file, message| {
            stage(dir, file, message, (to, &target))
        })?;
        if let Some((file, base)) = copied {
            // By the name that was copied: these are the flags it had then.
            let flags = from.state().keywords.flags(name::Letters::of(&file));
            let tmp = Arc::clone(&target.tmp);
            staged.push(Staged::new(tmp, base.to_vec(), base, flags));
            sources.push(uid);
            volume.reach(FaultPoint::CopyStaged);
        }
    }
    volume.reach(FaultPoint::CopyAllStaged);
    let committed = commit::commit(to, staged, &POINTS)?;
    Ok(Copied {
        uid_validity: committed.uid_validity,
        uids: sources.into_iter().zip(committed.uids).collect(),
    })
}

/// Puts a copy into `tmp/`; gives the name copied and the base of the copy.
fn stage(
    dir: &Dir,
    file: &[u8],
    message: &Message,
    (to, target): (&Folder, &Dirs),
) -> Result<(Vec<u8>, Arc<[u8]>), Errno> {
    let fresh = to.inner.unique_name();
    let base = match (name::size_on_disk(&message.base), message.wire) {
        (Some(disk), Some(wire)) => name::with_sizes(&fresh, disk, wire),
        _ => name::with_sizes_of(&fresh, &message.base),
    };
    // A link instead of a file counts as none.
    dir.file_stamp(file)?;
    match dir.link(file, &target.tmp, &base) {
        Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::MLINK | Errno::XDEV) => {
            copy_bytes(dir, file, &target.tmp, &base)?;
        }
        other => other?,
    }
    Ok((file.to_vec(), base.into()))
}

fn copy_bytes(dir: &Dir, file: &[u8], tmp: &Dir, base: &[u8]) -> Result<(), Errno> {
    let source = dir.open_file(file)?;
    let mut copy = tmp.create_new(base)?;
    let copied = (|| {
        let mut buffer = vec![0; 64 * 1024];
        let mut offset = 0;
        loop {
            let read = source.read_at(offset, &mut buffer)?;
            if read == 0 {
                break;
            }
            copy.write_all(&buffer[..read])?;
            offset += read as u64;
        }
        copy.set_modified(source.stamp()?.modified.0)?;
        copy.sync_all()
    })();
    if copied.is_err() {
        // It takes room that is needed elsewhere.
        let _ = tmp.remove_file(base);
    }
    copied
}

#[cfg(test)]
mod tests {
    use super::copy_bytes;
    use crate::volume::Volume;

    #[test]
    fn a_copy_of_bytes_keeps_the_date() {
        let temp = tempfile::tempdir().unwrap();
        let dir = Volume::new(temp.path(), None).open_root().unwrap();
        let mut file = dir.create_new(b"a").unwrap();
        file.write_all(&vec![b'x'; 100_000]).unwrap();
        file.set_modified(1_000_000).unwrap();
        copy_bytes(&dir, b"a", &dir, b"b").unwrap();
        let copy = dir.open_file(b"b").unwrap();
        assert_eq!(copy.stamp().unwrap().modified, (1_000_000, 0));
        assert_eq!(copy.read_from(0).unwrap(), vec![b'x'; 100_000]);
        assert!(
            copy_bytes(&dir, b"a", &dir, b"b").is_err(),
            "what is there stays"
        );
        assert_eq!(dir.open_file(b"b").unwrap().stamp().unwrap().len, 100_000);
    }
}
