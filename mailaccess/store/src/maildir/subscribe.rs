//! Subscribing: the file `subscriptions` of an account, replaced as a whole under Dovecot's lock for it.

use super::lock;
use super::subscriptions::Subscriptions;
use crate::volume::{self, Attempt, Dir, Errno, Moment};
use mailaccess_mail::MailboxName;
use mailaccess_mail::store::{ErrorKind, StoreError, Subscribed};
use std::time::Duration;

const FILE: &[u8] = b"subscriptions";
/// Dovecot writes the new file under this name, which excludes others meanwhile, and renames it.
const LOCK: &[u8] = b"subscriptions.lock";
/// Largest file that is read.
const LIMIT: u64 = 4 << 20;
/// A lock file untouched for so long was left over (Dovecot's own figure).
const STALE_SECS: i64 = 30;

pub(super) fn read(account: &Dir) -> Result<Subscriptions, StoreError> {
    match account.read(FILE, LIMIT) {
        Ok(content) => Ok(Subscriptions::parse(&content.bytes)),
        Err(Errno::NOENT) => Ok(Subscriptions::default()),
        Err(errno) => Err(errno).attempt(|| "read subscriptions".to_owned()),
    }
}

pub(super) fn set(
    account: &Dir,
    name: &MailboxName,
    subscribed: Subscribed,
    timeout: Duration,
) -> Result<(), StoreError> {
    let mut file = lock_subscriptions(account, timeout)?;
    let result = read(account).and_then(|mut subscriptions| {
        let changed = match subscribed {
            Subscribed::Yes => subscriptions.insert(name),
            Subscribed::No => subscriptions.remove(name),
        };
        if !changed {
            return Ok(Written::Nothing);
        }
        file.write_all(&subscriptions.write())
            .and_then(|()| file.sync())
            .and_then(|()| account.rename(LOCK, account, FILE))
            .and_then(|()| account.sync())
            .map(|()| Written::Replaced)
            .attempt(|| "write subscriptions".to_owned())
    });
    if !matches!(result, Ok(Written::Replaced)) {
        // The lock is ours, and nothing replaced the file.
        let _ = account.remove_file(LOCK);
    }
    result.map(|_| ())
}

enum Written {
    Nothing,
    Replaced,
}

fn lock_subscriptions(account: &Dir, timeout: Duration) -> Result<volume::File, StoreError> {
    let attempt = || "lock subscriptions".to_owned();
    let since = Moment::now();
    loop {
        match account.create_new(LOCK) {
            Ok(file) => return Ok(file),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno).attempt(attempt),
        }
        match is_left_over(account) {
            Ok(true) => {
                let _ = account.remove_file(LOCK);
            }
            Ok(false) if since.elapsed() >= timeout => {
                return Err(StoreError::new(ErrorKind::InUse, attempt()));
            }
            Ok(false) => volume::sleep(Duration::from_millis(10)),
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno).attempt(attempt),
        }
    }
}

/// By the volume's clock, which a file just touched shows.
fn is_left_over(account: &Dir) -> Result<bool, Errno> {
    let made = account.file_stamp(LOCK)?.modified.0;
    let own = account.open_or_create(lock::OWN)?;
    own.touch()?;
    Ok(own.stamp()?.modified.0.saturating_sub(made) >= STALE_SECS)
}
