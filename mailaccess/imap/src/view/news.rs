//! What happened in a mailbox, and how much of it a session is told: EXPUNGE, EXISTS, RECENT, FETCH.

use super::View;
use crate::encode::{self, flags};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use mailaccess_mail::Uid;
use mailaccess_mail::step::Output;
use mailaccess_mail::store::{Change, Changes, Mailbox, Row, StoreError};

/// Whether EXPUNGE may be sent (RFC 3501 7.4.1): never while a command counts messages by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expunges {
    /// It may.
    Told,
    /// It must wait.
    Withheld,
}

/// What a batch of changes means to a session.
#[derive(Default)]
struct News {
    grown: bool,
    flags: BTreeMap<Uid, Row>,
}

impl View {
    /// Looks at what happened and writes what the session may be told.
    pub(crate) fn sync(
        &mut self,
        mailbox: &dyn Mailbox,
        expunges: Expunges,
        out: &mut Output,
    ) -> Result<(), StoreError> {
        let news = match mailbox.changes(self.cursor)? {
            Changes::Since { changes, cursor } => {
                self.cursor = cursor;
                self.follow(changes)
            }
            Changes::Everything {
                rows,
                recent,
                cursor,
            } => {
                self.cursor = cursor;
                self.compare(rows, &recent)
            }
        };
        self.told.clear();
        if expunges == Expunges::Told {
            self.tell_expunges(out);
        }
        if news.grown {
            encode::line(out, format_args!("* {} EXISTS", self.messages.len()));
            encode::line(out, format_args!("* {} RECENT", self.recent.len()));
        }
        for row in news.flags.into_values() {
            self.tell_flags(&row, out);
        }
        self.messages.settle();
        Ok(())
    }

    fn follow(&mut self, changes: Vec<Change>) -> News {
        let known = self.messages.len();
        let mut news = News::default();
        for change in changes {
            match change {
                Change::Appended { row, recent } => {
                    self.modseq = self.modseq.max(row.modseq);
                    if self.messages.push(row.uid) && recent {
                        self.recent.push(row.uid);
                    }
                }
                Change::Flags(row) => {
                    if !self.knows(&row) {
                        news.flags.insert(row.uid, row);
                    }
                }
                Change::Expunged(uid) => {
                    news.flags.remove(&uid);
                    match self.messages.place(uid) {
                        // The session has not heard of it: it never was.
                        Some(place) if place >= known => self.forget(place, uid),
                        Some(_) => {
                            self.gone.insert(uid);
                        }
                        None => {}
                    }
                }
            }
        }
        for row in news.flags.values() {
            self.modseq = self.modseq.max(row.modseq);
        }
        for modseq in self.told.values() {
            self.modseq = self.modseq.max(*modseq);
        }
        news.grown = self.messages.len() > known;
        news
    }

    /// The mailbox no longer remembers what happened: finds it out from what is there.
    fn compare(&mut self, rows: Vec<Row>, recent: &[Uid]) -> News {
        let known = self.messages.len();
        let mut news = News::default();
        let mut there = rows.iter().map(|row| row.uid).peekable();
        for uid in self.messages.iter() {
            while there.next_if(|other| *other < uid).is_some() {}
            if there.peek() != Some(&uid) {
                self.gone.insert(uid);
            }
        }
        let before = self.modseq;
        for row in rows {
            self.modseq = self.modseq.max(row.modseq);
            if self.messages.push(row.uid) {
                continue;
            }
            if row.modseq > before && !self.knows(&row) {
                news.flags.insert(row.uid, row);
            }
        }
        for uid in recent {
            if let Err(at) = self.recent.binary_search(uid) {
                self.recent.insert(at, *uid);
            }
        }
        news.grown = self.messages.len() > known;
        news
    }

    fn tell_expunges(&mut self, out: &mut Output) {
        for uid in core::mem::take(&mut self.gone) {
            if let Some(place) = self.messages.place(uid) {
                encode::line(out, format_args!("* {} EXPUNGE", place + 1));
                self.forget(place, uid);
            }
        }
    }

    fn forget(&mut self, place: u32, uid: Uid) {
        self.messages.remove(place);
        if let Ok(at) = self.recent.binary_search(&uid) {
            self.recent.remove(at);
        }
    }

    /// Writes the flags of a message that the session has not asked for.
    fn tell_flags(&mut self, row: &Row, out: &mut Output) {
        let Some(place) = self
            .messages
            .place(row.uid)
            .filter(|_| !self.is_gone(row.uid))
        else {
            return;
        };
        flags::learn(self, &row.flags, out);
        let recent = self.is_recent(row.uid);
        encode::line(
            out,
            format_args!(
                "* {} FETCH (UID {} FLAGS {})",
                place + 1,
                row.uid,
                flags::of_message(&row.flags, recent.into())
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::Access;
    use alloc::sync::Arc;
    use mailaccess_mail::store::{Account, OpenMode, Stored};
    use mailaccess_mail::{FlagChange, Flags, MailboxName, SystemFlag};
    use mailaccess_store::memory::MemoryAccount;

    #[test]
    fn what_was_told_is_remembered_until_the_next_look() {
        let account = MemoryAccount::new();
        let inbox = MailboxName::inbox();
        let uid = account.deliver(&inbox, b"x").unwrap();
        let mailbox = account
            .open(&inbox, OpenMode::Select, Arc::new(|| {}))
            .unwrap();
        let mut view = View::new(&mailbox.snapshot().unwrap(), Access::ReadWrite);
        let change = FlagChange::Add(Flags::from_iter([SystemFlag::Seen]));
        let stored = mailbox.store(&[uid], &change, None).unwrap();
        let [Stored::Row(row)] = stored.as_slice() else {
            panic!("the message is there");
        };
        assert!(!view.is_known(row));
        view.told(row);
        assert!(view.is_known(row) && !view.told.is_empty());
        let mut out = Output::new();
        view.sync(&*mailbox, Expunges::Told, &mut out).unwrap();
        assert!(out.is_empty());
        assert!(view.is_known(row) && view.told.is_empty());
    }
}
