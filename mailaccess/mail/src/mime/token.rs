//! Tokens of structured header fields (RFC 5322 3.2, RFC 2045 5.1), read as leniently as Dovecot does:
//! what is found is kept up to where the text breaks off.

/// A place in a field's value. What is read is appended to a buffer of the caller, so that it is there
/// also when the token turns out broken.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
    /// The text of the last comment skipped.
    comment: Vec<u8>,
}

/// What lies behind a token and the comments and blanks that follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// More text.
    More,
    /// The end.
    End,
}

/// The text is no such token, or breaks off within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

type Read = Result<Behind, Broken>;

impl<'a> Tokens<'a> {
    pub(super) fn new(value: &'a [u8]) -> Self {
        Self {
            rest: value,
            comment: Vec::new(),
        }
    }

    /// What is not read yet.
    #[cfg(test)]
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next byte, not taken.
    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Takes this byte if it comes next.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    /// Takes one byte, whatever it is.
    pub(super) fn bump(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    /// Takes the text of the last comment.
    pub(super) fn take_comment(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.comment)
    }

    /// `[CFWS]`: blanks and comments.
    pub(super) fn skip(&mut self) -> Read {
        loop {
            match self.peek() {
                None => return Ok(Behind::End),
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.rest = &self.rest[1..],
                Some(b'(') => self.skip_comment()?,
                Some(_) => return Ok(Behind::More),
            }
        }
    }

    /// `comment = "(" *([FWS] ccontent) [FWS] ")"`, nested to any depth.
    fn skip_comment(&mut self) -> Result<(), Broken> {
        self.comment.clear();
        self.bump();
        let mut level = 1_usize;
        while let Some(byte) = self.bump() {
            match byte {
                b'(' => level += 1,
                b')' => level -= 1,
                b'\\' => {
                    let escaped = self.bump().ok_or(Broken)?;
                    self.comment.push(escaped);
                    continue;
                }
                _ => {}
            }
            if level == 0 {
                return Ok(());
            }
            if !matches!(byte, b'\r' | b'\n') {
                self.comment.push(byte);
            }
        }
        Err(Broken)
    }

    fn run(&mut self, within: impl Fn(u8) -> bool, into: &mut Vec<u8>) -> usize {
        let len = self
            .rest
            .iter()
            .position(|byte| !within(*byte))
            .unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(len);
        into.extend_from_slice(run);
        self.rest = rest;
        len
    }

    /// `atom = [CFWS] 1*atext [CFWS]`
    pub(super) fn atom(&mut self, into: &mut Vec<u8>) -> Read {
        if self.run(is_atext, into) == 0 {
            return Err(Broken);
        }
        self.skip()
    }

    /// `dot-atom = [CFWS] 1*atext *("." 1*atext) [CFWS]`, as RFC 822 with blanks around the dots, and
    /// with dots in a row or at the end, which some have in their addresses.
    pub(super) fn dot_atom(&mut self, into: &mut Vec<u8>) -> Read {
        if self.run(is_atext, into) == 0 {
            return Err(Broken);
        }
        loop {
            if self.skip()? == Behind::End {
                return Ok(Behind::End);
            }
            if !self.take(b'.') {
                return Ok(Behind::More);
            }
            into.push(b'.');
            if self.skip()? == Behind::End {
                return Ok(Behind::End);
            }
            self.run(is_atext, into);
        }
    }

    /// `quoted-string = [CFWS] DQUOTE *([FWS] qcontent) [FWS] DQUOTE [CFWS]`, without its quotes.
    pub(super) fn quoted_string(&mut self, into: &mut Vec<u8>) -> Read {
        self.bump();
        while let Some(byte) = self.bump() {
            match byte {
                b'"' => return self.skip(),
                b'\\' => into.push(self.bump().ok_or(Broken)?),
                b'\r' if self.peek() == Some(b'\n') => {}
                b'\n' => {}
                _ => into.push(byte),
            }
        }
        Err(Broken)
    }

    /// `phrase = 1*word / word *(word / "." / CFWS)`; an empty one is taken too.
    pub(super) fn phrase(&mut self, into: &mut Vec<u8>) -> Read {
        match self.peek() {
            None => return Ok(Behind::End),
            Some(b'.') => return Err(Broken),
            Some(_) => {}
        }
        loop {
            let behind = if self.peek() == Some(b'"') {
                self.quoted_string(into)?
            } else {
                self.run(|byte| is_atext(byte) || byte == b'.', into);
                self.skip()?
            };
            match self.peek() {
                Some(byte) if is_atext(byte) || matches!(byte, b'"' | b'.') => into.push(b' '),
                _ => return Ok(behind),
            }
        }
    }

    /// `"@" domain`, `domain = dot-atom / domain-literal`
    pub(super) fn at_domain(&mut self, into: &mut Vec<u8>) -> Read {
        self.bump();
        if self.skip()? == Behind::End {
            return Err(Broken);
        }
        if self.peek() == Some(b'[') {
            self.domain_literal(into)
        } else {
            self.dot_atom(into)
        }
    }

    /// `domain-literal = [CFWS] "[" *([FWS] dtext) [FWS] "]" [CFWS]`, with its brackets.
    fn domain_literal(&mut self, into: &mut Vec<u8>) -> Read {
        into.extend(self.bump());
        while let Some(byte) = self.bump() {
            match byte {
                b'[' => return Err(Broken),
                b']' => {
                    into.push(byte);
                    return self.skip();
                }
                b'\\' => {
                    into.push(byte);
                    into.push(self.bump().ok_or(Broken)?);
                }
                b'\r' | b'\n' => {}
                _ => into.push(byte),
            }
        }
        Err(Broken)
    }

    /// `token = 1*<any CHAR except SPACE, CTLs, or tspecials>` (RFC 2045 5.1) and what may follow; an
    /// empty one is taken too.
    pub(super) fn mime_token(&mut self, into: &mut Vec<u8>) -> Read {
        self.run(is_token, into);
        self.skip()
    }
}

/// `atext` of RFC 5322 3.2.3, and every byte that is not ASCII.
pub(super) fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte) || byte >= 0x80
}

/// A byte of `token` of RFC 2045 5.1, and every byte that is not ASCII.
fn is_token(byte: u8) -> bool {
    byte == b'.' || is_atext(byte) && !b"/=?".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<'t>(
        read: impl Fn(&mut Tokens<'t>, &mut Vec<u8>) -> Read,
        text: &'t str,
        want: (&str, Read, &str),
    ) {
        let mut tokens = Tokens::new(text.as_bytes());
        let mut into = Vec::new();
        let behind = read(&mut tokens, &mut into);
        let got = (
            std::str::from_utf8(&into).unwrap(),
            behind,
            std::str::from_utf8(tokens.rest()).unwrap(),
        );
        assert_eq!(got, want, "{text:?}");
    }

    const MORE: Read = Ok(Behind::More);
    const END: Read = Ok(Behind::End);

    #[test]
    fn tokens_are_read_up_to_where_they_end() {
        check(Tokens::atom, "ab c", ("ab", MORE, "c"));
        check(Tokens::atom, "ab (c (d)) ", ("ab", END, ""));
        check(Tokens::dot_atom, "a . b.c@d", ("a.b.c", MORE, "@d"));
        check(Tokens::dot_atom, "a..b.@d", ("a..b.", MORE, "@d"));
        check(
            Tokens::quoted_string,
            r#""a\"b c" x"#,
            ("a\"b c", MORE, "x"),
        );
        check(Tokens::quoted_string, "\"a\r\n b\"", ("a b", END, ""));
        check(Tokens::phrase, "Mr. \"J\" Doe<x", ("Mr. J Doe", MORE, "<x"));
        check(Tokens::phrase, "<x", ("", MORE, "<x"));
        check(
            Tokens::at_domain,
            "@[127.0.0.1]>",
            ("[127.0.0.1]", MORE, ">"),
        );
        check(Tokens::mime_token, "text/plain", ("text", MORE, "/plain"));
    }

    #[test]
    fn broken_tokens_are_kept_up_to_where_they_break() {
        check(Tokens::atom, ",", ("", Err(Broken), ","));
        check(Tokens::quoted_string, "\"ab", ("ab", Err(Broken), ""));
        check(Tokens::quoted_string, "\"ab\\", ("ab", Err(Broken), ""));
        check(Tokens::atom, "a (b", ("a", Err(Broken), ""));
        check(Tokens::at_domain, "@[a[b", ("[a", Err(Broken), "b"));
        check(Tokens::phrase, ".a", ("", Err(Broken), ".a"));
    }
}
