//! Several sessions on one mailbox: each client believes what it is told, and nothing else; in the end
//! all of them must believe what is there.

use super::driver::Connection;
use mailaccess_mail::step::{Channel, LoginType};
use mailaccess_mail::{Flags, InternalDate, MailboxName};
use mailaccess_store::memory::MemoryAccount;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// A client that believes what it is told.
struct Client {
    connection: Connection,
    messages: Vec<Known>,
}

/// What a client knows of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    uid: Option<u32>,
    flags: Option<BTreeSet<String>>,
}

/// Which numbers a client must not see fall while its command runs.
fn counts_by_number(command: &str) -> bool {
    ["FETCH", "STORE", "SEARCH", "COPY"]
        .iter()
        .any(|name| command.starts_with(name))
}

impl Client {
    fn new(account: &MemoryAccount) -> Self {
        let mut connection =
            Connection::new(account.clone(), LoginType::SecureLogin, Channel::Tls).greeted();
        connection.receive(b"- LOGIN ann secret\r\n- SELECT INBOX\r\n");
        let mut client = Self {
            connection,
            messages: Vec::new(),
        };
        client.listen("SELECT");
        client.say("FETCH 1:* (UID FLAGS)");
        client
    }

    fn say(&mut self, command: &str) {
        let command = match command {
            // In an empty mailbox there is nothing to count.
            command if self.messages.is_empty() && counts_by_number(command) => "NOOP",
            command => command,
        };
        self.expect(command);
        self.connection
            .receive(format!("a {command}\r\n").as_bytes());
        self.listen(command);
    }

    /// A client that wants no answer believes that its change is made, unless it is told otherwise.
    fn expect(&mut self, command: &str) {
        let command = command.strip_prefix("UID ").unwrap_or(command);
        let words: Vec<&str> = command.split(' ').collect();
        let ["STORE", set, kind, flag] = words.as_slice() else {
            return;
        };
        let flag = flag.trim_matches(['(', ')']).to_string();
        let count = if *set == "1" { 1 } else { usize::MAX };
        let messages = self.messages.iter_mut().take(count);
        for flags in messages.filter_map(|known| known.flags.as_mut()) {
            match *kind {
                "+FLAGS.SILENT" => drop(flags.insert(flag.clone())),
                "-FLAGS.SILENT" => drop(flags.remove(&flag)),
                "FLAGS.SILENT" => *flags = BTreeSet::from([flag.clone()]),
                _ => {}
            }
        }
    }

    fn listen(&mut self, command: &str) {
        let sent = String::from_utf8(self.connection.sent()).unwrap();
        for line in sent.lines() {
            let words: Vec<&str> = line.splitn(4, ' ').collect();
            match words.as_slice() {
                ["*", number, "EXISTS"] => {
                    let count = number.parse().unwrap();
                    assert!(self.messages.len() <= count, "{line}: messages went unsaid");
                    self.messages.resize(count, Known::default());
                }
                ["*", number, "EXPUNGE"] => {
                    assert!(!counts_by_number(command), "{line} within {command}");
                    self.messages.remove(number.parse::<usize>().unwrap() - 1);
                }
                ["*", number, "FETCH", data] => {
                    let known = &mut self.messages[number.parse::<usize>().unwrap() - 1];
                    known.learn(data);
                }
                ["a", "BAD", ..] => panic!("{line}: {command}"),
                _ => {}
            }
        }
    }
}

impl Known {
    fn learn(&mut self, data: &str) {
        if let Some((_, rest)) = data.split_once("UID ") {
            let uid = rest.split([' ', ')']).next().unwrap().parse().unwrap();
            assert!(
                self.uid.is_none_or(|known| known == uid),
                "a number changed its message"
            );
            self.uid = Some(uid);
        }
        if let Some((_, rest)) = data.split_once("FLAGS (") {
            let flags = rest.split(')').next().unwrap().split(' ');
            let stored = flags.filter(|flag| !flag.is_empty() && *flag != "\\Recent");
            self.flags = Some(stored.map(ToString::to_string).collect());
        }
    }
}

/// What a client does.
fn command() -> impl Strategy<Value = String> {
    let flags = prop::sample::select(vec!["\\Seen", "\\Deleted", "\\Flagged", "$a", "$b"]);
    let sign = prop::sample::select(vec!["+", "-", ""]);
    let silent = prop::sample::select(vec!["", ".SILENT"]);
    prop_oneof![
        4 => (sign, silent, flags, any::<bool>()).prop_map(|(sign, silent, flag, uid)| {
            let uid = if uid { "UID " } else { "" };
            format!("{uid}STORE 1:* {sign}FLAGS{silent} ({flag})")
        }),
        2 => Just("STORE 1 +FLAGS (\\Deleted)".into()),
        2 => Just("EXPUNGE".into()),
        1 => Just("UID EXPUNGE 1:3".into()),
        1 => Just("NOOP".into()),
        1 => Just("COPY 1 INBOX".into()),
        1 => Just("UID COPY 1:2 INBOX".into()),
        2 => Just("APPEND INBOX ($a) {2+}\r\nhi".into()),
        1 => Just("FETCH 1:* (UID FLAGS)".into()),
        1 => Just("FETCH 1:* BODY[]<100.1>".into()),
        1 => Just("UID FETCH 1:* FLAGS".into()),
        1 => Just("SEARCH ALL".into()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_client_ends_up_with_what_is_there(
        commands in prop::collection::vec((0_usize..3, command()), 0..40)
    ) {
        let account = MemoryAccount::new();
        let inbox = MailboxName::inbox();
        for _ in 0..4 {
            let date = InternalDate::from_unix_secs(0);
            account.add(&inbox, b"hi", Flags::none(), date).unwrap();
        }
        let mut clients = [0; 3].map(|_| Client::new(&account));
        for (who, command) in commands {
            clients[who].say(&command);
        }
        // Everybody hears the rest; whoever comes now sees what is there.
        let mut there = Client::new(&account);
        there.say("FETCH 1:* (UID FLAGS)");
        for client in &mut clients {
            client.say("NOOP");
            prop_assert_eq!(client.messages.len(), there.messages.len());
            for (known, real) in client.messages.iter().zip(&there.messages) {
                prop_assert!(known.uid.is_none() || known.uid == real.uid);
                prop_assert!(known.flags.is_none() || known.flags == real.flags);
            }
        }
    }
}
