//! The envelope of a message (RFC 3501 7.4.2): header fields unfolded, and not decoded.

use super::address::Addresses;

/// Fields of a message's header. A text is `None` when there is no such field; an address list is empty
/// when there is none, or nothing in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Envelope {
    pub(super) date: Option<Box<[u8]>>,
    pub(super) subject: Option<Box<[u8]>>,
    // The values of all fields of a name, a line each.
    pub(super) from: Vec<u8>,
    pub(super) sender: Vec<u8>,
    pub(super) reply_to: Vec<u8>,
    pub(super) to: Vec<u8>,
    pub(super) cc: Vec<u8>,
    pub(super) bcc: Vec<u8>,
    pub(super) in_reply_to: Option<Box<[u8]>>,
    pub(super) message_id: Option<Box<[u8]>>,
}

impl Envelope {
    /// `Date`.
    pub fn date(&self) -> Option<&[u8]> {
        self.date.as_deref()
    }

    /// `Subject`.
    pub fn subject(&self) -> Option<&[u8]> {
        self.subject.as_deref()
    }

    /// `From`.
    pub fn from(&self) -> Addresses<'_> {
        Addresses::new(&self.from)
    }

    /// `Sender`, else `From`.
    pub fn sender(&self) -> Addresses<'_> {
        self.or_from(&self.sender)
    }

    /// `Reply-To`, else `From`.
    pub fn reply_to(&self) -> Addresses<'_> {
        self.or_from(&self.reply_to)
    }

    /// `To`.
    pub fn to(&self) -> Addresses<'_> {
        Addresses::new(&self.to)
    }

    /// `Cc`.
    pub fn cc(&self) -> Addresses<'_> {
        Addresses::new(&self.cc)
    }

    /// `Bcc`.
    pub fn bcc(&self) -> Addresses<'_> {
        Addresses::new(&self.bcc)
    }

    /// `In-Reply-To`.
    pub fn in_reply_to(&self) -> Option<&[u8]> {
        self.in_reply_to.as_deref()
    }

    /// `Message-ID`.
    pub fn message_id(&self) -> Option<&[u8]> {
        self.message_id.as_deref()
    }

    /// RFC 3501 7.4.2: a field that is not there or empty is set to be the same as From.
    fn or_from<'a>(&'a self, value: &'a [u8]) -> Addresses<'a> {
        let own = Addresses::new(value);
        if own.clone().next().is_some() {
            own
        } else {
            self.from()
        }
    }
}
