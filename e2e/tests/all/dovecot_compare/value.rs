//! The values that IMAP responses are made of (RFC 3501, section 4), so that two ways to write the same
//! compare equal.

use std::fmt;

/// An atom or a number, a string in either form, NIL, or a list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Nil,
    Atom(Vec<u8>),
    Text(Vec<u8>),
    List(Vec<Self>),
}

impl Value {
    /// A string, or `""` in place of anything else.
    pub(super) fn text(&self) -> &[u8] {
        match self {
            Self::Text(text) => text,
            _ => b"",
        }
    }

    /// The elements of a list, or none.
    pub(super) fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// A string whose case has no meaning.
    pub(super) fn make_lower_case(&mut self) {
        if let Self::Text(text) | Self::Atom(text) = self {
            text.make_ascii_lowercase();
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("NIL"),
            Self::Atom(atom) => write!(f, "{}", atom.escape_ascii()),
            Self::Text(text) => write!(f, "\"{}\"", text.escape_ascii()),
            Self::List(list) => {
                f.write_str("(")?;
                for (place, value) in list.iter().enumerate() {
                    let space = if place == 0 { "" } else { " " };
                    write!(f, "{space}{value:?}")?;
                }
                f.write_str(")")
            }
        }
    }
}

/// Reads a response from its start.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(response: &'a [u8]) -> Self {
        Self(response)
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Takes these bytes; the response must go on with them.
    #[track_caller]
    pub(super) fn expect(&mut self, bytes: &[u8]) {
        let shown = self.0[..self.0.len().min(200)].escape_ascii();
        self.0 = self
            .0
            .strip_prefix(bytes)
            .unwrap_or_else(|| panic!("expected {}: {shown}", bytes.escape_ascii()));
    }

    /// Whether the response goes on with these bytes; takes them.
    pub(super) fn have(&mut self, bytes: &[u8]) -> bool {
        match self.0.strip_prefix(bytes) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Takes everything up to the first byte that ends it.
    pub(super) fn until(&mut self, ends: &[u8]) -> &'a [u8] {
        let len = self
            .0
            .iter()
            .position(|byte| ends.contains(byte))
            .unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }

    /// Takes a value.
    #[track_caller]
    pub(super) fn value(&mut self) -> Value {
        if self.have(b"(") {
            self.list()
        } else if self.have(b"\"") {
            self.quoted()
        } else if self.have(b"{") {
            self.literal()
        } else {
            let atom = self.until(b" ()");
            assert!(!atom.is_empty(), "no value: {}", self.0.escape_ascii());
            if atom.eq_ignore_ascii_case(b"NIL") {
                Value::Nil
            } else {
                Value::Atom(atom.to_vec())
            }
        }
    }

    #[track_caller]
    fn list(&mut self) -> Value {
        let mut list = Vec::new();
        while !self.have(b")") {
            list.push(self.value());
            // Bodies of a multipart follow each other without a space.
            self.have(b" ");
        }
        Value::List(list)
    }

    #[track_caller]
    fn quoted(&mut self) -> Value {
        let mut text = Vec::new();
        loop {
            text.extend_from_slice(self.until(b"\"\\"));
            if self.have(b"\"") {
                return Value::Text(text);
            }
            self.expect(b"\\");
            text.push(self.0[0]);
            self.0 = &self.0[1..];
        }
    }

    #[track_caller]
    fn literal(&mut self) -> Value {
        let len = std::str::from_utf8(self.until(b"}"))
            .unwrap()
            .parse()
            .unwrap();
        self.expect(b"}\r\n");
        let (text, rest) = self.0.split_at(len);
        self.0 = rest;
        Value::Text(text.to_vec())
    }
}

#[test]
fn every_form_is_read() {
    let mut reader = Reader::new(b"(1 NIL \"a\\\"b\" {3}\r\nc\r\n (\"x\")(\"y\") ())");
    let text = |text: &str| Value::Text(text.into());
    assert_eq!(
        reader.value(),
        Value::List(vec![
            Value::Atom(b"1".to_vec()),
            Value::Nil,
            text("a\"b"),
            text("c\r\n"),
            Value::List(vec![text("x")]),
            Value::List(vec![text("y")]),
            Value::List(vec![]),
        ])
    );
    assert!(reader.rest().is_empty());
}
