//! Walks over a command: atoms, strings, numbers.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::num::NonZeroU32;
use mailaccess_mail::mailbox_name::InvalidName;

/// Why a text is not what the grammar wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Something else was expected here.
    Expected(&'static str),
    /// The text ends where this was expected. Of a whole command that is a mistake, too.
    Incomplete(&'static str),
    /// There is more of it than anybody needs.
    TooMany(&'static str),
    /// A mailbox name that no mailbox can have: well formed, and refused.
    Name(InvalidName),
    /// A charset that SEARCH does not know: well formed, and refused.
    Charset,
    /// An authentication mechanism that is not known: well formed, and refused.
    Mechanism,
}

/// A place in a command.
#[derive(Clone)]
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// ```text
/// ATOM-CHAR = <any CHAR except atom-specials>
/// atom-specials = "(" / ")" / "{" / SP / CTL / list-wildcards / quoted-specials / resp-specials
/// ```
pub(crate) const fn is_atom_char(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

/// ```text
/// ASTRING-CHAR = ATOM-CHAR / resp-specials
/// resp-specials = "]"
/// ```
pub(crate) const fn is_astring_char(byte: u8) -> bool {
    is_atom_char(byte) || byte == b']'
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// The fault that `expected` is not here.
    pub(crate) fn fault(&self, expected: &'static str) -> Fault {
        if self.at == self.bytes.len() {
            Fault::Incomplete(expected)
        } else {
            Fault::Expected(expected)
        }
    }

    /// Takes this byte if it comes next.
    pub(crate) fn eat(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    /// Takes this word if it comes next, in any case.
    pub(crate) fn eat_word(&mut self, word: &str) -> bool {
        let here = self
            .rest()
            .get(..word.len())
            .is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes()));
        if here {
            self.at += word.len();
        }
        here
    }

    /// This byte must come next.
    pub(crate) fn byte(&mut self, byte: u8, expected: &'static str) -> Result<(), Fault> {
        if self.eat(byte) {
            Ok(())
        } else {
            Err(self.fault(expected))
        }
    }

    /// A space must come next.
    pub(crate) fn space(&mut self) -> Result<(), Fault> {
        self.byte(b' ', "a space")
    }

    /// Takes bytes as long as they are of a kind.
    pub(crate) fn take_while(&mut self, kind: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = self.rest();
        let len = rest.iter().take_while(|byte| kind(**byte)).count();
        self.at += len;
        &rest[..len]
    }

    /// One or more bytes of a kind.
    fn some(
        &mut self,
        kind: impl Fn(u8) -> bool,
        expected: &'static str,
    ) -> Result<&'a [u8], Fault> {
        match self.take_while(kind) {
            [] => Err(self.fault(expected)),
            bytes => Ok(bytes),
        }
    }

    /// ```text
    /// atom = 1*ATOM-CHAR
    /// ```
    pub(crate) fn atom(&mut self, expected: &'static str) -> Result<&'a [u8], Fault> {
        self.some(is_atom_char, expected)
    }

    /// ```text
    /// number = 1*DIGIT                                  ; (0 <= n < 4,294,967,296)
    /// ```
    pub(crate) fn number(&mut self) -> Result<u32, Fault> {
        let digits = self.some(|byte| byte.is_ascii_digit(), "a number")?;
        digits
            .iter()
            .try_fold(0_u32, |n, digit| {
                n.checked_mul(10)?.checked_add(u32::from(digit - b'0'))
            })
            .ok_or(Fault::Expected("a number below 4294967296"))
    }

    /// ```text
    /// nz-number = digit-nz *DIGIT                       ; (0 < n < 4,294,967,296)
    /// ```
    pub(crate) fn nz_number(&mut self) -> Result<NonZeroU32, Fault> {
        NonZeroU32::new(self.number()?).ok_or(Fault::Expected("a number above zero"))
    }

    /// ```text
    /// astring = 1*ASTRING-CHAR / string
    /// ```
    pub(crate) fn astring(&mut self, expected: &'static str) -> Result<Cow<'a, [u8]>, Fault> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(expected),
            _ => self.some(is_astring_char, expected).map(Cow::Borrowed),
        }
    }

    /// ```text
    /// nstring = string / nil
    /// ```
    pub(crate) fn nstring(
        &mut self,
        expected: &'static str,
    ) -> Result<Option<Cow<'a, [u8]>>, Fault> {
        if self.eat_word("NIL") {
            return Ok(None);
        }
        self.string(expected).map(Some)
    }

    /// ```text
    /// string  = quoted / literal
    /// literal = "{" number ["+"] "}" CRLF *CHAR8        ; RFC 7888; CHAR8 is any octet but NUL
    /// ```
    pub(crate) fn string(&mut self, expected: &'static str) -> Result<Cow<'a, [u8]>, Fault> {
        if self.eat(b'"') {
            return self.quoted();
        }
        self.byte(b'{', expected)?;
        let len = self.number()?;
        self.eat(b'+');
        self.byte(b'}', "the end of a literal's length")?;
        self.eat(b'\r');
        self.byte(b'\n', "a line end behind a literal's length")?;
        let rest = self.rest();
        let bytes = usize::try_from(len)
            .ok()
            .and_then(|len| rest.get(..len))
            .ok_or(Fault::Incomplete("the rest of a literal"))?;
        self.at += bytes.len();
        if bytes.contains(&0) {
            return Err(Fault::Expected("a literal without NUL"));
        }
        Ok(Cow::Borrowed(bytes))
    }

    /// ```text
    /// quoted      = DQUOTE *QUOTED-CHAR DQUOTE
    /// QUOTED-CHAR = <any TEXT-CHAR except quoted-specials> / "\" quoted-specials
    /// TEXT-CHAR   = <any CHAR except CR and LF>
    /// ```
    /// Bytes beyond ASCII are taken as well: clients write passwords and search texts so.
    fn quoted(&mut self) -> Result<Cow<'a, [u8]>, Fault> {
        let plain = |byte| !matches!(byte, b'"' | b'\\' | b'\r' | b'\n' | 0);
        let first = self.take_while(plain);
        if self.eat(b'"') {
            return Ok(Cow::Borrowed(first));
        }
        let mut text = Vec::from(first);
        loop {
            if self.eat(b'\\') {
                match self.peek() {
                    Some(byte @ (b'"' | b'\\')) => text.push(byte),
                    _ => return Err(self.fault("a quote or a backslash behind a backslash")),
                }
                self.at += 1;
            }
            text.extend_from_slice(self.take_while(plain));
            if self.eat(b'"') {
                return Ok(Cow::Owned(text));
            }
            if self.peek() != Some(b'\\') {
                return Err(self.fault("the end of a quoted string"));
            }
        }
    }

    /// The line end of a command. Old clients leave a space before it.
    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        self.take_while(|byte| byte == b' ');
        self.eat(b'\r');
        self.byte(b'\n', "the end of the line")?;
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(Fault::Expected("the end of the line"))
        }
    }

    /// Whether a line end comes next, spaces aside.
    pub(crate) fn is_at_end(&self) -> bool {
        self.clone().end().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_are_read_in_their_three_forms() {
        for (input, expect) in [
            ("abc]d", Ok("abc]d")),
            ("abc d", Ok("abc")),
            ("\"a \\\"b\\\\\"", Ok("a \"b\\")),
            ("\"\"", Ok("")),
            ("\"\\\"\\\"\"", Ok("\"\"")),
            ("\"pässword\"", Ok("pässword")),
            ("{3}\r\na\r\n", Ok("a\r\n")),
            ("{3+}\r\nabcd", Ok("abc")),
            ("{0}\r\n", Ok("")),
            ("", Err(Fault::Incomplete("x"))),
            (
                "\"abc",
                Err(Fault::Incomplete("the end of a quoted string")),
            ),
            ("{3}\r\nab", Err(Fault::Incomplete("the rest of a literal"))),
            (
                "{3",
                Err(Fault::Incomplete("the end of a literal's length")),
            ),
            (
                "\"a\r\nb\"",
                Err(Fault::Expected("the end of a quoted string")),
            ),
            (
                "\"a\\b\"",
                Err(Fault::Expected("a quote or a backslash behind a backslash")),
            ),
            ("{x}\r\n", Err(Fault::Expected("a number"))),
            ("{2}\r\na\0", Err(Fault::Expected("a literal without NUL"))),
            ("(", Err(Fault::Expected("x"))),
            ("ä", Err(Fault::Expected("x"))),
        ] {
            let read = Scanner::new(input.as_bytes()).astring("x");
            let expect = expect.map(|text: &str| Cow::Borrowed(text.as_bytes()));
            assert_eq!(read, expect, "{input:?}");
        }
    }

    #[test]
    fn numbers_stay_below_two_to_the_32() {
        for (input, expect) in [
            ("0", Ok(0)),
            ("4294967295)", Ok(u32::MAX)),
            (
                "4294967296",
                Err(Fault::Expected("a number below 4294967296")),
            ),
            ("", Err(Fault::Incomplete("a number"))),
            ("x", Err(Fault::Expected("a number"))),
        ] {
            assert_eq!(Scanner::new(input.as_bytes()).number(), expect, "{input}");
        }
        assert!(Scanner::new(b"0").nz_number().is_err());
        assert_eq!(Scanner::new(b"007").nz_number().map(NonZeroU32::get), Ok(7));
    }

    #[test]
    fn a_command_ends_with_its_line() {
        for (input, expect) in [
            ("\r\n", Ok(())),
            ("  \n", Ok(())),
            ("", Err(Fault::Incomplete("the end of the line"))),
            ("x\r\n", Err(Fault::Expected("the end of the line"))),
            ("\r\nx", Err(Fault::Expected("the end of the line"))),
        ] {
            assert_eq!(Scanner::new(input.as_bytes()).end(), expect, "{input:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_walked_without_panic(bytes in "[\"\\\\{}0-9+a\r\n(]{0,20}") {
            let mut scanner = Scanner::new(bytes.as_bytes());
            while scanner.astring("x").is_ok() {}
            let _ = scanner.number();
            let _ = scanner.end();
        }
    }
}
