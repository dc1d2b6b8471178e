//! A POP3 client that hides nothing.

use super::{Security, Wire};
use std::io;

/// A POP3 session.
pub(crate) struct Pop3 {
    wire: Wire,
    greeting: String,
}

impl Pop3 {
    /// Connects and reads the greeting.
    pub(crate) fn connect(port: u16, security: Security) -> io::Result<Self> {
        let mut wire = Wire::connect(port, security)?;
        let greeting = String::from_utf8_lossy(&wire.line()?).into_owned();
        Ok(Self { wire, greeting })
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

    /// Logs on; `Err` is what the server said against it.
    pub(crate) fn log_on(&mut self, name: &str, password: &str) -> Result<(), String> {
        self.command(&format!("USER {name}"))?;
        self.command(&format!("PASS {password}")).map(drop)
    }

    /// Sends a command; the text behind `+OK` or `-ERR`.
    pub(crate) fn command(&mut self, command: &str) -> Result<String, String> {
        self.wire
            .write(format!("{command}\r\n").as_bytes())
            .map_err(|error| error.to_string())?;
        let line = self.wire.line().map_err(|error| error.to_string())?;
        let line = String::from_utf8_lossy(&line).into_owned();
        match line.strip_prefix("+OK") {
            Some(text) => Ok(text.trim_start().to_owned()),
            None => Err(line),
        }
    }
}
