//! Header text with its encoded words decoded (RFC 2047).

use super::charset;
use super::transfer::{Transfer, decode_q};
use encoding_rs::Encoding;

/// Bytes of neighbouring encoded words in one charset: a character may be cut in two by their border.
struct Pending {
    encoding: &'static Encoding,
    bytes: Vec<u8>,
}

/// `encoded-word = "=?" charset "?" encoding "?" encoded-text "?="`
struct Word<'a> {
    encoding: &'static Encoding,
    base64: bool,
    text: &'a [u8],
    rest: &'a [u8],
}

/// Decodes an unfolded value. What is no encoded word is read as UTF-8.
pub(super) fn decode(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len());
    let mut pending: Option<Pending> = None;
    let mut rest = value;
    while !rest.is_empty() {
        // Up to the next encoded word.
        let mut from = 0;
        let (plain, word) = loop {
            match memchr::memmem::find(&rest[from..], b"=?") {
                None => break (rest, None),
                Some(at) => {
                    if let Some(word) = word(&rest[from + at..]) {
                        break (&rest[..from + at], Some(word));
                    }
                    from += at + 2;
                }
            }
        };
        // Blanks between two encoded words are not shown (RFC 2047 6.2).
        let between = pending.is_some() && word.is_some() && plain.trim_ascii().is_empty();
        if !between {
            flush(&mut pending, &mut out);
            out.push_str(&String::from_utf8_lossy(plain));
        }
        let Some(word) = word else { break };
        rest = word.rest;
        if pending
            .as_ref()
            .is_some_and(|p| p.encoding != word.encoding)
        {
            flush(&mut pending, &mut out);
        }
        let pending = pending.get_or_insert_with(|| Pending {
            encoding: word.encoding,
            bytes: Vec::new(),
        });
        if word.base64 {
            Transfer::new(b"base64").decode(word.text, &mut pending.bytes);
        } else {
            decode_q(word.text, &mut pending.bytes);
        }
    }
    flush(&mut pending, &mut out);
    out
}

fn flush(pending: &mut Option<Pending>, out: &mut String) {
    if let Some(Pending { encoding, bytes }) = pending.take() {
        out.push_str(&encoding.decode_without_bom_handling(&bytes).0);
    }
}

/// Reads an encoded word. Its text may hold blanks and more than 75 characters: both are seen.
fn word(text: &[u8]) -> Option<Word<'_>> {
    /// How far a word's end is looked for, so that a value full of beginnings is read in linear time.
    const MAX_WORD: usize = 4096;
    let text = text.strip_prefix(b"=?")?;
    let within = &text[..text.len().min(MAX_WORD)];
    let charset_end = memchr::memchr(b'?', within)?;
    let (charset, behind) = (&within[..charset_end], &within[charset_end + 1..]);
    if charset.is_empty() || charset.iter().any(u8::is_ascii_whitespace) {
        return None;
    }
    let [kind, b'?', encoded @ ..] = behind else {
        return None;
    };
    let base64 = match kind {
        b'b' | b'B' => true,
        b'q' | b'Q' => false,
        _ => return None,
    };
    let end = memchr::memmem::find(encoded, b"?=")?;
    let rest = &text[charset_end + 3 + end + 2..];
    Some(Word {
        encoding: charset::of_message(charset),
        base64,
        text: &encoded[..end],
        rest,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn examples_of_the_rfc_are_decoded() {
        for (text, want) in [
            ("=?ISO-8859-1?Q?a?=", "a"),
            ("=?ISO-8859-1?Q?a?= b", "a b"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a?=  \t=?ISO-8859-2?Q?_b?=", "a b"),
            ("=?US-ASCII?Q?Keith_Moore?= <a@b>", "Keith Moore <a@b>"),
            (
                "=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=",
                "Keld Jørn Simonsen",
            ),
            (
                "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\t=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
                "If you can read this you understand the example.",
            ),
        ] {
            assert_eq!(decode(text.as_bytes()), want);
        }
    }

    #[test]
    fn awkward_words_are_read_as_far_as_they_go() {
        for (text, want) in [
            // A character cut in two.
            ("=?utf-8?B?w6nD?= =?utf-8?B?qQ==?=", "éé"),
            ("=?utf-8*de?q?gr=C3=BCn?=", "grün"),
            ("a=?utf-8?q?b?=c", "abc"),
            ("=?utf-8?x?b?=", "=?utf-8?x?b?="),
            ("=?utf-8?q?b", "=?utf-8?q?b"),
            ("=?=?utf-8?q?b?=", "=?b"),
            ("=?nonsense?q?b=C3=A9?=", "bé"),
            ("roh é", "roh é"),
            ("=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ] {
            assert_eq!(decode(text.as_bytes()), want);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            decode(&bytes);
        }

        #[test]
        fn near_words_are_decoded(text in "(=\\?|utf-8|gbk|\\?[bq]\\?|[a-z=0-9 ]|\\?=){0,24}") {
            decode(text.as_bytes());
        }
    }
}
