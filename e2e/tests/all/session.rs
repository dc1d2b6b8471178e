//! An IMAP session that keeps what it is told of the mailbox it has selected, for tests whose messages each
//! carry a token.

use crate::harness::{Imap, Reply};
use crate::view::{FlagNames, Known, View};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What is asked of a message that is not known yet.
const ITEMS: &str = "(UID FLAGS BODY.PEEK[HEADER.FIELDS (X-Token)])";

/// A message that carries a token.
pub(crate) fn message(token: &str) -> Vec<u8> {
    format!(
        "X-Token: {token}\r\nFrom: a@example.com\r\nSubject: {token}\r\n\r\nText of {token}.\r\n"
    )
    .into_bytes()
}

/// A session with a mailbox selected.
pub(crate) struct Session {
    imap: Imap,
    pub(crate) view: View,
}

impl Session {
    /// Selects a mailbox and looks at all of it.
    pub(crate) fn select(imap: Imap, mailbox: &str) -> io::Result<Self> {
        let mut session = Self {
            imap,
            view: View::default(),
        };
        let reply = session.command(&format!("SELECT {mailbox}"))?;
        assert!(reply.is_ok(), "{mailbox}: {}", reply.status);
        session.learn()?;
        Ok(session)
    }

    /// Sends a command and takes what comes before its answer.
    pub(crate) fn command(&mut self, command: &str) -> io::Result<Reply> {
        let reply = self.imap.command(command)?;
        assert!(
            !reply.status.starts_with("BAD"),
            "{command}: {}",
            reply.status
        );
        self.hear(&reply);
        Ok(reply)
    }

    /// The same with a message for INBOX.
    pub(crate) fn append(&mut self, flags: &FlagNames, message: &[u8]) -> io::Result<Reply> {
        let list: Vec<_> = flags.iter().map(String::as_str).collect();
        let list = format!("({})", list.join(" "));
        let reply = self.imap.append("INBOX", &list, message)?;
        self.hear(&reply);
        Ok(reply)
    }

    /// Asks for what it was told of and does not know; false when it knows everything.
    pub(crate) fn learn(&mut self) -> io::Result<bool> {
        let Some(uid) = self.view.first_unknown() else {
            return Ok(false);
        };
        self.command(&format!("UID FETCH {uid}:* {ITEMS}"))?;
        Ok(true)
    }

    /// NOOP; and what it tells of is looked at.
    pub(crate) fn catch_up(&mut self) {
        self.command("NOOP").unwrap();
        self.learn().unwrap();
    }

    /// Idles until it is told to stop, and only listens.
    pub(crate) fn watch(&mut self, stop: &AtomicBool) -> io::Result<()> {
        const TURN: Duration = Duration::from_millis(100);
        let tag = self.imap.begin("IDLE")?;
        let line = self.imap.response()?;
        assert!(line.starts_with(b"+"), "{}", String::from_utf8_lossy(&line));
        self.imap.set_patience(TURN);
        while !stop.load(Ordering::Relaxed) {
            match self.imap.response() {
                Ok(line) if line.starts_with(b"* BYE") => {
                    return Err(io::Error::other("the server said BYE"));
                }
                Ok(line) => self.view.take(&String::from_utf8_lossy(&line)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        self.imap.set_patience(Duration::from_secs(30));
        let reply = self.imap.done(&tag);
        self.hear(&reply);
        assert!(reply.is_ok(), "{}", reply.status);
        Ok(())
    }

    fn hear(&mut self, reply: &Reply) {
        for line in reply.lines() {
            self.view.take(&line);
        }
    }
}

/// A mailbox as a session that looks for the first time sees it.
#[track_caller]
pub(crate) fn listing(imap: Imap, mailbox: &str) -> Vec<Known> {
    let session = Session::select(imap, mailbox).unwrap();
    session.view.known().expect("everything was asked for")
}

/// The first messages in which two looks at a mailbox differ.
pub(crate) fn differences(shown: &[Known], expected: &[Known]) -> Option<String> {
    let only = |these: &[Known], those: &[Known]| {
        let only = these.iter().filter(|message| !those.contains(message));
        format!("{:?}", only.take(3).collect::<Vec<_>>())
    };
    (shown != expected).then(|| {
        format!(
            "{} instead of {}",
            only(shown, expected),
            only(expected, shown)
        )
    })
}

/// The words of a response code behind its name.
pub(crate) fn code<'a>(status: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let begin = status.find(&format!("[{name} "))? + name.len() + 2;
    let end = begin + status[begin..].find(']')?;
    Some(status[begin..end].split(' ').collect())
}

/// Source and copy of a COPYUID (RFC 4315 3).
pub(crate) fn copied(status: &str) -> Vec<(u32, u32)> {
    let Some(words) = code(status, "COPYUID") else {
        return Vec::new();
    };
    let (from, to) = (expand(words[1]), expand(words[2]));
    assert_eq!(from.len(), to.len(), "{status}");
    from.into_iter().zip(to).collect()
}

/// The numbers of a set without `*`.
fn expand(set: &str) -> Vec<u32> {
    set.split(',')
        .flat_map(|range| {
            let (from, to) = range.split_once(':').unwrap_or((range, range));
            from.parse::<u32>().unwrap()..=to.parse().unwrap()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn response_codes_are_read() {
        assert_eq!(
            copied("OK [COPYUID 7 2:3,9 4:6] done"),
            [(2, 4), (3, 5), (9, 6)]
        );
        assert_eq!(copied("OK done"), []);
        assert_eq!(
            code("OK [APPENDUID 7 12] done", "APPENDUID"),
            Some(vec!["7", "12"])
        );
    }
}
