//! The grammar of commands: a line becomes a [`Command`] that is valid in itself. Whether it is allowed
//! now is not decided here.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;
use mailaccess_mail::Secret;

/// The number of a message in a maildrop, from 1 (RFC 1939 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(NonZeroU32);

impl Number {
    /// The number of the message at this place, counted from 0; `None` beyond what a number can say.
    pub(crate) fn at(index: usize) -> Option<Self> {
        u32::try_from(index)
            .ok()
            .and_then(|index| index.checked_add(1))
            .and_then(NonZeroU32::new)
            .map(Self)
    }

    /// The place of the message, counted from 0.
    pub(crate) const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a client may say.
#[derive(Debug)]
pub(crate) enum Command {
    /// RFC 5034.
    Auth(Auth),
    /// RFC 2449 5.
    Capa,
    /// RFC 1939 5.
    Dele(Number),
    /// RFC 1939 5.
    List(Option<Number>),
    /// RFC 1939 5.
    Noop,
    /// RFC 1939 7.
    Pass(Secret),
    /// RFC 1939 4 and 6.
    Quit,
    /// RFC 1939 5.
    Retr(Number),
    /// RFC 1939 5.
    Rset,
    /// RFC 1939 5.
    Stat,
    /// RFC 2595 4.
    Stls,
    /// RFC 1939 7: a message, and how many lines of its body.
    Top(Number, u32),
    /// RFC 1939 7.
    Uidl(Option<Number>),
    /// RFC 1939 7.
    User(String),
}

/// The arguments of AUTH.
#[derive(Debug)]
pub(crate) enum Auth {
    /// None: which mechanisms are there? Older than the RFC, and still asked by Outlook Express.
    Which,
    /// Begin this one.
    Begin {
        /// In upper case.
        mechanism: String,
        /// The initial response in base64; `=` is an empty one.
        initial: Option<Secret>,
    },
}

/// Why a line is no command. The text is fit for a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// Nobody knows its first word.
    Unknown,
    /// It should look like this.
    Usage(&'static str),
}

/// One row a command: its name, how it is written, and how its arguments are read.
struct Rule {
    name: &'static str,
    usage: &'static str,
    arguments: fn(&[u8]) -> Option<Command>,
}

const RULES: [Rule; 14] = [
    rule("AUTH", "AUTH [mechanism [initial-response]]", auth),
    rule("CAPA", "CAPA", |a| none(a, Command::Capa)),
    rule("DELE", "DELE message", |a| number(a).map(Command::Dele)),
    rule("LIST", "LIST [message]", |a| optional(a, Command::List)),
    rule("NOOP", "NOOP", |a| none(a, Command::Noop)),
    rule("PASS", "PASS password", pass),
    rule("QUIT", "QUIT", |a| none(a, Command::Quit)),
    rule("RETR", "RETR message", |a| number(a).map(Command::Retr)),
    rule("RSET", "RSET", |a| none(a, Command::Rset)),
    rule("STAT", "STAT", |a| none(a, Command::Stat)),
    rule("STLS", "STLS", |a| none(a, Command::Stls)),
    rule("TOP", "TOP message lines", top),
    rule("UIDL", "UIDL [message]", |a| optional(a, Command::Uidl)),
    rule("USER", "USER name", user),
];

const fn rule(
    name: &'static str,
    usage: &'static str,
    arguments: fn(&[u8]) -> Option<Command>,
) -> Rule {
    Rule {
        name,
        usage,
        arguments,
    }
}

/// Reads a line without its end.
///
/// ```text
/// command = keyword *(SP argument)     ; RFC 1939 3; keywords in any case
/// ```
/// Blanks behind a command and between its arguments are forgiven, except in `PASS`, whose argument is
/// all that follows one blank: a password may hold blanks.
pub(crate) fn parse(line: Vec<u8>) -> Result<Command, Syntax> {
    let line = Secret::from(line);
    let (keyword, arguments) = match memchr::memchr(b' ', line.expose()) {
        Some(blank) => (&line.expose()[..blank], &line.expose()[blank + 1..]),
        None => (line.expose(), &[][..]),
    };
    let rule = RULES
        .iter()
        .find(|rule| rule.name.as_bytes().eq_ignore_ascii_case(keyword))
        .ok_or(Syntax::Unknown)?;
    (rule.arguments)(arguments).ok_or(Syntax::Usage(rule.usage))
}

fn words(arguments: &[u8]) -> impl Iterator<Item = &[u8]> {
    arguments
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
}

fn none(arguments: &[u8], command: Command) -> Option<Command> {
    words(arguments).next().is_none().then_some(command)
}

/// `message = 1*DIGIT`, not zero.
fn digits(word: &[u8]) -> Option<u32> {
    (word.len() <= 10 && word.iter().all(u8::is_ascii_digit))
        .then_some(word)
        .and_then(|word| core::str::from_utf8(word).ok())
        .and_then(|word| word.parse().ok())
}

fn number(arguments: &[u8]) -> Option<Number> {
    let mut words = words(arguments);
    let number = Number(NonZeroU32::new(digits(words.next()?)?)?);
    words.next().is_none().then_some(number)
}

/// A command with a number, or without any argument.
fn optional(arguments: &[u8], command: fn(Option<Number>) -> Command) -> Option<Command> {
    if words(arguments).next().is_none() {
        return Some(command(None));
    }
    number(arguments).map(|number| command(Some(number)))
}

fn top(arguments: &[u8]) -> Option<Command> {
    let mut words = words(arguments);
    let number = Number(NonZeroU32::new(digits(words.next()?)?)?);
    let lines = digits(words.next()?)?;
    words
        .next()
        .is_none()
        .then_some(Command::Top(number, lines))
}

/// A name may hold blanks, but does not begin or end with one.
fn user(arguments: &[u8]) -> Option<Command> {
    let name = arguments.trim_ascii();
    (!name.is_empty()).then(|| Command::User(String::from_utf8_lossy(name).into_owned()))
}

fn pass(arguments: &[u8]) -> Option<Command> {
    (!arguments.is_empty()).then(|| Command::Pass(arguments.to_vec().into()))
}

/// ```text
/// auth-command = "AUTH" SP sasl-mech [SP (base64 / "=")]     ; RFC 5034 4
/// ```
fn auth(arguments: &[u8]) -> Option<Command> {
    let mut words = words(arguments);
    let Some(mechanism) = words.next() else {
        return Some(Command::Auth(Auth::Which));
    };
    let initial = words.next().map(|word| Secret::from(word.to_vec()));
    let mechanism = String::from_utf8_lossy(mechanism).to_ascii_uppercase();
    words
        .next()
        .is_none()
        .then_some(Command::Auth(Auth::Begin { mechanism, initial }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[track_caller]
    fn check(line: &str, expect: &str) {
        let found = match parse(line.as_bytes().to_vec()) {
            Ok(Command::Pass(secret)) => {
                format!("Pass({:?})", core::str::from_utf8(secret.expose()).unwrap())
            }
            Ok(command) => format!("{command:?}"),
            Err(syntax) => format!("{syntax:?}"),
        };
        assert_eq!(found, expect, "{line:?}");
    }

    #[test]
    fn commands_are_read_in_any_case_and_with_blanks_to_spare() {
        check("stat", "Stat");
        check("StLs", "Stls");
        check("QUIT  ", "Quit");
        check("LIST", "List(None)");
        check("LIST  7 ", "List(Some(Number(7)))");
        check("RETR 0012", "Retr(Number(12))");
        check("TOP 1 0", "Top(Number(1), 0)");
        check("UIDL 4294967295", "Uidl(Some(Number(4294967295)))");
        check("USER EXAMPLE\\ann lee", "User(\"EXAMPLE\\\\ann lee\")");
    }

    #[test]
    fn a_password_keeps_its_blanks() {
        check("PASS  a b ", "Pass(\" a b \")");
        check("pass x", "Pass(\"x\")");
    }

    #[test]
    fn auth_takes_a_mechanism_and_an_initial_response() {
        check("AUTH", "Auth(Which)");
        check(
            "auth plain",
            "Auth(Begin { mechanism: \"PLAIN\", initial: None })",
        );
        check(
            "AUTH PLAIN AGEAYg==",
            "Auth(Begin { mechanism: \"PLAIN\", initial: Some(Secret(..)) })",
        );
        check(
            "AUTH PLAIN a b",
            "Usage(\"AUTH [mechanism [initial-response]]\")",
        );
    }

    #[test]
    fn what_is_no_command_is_refused_with_its_usage() {
        check("", "Unknown");
        check("XYZZY", "Unknown");
        check("STATS", "Unknown");
        check("STAT 1", "Usage(\"STAT\")");
        check("RETR", "Usage(\"RETR message\")");
        check("RETR 0", "Usage(\"RETR message\")");
        check("RETR -1", "Usage(\"RETR message\")");
        check("RETR 4294967296", "Usage(\"RETR message\")");
        check("RETR 1 2", "Usage(\"RETR message\")");
        check("TOP 1", "Usage(\"TOP message lines\")");
        check("USER ", "Usage(\"USER name\")");
        check("PASS", "Usage(\"PASS password\")");
        check("PASS ", "Usage(\"PASS password\")");
    }
}
