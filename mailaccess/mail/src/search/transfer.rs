//! Transfer encodings (RFC 2045 6) decoded piece by piece, as far as broken input allows.

/// A decoder in the middle of its input.
#[derive(Debug, Clone)]
pub(super) enum Transfer {
    /// `7bit`, `8bit`, `binary`, and what is not known: the bytes themselves.
    Identity,
    /// `base64`: what is not in the alphabet is skipped (RFC 2045 6.8), padding begins anew.
    Base64 {
        /// Digits read and not yet given out, six bits each.
        bits: u32,
        /// How many digits that are.
        digits: u8,
    },
    /// `quoted-printable`.
    QuotedPrintable {
        /// What was read behind an equals sign.
        escape: Escape,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    None,
    Begun,
    /// A first hexadecimal digit.
    Digit(u8),
    /// The carriage return of a soft line break.
    Return,
}

impl Transfer {
    /// The decoder for a `Content-Transfer-Encoding`.
    pub(super) fn new(encoding: &[u8]) -> Self {
        if encoding.eq_ignore_ascii_case(b"base64") {
            Self::Base64 { bits: 0, digits: 0 }
        } else if encoding.eq_ignore_ascii_case(b"quoted-printable") {
            Self::QuotedPrintable {
                escape: Escape::None,
            }
        } else {
            Self::Identity
        }
    }

    /// Decodes a piece to the end of `into`.
    pub(super) fn decode(&mut self, piece: &[u8], into: &mut Vec<u8>) {
        match self {
            Self::Identity => into.extend_from_slice(piece),
            Self::Base64 { bits, digits } => {
                for &byte in piece {
                    base64(byte, bits, digits, into);
                }
            }
            Self::QuotedPrintable { escape } => {
                for &byte in piece {
                    *escape = quoted_printable(byte, *escape, into);
                }
            }
        }
    }
}

fn base64(byte: u8, bits: &mut u32, digits: &mut u8, into: &mut Vec<u8>) {
    let digit = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        b'=' => {
            (*bits, *digits) = (0, 0);
            return;
        }
        _ => return,
    };
    *bits = *bits << 6 | u32::from(digit);
    *digits += 1;
    // A byte is whole as soon as its last digit is there.
    if *digits > 1 {
        let rest = 6 - 2 * (u32::from(*digits) - 1);
        into.push(u8::try_from(*bits >> rest & 0xff).unwrap_or_default());
        *bits &= (1 << rest) - 1;
    }
    *digits %= 4;
}

fn quoted_printable(byte: u8, escape: Escape, into: &mut Vec<u8>) -> Escape {
    let hex = |digit: u8| {
        char::from(digit)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    match (escape, byte) {
        // Blanks between the sign and the line end are of no effect (RFC 2045 6.7 rule 3).
        (Escape::None, b'=') | (Escape::Begun, b' ' | b'\t') => return Escape::Begun,
        (Escape::None, _) => into.push(byte),
        (Escape::Begun, b'\r') => return Escape::Return,
        (Escape::Begun | Escape::Return, b'\n') => {}
        (Escape::Begun, _) if hex(byte).is_some() => return Escape::Digit(byte),
        (Escape::Digit(first), _) if hex(byte).is_some() => {
            into.extend(hex(first).zip(hex(byte)).map(|(high, low)| high << 4 | low));
        }
        // No escape after all: as it is written.
        (Escape::Begun, _) => into.extend_from_slice(&[b'=', byte]),
        (Escape::Digit(first), _) => into.extend_from_slice(&[b'=', first, byte]),
        (Escape::Return, _) => into.extend_from_slice(&[b'\r', byte]),
    }
    Escape::None
}

/// Decodes the text of an encoded word of kind `Q` (RFC 2047 4.2).
pub(super) fn decode_q(text: &[u8], into: &mut Vec<u8>) {
    let mut escape = Escape::None;
    for &byte in text {
        let byte = if byte == b'_' { b' ' } else { byte };
        escape = quoted_printable(byte, escape, into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(encoding: &str, text: &str, want: &str) {
        for step in 1..=text.len().max(1) {
            let mut transfer = Transfer::new(encoding.as_bytes());
            let mut into = Vec::new();
            for piece in text.as_bytes().chunks(step) {
                transfer.decode(piece, &mut into);
            }
            assert_eq!(String::from_utf8_lossy(&into), want, "{text} by {step}");
        }
    }

    #[test]
    fn encodings_are_decoded_whatever_the_pieces() {
        check("Base64", "aGVs\r\nbG8=", "hello");
        check("base64", "aGVsbG8=aGk=", "hellohi");
        check("base64", "aGVs!bG8", "hello");
        check("base64", "YQ==\r\n", "a");
        check("quoted-printable", "a=3Db=\r\nc =C3=A9", "a=bc é");
        check("quoted-printable", "a=  \r\nb=zz=4", "ab=zz");
        check("8BIT", "a=3D", "a=3D");
        check("x-unknown", "a=3D", "a=3D");
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded_without_growing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for encoding in ["base64", "quoted-printable", "7bit"] {
                let mut into = Vec::new();
                Transfer::new(encoding.as_bytes()).decode(&bytes, &mut into);
                prop_assert!(into.len() <= bytes.len());
            }
        }

        #[test]
        fn what_was_encoded_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let encoded = bytes.iter().fold(String::new(), |text, byte| format!("{text}={byte:02X}"));
            let mut into = Vec::new();
            Transfer::new(b"quoted-printable").decode(encoded.as_bytes(), &mut into);
            prop_assert_eq!(into, bytes);
        }
    }
}
