//! Flags that a client wants to set.

use super::{Fault, Scanner, list};
use alloc::vec::Vec;
use mailaccess_mail::{Flags, Keyword, SystemFlag};

/// Most flags in one list.
const MAX_FLAGS: usize = 256;

/// ```text
/// flag-list      = "(" [flag *(SP flag)] ")"
/// flag           = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword / flag-extension
/// flag-extension = "\" atom
/// flag-keyword   = atom
/// ```
/// What a client may not set, such as `\Recent`, is ignored (RFC 3501 7.1 PERMANENTFLAGS); a keyword that
/// is too long is a fault, since it would be lost.
pub(crate) fn flag_list(scanner: &mut Scanner<'_>) -> Result<Flags, Fault> {
    let flags = list::list(scanner, MAX_FLAGS, flag)?;
    Ok(collect(flags))
}

/// `flag-list / (flag *(SP flag))`, as STORE takes them.
pub(crate) fn store_att_flags(scanner: &mut Scanner<'_>) -> Result<Flags, Fault> {
    if scanner.peek() == Some(b'(') {
        return flag_list(scanner);
    }
    let mut flags = Vec::new();
    loop {
        if flags.len() == MAX_FLAGS {
            return Err(Fault::TooMany("flags"));
        }
        flags.push(flag(scanner)?);
        if scanner.is_at_end() {
            return Ok(collect(flags));
        }
        scanner.space()?;
    }
}

enum Wanted {
    System(SystemFlag),
    Keyword(Keyword),
    Ignored,
}

fn flag(scanner: &mut Scanner<'_>) -> Result<Wanted, Fault> {
    if scanner.eat(b'\\') {
        let name = scanner.atom("the name of a flag")?;
        return Ok(system(name).map_or(Wanted::Ignored, Wanted::System));
    }
    keyword(scanner).map(Wanted::Keyword)
}

fn system(name: &[u8]) -> Option<SystemFlag> {
    SystemFlag::ALL
        .into_iter()
        .find(|flag| flag.name().as_bytes()[1..].eq_ignore_ascii_case(name))
}

/// ```text
/// flag-keyword = atom
/// ```
pub(crate) fn keyword(scanner: &mut Scanner<'_>) -> Result<Keyword, Fault> {
    let name = scanner.atom("a flag")?;
    core::str::from_utf8(name)
        .ok()
        .and_then(Keyword::new)
        .ok_or(Fault::TooMany("characters in a keyword"))
}

fn collect(wanted: Vec<Wanted>) -> Flags {
    let mut flags = Flags::none();
    for flag in wanted {
        match flag {
            Wanted::System(flag) => flags.insert(flag),
            Wanted::Keyword(keyword) => flags.insert_keyword(keyword),
            Wanted::Ignored => {}
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};

    #[track_caller]
    fn check(input: &str, expect: Result<&str, Fault>) {
        let flags = store_att_flags(&mut Scanner::new(input.as_bytes())).map(|flags| {
            let system = flags.system().map(|flag| flag.name().to_string());
            let keywords = flags.keywords().iter().map(ToString::to_string);
            system.chain(keywords).collect::<Vec<String>>().join(" ")
        });
        assert_eq!(flags.as_deref().map_err(|fault| *fault), expect, "{input}");
    }

    #[test]
    fn flags_are_read_with_and_without_parentheses() {
        check("(\\Seen $Junk)\r\n", Ok("\\Seen $Junk"));
        check("\\seen \\DELETED\r\n", Ok("\\Deleted \\Seen"));
        check("()\r\n", Ok(""));
        check("(\\Recent \\Strange a)\r\n", Ok("a"));
        check(
            "(\\Seen",
            Err(Fault::Incomplete("a space or a closing parenthesis")),
        );
        check("(\\Seen \\)", Err(Fault::Expected("the name of a flag")));
        check("\r\n", Err(Fault::Expected("a flag")));
        let long = "x".repeat(129);
        check(&long, Err(Fault::TooMany("characters in a keyword")));
    }
}
