//! The format of `subscriptions`: one folder a line, in modified UTF-7. Version 2 begins with a header
//! and separates levels by tabs; before it a line was the plain name.

use mailaccess_mail::MailboxName;
use mailaccess_mail::mailbox_name::SEPARATOR;
use std::collections::BTreeSet;

const HEADER: &[u8] = b"V\t2\n\n";

/// The lines of the file in their order; those that are no names are carried along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscriptions {
    version: Version,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    Name(MailboxName),
    Strange(Box<[u8]>),
}

impl Default for Subscriptions {
    /// A new file.
    fn default() -> Self {
        Self {
            version: Version::Two,
            lines: Vec::new(),
        }
    }
}

impl Subscriptions {
    pub(super) fn parse(text: &[u8]) -> Self {
        let (version, rest) = match text.strip_prefix(HEADER) {
            Some(rest) => (Version::Two, rest),
            None => (Version::One, text),
        };
        let lines = rest
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| {
                let name = match version {
                    Version::One => MailboxName::from_mutf7(line).ok(),
                    Version::Two => levels(line),
                };
                name.map_or_else(|| Line::Strange(line.into()), Line::Name)
            })
            .collect();
        Self { version, lines }
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = match self.version {
            Version::One => Vec::new(),
            Version::Two => HEADER.to_vec(),
        };
        for line in &self.lines {
            match (line, self.version) {
                (Line::Strange(bytes), _) => out.extend_from_slice(bytes),
                (Line::Name(name), Version::One) => {
                    out.extend_from_slice(name.to_mutf7().as_bytes());
                }
                (Line::Name(name), Version::Two) => {
                    // Neither a tab nor another byte that has an escape can be in such a name.
                    let text = name.to_mutf7().replace(SEPARATOR, "\t");
                    out.extend_from_slice(text.as_bytes());
                }
            }
            out.push(b'\n');
        }
        out
    }

    pub(super) fn names(&self) -> BTreeSet<MailboxName> {
        self.lines
            .iter()
            .filter_map(|line| match line {
                Line::Name(name) => Some(name.clone()),
                Line::Strange(_) => None,
            })
            .collect()
    }

    /// Adds a name; says whether it was not there.
    pub(super) fn insert(&mut self, name: &MailboxName) -> bool {
        let line = Line::Name(name.clone());
        let new = !self.lines.contains(&line);
        if new {
            self.lines.push(line);
        }
        new
    }

    /// Takes a name away; says whether it was there.
    pub(super) fn remove(&mut self, name: &MailboxName) -> bool {
        let (line, before) = (Line::Name(name.clone()), self.lines.len());
        self.lines.retain(|other| *other != line);
        self.lines.len() != before
    }
}

/// A line of version 2: levels separated by tabs, each with its escapes undone.
fn levels(line: &[u8]) -> Option<MailboxName> {
    let mut name = Vec::with_capacity(line.len());
    for (number, level) in line.split(|byte| *byte == b'\t').enumerate() {
        // A separator within a level cannot be told from one between levels any more.
        if level.contains(&b'.') {
            return None;
        }
        if number > 0 {
            name.push(b'.');
        }
        let mut bytes = level.iter();
        while let Some(&byte) = bytes.next() {
            name.push(match byte {
                1 => match bytes.next()? {
                    b'0' => 0,
                    b'1' => 1,
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'n' => b'\n',
                    _ => return None,
                },
                other => other,
            });
        }
    }
    MailboxName::from_mutf7(&name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> MailboxName {
        MailboxName::new(text).unwrap()
    }

    #[test]
    fn both_forms_are_read_and_written_as_they_are() {
        for text in [
            "V\t2\n\nSent\nWork\tEntw&APw-rfe\n",
            "Sent\nWork.Entw&APw-rfe\n",
        ] {
            let subscriptions = Subscriptions::parse(text.as_bytes());
            assert_eq!(
                subscriptions.names().into_iter().collect::<Vec<_>>(),
                [name("Sent"), name("Work.Entwürfe")]
            );
            assert_eq!(subscriptions.write(), text.as_bytes());
        }
        assert_eq!(Subscriptions::default().write(), b"V\t2\n\n");
    }

    #[test]
    fn strange_lines_are_carried_along() {
        let text = b"V\t2\n\na.b\n&bad\n\x01x\nSent\n..\n";
        let mut subscriptions = Subscriptions::parse(text);
        assert_eq!(subscriptions.names(), [name("Sent")].into());
        assert_eq!(subscriptions.write(), text);
        assert!(subscriptions.insert(&name("A.b")) && !subscriptions.insert(&name("A.b")));
        assert!(subscriptions.remove(&name("Sent")) && !subscriptions.remove(&name("Sent")));
        assert_eq!(
            subscriptions.write(),
            b"V\t2\n\na.b\n&bad\n\x01x\n..\nA\tb\n"
        );
    }

    proptest! {
        #[test]
        fn any_file_is_read_without_panic_and_written_as_read(
            text in "(V\t2\n\n)?([A-Za-z&.\t\\-\x01]{0,6}\n?){0,6}",
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let mut text = text.into_bytes();
            for (at, byte) in changes {
                if !text.is_empty() {
                    let at = at.index(text.len());
                    text[at] = byte;
                }
            }
            let read = Subscriptions::parse(&text);
            prop_assert_eq!(Subscriptions::parse(&read.write()), read);
        }
    }
}
