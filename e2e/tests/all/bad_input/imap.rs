//! What no IMAP client should send: it gets BAD, NO with a code, or BYE; nothing is done, and names of
//! folders lead nowhere but into the mailbox.

use super::served_pod::{ANN, PASSWORD, Served, heard};
use super::{Metric, Row, check};
use crate::harness::{Security, Service};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const SYNTAX: Metric =
    Metric::Rises("mailaccess_refused_commands_total{protocol=\"imap\",reason=\"syntax\"}");
const STATE: Metric =
    Metric::Rises("mailaccess_refused_commands_total{protocol=\"imap\",reason=\"state\"}");
const LIMIT: Metric =
    Metric::Rises("mailaccess_refused_commands_total{protocol=\"imap\",reason=\"limit\"}");
const NAME: Metric =
    Metric::Rises("mailaccess_refused_commands_total{protocol=\"imap\",reason=\"name\"}");
const NUMBER: Metric =
    Metric::Rises("mailaccess_refused_commands_total{protocol=\"imap\",reason=\"message\"}");
const REFUSED: Metric = Metric::Rises(
    "mailaccess_log_ons_total{protocol=\"imap\",mechanism=\"LOGIN\",result=\"credentials\"}",
);
const MESSAGE: &[u8] = b"From: a@example.com\r\nSubject: hello\r\n\r\nText.\r\n";
const GOODBYE: &str = " | * BYE IMAP4 server signing off. | z OK LOGOUT completed.";

/// Says it before anybody has logged on, and then goodbye, whose answer is left out.
fn say(stage: &mut Served, command: impl AsRef<[u8]>) {
    let all = [command.as_ref(), b"\r\nz LOGOUT\r\n"].concat();
    stage.say(Service::Imap, Security::Plain, &all);
    leave_out(stage, |heard| heard.strip_suffix(GOODBYE));
}

/// The same once ann has logged on.
fn logged_on(stage: &mut Served, command: impl AsRef<[u8]>) {
    let log_on = format!("l LOGIN {ANN} {PASSWORD}\r\n");
    say(stage, [log_on.as_bytes(), command.as_ref()].concat());
    leave_out(stage, |heard| {
        heard.strip_prefix("l OK LOGIN completed. | ")
    });
}

/// The same once she has selected her INBOX.
fn selected(stage: &mut Served, command: impl AsRef<[u8]>) {
    logged_on(stage, [b"s SELECT INBOX\r\n", command.as_ref()].concat());
    let answer = "s OK [READ-WRITE] SELECT completed. | ";
    leave_out(stage, |heard| {
        heard.split_once(answer).map(|(_, rest)| rest)
    });
}

fn leave_out(stage: &mut Served, part: impl FnOnce(&str) -> Option<&str>) {
    if let Some(rest) = part(&stage.heard) {
        stage.heard = rest.to_owned();
    }
}

const fn row(
    name: &'static str,
    fault: fn(&mut Served),
    wire: &'static [(super::Look<Served>, &'static str)],
    metric: Metric,
) -> Row<Served> {
    Row {
        name,
        fault,
        status: &[],
        wire,
        metric,
    }
}

const BEFORE_LOGIN: [Row<Served>; 11] = [
    row(
        "a line that is too long",
        |stage| say(stage, format!("a NOOP {}", "x".repeat(17_000))),
        &[(heard, "a BAD The command is too long.")],
        LIMIT,
    ),
    row(
        "a line that does not end",
        |stage| say(stage, "x".repeat(1 << 20)),
        &[(heard, "* BYE Connection closed, the line is too long.")],
        LIMIT,
    ),
    row(
        "a literal that is too long, announced",
        |stage| say(stage, "a LOGIN {17000}"),
        &[(heard, "a BAD The literal is too large.")],
        LIMIT,
    ),
    row(
        "a literal that is too long, sent at once",
        |stage| {
            say(
                stage,
                format!("a LOGIN {{17000+}}\r\n{} x", "b NOOP\r\n".repeat(2_125)),
            );
        },
        &[(heard, "a BAD The literal is too large.")],
        LIMIT,
    ),
    row(
        "a literal that nobody can send",
        |stage| say(stage, "a LOGIN {99999999999999999999+}"),
        &[(
            heard,
            "a BAD The literal is too large. | * BYE Connection closed, the literal is too large.",
        )],
        LIMIT,
    ),
    row(
        "a command before anybody has logged on",
        |stage| say(stage, "a FETCH 1 FLAGS"),
        &[(heard, "a BAD FETCH is not valid in this state.")],
        STATE,
    ),
    row(
        "bytes that are no command",
        |stage| say(stage, b"\0\xff"),
        &[(heard, "* BAD Expected a tag.")],
        SYNTAX,
    ),
    row(
        "a response that is no base64",
        |stage| say(stage, "a AUTHENTICATE PLAIN ?!?"),
        &[(heard, "a BAD Expected a response in base64.")],
        SYNTAX,
    ),
    row(
        "a flood of bad commands",
        |stage| {
            say(stage, "a XYZZY\r\n".repeat(1_000));
            let bad = stage.heard.matches("a BAD ").count();
            let last = stage.heard.rsplit(" | ").next().unwrap();
            stage.heard = format!("{bad} times BAD, then {last}");
        },
        &[(
            heard,
            "10 times BAD, then * BYE Connection closed after too many mistakes.",
        )],
        SYNTAX,
    ),
    row(
        "commands in the clear behind STARTTLS",
        |stage| {
            let command = format!("a STARTTLS\r\nb LOGIN {ANN} {PASSWORD}\r\n");
            stage.say(Service::Imap, Security::Plain, command.as_bytes());
        },
        &[(heard, "a OK Begin TLS negotiation now.")],
        Metric::Rises("mailaccess_connections_ended_total{protocol=\"imap\",reason=\"injection\"}"),
    ),
    row(
        "a name with a path",
        |stage| say(stage, format!("a LOGIN \"../example.com/ann\" {PASSWORD}")),
        &[(
            heard,
            "a NO [AUTHENTICATIONFAILED] Logon failure: unknown user name or bad password.",
        )],
        REFUSED,
    ),
];

const DEPTH: usize = 1_000;

const SELECTED: [Row<Served>; 8] = [
    row(
        "SEARCH with very many parentheses",
        |stage| {
            selected(
                stage,
                format!("a SEARCH {}ALL{}", "(".repeat(DEPTH), ")".repeat(DEPTH)),
            );
        },
        &[(heard, "a BAD Too many levels of search keys.")],
        LIMIT,
    ),
    row(
        "SEARCH with very many NOT",
        |stage| selected(stage, format!("a SEARCH {}ALL", "NOT ".repeat(DEPTH))),
        &[(heard, "a BAD Too many levels of search keys.")],
        LIMIT,
    ),
    row(
        "SEARCH with very many OR",
        |stage| selected(stage, format!("a SEARCH {}ALL", "OR ALL ".repeat(DEPTH))),
        &[(heard, "a BAD Too many levels of search keys.")],
        LIMIT,
    ),
    row(
        "a part of a part of a part",
        |stage| selected(stage, format!("a FETCH 1 BODY[{}1]", "1.".repeat(DEPTH))),
        &[(heard, "a BAD Too many levels of a part.")],
        LIMIT,
    ),
    row(
        "no message's number",
        |stage| {
            selected(
                stage,
                "a FETCH 0 FLAGS\r\nb FETCH 4294967296 FLAGS\r\nc FETCH 2 FLAGS",
            );
        },
        &[(
            heard,
            "a BAD Expected a number above zero. | b BAD Expected a number below 4294967296. | \
             c BAD There are fewer messages.",
        )],
        NUMBER,
    ),
    row(
        "a command of many kilobytes",
        |stage| selected(stage, format!("a FETCH 1 ({})", "FLAGS ".repeat(20_000))),
        &[(heard, "a BAD The command is too long.")],
        LIMIT,
    ),
    row(
        "a message that is too large, announced",
        |stage| selected(stage, "a APPEND INBOX {4000000000}"),
        &[(heard, "a NO [TOOBIG] The message is too large.")],
        LIMIT,
    ),
    row(
        "a date that is none",
        |stage| {
            selected(
                stage,
                "a APPEND INBOX \"32-Foo-2020 99:99:99 +0000\" {1+}\r\nx",
            );
        },
        &[(heard, "a BAD Expected a date and time.")],
        SYNTAX,
    ),
];

const CHARACTER: &str = "a NO [CANNOT] The mailbox name holds a character that is not allowed.";
const EMPTY: &str = "a NO [CANNOT] The mailbox name has an empty level.";
const UTF7: &str = "a NO [CANNOT] The mailbox name is not valid modified UTF-7.";

const FOLDERS: [Row<Served>; 15] = [
    row(
        "..",
        |s| logged_on(s, "a CREATE .."),
        &[(heard, EMPTY)],
        NAME,
    ),
    row(
        "../x",
        |s| logged_on(s, "a CREATE ../x"),
        &[(heard, CHARACTER)],
        NAME,
    ),
    row(
        "a/../../b",
        |s| logged_on(s, "a CREATE a/../../b"),
        &[(heard, CHARACTER)],
        NAME,
    ),
    row(
        "/etc",
        |s| logged_on(s, "a CREATE /etc"),
        &[(heard, CHARACTER)],
        NAME,
    ),
    row(
        "a/b",
        |s| logged_on(s, "a CREATE a/b"),
        &[(heard, CHARACTER)],
        NAME,
    ),
    row(
        "a leading dot",
        |s| logged_on(s, "a CREATE .hidden"),
        &[(heard, EMPTY)],
        NAME,
    ),
    row(
        "two dots",
        |s| logged_on(s, "a CREATE a..b"),
        &[(heard, EMPTY)],
        NAME,
    ),
    row(
        "no name",
        |s| logged_on(s, "a CREATE \"\""),
        &[(heard, EMPTY)],
        NAME,
    ),
    row(
        "NUL, encoded",
        |s| logged_on(s, "a CREATE &AAA-"),
        &[(heard, CHARACTER)],
        NAME,
    ),
    row(
        "a slash, encoded",
        |s| logged_on(s, "a CREATE &AC8-"),
        &[(heard, UTF7)],
        NAME,
    ),
    row(
        "NUL",
        |s| logged_on(s, b"a CREATE {3+}\r\na\0b"),
        &[(heard, "a BAD Expected a literal without NUL.")],
        SYNTAX,
    ),
    row(
        "no UTF-7",
        |s| logged_on(s, "a CREATE &bad"),
        &[(heard, UTF7)],
        NAME,
    ),
    row(
        "UTF-7 that does not end",
        |s| logged_on(s, "a CREATE &-&"),
        &[(heard, UTF7)],
        NAME,
    ),
    row(
        "a very long name",
        |s| logged_on(s, format!("a CREATE {}", "x".repeat(300))),
        &[(heard, "a NO [CANNOT] The mailbox name is too long.")],
        NAME,
    ),
    row(
        "every command with a name",
        |stage| {
            let commands = ["SELECT", "EXAMINE", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE"];
            let mut all = commands
                .map(|command| format!("a {command} ../bob\r\n"))
                .concat();
            all.push_str("a STATUS ../bob (MESSAGES)\r\na APPEND ../bob {3+}\r\nabc\r\n");
            all.push_str("a SELECT INBOX\r\na COPY 1 ../bob\r\na LIST \"\" ../*\r\na LSUB ../ *");
            logged_on(stage, all);
            let refusals = stage.heard.matches(CHARACTER).count();
            let names = stage.heard.matches("* L").count();
            stage.heard = format!("{refusals} refused, {names} listed");
        },
        &[(heard, "8 refused, 0 listed")],
        NAME,
    ),
];

/// Every directory and every file in none of the folders of mail.
fn tree(folder: &Path) -> BTreeSet<PathBuf> {
    let mut tree = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tree.extend(tree_below(&path));
        }
        tree.insert(path);
    }
    tree
}

fn tree_below(path: &Path) -> BTreeSet<PathBuf> {
    let name = path.file_name().unwrap();
    if name == "cur" || name == "new" || name == "tmp" {
        BTreeSet::new()
    } else {
        tree(path)
    }
}

#[test]
fn what_no_imap_client_should_send_is_refused() {
    let mut stage = Served::start(|_| {});
    let maildir = stage.site.maildir(ANN);
    maildir.deliver(MESSAGE);
    let volume = stage.site.folder().join("mail");
    for row in BEFORE_LOGIN.iter().chain(&SELECTED) {
        check(&mut stage, row);
    }
    let before = tree(&volume);
    for row in &FOLDERS {
        check(&mut stage, row);
    }
    assert_eq!(tree(&volume), before, "a name led somewhere");
    let messages: Vec<_> = maildir
        .messages()
        .into_iter()
        .map(|(_, bytes)| bytes)
        .collect();
    assert_eq!(messages, [MESSAGE], "something was done to the mail");
}
