//! What is true about commands, as rows: the state a command needs, how its arguments are read, and
//! whether EXPUNGE may be sent while it runs.

use crate::command::{AccountCommand, AnyCommand, GuestCommand, MailboxCommand};
use crate::commands::select::Open;
use crate::commands::{
    append, authenticate, copy, create, delete, examine, expunge, fetch, id, list, login, lsub,
    search, select, status, store, subscribe, uid, unsubscribe,
};
use crate::grammar::{Fault, Scanner};
use crate::view::Expunges;

/// A command.
pub(crate) struct Rule {
    /// Its name in upper case.
    pub(crate) name: &'static str,
    /// The state it needs, and how its arguments are read there.
    pub(crate) needs: Needs,
    /// Whether EXPUNGE may be sent at its end (RFC 3501 7.4.1).
    pub(crate) expunges: Expunges,
}

type Parse<C> = fn(&mut Scanner<'_>) -> Result<C, Fault>;

/// The state that a command needs (RFC 3501 6).
#[derive(Clone, Copy)]
pub(crate) enum Needs {
    /// None.
    Any(Parse<AnyCommand>),
    /// Nobody logged on.
    Guest(Parse<GuestCommand>),
    /// Somebody logged on; a mailbox is opened.
    Open(Parse<Open>),
    /// Somebody logged on; the client wants to be told what happens.
    Idle,
    /// Somebody logged on.
    Account(Parse<AccountCommand>),
    /// An open mailbox.
    Mailbox(Parse<MailboxCommand>),
    /// More than this server has: the command is known from an extension that is not advertised.
    Absent,
}

const fn told(name: &'static str, needs: Needs) -> Rule {
    Rule {
        name,
        needs,
        expunges: Expunges::Told,
    }
}

/// A command that counts messages by number.
const fn counts(name: &'static str, parse: Parse<MailboxCommand>) -> Rule {
    Rule {
        name,
        needs: Needs::Mailbox(parse),
        expunges: Expunges::Withheld,
    }
}

static RULES: &[Rule] = &[
    told("APPEND", Needs::Account(append::parse)),
    told("AUTHENTICATE", Needs::Guest(authenticate::parse)),
    told("CAPABILITY", Needs::Any(|_| Ok(AnyCommand::Capability))),
    told("CHECK", Needs::Mailbox(|_| Ok(MailboxCommand::Check))),
    told("CLOSE", Needs::Mailbox(|_| Ok(MailboxCommand::Close))),
    counts("COPY", copy::parse),
    told("CREATE", Needs::Account(create::parse)),
    told("DELETE", Needs::Account(delete::parse)),
    told("EXAMINE", Needs::Open(examine::parse)),
    told("EXPUNGE", Needs::Mailbox(expunge::parse)),
    counts("FETCH", fetch::parse),
    told("ID", Needs::Any(id::parse)),
    told("IDLE", Needs::Idle),
    told("LIST", Needs::Account(list::parse)),
    told("LOGIN", Needs::Guest(login::parse)),
    told("LOGOUT", Needs::Any(|_| Ok(AnyCommand::Logout))),
    told("LSUB", Needs::Account(lsub::parse)),
    told(
        "NAMESPACE",
        Needs::Account(|_| Ok(AccountCommand::Namespace)),
    ),
    told("NOOP", Needs::Any(|_| Ok(AnyCommand::Noop))),
    counts("SEARCH", search::parse),
    told("SELECT", Needs::Open(select::parse)),
    told("STARTTLS", Needs::Guest(|_| Ok(GuestCommand::StartTls))),
    told("STATUS", Needs::Account(status::parse)),
    counts("STORE", store::parse),
    told("SUBSCRIBE", Needs::Account(subscribe::parse)),
    told("UID COPY", Needs::Mailbox(uid::copy)),
    told("UID EXPUNGE", Needs::Mailbox(uid::expunge)),
    told("UID FETCH", Needs::Mailbox(uid::fetch)),
    told("UID SEARCH", Needs::Mailbox(uid::search)),
    told("UID STORE", Needs::Mailbox(uid::store)),
    told("UNSELECT", Needs::Mailbox(|_| Ok(MailboxCommand::Unselect))),
    told("UNSUBSCRIBE", Needs::Account(unsubscribe::parse)),
    // Known, and not here: RFC 3501, 5256, 6851, 5161, 2087, 4314, 4978, 5464, 5465, 8437, 8508.
    told("COMPRESS", Needs::Absent),
    told("DELETEACL", Needs::Absent),
    told("ENABLE", Needs::Absent),
    told("GETACL", Needs::Absent),
    told("GETMETADATA", Needs::Absent),
    told("GETQUOTA", Needs::Absent),
    told("GETQUOTAROOT", Needs::Absent),
    told("LISTRIGHTS", Needs::Absent),
    told("MOVE", Needs::Absent),
    told("MYRIGHTS", Needs::Absent),
    told("NOTIFY", Needs::Absent),
    told("RENAME", Needs::Absent),
    told("REPLACE", Needs::Absent),
    told("SETACL", Needs::Absent),
    told("SETMETADATA", Needs::Absent),
    told("SETQUOTA", Needs::Absent),
    told("SORT", Needs::Absent),
    told("THREAD", Needs::Absent),
    told("UID MOVE", Needs::Absent),
    told("UID REPLACE", Needs::Absent),
    told("UID SORT", Needs::Absent),
    told("UID THREAD", Needs::Absent),
    told("UNAUTHENTICATE", Needs::Absent),
];

/// ```text
/// command = tag SP (command-any / command-auth / command-nonauth / command-select) CRLF
/// uid     = "UID" SP (copy / fetch / search / store)                ; and RFC 4315 4 uid-expunge
/// ```
/// Reads the name of a command behind its tag.
pub(crate) fn find(scanner: &mut Scanner<'_>) -> Result<&'static Rule, Fault> {
    const UNKNOWN: Fault = Fault::Expected("the name of a command that is known");
    scanner.space()?;
    let mut name = scanner.atom("the name of a command")?;
    let uid = name.eq_ignore_ascii_case(b"UID");
    if uid {
        scanner.space()?;
        name = scanner.atom("the name of a command behind UID")?;
    }
    RULES
        .iter()
        .find(|rule| match rule.name.strip_prefix("UID ") {
            Some(rest) => uid && rest.as_bytes().eq_ignore_ascii_case(name),
            None => !uid && rule.name.as_bytes().eq_ignore_ascii_case(name),
        })
        .ok_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, name: Result<&str, Fault>) {
        let found = find(&mut Scanner::new(line.as_bytes())).map(|rule| rule.name);
        assert_eq!(found, name, "{line}");
    }

    #[test]
    fn commands_are_found_in_any_case_and_under_uid() {
        check(" noop\r\n", Ok("NOOP"));
        check(" Uid feTch 1 FLAGS\r\n", Ok("UID FETCH"));
        check(" FETCH 1 FLAGS\r\n", Ok("FETCH"));
        check(" ", Err(Fault::Incomplete("the name of a command")));
        check(" UID", Err(Fault::Incomplete("a space")));
        let unknown = Fault::Expected("the name of a command that is known");
        check(" UID NOOP\r\n", Err(unknown));
        check(" XYZZY\r\n", Err(unknown));
        check("NOOP\r\n", Err(Fault::Expected("a space")));
    }

    #[test]
    fn only_commands_that_count_by_number_withhold_expunges() {
        let withheld: alloc::vec::Vec<&str> = RULES
            .iter()
            .filter(|rule| rule.expunges == Expunges::Withheld)
            .map(|rule| rule.name)
            .collect();
        assert_eq!(withheld, ["COPY", "FETCH", "SEARCH", "STORE"]);
    }
}
