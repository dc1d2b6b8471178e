//! The demo messages: enough variety that a client has something to show, and something to get wrong.

use mailaccess_mail::{Flags, InternalDate, SystemFlag};

/// A message and where it goes.
pub(super) struct Demo {
    /// `INBOX` or another mailbox, which is made.
    pub(super) mailbox: &'static str,
    /// As it lies on the disk.
    pub(super) bytes: &'static [u8],
    pub(super) flags: &'static [SystemFlag],
    /// In the form of an APPEND.
    arrived: &'static str,
}

/// All of them, those of one mailbox in the order of their UIDs.
pub(super) const ALL: &[Demo] = &[
    Demo {
        mailbox: "INBOX",
        bytes: include_bytes!("demo/welcome.eml"),
        flags: &[],
        arrived: " 5-Jan-2026 08:00:01 +0000",
    },
    Demo {
        mailbox: "INBOX",
        bytes: include_bytes!("demo/greetings.eml"),
        flags: &[],
        arrived: " 6-Jan-2026 08:15:41 +0000",
    },
    Demo {
        mailbox: "INBOX",
        bytes: include_bytes!("demo/newsletter.eml"),
        flags: &[],
        arrived: " 7-Jan-2026 11:00:09 +0000",
    },
    Demo {
        mailbox: "INBOX",
        bytes: include_bytes!("demo/invoice.eml"),
        flags: &[],
        arrived: " 8-Jan-2026 13:37:02 +0000",
    },
    Demo {
        mailbox: "INBOX",
        bytes: include_bytes!("demo/forwarded.eml"),
        flags: &[],
        arrived: " 9-Jan-2026 10:20:03 +0000",
    },
    Demo {
        mailbox: "INBOX",
        bytes: include_bytes!("demo/cron.eml"),
        flags: &[],
        arrived: "10-Jan-2026 03:00:02 +0000",
    },
    Demo {
        mailbox: "INBOX",
        bytes: include_bytes!("demo/trains.eml"),
        flags: &[],
        arrived: "11-Jan-2026 09:00:30 +0000",
    },
    Demo {
        mailbox: "Projects",
        bytes: include_bytes!("demo/minutes.eml"),
        flags: &[SystemFlag::Seen, SystemFlag::Flagged],
        arrived: "12-Jan-2026 09:30:11 +0000",
    },
    Demo {
        mailbox: "Drafts",
        bytes: include_bytes!("demo/draft.eml"),
        flags: &[SystemFlag::Seen, SystemFlag::Draft],
        arrived: " 8-Jan-2026 15:00:00 +0000",
    },
];

impl Demo {
    pub(super) fn internal_date(&self) -> Option<InternalDate> {
        InternalDate::parse(self.arrived.as_bytes())
    }

    pub(super) fn flags(&self) -> Flags {
        self.flags.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_as_they_were_written() {
        for demo in ALL {
            let lines = demo.bytes.split(|b| *b == b'\n').count() - 1;
            let crlf = demo.bytes.windows(2).filter(|two| two == b"\r\n").count();
            let subject = String::from_utf8_lossy(demo.bytes);
            assert!(lines > 5, "{subject}");
            if subject.contains("Cron Daemon") {
                assert_eq!(crlf, 0, "{subject}");
            } else {
                assert_eq!(crlf, lines, "{subject}");
            }
        }
    }

    #[test]
    fn every_message_has_its_moment() {
        assert!(ALL.iter().all(|demo| demo.internal_date().is_some()));
    }
}
