//! APPEND in memory: messages are gathered, and appear together.

use super::{MemoryAccount, Message, body, tell};
use mailaccess_mail::store::{Append, Appended, ErrorKind, NewMessage, StoreError};
use mailaccess_mail::{Flags, InternalDate, MailboxName};

pub(super) struct MemoryAppend {
    account: MemoryAccount,
    mailbox: MailboxName,
    messages: Vec<Gathered>,
}

struct Gathered {
    flags: Flags,
    internal_date: Option<InternalDate>,
    len: u64,
    bytes: Vec<u8>,
}

impl MemoryAppend {
    pub(super) fn new(account: MemoryAccount, mailbox: MailboxName) -> Self {
        Self {
            account,
            mailbox,
            messages: Vec::new(),
        }
    }

    /// The message begun last must be as long as announced.
    fn check_last(&self) -> Result<(), StoreError> {
        match self.messages.last() {
            Some(last) if last.bytes.len() as u64 != last.len => Err(StoreError::new(
                ErrorKind::ServerBug,
                format!("append {} of {} bytes", last.bytes.len(), last.len),
            )),
            _ => Ok(()),
        }
    }
}

impl Append for MemoryAppend {
    fn begin(&mut self, message: NewMessage) -> Result<(), StoreError> {
        self.check_last()?;
        self.messages.push(Gathered {
            flags: message.flags,
            internal_date: message.internal_date,
            len: message.len,
            bytes: Vec::new(),
        });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let last = self.messages.last_mut().ok_or_else(|| {
            StoreError::new(ErrorKind::ServerBug, "write a message that was not begun")
        })?;
        last.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn commit(self: Box<Self>) -> Result<Appended, StoreError> {
        self.check_last()?;
        let mut shared = self.account.lock();
        shared.may_change()?;
        let (now, limit) = (shared.now, shared.keyword_limit);
        let folder = shared.folder(&self.mailbox)?;
        folder.room_for(self.messages.len())?;
        let mut all = Flags::none();
        for keyword in self.messages.iter().flat_map(|m| m.flags.keywords()) {
            all.insert_keyword(keyword.clone());
        }
        folder.learn_keywords(&all, limit)?;
        let modseq = folder.index.next_modseq();
        let mut uids = Vec::with_capacity(self.messages.len());
        for message in self.messages {
            let kept = Message {
                bytes: body::with_crlf(&message.bytes).into(),
                internal_date: message.internal_date.unwrap_or(now),
                unique_id: None,
            };
            uids.push(folder.push(message.flags, modseq, kept)?);
        }
        let (uid_validity, hints) = (folder.uid_validity, folder.hints());
        drop(shared);
        tell(&hints);
        Ok(Appended { uid_validity, uids })
    }
}
