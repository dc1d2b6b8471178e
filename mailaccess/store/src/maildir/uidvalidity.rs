//! UIDVALIDITY of new folders, unique in an account: `dovecot-uidvalidity` says the last one given, and
//! so does the name of an empty file `dovecot-uidvalidity.<8 hex>`, whose renaming makes a new one unique
//! among all that try at once.

use crate::volume::{Attempt, Dir, EntryKind, Errno, unix_now};
use mailaccess_mail::UidValidity;
use mailaccess_mail::store::{ErrorKind, StoreError};

const FILE: &str = "dovecot-uidvalidity";

/// A UIDVALIDITY above all that were given in this account.
pub(super) fn next(account: &Dir) -> Result<UidValidity, StoreError> {
    above(account, 0)
}

/// The same, and above that of a folder which is deleted.
pub(super) fn raise(account: &Dir, deleted: UidValidity) -> Result<(), StoreError> {
    if newest(account)?.is_some_and(|(newest, _)| newest >= deleted.get()) {
        return Ok(());
    }
    above(account, deleted.get()).map(|_| ())
}

fn above(account: &Dir, floor: u32) -> Result<UidValidity, StoreError> {
    let attempt = || "give a UIDVALIDITY".to_owned();
    loop {
        let newest = newest(account)?;
        let base = newest.map_or(0, |(value, _)| value).max(floor);
        let value = if newest.is_none() && floor == 0 {
            u32::try_from(unix_now()).unwrap_or(u32::MAX)
        } else {
            base.checked_add(1)
                .ok_or_else(|| StoreError::new(ErrorKind::Limit, attempt()))?
        };
        let name = file_name(value);
        let made = match newest.and_then(|(_, file)| file) {
            Some(old) => account.rename(file_name(old).as_bytes(), account, name.as_bytes()),
            None => account.create_new(name.as_bytes()).map(drop),
        };
        match made {
            Ok(()) => {
                write(account, value).attempt(attempt)?;
                let given = UidValidity::new(value);
                return given.ok_or_else(|| StoreError::new(ErrorKind::ServerBug, attempt()));
            }
            // Another was quicker: it is not unique any more.
            Err(Errno::NOENT | Errno::EXIST) => {}
            Err(errno) => return Err(errno).attempt(attempt),
        }
    }
}

/// The highest value given, and the highest that a file's name says as we write it: by that name it can be
/// renamed.
fn newest(account: &Dir) -> Result<Option<(u32, Option<u32>)>, StoreError> {
    let mut highest = None;
    let mut named = None;
    account
        .list(|name, kind| {
            if kind == EntryKind::File {
                let value = value_of(name);
                highest = highest.max(value);
                named = named.max(value.filter(|value| file_name(*value).as_bytes() == name));
            }
        })
        .attempt(|| "look for the last UIDVALIDITY".to_owned())?;
    let written = match account.read(FILE.as_bytes(), 64) {
        Ok(content) => hex(&content.bytes),
        Err(Errno::NOENT | Errno::FBIG) => None,
        Err(errno) => return Err(errno).attempt(|| "read the last UIDVALIDITY".to_owned()),
    };
    Ok(highest.max(written).map(|value| (value, named)))
}

fn write(account: &Dir, value: u32) -> Result<(), Errno> {
    let file = account.open_or_create(FILE.as_bytes())?;
    let text = format!("{value:08x}");
    file.write_all_at(0, text.as_bytes())?;
    file.truncate(text.len() as u64)
}

fn file_name(value: u32) -> String {
    format!("{FILE}.{value:08x}")
}

fn value_of(name: &[u8]) -> Option<u32> {
    hex(name.strip_prefix(FILE.as_bytes())?.strip_prefix(b".")?)
}

/// Eight hexadecimal digits that are not all zero.
fn hex(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok()?;
    let eight = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    eight
        .then(|| u32::from_str_radix(text, 16).ok())
        .flatten()
        .filter(|value| *value > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::Volume;
    use proptest::prelude::*;

    fn account() -> (tempfile::TempDir, Dir) {
        let temp = tempfile::tempdir().unwrap();
        let dir = Volume::new(temp.path(), None).open_root().unwrap();
        (temp, dir)
    }

    fn put(dir: &Dir, name: &str, text: &str) {
        let mut file = dir.create_new(name.as_bytes()).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn the_first_is_the_time_and_each_is_higher() {
        let (_temp, dir) = account();
        let first = next(&dir).unwrap().get();
        assert!(u64::from(first) + 10 > unix_now());
        assert_eq!(next(&dir).unwrap().get(), first + 1);
        let text = dir.read(FILE.as_bytes(), 64).unwrap().bytes;
        assert_eq!(text, format!("{:08x}", first + 1).into_bytes());
        assert!(dir.file_stamp(file_name(first + 1).as_bytes()).is_ok());
        assert!(dir.file_stamp(file_name(first).as_bytes()).is_err());
    }

    #[test]
    fn what_dovecot_gave_last_is_gone_on_from() {
        let (_temp, dir) = account();
        put(&dir, "dovecot-uidvalidity", "6b0400e5");
        put(&dir, "dovecot-uidvalidity.6b0400e5", "");
        assert_eq!(next(&dir).unwrap().get(), 0x6b04_00e6);
    }

    #[test]
    fn damage_is_lived_with() {
        let (_temp, dir) = account();
        put(&dir, "dovecot-uidvalidity", "nonsense and more");
        put(&dir, "dovecot-uidvalidity.0000000x", "");
        put(&dir, "dovecot-uidvalidity.00000009", "");
        assert_eq!(next(&dir).unwrap().get(), 10);
    }

    #[test]
    fn a_name_in_capitals_counts_and_is_left_alone() {
        let (_temp, dir) = account();
        put(&dir, "dovecot-uidvalidity.0000000A", "");
        assert_eq!(next(&dir).unwrap().get(), 11);
        assert_eq!(next(&dir).unwrap().get(), 12);
        assert!(dir.file_stamp(b"dovecot-uidvalidity.0000000A").is_ok());
    }

    #[test]
    fn a_deleted_folder_is_surpassed() {
        let (_temp, dir) = account();
        let high = UidValidity::new(4_000_000_000).unwrap();
        raise(&dir, high).unwrap();
        assert!(next(&dir).unwrap() > high);
        let before = next(&dir).unwrap();
        raise(&dir, high).unwrap();
        assert_eq!(next(&dir).unwrap().get(), before.get() + 1);
    }

    /// What was valid, with some bytes changed and some cut off.
    fn mutated(valid: &'static str) -> impl Strategy<Value = Vec<u8>> {
        let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
        (valid, changes, any::<prop::sample::Index>()).prop_map(|(text, changes, cut)| {
            let mut bytes = text.into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            // More often whole than not.
            let len = bytes.len();
            bytes.truncate((cut.index(2 * len) + 1).max(1));
            bytes
        })
    }

    proptest! {
        #[test]
        fn any_digits_are_read_without_panic(digits in mutated("[0-9a-fA-F]{8}")) {
            if let Some(value) = hex(&digits) {
                prop_assert_eq!(format!("{value:08x}"), String::from_utf8(digits).unwrap().to_lowercase());
            }
        }

        #[test]
        fn any_name_is_read_without_panic(name in mutated("dovecot-uidvalidity\\.[0-9a-fA-F]{8}")) {
            if let Some(value) = value_of(&name) {
                prop_assert_eq!(file_name(value), String::from_utf8(name).unwrap().to_lowercase());
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_disk_is_gone_on_from(
            content in mutated("[0-9a-f]{8}"),
            names in prop::collection::vec(mutated("dovecot-uidvalidity\\.[0-9a-fA-F]{8}"), 0..4),
        ) {
            let (_temp, dir) = account();
            dir.create_new(FILE.as_bytes()).unwrap().write_all(&content).unwrap();
            for name in &names {
                // The disk takes some, and a name only once.
                let _ = dir.create_new(name);
            }
            let known = names.iter().filter(|name| dir.file_stamp(name).is_ok());
            let highest = known.filter_map(|name| value_of(name)).chain(hex(&content)).max();
            match next(&dir) {
                Ok(given) => {
                    prop_assert!(highest.is_none_or(|highest| given.get() == highest + 1));
                    prop_assert_eq!(next(&dir).unwrap().get(), given.get() + 1);
                }
                Err(error) => {
                    prop_assert_eq!(error.kind(), ErrorKind::Limit);
                    prop_assert_eq!(highest, Some(u32::MAX));
                }
            }
        }
    }

    #[test]
    fn many_at_once_get_different_ones() {
        let (_temp, dir) = account();
        let all = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let value = next(&dir).unwrap();
                        all.lock().unwrap().push(value);
                    }
                });
            }
        });
        let mut all = all.into_inner().unwrap();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 80);
    }
}
