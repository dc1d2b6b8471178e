//! Charsets: of the texts in a SEARCH command, and of the text in messages.

use encoding_rs::{Decoder, Encoding};

/// The charset of the texts in a SEARCH command (RFC 3501 6.4.4 `CHARSET`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// `US-ASCII`, also when none is named.
    UsAscii,
    /// `UTF-8`.
    Utf8,
}

impl Charset {
    /// All of them, for `BADCHARSET`.
    pub const ALL: [Self; 2] = [Self::UsAscii, Self::Utf8];

    /// The charset with this name; case does not count.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|charset| charset.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UsAscii => "US-ASCII",
            Self::Utf8 => "UTF-8",
        }
    }

    /// A text in it; `None` when the bytes are none. What calls itself US-ASCII, or nothing, may be
    /// UTF-8: many clients send it so, and no other reading of the bytes makes sense.
    pub(super) fn decode(self, text: &[u8]) -> Option<&str> {
        match self {
            Self::UsAscii | Self::Utf8 => std::str::from_utf8(text).ok(),
        }
    }
}

/// The charset with a name that a message gives it: WHATWG's labels, IANA's other names, and a guess for
/// the rest. `us-ascii` is read as UTF-8, and so is what cannot be known: mail that lies mostly is that,
/// and a byte that is not valid becomes one replacement character.
pub(super) fn of_message(name: &[u8]) -> &'static Encoding {
    // RFC 2231 5 allows a language behind the charset.
    let name = name.split(|byte| *byte == b'*').next().unwrap_or_default();
    let name = name.trim_ascii();
    if name.eq_ignore_ascii_case(b"us-ascii") || name.eq_ignore_ascii_case(b"ascii") {
        return encoding_rs::UTF_8;
    }
    Encoding::for_label(name)
        .or_else(|| {
            let folded = name.to_ascii_lowercase();
            ALIASES
                .iter()
                .find(|(alias, _)| alias.as_bytes() == folded)
                .and_then(|(_, label)| Encoding::for_label(label.as_bytes()))
        })
        .unwrap_or(encoding_rs::UTF_8)
}

/// A decoder for text in the charset of this name; `utf-16` alone says by its first bytes which of two
/// orders is meant (RFC 2781 3.3).
pub(super) fn decoder(name: &[u8]) -> Decoder {
    let encoding = of_message(name);
    if name.eq_ignore_ascii_case(b"utf-16") {
        encoding.new_decoder()
    } else {
        encoding.new_decoder_without_bom_handling()
    }
}

/// Names in mail that WHATWG does not know.
const ALIASES: [(&str, &str); 14] = [
    ("cp1250", "windows-1250"),
    ("cp-850", "windows-1252"),
    ("cp850", "windows-1252"),
    ("cp932", "shift_jis"),
    ("cp936", "gbk"),
    ("cp949", "euc-kr"),
    ("cp950", "big5"),
    ("iso-8859-1-windows-3.1-latin-1", "windows-1252"),
    ("iso8859-1", "windows-1252"),
    ("iso_8859-1", "windows-1252"),
    ("ks_c_5601", "euc-kr"),
    ("utf_8", "utf-8"),
    ("utf-8n", "utf-8"),
    ("x-gbk", "gbk"),
];
