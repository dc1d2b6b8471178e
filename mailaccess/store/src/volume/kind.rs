//! What a file system can do, by its magic number (statfs(2)).

/// Ext2 to ext4, XFS, Btrfs, overlay and tmpfs: one kernel alone serves them.
const LOCAL: [u64; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0x794c_7630, 0x0102_1994];

/// Whether other machines may have a file system mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// This kernel alone: it sees every change (inotify works), and a lock held here is held.
    Local,
    /// Perhaps others too (NFS, CIFS, Ceph, FUSE, and whatever is not known): changes must be looked for.
    Shared,
}

impl Kind {
    pub(super) fn of(magic: u64) -> Self {
        if LOCAL.contains(&(magic & 0xffff_ffff)) {
            Self::Local
        } else {
            Self::Shared
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn what_is_not_known_to_be_local_is_shared() {
        assert_eq!(Kind::of(0xef53), Kind::Local);
        for magic in [
            0x6969,
            0xff53_4d42,
            0xfe53_4d42,
            0x00c3_6400,
            0x6573_5546,
            7,
        ] {
            assert_eq!(Kind::of(magic), Kind::Shared, "{magic:x}");
        }
    }
}
