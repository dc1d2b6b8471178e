//! Address lists (RFC 5322 3.4) as ENVELOPE shows them (RFC 3501 7.4.2), and written anew.

use super::token::{Behind, Broken, Tokens, is_atext};

/// One address structure of an envelope. A group is a structure with only a mailbox (its name), then
/// its members, then a structure with nothing; so a client can tell where it begins and ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// The display name, else the text of the comment behind the address.
    pub name: Option<Vec<u8>>,
    /// The source route of RFC 822, `@one,@two`.
    pub route: Option<Vec<u8>>,
    /// The part before the at sign, or a group's name.
    pub mailbox: Option<Vec<u8>>,
    /// The part behind the at sign.
    pub host: Option<Vec<u8>>,
}

/// Writes addresses one after the other: every mailbox in angle brackets, names and local parts in quotes
/// where they need them, groups with their names, and no comments. It is the form in which Dovecot searches
/// them.
#[derive(Debug, Default)]
pub(crate) struct AddressWriter {
    before: Before,
}

/// What was written last.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Before {
    #[default]
    Nothing,
    /// The beginning of a group.
    GroupName,
    /// An address, or the end of a group.
    Address,
}

impl AddressWriter {
    /// Appends the next address of a list.
    pub(crate) fn write(&mut self, address: &Address, into: &mut Vec<u8>) {
        match (&address.mailbox, &address.host) {
            (None, None) => {
                into.push(b';');
                self.before = Before::Address;
            }
            (Some(group), None) => {
                self.separate(into);
                if group.is_empty() {
                    into.extend_from_slice(b"\"\"");
                }
                write_phrase(group, into);
                into.push(b':');
                self.before = Before::GroupName;
            }
            (mailbox, Some(host)) => {
                self.separate(into);
                write_mailbox(address, mailbox.as_deref().unwrap_or_default(), host, into);
                self.before = Before::Address;
            }
        }
    }

    fn separate(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(match self.before {
            Before::Nothing => b"",
            Before::GroupName => b" ",
            Before::Address => b", ",
        });
    }
}

/// `name-addr = [display-name] "<" [route ":"] local-part "@" domain ">"`
fn write_mailbox(address: &Address, mailbox: &[u8], host: &[u8], into: &mut Vec<u8>) {
    if let Some(name) = &address.name
        && !name.is_empty()
    {
        write_phrase(name, into);
        into.push(b' ');
    }
    into.push(b'<');
    if let Some(route) = &address.route {
        into.extend_from_slice(route);
        into.push(b':');
    }
    if is_dot_atom(mailbox) {
        into.extend_from_slice(mailbox);
    } else {
        write_quoted(mailbox, into);
    }
    into.push(b'@');
    into.extend_from_slice(host);
    into.push(b'>');
}

/// `dot-atom`, with dots in a row or at the end, as they are read.
fn is_dot_atom(text: &[u8]) -> bool {
    text.first().is_some_and(|byte| is_atext(*byte))
        && text.iter().all(|byte| is_atext(*byte) || *byte == b'.')
}

/// `phrase`, in quotes if it is more than an atom. What holds an encoded word is left as it is: in quotes
/// it would be none (RFC 2047 5).
fn write_phrase(text: &[u8], into: &mut Vec<u8>) {
    let is_encoded = memchr::memmem::find(text, b"=?").is_some();
    if is_encoded || text.iter().all(|byte| is_atext(*byte)) {
        into.extend_from_slice(text);
    } else {
        write_quoted(text, into);
    }
}

/// `quoted-string`. Dovecot puts a backslash before an apostrophe too, so that nobody finds `John O'Hara`;
/// RFC 5322 3.2.4 asks for none.
fn write_quoted(text: &[u8], into: &mut Vec<u8>) {
    into.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            into.push(b'\\');
        }
        into.push(byte);
    }
    into.push(b'"');
}

/// The addresses of a field, parsed while they are asked for.
///
/// What is missing in a broken address is filled with `MISSING_MAILBOX`, `MISSING_DOMAIN` or
/// `SYNTAX_ERROR`: a client must be able to tell it from a group.
#[derive(Debug, Clone)]
pub struct Addresses<'a> {
    tokens: Tokens<'a>,
    place: Place,
    /// The fields of the same name that follow.
    fields: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before an address of the list.
    List,
    /// Before a member of a group, or its end.
    Group,
    /// Behind the last member.
    GroupEnd,
    /// Behind a comma, before what cannot be read.
    Garbage,
    /// Behind all.
    End,
}

impl<'a> Addresses<'a> {
    /// The addresses in the values of some fields, a line each.
    pub(crate) fn new(fields: &'a [u8]) -> Self {
        Self {
            tokens: Tokens::new(b""),
            place: Place::End,
            fields,
        }
    }

    /// Goes on to the next field, if there is one.
    fn next_field(&mut self) -> bool {
        if self.fields.is_empty() {
            return false;
        }
        let end = memchr::memchr(b'\n', self.fields).unwrap_or(self.fields.len());
        self.tokens = Tokens::new(&self.fields[..end]);
        self.fields = self.fields.get(end + 1..).unwrap_or_default();
        self.place = match self.tokens.skip() {
            Ok(Behind::More) => Place::List,
            _ => Place::End,
        };
        true
    }

    /// `address = mailbox / group`
    fn address(&mut self) -> Address {
        let start = fresh(&mut self.tokens);
        let mut name = Vec::new();
        if self.tokens.phrase(&mut name) == Ok(Behind::More) && self.tokens.take(b':') {
            self.place = match self.tokens.skip() {
                Ok(Behind::More) => Place::Group,
                _ => Place::GroupEnd,
            };
            return Address {
                mailbox: Some(name),
                ..Address::default()
            };
        }
        self.tokens = start;
        let (address, behind) = mailbox(&mut self.tokens);
        self.place = match behind {
            Ok(Behind::End) => Place::End,
            _ => self.behind_comma(Place::List),
        };
        address
    }

    /// `[mailbox-list / CFWS] ";"`
    fn member(&mut self) -> Address {
        if self.tokens.peek() == Some(b';') {
            return self.group_end();
        }
        let (address, behind) = mailbox(&mut self.tokens);
        let goes_on = behind == Ok(Behind::More)
            && self.tokens.peek() == Some(b',')
            && self.behind_comma(Place::Group) == Place::Group;
        self.place = if goes_on {
            Place::Group
        } else {
            Place::GroupEnd
        };
        address
    }

    fn group_end(&mut self) -> Address {
        self.place = if self.tokens.take(b';') && self.tokens.skip() == Ok(Behind::End) {
            Place::End
        } else {
            self.behind_comma(Place::List)
        };
        Address::default()
    }

    /// Where one is behind the comma that must come next.
    fn behind_comma(&mut self, then: Place) -> Place {
        if !self.tokens.take(b',') {
            return Place::End;
        }
        match self.tokens.skip() {
            Ok(Behind::More) => then,
            Ok(Behind::End) => Place::End,
            Err(Broken) => Place::Garbage,
        }
    }
}

impl Iterator for Addresses<'_> {
    type Item = Address;

    fn next(&mut self) -> Option<Address> {
        while self.place == Place::End {
            if !self.next_field() {
                return None;
            }
        }
        Some(match self.place {
            Place::List => self.address(),
            Place::Group => self.member(),
            Place::GroupEnd => self.group_end(),
            Place::Garbage | Place::End => {
                self.place = Place::End;
                filled(Address::default())
            }
        })
    }
}

/// `mailbox = name-addr / addr-spec`
fn mailbox(tokens: &mut Tokens<'_>) -> (Address, Result<Behind, Broken>) {
    let start = fresh(tokens);
    let (address, behind) = name_addr(tokens).unwrap_or_else(|| {
        *tokens = start;
        addr_spec(tokens)
    });
    (filled(address), behind)
}

/// This place, to come back to. No comment from before it names what follows; one kept would be copied
/// with every place behind it.
fn fresh<'a>(tokens: &mut Tokens<'a>) -> Tokens<'a> {
    tokens.take_comment();
    tokens.clone()
}

/// The address with words for what is missing.
fn filled(mut address: Address) -> Address {
    address
        .mailbox
        .get_or_insert_with(|| b"MISSING_MAILBOX".to_vec());
    address
        .host
        .get_or_insert_with(|| b"MISSING_DOMAIN".to_vec());
    address
}

/// `name-addr = [display-name] angle-addr`; `None` when it is none.
fn name_addr(tokens: &mut Tokens<'_>) -> Option<(Address, Result<Behind, Broken>)> {
    let mut name = Vec::new();
    if tokens.phrase(&mut name) != Ok(Behind::More) || tokens.peek() != Some(b'<') {
        return None;
    }
    let mut address = Address {
        name: Some(name).filter(|name| !name.is_empty()),
        ..Address::default()
    };
    if angle_addr(tokens, &mut address).is_err() {
        address.host = Some(b"SYNTAX_ERROR".to_vec());
    }
    let behind = match tokens.peek() {
        Some(_) => Behind::More,
        None => Behind::End,
    };
    Some((address, Ok(behind)))
}

/// `angle-addr = [CFWS] "<" [obs-route] addr-spec ">" [CFWS]`, `obs-route = obs-domain-list ":"`
fn angle_addr(tokens: &mut Tokens<'_>, address: &mut Address) -> Result<Behind, Broken> {
    tokens.bump();
    if tokens.skip()? == Behind::End {
        return Ok(Behind::End);
    }
    if tokens.peek() == Some(b'@') {
        let mut domains = Vec::new();
        if route(tokens, &mut domains) != Ok(Behind::More) || !tokens.take(b':') {
            address.route = Some(b"INVALID_ROUTE".to_vec());
            return Err(Broken);
        }
        address.route = Some(domains);
        if tokens.skip()? == Behind::End {
            return Ok(Behind::End);
        }
    }
    // `<>` is nobody's address, but no broken one.
    if tokens.peek() != Some(b'>') && local_part(tokens, address)? == Behind::End {
        return Ok(Behind::End);
    }
    if tokens.peek() == Some(b'@') && domain(tokens, address)? == Behind::End {
        return Ok(Behind::End);
    }
    if !tokens.take(b'>') {
        return Err(Broken);
    }
    tokens.skip()
}

/// `addr-spec = local-part "@" domain`; a comment behind it serves as a name. Words without an at sign
/// are a name, a single one a mailbox.
fn addr_spec(tokens: &mut Tokens<'_>) -> (Address, Result<Behind, Broken>) {
    let mut address = Address::default();
    tokens.take_comment();
    let mut behind = local_part(tokens, &mut address);
    let has_domain = behind != Ok(Behind::End) && tokens.peek() == Some(b'@');
    if has_domain {
        behind = domain(tokens, &mut address);
    }
    let comment = tokens.take_comment();
    if !comment.is_empty() {
        address.name = Some(comment);
    } else if !has_domain && behind == Ok(Behind::More) {
        let mut words = Vec::new();
        behind = tokens.phrase(&mut words);
        if !words.is_empty() {
            let first = address.mailbox.take().unwrap_or_default();
            address.name = Some([&first, b" ".as_slice(), &words].concat());
        }
    }
    (address, behind)
}

/// `local-part = dot-atom / quoted-string`
fn local_part(tokens: &mut Tokens<'_>, address: &mut Address) -> Result<Behind, Broken> {
    let mut text = Vec::new();
    let behind = if tokens.peek() == Some(b'"') {
        tokens.quoted_string(&mut text)?
    } else {
        tokens.dot_atom(&mut text)?
    };
    address.mailbox = Some(text);
    Ok(behind)
}

fn domain(tokens: &mut Tokens<'_>, address: &mut Address) -> Result<Behind, Broken> {
    let mut text = Vec::new();
    let behind = tokens.at_domain(&mut text)?;
    address.host = Some(text);
    Ok(behind)
}

/// `obs-domain-list = "@" domain *(*(CFWS / "," ) [CFWS] "@" domain)`
fn route(tokens: &mut Tokens<'_>, into: &mut Vec<u8>) -> Result<Behind, Broken> {
    while tokens.peek() == Some(b'@') {
        if !into.is_empty() {
            into.push(b',');
        }
        into.push(b'@');
        if tokens.at_domain(into)? == Behind::End {
            return Ok(Behind::End);
        }
        while tokens.skip()? == Behind::More && tokens.take(b',') {}
    }
    Ok(match tokens.peek() {
        Some(_) => Behind::More,
        None => Behind::End,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(addresses: &[Address]) -> Vec<u8> {
        let mut writer = AddressWriter::default();
        let mut into = Vec::new();
        for address in addresses {
            writer.write(address, &mut into);
        }
        into
    }

    #[track_caller]
    fn check(field: &str, want: &str) {
        let addresses: Vec<_> = Addresses::new(field.as_bytes()).collect();
        let got = written(&addresses);
        assert_eq!(String::from_utf8_lossy(&got), want, "{field}");
    }

    #[test]
    fn addresses_are_written_anew() {
        check("", "");
        check("a@x, b@y (B)", "<a@x>, B <b@y>");
        check(
            "J. Doe <j.d@x>, Mr.X <m@x>",
            r#""J. Doe" <j.d@x>, "Mr.X" <m@x>"#,
        );
        check(r#""\"a\" \\" <"b c"@x>"#, r#""\"a\" \\" <"b c"@x>"#);
        check(r#""" <""@x>, O'Hara <o@x>"#, r#"<""@x>, O'Hara <o@x>"#);
        check("\"John O'Hara\" <o@x>", "\"John O'Hara\" <o@x>");
        check("=?utf-8?q?a?= \"b c\" <d@x>", "=?utf-8?q?a?= b c <d@x>");
        check("<@r,@s:a@[1.2.3.4]>", "<@r,@s:a@[1.2.3.4]>");
    }

    #[test]
    fn groups_are_written_with_their_names() {
        check("A b:;", r#""A b":;"#);
        check("G: a@x, B <b@x>;, c@x", "G: <a@x>, B <b@x>;, <c@x>");
        check("a@x, \"\": b@x;", r#"<a@x>, "": <b@x>;"#);
    }

    #[test]
    fn a_comment_is_not_carried_on() {
        let mut addresses = Addresses::new(b"(one) A <a@x>, B <b@x>, c");
        addresses.nth(1);
        assert!(addresses.tokens.take_comment().is_empty());
    }

    fn texts() -> impl Strategy<Value = (Option<Vec<u8>>, Vec<u8>)> {
        let name = prop::option::of("[ -~é]{1,8}".prop_map(String::into_bytes));
        (name, "[ -~é]{0,8}".prop_map(String::into_bytes)).prop_filter(
            "an encoded word is not quoted",
            |(name, _)| {
                !name
                    .as_ref()
                    .is_some_and(|name| name.windows(2).any(|two| two == b"=?"))
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(
            list in prop::collection::vec((texts(), "[a-z]{1,3}(\\.[a-z]{1,3})?"), 0..6),
        ) {
            let addresses: Vec<_> = list
                .into_iter()
                .map(|((name, mailbox), host)| Address {
                    name,
                    route: None,
                    mailbox: Some(mailbox),
                    host: Some(host.into_bytes()),
                })
                .collect();
            let text = written(&addresses);
            prop_assert_eq!(Addresses::new(&text).collect::<Vec<_>>(), addresses);
        }

        #[test]
        fn any_bytes_are_written(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            written(&Addresses::new(&bytes).collect::<Vec<_>>());
        }
    }
}
