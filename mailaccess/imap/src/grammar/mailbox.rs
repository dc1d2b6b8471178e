//! Names of mailboxes and patterns of names.

use super::{Fault, Scanner, is_astring_char};
use alloc::borrow::Cow;
use mailaccess_mail::MailboxName;
use mailaccess_mail::mailbox_name::SEPARATOR;

/// ```text
/// mailbox = "INBOX" / astring                                       ; RFC 3501 9, 5.1.3
/// ```
pub(crate) fn mailbox(scanner: &mut Scanner<'_>) -> Result<MailboxName, Fault> {
    let name = scanner.astring("a mailbox name")?;
    MailboxName::from_mutf7(&name).map_err(Fault::Name)
}

/// A mailbox to be made: a separator at its end says that there will be others below it (RFC 3501 6.3.3).
pub(crate) fn new_mailbox(scanner: &mut Scanner<'_>) -> Result<MailboxName, Fault> {
    let name = scanner.astring("a mailbox name")?;
    let mut separator = [0; 4];
    let separator = SEPARATOR.encode_utf8(&mut separator).as_bytes();
    let name = name.strip_suffix(separator).unwrap_or(&name);
    MailboxName::from_mutf7(name).map_err(Fault::Name)
}

/// ```text
/// list-mailbox = 1*list-char / string
/// list-char    = ATOM-CHAR / list-wildcards / resp-specials
/// list-wildcards = "%" / "*"
/// ```
pub(crate) fn list_mailbox<'a>(scanner: &mut Scanner<'a>) -> Result<Cow<'a, [u8]>, Fault> {
    match scanner.peek() {
        Some(b'"' | b'{') => scanner.string("a pattern of mailbox names"),
        _ => {
            match scanner.take_while(|byte| is_astring_char(byte) || matches!(byte, b'%' | b'*')) {
                [] => Err(scanner.fault("a pattern of mailbox names")),
                pattern => Ok(Cow::Borrowed(pattern)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use mailaccess_mail::mailbox_name::InvalidName;

    #[test]
    fn names_are_read_from_modified_utf7() {
        for (input, expect) in [
            ("inbox ", Ok("INBOX")),
            ("\"Sent &- more\"", Ok("Sent & more")),
            ("{8}\r\n&U,BTFw-", Ok("台北")),
            ("&U,BTFw-", Ok("台北")),
            ("", Err(Fault::Incomplete("a mailbox name"))),
            ("{3}\r\nab", Err(Fault::Incomplete("the rest of a literal"))),
            ("(", Err(Fault::Expected("a mailbox name"))),
            ("\"\"", Err(Fault::Name(InvalidName::EmptyLevel))),
            ("a/b", Err(Fault::Name(InvalidName::Character))),
            ("\"Entwürfe\"", Err(Fault::Name(InvalidName::Encoding))),
        ] {
            let name = mailbox(&mut Scanner::new(input.as_bytes())).map(|name| name.to_string());
            assert_eq!(name.as_deref().map_err(|fault| *fault), expect, "{input}");
        }
    }

    #[test]
    fn a_new_name_may_end_in_a_separator() {
        for (input, expect) in [
            ("owatagusiam.", Ok("owatagusiam")),
            ("a.b", Ok("a.b")),
            ("a..", Err(Fault::Name(InvalidName::EmptyLevel))),
            (".", Err(Fault::Name(InvalidName::EmptyLevel))),
        ] {
            let name =
                new_mailbox(&mut Scanner::new(input.as_bytes())).map(|name| name.to_string());
            assert_eq!(name.as_deref().map_err(|fault| *fault), expect, "{input}");
        }
    }

    #[test]
    fn patterns_hold_wildcards() {
        for (input, expect) in [
            ("%.*]x y", Ok(&b"%.*]x"[..])),
            ("\"\"", Ok(b"")),
            ("", Err(Fault::Incomplete("a pattern of mailbox names"))),
            ("(", Err(Fault::Expected("a pattern of mailbox names"))),
        ] {
            let pattern = list_mailbox(&mut Scanner::new(input.as_bytes()));
            assert_eq!(
                pattern.as_deref().map_err(|fault| *fault),
                expect,
                "{input}"
            );
        }
    }
}
