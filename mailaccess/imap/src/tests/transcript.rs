//! Runs a dialogue written as text: what clients send, and exactly what they must see.
//!
//! ```text
//! # a comment
//! channel plain                       the connections are in the clear; else they are under TLS
//! login-type plain                    LoginType is PlainTextLogin; else it is SecureLogin
//! state selected INBOX                how each connection begins: guest, authenticated, selected NAME
//! connections 2                       how many there are
//! mailbox INBOX 385752904 4392        its UIDVALIDITY, and the least UID of the next message
//! subscribe news                      a name subscribed to
//! keywords 3                          each mailbox has so many keywords at most
//! message INBOX (\Seen) " 1-Jan-1970 00:00:00 +0000"     a message; without a date it is new
//! | Subject: text of the message
//!
//! C: a NOOP                           the first client sends this line
//! S: a OK NOOP completed.             and sees this one
//! C2: b NOOP                          the second client
//! N2:                                 the second session is told that its mailbox may have changed
//! T:                                  the time passes that the session waits for
//! D: INBOX Subject: hi                a message of one line is delivered by another hand
//! X: ShuttingDown                     the session is told to end
//! F: OverQuota                        the next change fails in this way
//! G: news                             a mailbox is deleted by another hand
//! E:                                  the client ends the connection
//! Z:                                  the connection must be closed now
//! ```
//! Behind each line that does something, all that every client sees must be written.

use super::driver::{Connection, PLAIN};
use super::oracle;
use mailaccess_mail::step::{Channel, LoginType, NoAccess, Stop};
use mailaccess_mail::store::{Account, ErrorKind, Subscribed};
use mailaccess_mail::{Flags, InternalDate, Keyword, MailboxName, SystemFlag, Uid, UidValidity};
use mailaccess_store::memory::MemoryAccount;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// Runs a transcript.
#[track_caller]
pub(super) fn transcript(name: &str, text: &str) {
    let (header, dialogue) = text
        .split_once("\n\n")
        .expect("a header, an empty line, a dialogue");
    let mut stage = Stage::set(header);
    let mut played = Vec::new();
    let mut expected = Vec::new();
    for line in dialogue
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let (who, what) = line.split_once(':').expect("a letter and a colon");
        let what = what.strip_prefix(' ').unwrap_or(what);
        let (kind, number) = who.split_at(1);
        let number: usize = if number.is_empty() {
            1
        } else {
            number.parse().unwrap()
        };
        expected.push(line.to_string());
        if kind == "S" {
            continue;
        }
        played.push(line.to_string());
        stage.act(kind, number - 1, what);
        stage.collect(&mut played);
    }
    assert!(
        played == expected,
        "{name} went otherwise:\n{}\n",
        played.join("\n")
    );
}

/// The connections of a transcript and the account that they share.
struct Stage {
    account: MemoryAccount,
    connections: Vec<Connection>,
}

/// A message of a header that may go on.
struct Draft {
    mailbox: MailboxName,
    flags: Flags,
    date: Option<InternalDate>,
    text: String,
}

impl Stage {
    fn set(header: &str) -> Self {
        let account = MemoryAccount::new();
        let (mut channel, mut login_type) = (Channel::Tls, LoginType::SecureLogin);
        let (mut state, mut count) = ("selected INBOX", 1);
        let mut draft: Option<Draft> = None;
        for line in header.lines().filter(|line| !line.starts_with('#')) {
            if let Some(text) = line.strip_prefix('|') {
                let draft = draft.as_mut().expect("a message goes before its text");
                draft.text += text.strip_prefix(' ').unwrap_or(text);
                draft.text += "\r\n";
                continue;
            }
            keep(&account, draft.take());
            let (word, rest) = line.split_once(' ').expect("a word and what it says");
            match (word, rest) {
                ("channel", "plain") => channel = PLAIN,
                ("login-type", "plain") => login_type = LoginType::PlainTextLogin,
                ("state", rest) => state = rest,
                ("connections", rest) => count = rest.parse().unwrap(),
                ("mailbox", rest) => mailbox(&account, rest),
                ("subscribe", name) => account
                    .set_subscribed(&MailboxName::new(name).unwrap(), Subscribed::Yes)
                    .unwrap(),
                ("keywords", limit) => account.limit_keywords(limit.parse().unwrap()),
                ("message", rest) => draft = Some(message(rest)),
                _ => panic!("a header says {line}"),
            }
        }
        keep(&account, draft);
        let connections = (0..count)
            .map(|_| connection(&account, channel, login_type, state))
            .collect();
        Self {
            account,
            connections,
        }
    }

    fn act(&mut self, kind: &str, number: usize, what: &str) {
        let connection = &mut self.connections[number];
        match kind {
            "C" => connection.receive(format!("{what}\r\n").as_bytes()),
            "N" => connection.notice(),
            "T" => connection.tick(),
            "X" => connection.stop(stop(what)),
            "E" => connection.end(),
            "Z" => assert!(connection.is_closed(), "the connection is open"),
            "D" => {
                let (name, text) = what.split_once(' ').expect("a mailbox and a text");
                let name = MailboxName::new(name).unwrap();
                let text = format!("{text}\r\n\r\n");
                self.account.deliver(&name, text.as_bytes()).unwrap();
            }
            "F" => self.account.fail_next(error_kind(what)),
            "G" => self
                .account
                .delete(&MailboxName::new(what).unwrap())
                .unwrap(),
            _ => panic!("nobody knows what {kind} is"),
        }
    }

    /// Writes down what every client was sent, and has another implementation read it.
    fn collect(&mut self, played: &mut Vec<String>) {
        for (index, connection) in self.connections.iter_mut().enumerate() {
            let sent = connection.sent();
            oracle::reads(&sent);
            let sent = String::from_utf8_lossy(&sent).into_owned();
            let who = if index == 0 {
                "S".into()
            } else {
                format!("S{}", index + 1)
            };
            for line in sent.split_terminator("\r\n") {
                let line = format!("{who}: {line}");
                played.push(line.trim_end_matches(' ').into());
            }
        }
    }
}

fn connection(
    account: &MemoryAccount,
    channel: Channel,
    login_type: LoginType,
    state: &str,
) -> Connection {
    let mut connection = Connection::new(account.clone(), login_type, channel).greeted();
    if state != "guest" {
        connection.receive(b"- LOGIN ann secret\r\n");
    }
    if let Some(name) = state.strip_prefix("selected ") {
        connection.receive(format!("- SELECT {name}\r\n").as_bytes());
    }
    connection.sent();
    connection
}

fn mailbox(account: &MemoryAccount, words: &str) {
    let mut words = words.split(' ');
    let name = MailboxName::new(words.next().unwrap()).unwrap();
    if !name.is_inbox() {
        account.create(&name).unwrap();
    }
    if let Some(number) = words.next() {
        let validity = UidValidity::new(number.parse().unwrap()).unwrap();
        account.set_uid_validity(&name, validity).unwrap();
    }
    if let Some(number) = words.next() {
        let uid = Uid::new(number.parse().unwrap()).unwrap();
        account.set_uid_next(&name, uid).unwrap();
    }
}

fn message(words: &str) -> Draft {
    let (mailbox, rest) = words.split_once(" (").expect("a mailbox and flags");
    let (flags, date) = rest.split_once(')').expect("flags in parentheses");
    let mut set = Flags::none();
    for flag in flags.split(' ').filter(|flag| !flag.is_empty()) {
        match SystemFlag::from_name(flag.as_bytes()) {
            Some(flag) => set.insert(flag),
            None => set.insert_keyword(Keyword::new(flag).unwrap()),
        }
    }
    Draft {
        mailbox: MailboxName::new(mailbox).unwrap(),
        flags: set,
        date: (!date.is_empty())
            .then(|| InternalDate::parse(&date.as_bytes()[2..date.len() - 1]).unwrap()),
        text: String::new(),
    }
}

/// Puts a message into its mailbox; one with a date is known to another session, so it is not recent.
fn keep(account: &MemoryAccount, draft: Option<Draft>) {
    let Some(draft) = draft else { return };
    let date = draft.date.unwrap_or(InternalDate::from_unix_secs(0));
    let name = &draft.mailbox;
    account
        .add(name, draft.text.as_bytes(), draft.flags, date)
        .unwrap();
    if draft.date.is_some() {
        let mut other =
            Connection::new(account.clone(), LoginType::SecureLogin, Channel::Tls).greeted();
        other.receive(format!("- LOGIN ann secret\r\n- SELECT {name}\r\n").as_bytes());
    }
}

fn stop(what: &str) -> Stop {
    match what {
        "MailboxDisabled" => Stop::AccessRevoked(NoAccess::MailboxDisabled),
        "ProtocolDisabled" => Stop::AccessRevoked(NoAccess::ProtocolDisabled),
        "DomainNotServed" => Stop::AccessRevoked(NoAccess::DomainNotServed),
        "PersonGone" => Stop::AccessRevoked(NoAccess::PersonGone),
        "NotLoaded" => Stop::AccessRevoked(NoAccess::NotLoaded),
        "IdleTimeout" => Stop::IdleTimeout,
        "LogOnTimeout" => Stop::LogOnTimeout,
        "ShuttingDown" => Stop::ShuttingDown,
        "TooManyConnections" => Stop::TooManyConnections,
        _ => panic!("nobody stops for {what}"),
    }
}

fn error_kind(what: &str) -> ErrorKind {
    match what {
        "InUse" => ErrorKind::InUse,
        "Limit" => ErrorKind::Limit,
        "NoPermission" => ErrorKind::NoPermission,
        "OverQuota" => ErrorKind::OverQuota,
        "ServerBug" => ErrorKind::ServerBug,
        "Unavailable" => ErrorKind::Unavailable,
        _ => panic!("nothing fails as {what}"),
    }
}
