//! The store as protocols see it: accounts hold mailboxes, mailboxes hold messages.
//!
//! Every call is synchronous and may block; only a driver calls it, on a thread made for that. Calls
//! take and give batches, so that a hop to such a thread is worth its price. A message is named by its
//! UID only: sequence numbers belong to a session's view, not to the store.

use crate::mime::Structure;
use crate::{FlagChange, Flags, InternalDate, Keyword, MailboxName, ModSeq, Uid, UidValidity};
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Called, from any thread and as often as it likes, when an open mailbox may have changed. It must not
/// block; it says nothing that is relied on, a session asks [`Mailbox::changes`] then.
pub type Hint = Arc<dyn Fn() + Send + Sync>;

/// One person's mail.
pub trait Account: Send + Sync {
    /// Every mailbox there is, INBOX among them, in no order.
    fn mailboxes(&self) -> Result<Vec<MailboxName>, StoreError>;

    /// The names subscribed to (RFC 3501 6.3.6), whether such a mailbox exists or not.
    fn subscriptions(&self) -> Result<BTreeSet<MailboxName>, StoreError>;

    /// Subscribes or unsubscribes. Doing it twice is no error.
    fn set_subscribed(&self, name: &MailboxName, subscribed: Subscribed) -> Result<(), StoreError>;

    /// Makes a mailbox; [`ErrorKind::AlreadyExists`] when there is one. Its UIDVALIDITY is higher than
    /// that of any earlier mailbox of this name.
    fn create(&self, name: &MailboxName) -> Result<(), StoreError>;

    /// Deletes a mailbox and what is in it, not what lies below it. INBOX cannot be deleted
    /// ([`ErrorKind::Cannot`]).
    fn delete(&self, name: &MailboxName) -> Result<(), StoreError>;

    /// Counts, without opening: no message loses its `\Recent`.
    fn status(&self, name: &MailboxName) -> Result<Status, StoreError>;

    /// Opens a mailbox; `hint` is called while the result lives. Drop it to close.
    fn open(
        &self,
        name: &MailboxName,
        mode: OpenMode,
        hint: Hint,
    ) -> Result<Arc<dyn Mailbox>, StoreError>;

    /// Begins to add messages to a mailbox, which must exist.
    fn append(&self, name: &MailboxName) -> Result<Box<dyn Append>, StoreError>;
}

/// Whether a name is subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscribed {
    /// No longer.
    No,
    /// From now on.
    Yes,
}

/// For what a mailbox is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// EXAMINE: nothing changes, and no message loses its `\Recent`.
    Examine,
    /// POP3: messages may be removed, but none loses its `\Recent`.
    Maildrop,
    /// SELECT: this session alone is told of what is recent.
    Select,
}

/// What STATUS and SELECT count (RFC 3501 6.3.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Messages in the mailbox.
    pub messages: u32,
    /// Messages that no session has been told of as recent.
    pub recent: u32,
    /// The UID that the next message gets at least; `None` when there is none left.
    pub uid_next: Option<Uid>,
    /// Of all UIDs here.
    pub uid_validity: UidValidity,
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// The newest change.
    pub highest_modseq: ModSeq,
}

/// One session's hold on an open mailbox. The messages behind it are shared by all sessions.
pub trait Mailbox: Send + Sync {
    /// Everything a new session must know, as of now.
    fn snapshot(&self) -> Result<Snapshot, StoreError>;

    /// What happened since `since`, by whatever hand: looks at the disk where that is needed.
    fn changes(&self, since: Cursor) -> Result<Changes, StoreError>;

    /// The rows of these messages; `None` for one that is gone.
    fn rows(&self, uids: &[Uid]) -> Result<Vec<Option<Row>>, StoreError>;

    /// The exact sizes in wire bytes (RFC822.SIZE) of these messages; `None` for one that is gone.
    fn sizes(&self, uids: &[Uid]) -> Result<Vec<Option<u64>>, StoreError>;

    /// When these messages arrived; `None` for one that is gone.
    fn internal_dates(&self, uids: &[Uid]) -> Result<Vec<Option<InternalDate>>, StoreError>;

    /// Opens and measures a message; `None` when it is gone. What is open stays whole, also when the
    /// message is expunged meanwhile.
    fn body(&self, uid: Uid) -> Result<Option<Arc<dyn Body>>, StoreError>;

    /// The MIME structure of a message whose body is at hand. A store may keep it.
    fn structure(&self, uid: Uid, body: &dyn Body) -> Result<Arc<Structure>, StoreError> {
        let _ = uid;
        Structure::scan(body)
            .map(Arc::new)
            .map_err(StoreError::from)
    }

    /// The unique-id that POP3 shows (RFC 1939 UIDL: 1 to 70 bytes of 0x21-0x7E) for each message.
    fn unique_ids(&self, uids: &[Uid]) -> Result<Vec<Option<String>>, StoreError>;

    /// Changes flags, each message's as found at that moment, all in one batch under the lock. The
    /// outcomes are in the order of `uids`. With `unchanged_since` a message changed later is left alone
    /// (RFC 7162 3.1.3).
    fn store(
        &self,
        uids: &[Uid],
        change: &FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Vec<Stored>, StoreError>;

    /// Copies messages, all or none, with flags and dates. Messages gone are left out.
    fn copy(&self, uids: &[Uid], target: &MailboxName) -> Result<Copied, StoreError>;

    /// Removes messages for ever and says which ones this call removed.
    fn expunge(&self, which: Expunge<'_>) -> Result<Vec<Uid>, StoreError>;
}

/// A position in a mailbox's history of changes. Means nothing to another mailbox or process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(pub u64);

/// A mailbox at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Where the changes after this moment begin.
    pub cursor: Cursor,
    /// Of all UIDs here.
    pub uid_validity: UidValidity,
    /// The UID that the next message gets at least; `None` when there is none left.
    pub uid_next: Option<Uid>,
    /// The newest change.
    pub highest_modseq: ModSeq,
    /// All messages, ascending.
    pub uids: Arc<[Uid]>,
    /// The messages that this session, and no other, was given as recent; to one that examines they are
    /// only shown. Ascending.
    pub recent: Vec<Uid>,
    /// The first message without `\Seen` (RFC 3501 7.3.1 UNSEEN counts from it).
    pub first_unseen: Option<Uid>,
    /// Keywords in use here.
    pub keywords: Vec<Keyword>,
    /// Whether a client may make a new keyword (PERMANENTFLAGS `\*`).
    pub new_keywords: NewKeywords,
    /// Whether nothing in it can be changed, however it was opened, as on a volume that is mounted for reading
    /// only (RFC 3501 6.3.1 READ-ONLY).
    pub is_read_only: bool,
}

/// Whether a mailbox takes a keyword that it has not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewKeywords {
    /// There is room.
    Accepted,
    /// No room is left: `NO [LIMIT]`.
    Refused,
}

/// One message as the mailbox knows it without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which message.
    pub uid: Uid,
    /// When its flags last changed.
    pub modseq: ModSeq,
    /// Its flags.
    pub flags: Flags,
}

/// What happened to a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A message came. UIDs come in ascending order.
    Appended {
        /// The message.
        row: Row,
        /// Whether this session, and no other, is given it as recent.
        recent: bool,
    },
    /// Flags changed; the row has the newest.
    Flags(Row),
    /// A message went for ever.
    Expunged(Uid),
}

/// What came after a [`Cursor`].
#[derive(Debug, Clone)]
pub enum Changes {
    /// These, in the order in which they happened; go on from `cursor`.
    Since {
        /// Oldest first.
        changes: Vec<Change>,
        /// Where to go on.
        cursor: Cursor,
    },
    /// So much that the mailbox no longer remembers it: compare with this, which has every message's row.
    Everything {
        /// All rows, ascending by UID.
        rows: Vec<Row>,
        /// The messages among them that this session, and no other, is newly given as recent.
        recent: Vec<Uid>,
        /// Where to go on.
        cursor: Cursor,
    },
}

/// What STORE did to one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// It is gone.
    Gone(Uid),
    /// It changed after the sequence that was asked for, and was left alone.
    Modified(Uid),
    /// These are its flags now, whether that is a change or not.
    Row(Row),
}

/// What COPY made (RFC 4315 COPYUID).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Of the target.
    pub uid_validity: UidValidity,
    /// Source and copy, in the order asked for; messages that were gone are missing.
    pub uids: Vec<(Uid, Uid)>,
}

/// What to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expunge<'a> {
    /// Every message with `\Deleted` (EXPUNGE, CLOSE).
    Deleted,
    /// Those of these messages that have `\Deleted` (RFC 4315 UID EXPUNGE).
    DeletedAmong(&'a [Uid]),
    /// These messages whatever their flags (POP3 UPDATE).
    These(&'a [Uid]),
}

/// Messages on their way into a mailbox. Dropped before [`Append::commit`], nothing of it remains.
pub trait Append: Send {
    /// Begins a message, ending the one before.
    fn begin(&mut self, message: NewMessage) -> Result<(), StoreError>;

    /// Adds bytes to the message begun last.
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError>;

    /// Makes all of them appear at once and for ever.
    fn commit(self: Box<Self>) -> Result<Appended, StoreError>;
}

/// What APPEND says of a message (RFC 3501 6.3.11).
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Its first flags.
    pub flags: Flags,
    /// When it arrived; `None` is now, by the volume's clock.
    pub internal_date: Option<InternalDate>,
    /// Bytes that will be written.
    pub len: u64,
}

/// What APPEND made (RFC 4315 APPENDUID).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Of the mailbox.
    pub uid_validity: UidValidity,
    /// In the order given.
    pub uids: Vec<Uid>,
}

/// An open message: an exact number of bytes as they go over the wire, every line ended by CRLF.
pub trait Body: Send + Sync {
    /// Its length in wire bytes; never changes.
    fn len(&self) -> u64;

    /// Whether there is nothing in it.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads at a wire offset and may block. Fills as much of `buffer` as there is before the end and
    /// says how much that was; zero only at the end or for an empty buffer.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, BodyLost>;

    /// The same without blocking; `None` where that would block.
    fn try_read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<Option<usize>, BodyLost>;
}

/// An open message turned out shorter than announced or unreadable. Whoever has begun to send it must
/// cut the connection: padding would be a lie.
#[derive(Debug, thiserror::Error)]
#[error("read message body at byte {offset}")]
pub struct BodyLost {
    /// Where, in wire bytes.
    pub offset: u64,
    /// What the system said.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// A call that failed: how to tell the client, and what to log.
#[derive(Debug)]
pub struct StoreError {
    kind: ErrorKind,
    attempt: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Whose fault it is and what the client may do about it (response codes of RFC 5530 and RFC 3501).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// There is one of that name.
    AlreadyExists,
    /// Never possible for this mailbox, such as deleting INBOX.
    Cannot,
    /// The mailbox's files contradict each other.
    Corruption,
    /// Another holds the lock for too long.
    InUse,
    /// A limit, such as the number of keywords.
    Limit,
    /// There is none of that name.
    NonExistent,
    /// The volume is mounted for reading only, or belongs to somebody else.
    NoPermission,
    /// The volume is full.
    OverQuota,
    /// Our own mistake, or a system call that failed for a reason not foreseen.
    ServerBug,
    /// The mailbox or the volume is not there now.
    Unavailable,
}

impl ErrorKind {
    /// All there are.
    pub const ALL: [Self; 10] = [
        Self::AlreadyExists,
        Self::Cannot,
        Self::Corruption,
        Self::InUse,
        Self::Limit,
        Self::NonExistent,
        Self::NoPermission,
        Self::OverQuota,
        Self::ServerBug,
        Self::Unavailable,
    ];

    /// The response code in brackets of an IMAP `NO`.
    pub const fn response_code(self) -> &'static str {
        match self {
            Self::AlreadyExists => "ALREADYEXISTS",
            Self::Cannot => "CANNOT",
            Self::Corruption => "CORRUPTION",
            Self::InUse => "INUSE",
            Self::Limit => "LIMIT",
            Self::NonExistent => "NONEXISTENT",
            Self::NoPermission => "NOPERM",
            Self::OverQuota => "OVERQUOTA",
            Self::ServerBug => "SERVERBUG",
            Self::Unavailable => "UNAVAILABLE",
        }
    }

    /// What a client is told: a fixed sentence, since the cause may name paths and people.
    pub const fn client_text(self) -> &'static str {
        match self {
            Self::AlreadyExists => "Mailbox already exists.",
            Self::Cannot => "That cannot be done to this mailbox.",
            Self::Corruption => "The mailbox is damaged; the administrator has been told.",
            Self::InUse => "The mailbox is in use, try again.",
            Self::Limit => "A limit of the server is reached.",
            Self::NonExistent => "There is no such mailbox.",
            Self::NoPermission => "The server may not change this mailbox.",
            Self::OverQuota => "There is no room left.",
            Self::ServerBug => "Internal error; the administrator has been told.",
            Self::Unavailable => "The mailbox is not available now.",
        }
    }
}

impl StoreError {
    /// An error without a cause below it. `attempt` says what was tried, lower case, for the log.
    pub fn new(kind: ErrorKind, attempt: impl Into<String>) -> Self {
        Self {
            kind,
            attempt: attempt.into(),
            source: None,
        }
    }

    /// An error with its cause.
    pub fn caused(
        kind: ErrorKind,
        attempt: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            attempt: attempt.into(),
            source: Some(source.into()),
        }
    }

    /// How to tell the client.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attempt)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_ref()
            .map(|source| &**source as &(dyn Error + 'static))
    }
}

impl From<BodyLost> for StoreError {
    fn from(lost: BodyLost) -> Self {
        Self::caused(ErrorKind::Unavailable, "read a message", lost)
    }
}
