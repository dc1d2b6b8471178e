//! The recipe that Exchange's administrators know, as YAML: a protocol for a distribution group, another
//! answer for one person, whoever joins later, and accounts that are never let in.

use crate::harness::{Imap, Local, Pop3, Security, Service, eventually};
use std::fs;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

/// What somebody is told who logs on with the right password: by IMAP, by POP3.
fn told(local: &Local, name: &str) -> [String; 2] {
    told_with(local, name, "quickstart")
}

/// The same with any password.
fn told_with(local: &Local, name: &str, password: &str) -> [String; 2] {
    let mut imap = Imap::connect(local.ports().of(Service::Imaps), Security::Tls).unwrap();
    let by_imap = imap.try_log_on(name, password).unwrap().status;
    let mut pop3 = Pop3::connect(local.ports().of(Service::Pop3s), Security::Tls).unwrap();
    let by_pop3 = pop3
        .log_on(name, password)
        .map_or_else(|refusal| refusal, |()| "+OK".to_owned());
    [by_imap, by_pop3]
}

/// What only somebody hears who knows the password, and may not use the protocol.
const DISABLED: [&str; 2] = [
    "NO [CONTACTADMIN] IMAP is disabled for this mailbox.",
    "-ERR [SYS/PERM] POP3 is disabled for this mailbox.",
];
/// What everybody else hears.
const UNKNOWN: [&str; 2] = [
    "NO [AUTHENTICATIONFAILED] Logon failure: unknown user name or bad password.",
    "-ERR [AUTH] Logon failure: unknown user name or bad password.",
];

fn allowed(local: &Local, name: &str) -> [bool; 2] {
    let [by_imap, by_pop3] = told(local, name);
    [by_imap.starts_with("OK"), by_pop3 == "+OK"]
}

#[test]
fn a_group_and_a_person_get_what_their_rules_say() {
    let local = Local::start("access");
    for member in ["ann@example.com", "bob", "EXAMPLE\\ann", "Bob@Example.COM"] {
        assert_eq!(allowed(&local, member), [true, false], "{member}");
    }
    for name in [
        "paulr@robichaux.example",
        "Robichaux\\paulr",
        "ROBICHAUX\\PAULR",
    ] {
        assert_eq!(allowed(&local, name), [true, true], "{name}");
    }
    assert_eq!(
        allowed(&local, "carol@example.com"),
        [false, false],
        "no member"
    );
    assert_eq!(
        allowed(&local, "paulr"),
        [false, false],
        "not of the default domain"
    );

    assert_eq!(told(&local, "carol@example.com"), DISABLED);
    assert_eq!(told(&local, "paulr"), UNKNOWN);
}

#[test]
fn whoever_joins_or_leaves_the_group_is_let_in_or_out() {
    let local = Local::start("access");
    let mut leaving = local.imap("bob@example.com", "quickstart");
    leaving.ok("SELECT INBOX");
    local.edit(
        "users.yaml",
        "Field Engineers: ann@example.com, bob@example.com",
        "Field Engineers: ann@example.com, carol@example.com",
    );
    eventually("who joined is let in", LIMIT, || {
        (allowed(&local, "carol@example.com") == [true, false]).then_some(())
    });
    eventually("who left is not", LIMIT, || {
        (allowed(&local, "bob@example.com") == [false, false]).then_some(())
    });
    leaving.set_patience(LIMIT);
    assert!(leaving.wire().rest().starts_with(b"* BYE "));
}

#[test]
fn administrator_is_never_let_in_whatever_the_rules_say() {
    let mut local = Local::start_with("access", "warn", |files| {
        let rule = |name: &str, mailbox: &str| {
            format!(
                "---\napiVersion: mailaccess.dev/v1alpha1\nkind: CASMailbox\nmetadata:\n  name: {name}\n\
                 spec:\n  serverRef:\n    name: mail\n  mailbox: {mailbox}\n  \
                 imapEnabled: true\n  popEnabled: true\n"
            )
        };
        let rules = [
            rule("admin", "administrator@example.com"),
            rule("other-admin", "administrator@robichaux.example"),
        ];
        fs::write(files.join("administrator.yaml"), rules.concat()).unwrap();
        let users = fs::read_to_string(files.join("users.yaml")).unwrap();
        // The other domain's Administrator has the same password.
        let line = users
            .lines()
            .find(|line| line.contains("administrator@example.com:"))
            .unwrap();
        let other = line.replace("@example.com", "@robichaux.example");
        let users = users.replace(line, &format!("{line}\n{other}")).replace(
            "Engineers: ann",
            "Engineers: administrator@example.com, administrator@robichaux.example, ann",
        );
        fs::write(files.join("users.yaml"), users).unwrap();
    });
    for name in [
        "administrator@example.com",
        "Administrator",
        "EXAMPLE\\Administrator",
        "administrator@robichaux.example",
        "ROBICHAUX\\Administrator",
    ] {
        // The clear text shows that the password was right, and that it was this account that was refused.
        assert_eq!(told(&local, name), DISABLED, "{name}");
        assert_eq!(told_with(&local, name, "wrong"), UNKNOWN, "{name}");
    }
    assert_eq!(allowed(&local, "ann@example.com"), [true, false]);
    for rule in ["admin", "other-admin"] {
        let begin = format!("CASMailbox/{rule} ");
        eventually("the rule says that it is in vain", LIMIT, || {
            let said = local.process().said();
            let last = said.lines().rfind(|line| line.starts_with(&begin))?;
            last.contains("NOT READY  BuiltInAccount").then_some(())
        });
    }
}
