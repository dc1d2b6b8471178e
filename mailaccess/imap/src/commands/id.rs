//! ID (RFC 2971): who the client is, which nobody needs, and who the server is, without a version that
//! would tell a stranger its weaknesses.

use crate::command::AnyCommand;
use crate::grammar::{Fault, Scanner, list};
use mailaccess_mail::step::Output;

/// RFC 2971 3.3: at most 30 pairs.
const MAX_ITEMS: usize = 60;

/// ```text
/// id             = "ID" SP id_params_list
/// id_params_list = "(" *(string SP nstring) ")" / nil
/// ```
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<AnyCommand, Fault> {
    scanner.space()?;
    if scanner.eat_word("NIL") {
        return Ok(AnyCommand::Id);
    }
    list::list(scanner, MAX_ITEMS / 2, |scanner| {
        scanner.string("the name of a field")?;
        scanner.space()?;
        scanner.nstring("the value of a field").map(drop)
    })?;
    Ok(AnyCommand::Id)
}

pub(crate) fn id(out: &mut Output) {
    out.bytes(b"* ID (\"name\" \"mailaccess\")\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_forgotten() {
        for (input, expect) in [
            (" NIL\r\n", Ok(())),
            (" ()\r\n", Ok(())),
            (" (\"name\" \"sodr\" \"version\" NIL)\r\n", Ok(())),
            (" (\"name\" {4}\r\nsodr)\r\n", Ok(())),
            (" (\"name\"", Err(Fault::Incomplete("a space"))),
            (
                " (\"name\" \"a",
                Err(Fault::Incomplete("the end of a quoted string")),
            ),
            (" (name \"a\")", Err(Fault::Expected("the name of a field"))),
            ("\r\n", Err(Fault::Expected("a space"))),
        ] {
            let read = parse(&mut Scanner::new(input.as_bytes())).map(drop);
            assert_eq!(read, expect, "{input}");
        }
        let many = alloc::vec!["\"a\" \"b\""; 31].join(" ");
        let many = alloc::format!(" ({many})");
        assert!(parse(&mut Scanner::new(many.as_bytes())).is_err());
    }
}
