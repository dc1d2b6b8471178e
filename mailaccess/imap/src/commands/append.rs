//! APPEND (RFC 3501 6.3.11) with APPENDUID (RFC 4315): the message streams into the store and is never
//! held as a whole.

use crate::command::AccountCommand;
use crate::encode::status::Status;
use crate::framing::{Literal, Waiting};
use crate::grammar::{Fault, Scanner, date, flag, mailbox};
use crate::home::Home;
use crate::job::conclude;
use crate::state::State;
use crate::tag::Tag;
use crate::view::Expunges;
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;
use mailaccess_mail::step::Output;
use mailaccess_mail::store::{Append, Appended, NewMessage, StoreError};
use mailaccess_mail::{Flags, InternalDate, MailboxName};

/// Most bytes of a message that one job takes along.
const CHUNK: usize = 64 * 1024;

/// What stands before the message.
pub(crate) struct Head {
    name: MailboxName,
    flags: Flags,
    internal_date: Option<InternalDate>,
}

/// An APPEND whose message was announced.
pub(crate) struct Beginning {
    tag: Tag,
    home: Home,
    head: Head,
    literal: Literal,
}

/// An APPEND whose message is arriving.
pub(crate) struct Appending {
    tag: Tag,
    home: Home,
    append: Box<dyn Append>,
    left: u64,
}

/// What comes next of an APPEND.
pub(crate) enum Feed {
    /// These bytes of the message.
    Bytes(Vec<u8>),
    /// Nothing: the command is whole.
    Commit,
    /// Something else: the client's mistake.
    Abandon(Status),
}

/// ```text
/// append = "APPEND" SP mailbox [SP flag-list] [SP date-time] SP literal
/// ```
/// Reads it up to the literal.
fn head(scanner: &mut Scanner<'_>) -> Result<Head, Fault> {
    scanner.space()?;
    let name = mailbox::mailbox(scanner)?;
    scanner.space()?;
    let mut flags = Flags::none();
    if scanner.peek() == Some(b'(') {
        flags = flag::flag_list(scanner)?;
        scanner.space()?;
    }
    let mut internal_date = None;
    if scanner.peek() == Some(b'"') {
        internal_date = Some(date::date_time(scanner)?);
        scanner.space()?;
    }
    Ok(Head {
        name,
        flags,
        internal_date,
    })
}

/// An APPEND that comes as a whole has no message: messages are taken over as soon as they are announced.
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<AccountCommand, Fault> {
    head(scanner)?;
    Err(scanner.fault("a message as a literal"))
}

/// Reads what stands before a literal that has just been announced; `None` when that literal is the
/// mailbox's name and the message is still to come.
pub(crate) fn announced(scanner: &mut Scanner<'_>) -> Option<Result<Head, Fault>> {
    match head(scanner) {
        Err(Fault::Incomplete(_)) => None,
        Err(fault) => Some(Err(fault)),
        Ok(head) if scanner.peek() == Some(b'{') => Some(Ok(head)),
        Ok(_) => Some(Err(scanner.fault("a message as a literal"))),
    }
}

impl Beginning {
    pub(crate) fn new(tag: Tag, home: Home, head: Head, literal: Literal) -> Self {
        Self {
            tag,
            home,
            head,
            literal,
        }
    }

    pub(crate) fn run(self, out: &mut Output, swallow: &mut Option<u64>) -> State {
        let (tag, literal) = (self.tag, self.literal);
        match begin(&self.home, self.head, literal.len) {
            Ok(append) => {
                if literal.waiting == Waiting::Yes {
                    out.bytes(b"+ Ready for the message.\r\n");
                }
                State::Appending(Box::new(Appending {
                    tag,
                    home: self.home,
                    append,
                    left: literal.len,
                }))
            }
            Err(error) => {
                // A client that waits does not send what was refused.
                *swallow = (literal.waiting == Waiting::No).then_some(literal.len);
                let status = Status::try_create(&error);
                conclude(self.home, &tag, &status, Expunges::Told, out)
            }
        }
    }
}

fn begin(home: &Home, head: Head, len: u64) -> Result<Box<dyn Append>, StoreError> {
    let mut append = home.account().append(&head.name)?;
    append.begin(NewMessage {
        flags: head.flags,
        internal_date: head.internal_date,
        len,
    })?;
    Ok(append)
}

impl Appending {
    /// Whether the whole message has arrived.
    pub(crate) fn is_whole(&self) -> bool {
        self.left == 0
    }

    /// Takes bytes of the message.
    pub(crate) fn take(&mut self, input: &mut &[u8]) -> Feed {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let (bytes, rest) = input.split_at(left.min(CHUNK).min(input.len()));
        *input = rest;
        self.left -= bytes.len() as u64;
        Feed::Bytes(bytes.to_vec())
    }

    pub(crate) fn run(
        mut self: Box<Self>,
        feed: Feed,
        out: &mut Output,
        swallow: &mut Option<u64>,
    ) -> State {
        let status = match feed {
            Feed::Bytes(bytes) => match self.append.write(&bytes) {
                Ok(()) => return State::Appending(self),
                Err(error) => {
                    *swallow = Some(self.left);
                    Status::from(error)
                }
            },
            Feed::Abandon(status) => status,
            Feed::Commit => {
                let Self {
                    tag, home, append, ..
                } = *self;
                let status = committed(append.commit());
                return conclude(home, &tag, &status, Expunges::Told, out);
            }
        };
        let Self {
            tag, home, append, ..
        } = *self;
        // Dropped before its end, nothing of it remains.
        drop(append);
        conclude(home, &tag, &status, Expunges::Told, out)
    }
}

/// ```text
/// resp-code-apnd = "APPENDUID" SP nz-number SP append-uid           ; RFC 4315 4
/// ```
fn committed(appended: Result<Appended, StoreError>) -> Status {
    const DONE: &str = "APPEND completed.";
    match appended {
        Err(error) => Status::try_create(&error),
        Ok(Appended { uid_validity, uids }) => match uids.first() {
            Some(uid) => Status::ok_code(format!("APPENDUID {uid_validity} {uid}"), DONE),
            None => Status::ok(DONE),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `None`: there is more to come before the message.
    type Read<'a> = Option<Result<(&'a str, usize, Option<i64>), Fault>>;

    #[test]
    fn the_head_ends_where_the_message_is_announced() {
        let cases: [(&str, Read<'_>); 9] = [
            (" saved {310}\r\n", Some(Ok(("saved", 0, None)))),
            (
                " {5+}\r\nsaved (\\Seen \\Flagged) {310}\r\n",
                Some(Ok(("saved", 2, None))),
            ),
            (
                " saved () \" 1-Jan-1970 00:00:10 +0000\" {3+}\r\n",
                Some(Ok(("saved", 0, Some(10)))),
            ),
            (" {5}\r\n", None),
            (" saved", None),
            (
                " a/b {5}\r\n",
                Some(Err(Fault::Name(
                    mailaccess_mail::mailbox_name::InvalidName::Character,
                ))),
            ),
            (
                " saved x {5}\r\n",
                Some(Err(Fault::Expected("a message as a literal"))),
            ),
            (
                " saved (\\Seen {5}\r\n",
                Some(Err(Fault::Expected("a flag"))),
            ),
            (
                " saved \"today\" {5}\r\n",
                Some(Err(Fault::Expected("a date and time"))),
            ),
        ];
        for (input, expect) in cases {
            let read = announced(&mut Scanner::new(input.as_bytes())).map(|read| {
                read.map(|head| {
                    let date = head.internal_date.map(InternalDate::unix_secs);
                    (
                        alloc::string::ToString::to_string(&head.name),
                        head.flags.system().count(),
                        date,
                    )
                })
            });
            let read = read.as_ref().map(|read| match read {
                Ok((name, flags, date)) => Ok((name.as_str(), *flags, *date)),
                Err(fault) => Err(*fault),
            });
            assert_eq!(read, expect, "{input}");
        }
    }
}
