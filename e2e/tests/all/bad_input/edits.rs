//! Edits that the API server would refuse: the last accepted version stays in force, and that is said. No
//! pod hears of them.

use super::stage::{Quickstart, ann, bob, greeting};
use super::{Metric, Row, Stage as _, check, refused_edit};
use std::fs;

const SERVER: &str = "mailaccessserver.yaml";
const GREETING: &str = "+OK POP3 service ready";
const STAYS: &str = "its last accepted version stays in force";

/// It is counted, and no pod loads anything.
macro_rules! counted {
    ($kind:ident) => {
        Metric::Refused {
            rises: refused_edit!($kind),
            stays: "mailaccess_document_loads_total",
        }
    };
}

/// Edits the server: beside the fault stands a change that would be seen if it were obeyed.
fn server(stage: &Quickstart, from: &str, to: &str) {
    let path = stage.local.file(SERVER);
    let text = fs::read_to_string(&path).unwrap();
    let with_banner = text.replacen("  pop:\n", "  pop:\n    banner: Obeyed\n", 1);
    let edited = with_banner.replacen(from, to, 1);
    assert!(text != with_banner && with_banner != edited, "{from:?}");
    fs::write(path, edited).unwrap();
}

/// A refused edit: everything is as it was.
const fn refused(
    name: &'static str,
    fault: fn(&mut Quickstart),
    status: &'static [&'static str],
    metric: Metric,
) -> Row<Quickstart> {
    Row {
        name,
        fault,
        status,
        wire: &[(greeting, GREETING), (ann, "+OK"), (bob, "+OK")],
        metric,
    }
}

const ROWS: [Row<Quickstart>; 16] = [
    refused(
        "an unknown field",
        |stage| server(stage, "  imap:\n", "  imap:\n    banana: 1\n"),
        &[
            "MailAccessServer/mail: unknown field \"spec.imap.banana\"",
            STAYS,
        ],
        counted!(MailAccessServer),
    ),
    refused(
        "a field twice",
        |stage| server(stage, "  replicas: 1\n", "  replicas: 1\n  replicas: 1\n"),
        &["duplicate field \"spec.replicas\"", STAYS],
        counted!(MailAccessServer),
    ),
    refused(
        "a number out of bounds",
        |stage| server(stage, "  imap:\n", "  imap:\n    maxConnections: 0\n"),
        &["spec.imap.maxConnections: Invalid value: 0", STAYS],
        counted!(MailAccessServer),
    ),
    refused(
        "a text that does not fit its pattern",
        |stage| {
            server(
                stage,
                "  imap:\n",
                "  imap:\n    preAuthenticatedConnectionTimeout: soon\n",
            );
        },
        &[
            "spec.imap.preAuthenticatedConnectionTimeout: Invalid value",
            STAYS,
        ],
        counted!(MailAccessServer),
    ),
    refused(
        "against a CEL rule: a port twice",
        |stage| {
            let twice = "  imap:\n    sslBindings:\n      - port: 143\n";
            server(stage, "  imap:\n", twice);
        },
        &["MailAccessServer/mail: spec", "port", STAYS],
        counted!(MailAccessServer),
    ),
    refused(
        "`yes` where a text belongs, which kubectl reads as a boolean",
        |stage| server(stage, "  imap:\n", "  imap:\n    banner: yes\n"),
        &["spec.imap.banner: Invalid value: \"boolean\"", STAYS],
        counted!(MailAccessServer),
    ),
    refused(
        "\"yes\" where a boolean belongs",
        |stage| server(stage, "    enabled: true\n", "    enabled: \"yes\"\n"),
        &["enabled: Invalid value: \"string\"", STAYS],
        counted!(MailAccessServer),
    ),
    refused(
        "what is required is left out",
        |stage| {
            let defaults = "  mailboxDefaults:\n    imapEnabled: false\n    popEnabled: false\n";
            server(stage, defaults, "");
        },
        &["spec.mailboxDefaults: Required value", STAYS],
        counted!(MailAccessServer),
    ),
    refused(
        "what may never change, changed",
        |stage| {
            server(
                stage,
                "claimName: mail\n",
                "claimName: mail\n      path: \"{domain}/{local}\"\n",
            );
        },
        &[
            "spec.store.maildir.path: Invalid value",
            "cannot change",
            STAYS,
        ],
        counted!(MailAccessServer),
    ),
    refused(
        "an unknown kind",
        |stage| server(stage, "kind: MailAccessServer\n", "kind: MailAccesServer\n"),
        &[
            "MailAccesServer",
            "what this file said before stays in force",
        ],
        counted!(unknown),
    ),
    refused(
        "no YAML at all",
        |stage| server(stage, "spec:\n", "spec: {\n"),
        &["refused: ", "what this file said before stays in force"],
        counted!(unknown),
    ),
    refused(
        "a file that is no text",
        |stage| stage.write(SERVER, b"\xff\xfe\0\0kind\x80"),
        &["refused: ", "what this file said before stays in force"],
        counted!(unknown),
    ),
    refused(
        "another object of the same name",
        |stage| {
            let text = fs::read_to_string(stage.local.file(SERVER)).unwrap();
            stage.write(
                "z.yaml",
                text.replace("  pop:\n", "  pop:\n    banner: Obeyed\n"),
            );
        },
        &[
            "the same object stands in the files twice; the first one counts",
            STAYS,
        ],
        counted!(MailAccessServer),
    ),
    refused(
        "a person's rule for another target",
        |stage| {
            stage.edit(
                "casmailboxes.yaml",
                "mailbox: ann@example.com",
                "mailbox: bob@example.com",
            );
            stage.edit("casmailboxes.yaml", "popEnabled: true", "popEnabled: false");
        },
        &["CASMailbox/ann: spec", "cannot change", STAYS],
        counted!(CASMailbox),
    ),
    refused(
        "a person's rule with a right that does not exist",
        |stage| {
            stage.edit(
                "casmailboxes.yaml",
                "popEnabled: true",
                "popEnabled: false\n  owaEnabled: true",
            );
        },
        &["CASMailbox/ann: unknown field \"spec.owaEnabled\"", STAYS],
        counted!(CASMailbox),
    ),
    refused(
        "a users' Secret whose data is no base64",
        |stage| {
            stage.edit(
                "users.yaml",
                "stringData:\n  passwd: |",
                "data:\n  passwd: |",
            );
        },
        &["Secret/users", "base64", STAYS],
        counted!(Secret),
    ),
];

#[test]
fn an_edit_that_the_api_server_would_refuse_changes_nothing() {
    let mut stage = Quickstart::start(|_| {});
    let pod = stage.local.pod();
    for row in &ROWS {
        check(&mut stage, row);
    }
    assert_eq!(stage.local.pod(), pod, "another process serves");
    // An edit that fits is still obeyed.
    stage.begin();
    server(&stage, "  imap:\n", "  imap:\n    banner: As well\n");
    super::settles("an edit that fits", "+OK Obeyed", || {
        let seen = greeting(&mut stage);
        (seen == "+OK Obeyed", seen)
    });
}
