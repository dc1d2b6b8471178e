//! Dialogues in `testdata/*.pop3`, byte for byte.
//!
//! ```text
//! # a comment
//! channel plain | plain-without-certificate | tls          (first; `tls` when left out)
//! loginType PlainTextLogin | SecureLogin                    (first; SecureLogin when left out)
//! message [open]          a message in the maildrop: the lines that follow, each behind a `|`;
//!                         `open` leaves out the last line's end
//! unique-id N TEXT        the unique-id of message N
//! log-on                  greets and logs on as ann, unseen
//! C: what the client sends, with CRLF; lines in a row arrive together
//! S: what the server must answer, exactly; `<TLS>` is a handshake, `<closed>` the end
//! expunge N               another session removes message N (as numbered at the beginning)
//! fail KIND               the next call of the store fails
//! stop REASON, eof        the driver ends the session, the client ends the connection
//! left N ...              the messages (as numbered at the beginning) that are still there
//! ```

use super::driver::{Connection, PLAIN};
use mailaccess_mail::step::{Channel, LoginType, NoAccess, Refused, StartTls, Stop};
use mailaccess_mail::store::{Account, ErrorKind, Expunge, Mailbox, OpenMode};
use mailaccess_mail::{MailboxName, Uid};
use mailaccess_store::memory::MemoryAccount;
use std::string::{String, ToString};
use std::sync::Arc;
use std::vec::Vec;

struct Player {
    account: MemoryAccount,
    channel: Channel,
    login_type: LoginType,
    connection: Option<Connection>,
    secure: bool,
    greeting: Greeting,
    said: String,
}

/// Whether a transcript shows the greeting of the next connection: that of the first.
#[derive(PartialEq, Eq)]
enum Greeting {
    Shown,
    Unseen,
}

#[track_caller]
fn transcript(script: &str) {
    let mut player = Player {
        account: MemoryAccount::new(),
        channel: Channel::Tls,
        login_type: LoginType::SecureLogin,
        connection: None,
        secure: true,
        greeting: Greeting::Shown,
        said: String::new(),
    };
    let mut lines = script.lines().peekable();
    let mut number = 0;
    let mut expected = String::new();
    let mut from_client = String::new();
    while let Some(line) = lines.next() {
        number += 1;
        let next = lines.peek().copied().unwrap_or_default();
        if let Some(text) = line.strip_prefix("C:") {
            from_client.push_str(text.strip_prefix(' ').unwrap_or(text));
            from_client.push_str("\r\n");
            if !next.starts_with("C:") {
                player.say(&core::mem::take(&mut from_client));
            }
        } else if let Some(text) = line.strip_prefix("S:") {
            expected.push_str(text.strip_prefix(' ').unwrap_or(text));
            expected.push('\n');
            if !next.starts_with("S:") {
                let found = player.heard();
                assert_eq!(found, expected, "before or at line {number}");
                expected.clear();
            }
        } else if line.starts_with("message") {
            let mut message = Vec::new();
            while let Some(text) = lines.next_if(|line| line.starts_with('|')) {
                number += 1;
                message.extend_from_slice(&text.as_bytes()[1..]);
                message.extend_from_slice(b"\r\n");
            }
            if line == "message open" {
                message.truncate(message.len() - 2);
            }
            player
                .account
                .deliver(&MailboxName::inbox(), &message)
                .unwrap();
        } else if !line.is_empty() && !line.starts_with('#') {
            player.direct(line);
        }
    }
    if player.connection.is_some() {
        assert_eq!(player.heard(), "", "at the end");
    }
}

impl Player {
    fn connection(&mut self) -> &mut Connection {
        if self.connection.is_none() {
            let connection = Connection::new(self.account.clone(), self.login_type, self.channel);
            let (connection, greeting) = connection.greeted();
            self.secure = connection.is_secure();
            if core::mem::replace(&mut self.greeting, Greeting::Unseen) == Greeting::Shown {
                self.said = String::from_utf8(greeting).unwrap();
            }
            self.connection = Some(connection);
        }
        self.connection.as_mut().unwrap()
    }

    fn say(&mut self, bytes: &str) {
        self.connection().receive(bytes.as_bytes());
    }

    /// What the server said since the last time, line by line.
    fn heard(&mut self) -> String {
        let connection = self.connection();
        let sent = connection.sent();
        let (secure, closed) = (connection.is_secure(), connection.is_closed());
        self.said.push_str(core::str::from_utf8(&sent).unwrap());
        let mut said = core::mem::take(&mut self.said);
        assert_eq!(said.matches('\n').count(), said.matches("\r\n").count());
        said = said.replace("\r\n", "\n");
        if secure != self.secure {
            said.push_str("<TLS>\n");
            self.secure = secure;
        }
        if closed {
            said.push_str("<closed>\n");
            // What follows is a new connection, whose greeting is known.
            self.connection = None;
        }
        said
    }

    fn direct(&mut self, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "channel" => self.channel = channel(rest),
            "loginType" => {
                self.login_type = match rest {
                    "PlainTextLogin" => LoginType::PlainTextLogin,
                    "SecureLogin" => LoginType::SecureLogin,
                    _ => panic!("{line}"),
                }
            }
            "unique-id" => {
                let (number, id) = rest.split_once(' ').unwrap();
                self.account
                    .set_unique_id(&MailboxName::inbox(), uid(number), id)
                    .unwrap();
            }
            "log-on" => {
                self.say("USER ann\r\nPASS secret\r\n");
                assert!(self.heard().ends_with("+OK User successfully logged on.\n"));
            }
            "expunge" => {
                self.mailbox()
                    .expunge(Expunge::These(&[uid(rest)]))
                    .unwrap();
            }
            "fail" => self.connection().fail = Some((0, kind(rest))),
            "stop" => self.connection().stop(stop(rest)),
            "eof" => self.connection().end(),
            "left" => {
                let uids = self.mailbox().snapshot().unwrap().uids;
                let left: Vec<_> = uids.iter().map(ToString::to_string).collect();
                assert_eq!(left.join(" "), rest);
            }
            _ => panic!("what does this mean? {line}"),
        }
    }

    fn mailbox(&self) -> Arc<dyn Mailbox> {
        let hint: mailaccess_mail::store::Hint = Arc::new(|| {});
        self.account
            .open(&MailboxName::inbox(), OpenMode::Maildrop, hint)
            .unwrap()
    }
}

fn uid(text: &str) -> Uid {
    Uid::new(text.parse().unwrap()).unwrap()
}

fn channel(text: &str) -> Channel {
    match text {
        "plain" => PLAIN,
        "plain-without-certificate" => Channel::Plain {
            start_tls: StartTls::Unavailable,
        },
        "tls" => Channel::Tls,
        _ => panic!("{text}"),
    }
}

fn kind(text: &str) -> ErrorKind {
    match text {
        "InUse" => ErrorKind::InUse,
        "NoPermission" => ErrorKind::NoPermission,
        "OverQuota" => ErrorKind::OverQuota,
        "ServerBug" => ErrorKind::ServerBug,
        "Unavailable" => ErrorKind::Unavailable,
        _ => panic!("{text}"),
    }
}

fn stop(text: &str) -> Stop {
    match text {
        "MailboxDisabled" => Stop::AccessRevoked(NoAccess::MailboxDisabled),
        "ProtocolDisabled" => Stop::AccessRevoked(NoAccess::ProtocolDisabled),
        "DomainNotServed" => Stop::AccessRevoked(NoAccess::DomainNotServed),
        "PersonGone" => Stop::AccessRevoked(NoAccess::PersonGone),
        "NotLoaded" => Stop::AccessRevoked(NoAccess::NotLoaded),
        "IdleTimeout" => Stop::IdleTimeout,
        "LogOnTimeout" => Stop::LogOnTimeout,
        "ShuttingDown" => Stop::ShuttingDown,
        "TooManyConnections" => Stop::TooManyConnections,
        _ => panic!("{text}"),
    }
}

macro_rules! transcripts {
    ($($name:ident: $file:literal,)*) => {
        $(
            #[test]
            fn $name() {
                transcript(include_str!(concat!("../../testdata/", $file)));
            }
        )*

        #[test]
        fn every_transcript_is_played() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata");
            let mut found: Vec<_> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            found.sort();
            assert_eq!(found, [$($file),*]);
        }
    };
}

transcripts! {
    auth_takes_plain_and_login: "auth.pop3",
    mistakes_in_a_row_end_the_connection: "mistakes.pop3",
    each_refusal_has_its_own_words: "no-access.pop3",
    a_refusal_says_what_a_client_may_know: "refusals.pop3",
    the_example_session_of_rfc_1939: "rfc1939.pop3",
    the_examples_of_rfc_1734_and_5034: "rfc5034.pop3",
    secure_login_waits_for_tls: "secure-login.pop3",
    other_hands_change_the_maildrop: "shared.pop3",
    a_session_is_told_why_it_ends: "stop.pop3",
    the_store_fails: "store-fails.pop3",
    dots_and_line_ends_are_kept_apart: "stuffing.pop3",
    mistakes_are_named_and_counted: "syntax.pop3",
    top_sends_a_header_and_lines: "top.pop3",
}

#[test]
fn a_connection_too_many_is_refused_before_a_greeting() {
    let mut connection =
        Connection::new(MemoryAccount::new(), LoginType::SecureLogin, Channel::Tls);
    connection.stop(Stop::TooManyConnections);
    assert_eq!(
        connection.sent(),
        b"-ERR [SYS/TEMP] Too many connections, try again later.\r\n"
    );
    assert!(connection.is_closed());
}

#[test]
fn a_password_may_hold_any_byte_but_a_line_end() {
    let connection = Connection::new(MemoryAccount::new(), LoginType::SecureLogin, Channel::Tls);
    let (mut connection, _) = connection.greeted();
    connection.receive(b"USER \xff n\r\nPASS  \xe4\x00 \r\n");
    assert_eq!(
        connection.log_ons,
        [(
            "\u{fffd} n".to_string(),
            String::new(),
            b" \xe4\x00 ".to_vec()
        )]
    );
}

#[test]
fn what_no_client_should_send_is_told_to_the_metrics_by_its_reason() {
    use Refused::{Limit, Message, Privacy, State, Syntax, Unsupported};
    let long = std::format!("NOOP {}\r\n", "x".repeat(600));
    let endless = "x".repeat(100_000);
    let in_the_clear = "USER ann\r\nPASS secret\r\nAUTH PLAIN\r\n";
    let log_on = "USER ann\r\nPASS secret\r\n";
    let numbers = std::format!("{log_on}RETR 2\r\nLIST 9\r\nUIDL 2\r\nTOP 3 1\r\nDELE 2\r\n");
    for (channel, sent, expect) in [
        (
            Channel::Tls,
            "XYZZY\r\nUSER\r\nAUTH PLAIN ?\r\n",
            &[Syntax; 3][..],
        ),
        (Channel::Tls, "STAT\r\nPASS x\r\nSTLS\r\n", &[State; 3]),
        (Channel::Tls, "AUTH CRAM-MD5\r\n", &[Unsupported]),
        (Channel::Tls, &long, &[Limit]),
        (Channel::Tls, &endless, &[Limit]),
        (Channel::Tls, &numbers, &[Message; 5]),
        (
            Channel::Tls,
            "USER ann\r\nPASS wrong\r\nCAPA\r\nQUIT\r\n",
            &[],
        ),
        (PLAIN, in_the_clear, &[Privacy; 3]),
    ] {
        let connection = Connection::new(MemoryAccount::new(), LoginType::SecureLogin, channel);
        let (mut connection, _) = connection.greeted();
        connection.receive(sent.as_bytes());
        assert_eq!(connection.refused, expect, "{sent:.60}");
    }
}
