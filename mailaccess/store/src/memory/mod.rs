//! A store in memory: what protocol tests run against. It keeps every promise of the traits, and lets a
//! test say what a disk would bring about by itself: mail that arrives, a full volume, no more keywords.
//!
//! ```
//! use mailaccess_mail::store::Account;
//! use mailaccess_mail::{Flags, MailboxName};
//! use mailaccess_store::memory::MemoryAccount;
//!
//! let account = MemoryAccount::new();
//! account.deliver(&MailboxName::inbox(), b"Subject: hi\n\nhello\n").unwrap();
//! assert_eq!(account.status(&MailboxName::inbox()).unwrap().messages, 1);
//! ```

mod append;
mod body;
mod mailbox;

use crate::index::{Claims, Entry, Index};
use append::MemoryAppend;
use mailaccess_mail::store::{
    Account, Append, ErrorKind, Hint, Mailbox, NewKeywords, OpenMode, Status, StoreError,
    Subscribed,
};
use mailaccess_mail::{Flags, InternalDate, Keyword, MailboxName, ModSeq, Uid, UidValidity};
use mailbox::MemoryMailbox;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An account in memory. Clones are the same account.
#[derive(Clone)]
pub struct MemoryAccount {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    folders: BTreeMap<MailboxName, Folder>,
    subscriptions: BTreeSet<MailboxName>,
    next_validity: UidValidity,
    next_session: u64,
    now: InternalDate,
    keyword_limit: usize,
    fails_next: Option<ErrorKind>,
}

struct Folder {
    uid_validity: UidValidity,
    uid_next: Option<Uid>,
    keywords: BTreeSet<Keyword>,
    index: Index<Message>,
    sessions: BTreeMap<u64, Session>,
}

struct Session {
    claims: Claims,
    hint: Hint,
}

#[derive(Clone)]
struct Message {
    bytes: Arc<[u8]>,
    internal_date: InternalDate,
    unique_id: Option<String>,
}

impl Default for MemoryAccount {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryAccount {
    /// An account with an empty INBOX whose UIDVALIDITY is 1; each new mailbox gets the next.
    pub fn new() -> Self {
        let first = UidValidity::new(1);
        let mut shared = Shared {
            folders: BTreeMap::new(),
            subscriptions: BTreeSet::new(),
            next_validity: first.unwrap_or(LAST_VALIDITY),
            next_session: 0,
            now: InternalDate::from_unix_secs(0),
            keyword_limit: usize::MAX,
            fails_next: None,
        };
        shared.make(MailboxName::inbox());
        Self {
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// Delivers a message as an agent beside the server would: no flags, recent, arrived now.
    pub fn deliver(&self, mailbox: &MailboxName, message: &[u8]) -> Result<Uid, StoreError> {
        let now = self.lock().now;
        self.add(mailbox, message, Flags::none(), now)
    }

    /// Delivers a message with flags and a date.
    pub fn add(
        &self,
        mailbox: &MailboxName,
        message: &[u8],
        flags: Flags,
        internal_date: InternalDate,
    ) -> Result<Uid, StoreError> {
        let message = Message {
            bytes: body::with_crlf(message).into(),
            internal_date,
            unique_id: None,
        };
        let mut shared = self.lock();
        let folder = shared.folder(mailbox)?;
        folder.room_for(1)?;
        folder.keywords.extend(flags.keywords().iter().cloned());
        let modseq = folder.index.next_modseq();
        let uid = folder.push(flags, modseq, message)?;
        let hints = folder.hints();
        drop(shared);
        tell(&hints);
        Ok(uid)
    }

    /// Sets the clock that dates what is appended without a date; it stands still. At first 1970.
    pub fn set_now(&self, now: InternalDate) {
        self.lock().now = now;
    }

    /// Gives a mailbox another UIDVALIDITY, for transcripts that print one.
    pub fn set_uid_validity(
        &self,
        mailbox: &MailboxName,
        uid_validity: UidValidity,
    ) -> Result<(), StoreError> {
        self.lock().folder(mailbox)?.uid_validity = uid_validity;
        Ok(())
    }

    /// Lets the next message have at least this UID.
    pub fn set_uid_next(&self, mailbox: &MailboxName, uid: Uid) -> Result<(), StoreError> {
        let mut shared = self.lock();
        let folder = shared.folder(mailbox)?;
        folder.uid_next = folder.uid_next.map(|next| next.max(uid));
        Ok(())
    }

    /// Gives a message the unique-id that POP3 shows, in place of the one made of its numbers.
    pub fn set_unique_id(
        &self,
        mailbox: &MailboxName,
        uid: Uid,
        unique_id: &str,
    ) -> Result<(), StoreError> {
        let mut shared = self.lock();
        let message = shared.folder(mailbox)?.index.message_mut(uid);
        let message = message.ok_or_else(|| gone(mailbox))?;
        message.unique_id = Some(unique_id.to_owned());
        Ok(())
    }

    /// Lets each mailbox have at most so many keywords.
    pub fn limit_keywords(&self, limit: usize) {
        self.lock().keyword_limit = limit;
    }

    /// Lets the next call that would change something fail in this way and change nothing.
    pub fn fail_next(&self, kind: ErrorKind) {
        self.lock().fails_next = Some(kind);
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account for MemoryAccount {
    fn mailboxes(&self) -> Result<Vec<MailboxName>, StoreError> {
        Ok(self.lock().folders.keys().cloned().collect())
    }

    fn subscriptions(&self) -> Result<BTreeSet<MailboxName>, StoreError> {
        Ok(self.lock().subscriptions.clone())
    }

    fn set_subscribed(&self, name: &MailboxName, subscribed: Subscribed) -> Result<(), StoreError> {
        let mut shared = self.lock();
        shared.may_change()?;
        match subscribed {
            Subscribed::Yes => shared.subscriptions.insert(name.clone()),
            Subscribed::No => shared.subscriptions.remove(name),
        };
        Ok(())
    }

    fn create(&self, name: &MailboxName) -> Result<(), StoreError> {
        let mut shared = self.lock();
        shared.may_change()?;
        if shared.folders.contains_key(name) {
            return Err(StoreError::new(
                ErrorKind::AlreadyExists,
                format!("create mailbox {name}"),
            ));
        }
        shared.make(name.clone());
        Ok(())
    }

    fn delete(&self, name: &MailboxName) -> Result<(), StoreError> {
        let mut shared = self.lock();
        shared.may_change()?;
        if name.is_inbox() {
            return Err(StoreError::new(ErrorKind::Cannot, "delete INBOX"));
        }
        let folder = shared.folders.remove(name).ok_or_else(|| gone(name))?;
        drop(shared);
        tell(&folder.hints());
        Ok(())
    }

    fn status(&self, name: &MailboxName) -> Result<Status, StoreError> {
        let mut shared = self.lock();
        let folder = shared.folder(name)?;
        Ok(Status {
            messages: folder.index.len(),
            recent: folder.index.unclaimed(),
            uid_next: folder.uid_next,
            uid_validity: folder.uid_validity,
            unseen: folder.index.unseen(),
            highest_modseq: folder.index.modseq(),
        })
    }

    fn open(
        &self,
        name: &MailboxName,
        mode: OpenMode,
        hint: Hint,
    ) -> Result<Arc<dyn Mailbox>, StoreError> {
        let mut shared = self.lock();
        shared.next_session += 1;
        let id = shared.next_session;
        let folder = shared.folder(name)?;
        let claims = Claims::new(mode);
        folder.sessions.insert(id, Session { claims, hint });
        Ok(Arc::new(MemoryMailbox {
            account: self.clone(),
            name: name.clone(),
            mode,
            id,
        }))
    }

    fn append(&self, name: &MailboxName) -> Result<Box<dyn Append>, StoreError> {
        self.lock().folder(name)?;
        Ok(Box::new(MemoryAppend::new(self.clone(), name.clone())))
    }
}

const LAST_VALIDITY: UidValidity = match UidValidity::new(u32::MAX) {
    Some(last) => last,
    None => panic!("2^32-1 is not zero"),
};

impl Shared {
    fn folder(&mut self, name: &MailboxName) -> Result<&mut Folder, StoreError> {
        self.folders.get_mut(name).ok_or_else(|| gone(name))
    }

    fn make(&mut self, name: MailboxName) {
        let uid_validity = self.next_validity;
        self.next_validity =
            UidValidity::new(uid_validity.get().saturating_add(1)).unwrap_or(LAST_VALIDITY);
        self.folders.insert(
            name,
            Folder {
                uid_validity,
                uid_next: Some(Uid::FIRST),
                keywords: BTreeSet::new(),
                index: Index::new(ModSeq::FIRST),
                sessions: BTreeMap::new(),
            },
        );
    }

    fn may_change(&mut self) -> Result<(), StoreError> {
        self.fails_next.take().map_or(Ok(()), |kind| {
            Err(StoreError::new(kind, "change an account told to fail"))
        })
    }
}

impl Folder {
    fn hints(&self) -> Vec<Hint> {
        self.sessions
            .values()
            .map(|session| Arc::clone(&session.hint))
            .collect()
    }

    fn new_keywords(&self, limit: usize) -> NewKeywords {
        if self.keywords.len() < limit {
            NewKeywords::Accepted
        } else {
            NewKeywords::Refused
        }
    }

    /// Takes the keywords of these flags into use.
    fn learn_keywords(&mut self, flags: &Flags, limit: usize) -> Result<(), StoreError> {
        let mut keywords = self.keywords.clone();
        keywords.extend(flags.keywords().iter().cloned());
        if keywords.len() > limit.max(self.keywords.len()) {
            return Err(StoreError::new(ErrorKind::Limit, "take a new keyword"));
        }
        self.keywords = keywords;
        Ok(())
    }

    /// Whether there are UIDs for so many messages.
    fn room_for(&self, messages: usize) -> Result<(), StoreError> {
        let left = self
            .uid_next
            .map_or(0, |next| u64::from(u32::MAX - next.get()) + 1);
        if messages as u64 > left {
            return Err(StoreError::new(ErrorKind::Limit, "assign a UID"));
        }
        Ok(())
    }

    fn push(&mut self, flags: Flags, modseq: ModSeq, message: Message) -> Result<Uid, StoreError> {
        self.room_for(1)?;
        let uid = self
            .uid_next
            .ok_or_else(|| StoreError::new(ErrorKind::Limit, "assign a UID"))?;
        self.uid_next = uid.next();
        let entry = Entry {
            flags,
            modseq,
            message,
        };
        self.index.append(uid, entry);
        self.index.make_recent(uid);
        Ok(uid)
    }
}

fn gone(name: &MailboxName) -> StoreError {
    StoreError::new(ErrorKind::NonExistent, format!("open mailbox {name}"))
}

/// Calls hints; never under the lock, since a hint may ask for the mailbox at once.
fn tell(hints: &[Hint]) {
    for hint in hints {
        hint();
    }
}
