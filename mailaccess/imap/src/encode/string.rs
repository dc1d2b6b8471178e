//! Atoms, strings and literals as they are written.

use crate::grammar::is_atom_char;
use mailaccess_mail::step::Output;

/// Longest quoted string: longer ones go as literals, which no client cuts off.
const MAX_QUOTED: usize = 1000;

/// ```text
/// astring = 1*ASTRING-CHAR / string
/// ```
pub(crate) fn astring(out: &mut Output, bytes: &[u8]) {
    // NIL as an atom would be read as no string.
    if !bytes.is_empty()
        && bytes.iter().all(|byte| is_atom_char(*byte))
        && !bytes.eq_ignore_ascii_case(b"NIL")
    {
        out.bytes(bytes);
    } else {
        string(out, bytes);
    }
}

/// ```text
/// nstring = string / nil
/// ```
pub(crate) fn nstring(out: &mut Output, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => string(out, bytes),
        None => out.bytes(b"NIL"),
    }
}

/// ```text
/// string = quoted / literal
/// ```
/// What a quoted string cannot hold goes as a literal; NUL, which neither can, becomes 0x80.
pub(crate) fn string(out: &mut Output, bytes: &[u8]) {
    let quotable = |byte: &u8| matches!(byte, 1..=0x7f) && !matches!(byte, b'\r' | b'\n');
    if bytes.len() > MAX_QUOTED || !bytes.iter().all(quotable) {
        out.text(format_args!("{{{}}}\r\n", bytes.len()));
        for (index, run) in bytes.split(|byte| *byte == 0).enumerate() {
            if index > 0 {
                out.bytes(b"\x80");
            }
            out.bytes(run);
        }
        return;
    }
    out.bytes(b"\"");
    let mut rest = bytes;
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        out.bytes(&rest[..at]);
        out.bytes(&[b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    out.bytes(rest);
    out.bytes(b"\"");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::Scanner;
    use alloc::borrow::Cow;
    use alloc::vec::Vec;
    use mailaccess_mail::step::Pull;
    use proptest::prelude::*;

    fn written(write: fn(&mut Output, &[u8]), bytes: &[u8]) -> Vec<u8> {
        let mut out = Output::new();
        write(&mut out, bytes);
        let mut all = Vec::new();
        out.pull(&mut all, usize::MAX, Pull::Blocking).unwrap();
        all
    }

    #[test]
    fn strings_are_written_in_the_shortest_form_that_holds_them() {
        for (bytes, expect) in [
            ("INBOX", "INBOX"),
            ("nil", "\"nil\""),
            ("", "\"\""),
            ("a b", "\"a b\""),
            ("a]", "\"a]\""),
            ("say \"\\\"", "\"say \\\"\\\\\\\"\""),
            ("ä", "{2}\r\nä"),
            ("a\r\nb", "{4}\r\na\r\nb"),
        ] {
            assert_eq!(
                written(astring, bytes.as_bytes()),
                expect.as_bytes(),
                "{bytes}"
            );
        }
        assert_eq!(written(string, b"a\0b"), b"{3}\r\na\x80b");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes in prop::collection::vec(1_u8.., 0..40)) {
            for write in [astring, string] {
                let wire = written(write, &bytes);
                let read = Scanner::new(&wire).astring("x").map(Cow::into_owned);
                prop_assert_eq!(read.as_ref(), Ok(&bytes));
            }
        }
    }
}
