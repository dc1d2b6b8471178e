//! An IMAP client that hides nothing: it sends what it is told, and gives back every line.

use super::{Security, Wire};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// An IMAP session.
pub(crate) struct Imap {
    wire: Wire,
    greeting: String,
    tag: u32,
}

/// The answer to a command.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The untagged responses before it, each with its literals, as text where that is possible.
    pub(crate) untagged: Vec<Vec<u8>>,
    /// What follows the tag.
    pub(crate) status: String,
}

impl Reply {
    pub(crate) fn is_ok(&self) -> bool {
        self.status.starts_with("OK")
    }

    /// The untagged responses as text.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.untagged
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect()
    }

    /// The first untagged response that holds this text.
    #[track_caller]
    pub(crate) fn find(&self, text: &str) -> String {
        self.lines()
            .into_iter()
            .find(|line| line.contains(text))
            .unwrap_or_else(|| panic!("no {text:?} in {:?}", self.lines()))
    }
}

impl Imap {
    /// Connects and reads the greeting.
    pub(crate) fn connect(port: u16, security: Security) -> io::Result<Self> {
        Self::greeted(Wire::connect(port, security)?)
    }

    /// The same at another address.
    pub(crate) fn connect_to(address: SocketAddr, security: Security) -> io::Result<Self> {
        Self::greeted(Wire::connect_to(address, security, "localhost")?)
    }

    fn greeted(mut wire: Wire) -> io::Result<Self> {
        let greeting = String::from_utf8_lossy(&wire.line()?).into_owned();
        Ok(Self {
            wire,
            greeting,
            tag: 0,
        })
    }

    pub(crate) fn greeting(&self) -> &str {
        &self.greeting
    }

    pub(crate) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    pub(crate) fn into_wire(self) -> Wire {
        self.wire
    }

    #[track_caller]
    pub(crate) fn log_on(&mut self, name: &str, password: &str) {
        let reply = self.try_log_on(name, password).unwrap();
        assert!(reply.is_ok(), "{name}: {}", reply.status);
    }

    pub(crate) fn try_log_on(&mut self, name: &str, password: &str) -> io::Result<Reply> {
        let quote = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        self.command(&format!("LOGIN {} {}", quote(name), quote(password)))
    }

    /// Sends a command and reads to its end.
    pub(crate) fn command(&mut self, command: &str) -> io::Result<Reply> {
        let tag = self.begin(command)?;
        self.end(&tag)
    }

    /// The same; it must succeed.
    #[track_caller]
    pub(crate) fn ok(&mut self, command: &str) -> Reply {
        let reply = self.command(command).unwrap();
        assert!(
            reply.is_ok(),
            "{command}: {} {:?}",
            reply.status,
            reply.lines()
        );
        reply
    }

    /// Sends a command and gives its tag.
    pub(crate) fn begin(&mut self, command: &str) -> io::Result<String> {
        self.tag += 1;
        let tag = format!("t{}", self.tag);
        self.wire.write(format!("{tag} {command}\r\n").as_bytes())?;
        Ok(tag)
    }

    /// Reads to the end of a command.
    pub(crate) fn end(&mut self, tag: &str) -> io::Result<Reply> {
        let mut untagged = Vec::new();
        loop {
            let line = self.response()?;
            if let Some(status) = line.strip_prefix(format!("{tag} ").as_bytes()) {
                let status = String::from_utf8_lossy(status).into_owned();
                return Ok(Reply { untagged, status });
            }
            untagged.push(line);
        }
    }

    /// Reads one response with its literals.
    pub(crate) fn response(&mut self) -> io::Result<Vec<u8>> {
        let mut response = self.wire.line()?;
        while let Some(len) = literal(&response) {
            response.extend_from_slice(b"\r\n");
            response.extend(self.wire.exactly(len)?);
            response.extend(self.wire.line()?);
        }
        Ok(response)
    }

    /// APPEND with a synchronising literal.
    pub(crate) fn append(
        &mut self,
        mailbox: &str,
        flags: &str,
        message: &[u8],
    ) -> io::Result<Reply> {
        let flags = if flags.is_empty() { "()" } else { flags };
        let tag = self.begin(&format!("APPEND {mailbox} {flags} {{{}}}", message.len()))?;
        loop {
            let line = self.response()?;
            if line.starts_with(b"+") {
                break;
            }
            if let Some(status) = line.strip_prefix(format!("{tag} ").as_bytes()) {
                return Ok(Reply {
                    untagged: Vec::new(),
                    status: String::from_utf8_lossy(status).into_owned(),
                });
            }
        }
        self.wire.write(message)?;
        self.wire.write(b"\r\n")?;
        self.end(&tag)
    }

    /// Begins to idle.
    #[track_caller]
    pub(crate) fn idle(&mut self) -> String {
        let tag = self.begin("IDLE").unwrap();
        let line = self.response().unwrap();
        assert!(line.starts_with(b"+"), "{}", String::from_utf8_lossy(&line));
        tag
    }

    /// Waits, while idling, for a response that holds this text.
    #[track_caller]
    pub(crate) fn told(&mut self, text: &str) -> String {
        loop {
            let line = self
                .response()
                .unwrap_or_else(|error| panic!("{text:?}: {error}"));
            let line = String::from_utf8_lossy(&line).into_owned();
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Ends idling.
    #[track_caller]
    pub(crate) fn done(&mut self, tag: &str) -> Reply {
        self.wire.write(b"DONE\r\n").unwrap();
        self.end(tag).unwrap()
    }

    /// The whole of a message, without marking it.
    #[track_caller]
    pub(crate) fn fetch_whole(&mut self, number: usize) -> Vec<u8> {
        let reply = self.ok(&format!("FETCH {number} BODY.PEEK[]"));
        let line = &reply.untagged[0];
        let begin = line.iter().position(|b| *b == b'\n').unwrap() + 1;
        let head = &line[..begin - 2];
        let len = literal(head).unwrap();
        line[begin..begin + len].to_vec()
    }

    pub(crate) fn set_patience(&self, patience: Duration) {
        self.wire.set_patience(patience);
    }
}

/// The length of the literal that a line announces at its end.
fn literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}")?;
    let brace = line.iter().rposition(|byte| *byte == b'{')?;
    std::str::from_utf8(&line[brace + 1..]).ok()?.parse().ok()
}
