//! The recipe that Exchange's administrators know, as YAML: a protocol for a distribution group, another
//! answer for one person, whoever joins later, and accounts that are never let in.

use crate::harness::{Imap, Local, Pop3, Security, Service, eventually};
use std::fs;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);

/// What somebody is told who logs on with the right password: by IMAP, by POP3.
fn told(local: &Local, name: &str) -> [String; 2] {
    let mut imap = Imap::connect(local.ports().of(Service::Imaps), Security::Tls).unwrap();
    let by_imap = imap.try_log_on(name, "quickstart").unwrap().status;
    let mut pop3 = Pop3::connect(local.ports().of(Service::Pop3s), Security::Tls).unwrap();
    let by_pop3 = pop3
        .log_on(name, "quickstart")
        .map_or_else(|refusal| refusal, |()| "+OK".to_owned());
    [by_imap, by_pop3]
}

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

    let [by_imap, by_pop3] = told(&local, "carol@example.com");
    assert_eq!(
        by_pop3,
        "-ERR [SYS/PERM] POP3 is disabled for this mailbox."
    );
    assert!(by_imap.starts_with("NO ["), "{by_imap}");
    assert!(
        by_imap.ends_with("IMAP is disabled for this mailbox."),
        "{by_imap}"
    );
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
    let local = Local::start_with("access", "warn", |files| {
        let rule = "apiVersion: mailaccess.dev/v1alpha1\nkind: CASMailbox\nmetadata:\n  name: admin\n\
                    spec:\n  serverRef:\n    name: mail\n  mailbox: administrator@example.com\n  \
                    imapEnabled: true\n  popEnabled: true\n";
        fs::write(files.join("administrator.yaml"), rule).unwrap();
        let users = fs::read_to_string(files.join("users.yaml")).unwrap();
        let users = users.replace(
            "Engineers: ann",
            "Engineers: administrator@example.com, ann",
        );
        fs::write(files.join("users.yaml"), users).unwrap();
    });
    for name in [
        "administrator@example.com",
        "Administrator",
        "EXAMPLE\\Administrator",
    ] {
        assert_eq!(allowed(&local, name), [false, false], "{name}");
    }
    assert_eq!(allowed(&local, "ann@example.com"), [true, false]);
}
