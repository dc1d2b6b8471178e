//! Accounts to try things on.

use mailaccess_mail::store::{
    Account, Change, Changes, Cursor, Hint, Mailbox, NewMessage, OpenMode, StoreError, Stored,
};
use mailaccess_mail::{Flags, InternalDate, Keyword, MailboxName, SystemFlag, Uid};
use mailaccess_store::maildir::{AccountPath, Options, Store};
use mailaccess_store::memory::MemoryAccount;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A place for accounts, kept as long as this is.
pub(crate) struct Home {
    pub(crate) account: Arc<dyn Account>,
    _temp: Option<tempfile::TempDir>,
}

pub(crate) fn memory() -> Home {
    Home {
        account: Arc::new(MemoryAccount::new()),
        _temp: None,
    }
}

pub(crate) fn maildir() -> Home {
    let volume = Volume::new();
    Home {
        account: volume.account(),
        _temp: Some(volume.temp),
    }
}

/// A volume with one account.
pub(crate) struct Volume {
    pub(crate) temp: tempfile::TempDir,
}

impl Volume {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        Store::initialise(temp.path()).unwrap();
        store(temp.path()).create_account(&ann()).unwrap();
        Self { temp }
    }

    /// The account as another process would have it.
    pub(crate) fn account(&self) -> Arc<dyn Account> {
        store(self.temp.path()).account(&ann()).unwrap()
    }

    /// Where INBOX is.
    pub(crate) fn maildir(&self) -> PathBuf {
        self.temp.path().join("example.com/ann/Maildir")
    }
}

pub(crate) fn store(root: &Path) -> Store {
    Store::open(root, Options::default())
}

pub(crate) fn ann() -> AccountPath {
    AccountPath::parse("example.com/ann/Maildir").unwrap()
}

pub(crate) fn inbox() -> MailboxName {
    MailboxName::inbox()
}

pub(crate) fn name(text: &str) -> MailboxName {
    MailboxName::new(text).unwrap()
}

pub(crate) fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

pub(crate) fn keyword(text: &str) -> Keyword {
    Keyword::new(text).unwrap()
}

/// Flags by the letters of a Maildir, and keywords by name.
pub(crate) fn flags(letters: &str, keywords: &[&str]) -> Flags {
    let mut flags: Flags = letters
        .chars()
        .map(|letter| match letter {
            'D' => SystemFlag::Draft,
            'F' => SystemFlag::Flagged,
            'R' => SystemFlag::Answered,
            'S' => SystemFlag::Seen,
            'T' => SystemFlag::Deleted,
            other => panic!("no flag {other}"),
        })
        .collect();
    for text in keywords {
        flags.insert_keyword(keyword(text));
    }
    flags
}

pub(crate) fn no_hint() -> Hint {
    Arc::new(|| ())
}

pub(crate) fn open(
    account: &dyn Account,
    mailbox: &MailboxName,
    mode: OpenMode,
) -> Arc<dyn Mailbox> {
    account.open(mailbox, mode, no_hint()).unwrap()
}

pub(crate) fn select(account: &dyn Account, mailbox: &MailboxName) -> Arc<dyn Mailbox> {
    open(account, mailbox, OpenMode::Select)
}

/// Appends messages in one commit.
pub(crate) fn append_all(
    account: &dyn Account,
    mailbox: &MailboxName,
    messages: &[(&str, Flags)],
) -> Result<Vec<Uid>, StoreError> {
    let mut append = account.append(mailbox)?;
    for (text, flags) in messages {
        append.begin(NewMessage {
            flags: flags.clone(),
            internal_date: Some(InternalDate::from_unix_secs(1_000_000_000)),
            len: text.len() as u64,
        })?;
        // In pieces, as they come from a socket.
        for piece in text.as_bytes().chunks(7) {
            append.write(piece)?;
        }
    }
    append.commit().map(|appended| appended.uids)
}

pub(crate) fn append(
    account: &dyn Account,
    mailbox: &MailboxName,
    text: &str,
    flags: Flags,
) -> Uid {
    append_all(account, mailbox, &[(text, flags)]).unwrap()[0]
}

/// The text of a message as it goes over the wire.
pub(crate) fn text(mailbox: &dyn Mailbox, uid: Uid) -> String {
    let body = mailbox.body(uid).unwrap().expect("the message is there");
    let mut bytes = vec![0; usize::try_from(body.len()).unwrap()];
    assert_eq!(body.read_at(0, &mut bytes).unwrap(), bytes.len());
    String::from_utf8(bytes).unwrap()
}

/// What happened since, and where to go on.
pub(crate) fn since(mailbox: &dyn Mailbox, cursor: Cursor) -> (Vec<Change>, Cursor) {
    match mailbox.changes(cursor).unwrap() {
        Changes::Since { changes, cursor } => (changes, cursor),
        Changes::Everything { .. } => panic!("the log reaches back"),
    }
}

pub(crate) fn uids(mailbox: &dyn Mailbox) -> Vec<u32> {
    let snapshot = mailbox.snapshot().unwrap();
    snapshot.uids.iter().map(|uid| uid.get()).collect()
}

pub(crate) fn flags_of(mailbox: &dyn Mailbox, uid: Uid) -> Flags {
    mailbox.rows(&[uid]).unwrap()[0]
        .clone()
        .expect("the message is there")
        .flags
}

pub(crate) fn stored_flags(stored: &Stored) -> &Flags {
    match stored {
        Stored::Row(row) => &row.flags,
        other => panic!("not stored: {other:?}"),
    }
}

/// A stopwatch for what must happen soon.
pub(crate) struct Patience(Instant);

impl Patience {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test waits for another thread or process"
    )]
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// What is left; panics when nothing is.
    #[track_caller]
    pub(crate) fn left(&self, what: &str) -> Duration {
        let left = Duration::from_secs(20).checked_sub(self.elapsed());
        left.unwrap_or_else(|| panic!("{what} does not happen"))
    }

    /// Tries again until it is so.
    #[track_caller]
    pub(crate) fn until(what: &str, mut so: impl FnMut() -> bool) {
        let patience = Self::new();
        while !so() {
            patience.left(what);
            std::thread::yield_now();
        }
    }
}
