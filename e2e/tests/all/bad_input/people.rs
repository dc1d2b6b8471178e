//! Users' Secrets and rights that are bad or contradict each other: exactly those are denied of whom they
//! speak.

use super::stage::{
    DISABLED, DISABLED_COUNT, GONE, Quickstart, UNKNOWN, UNKNOWN_COUNT, ann, bob, carol,
};
use super::{Metric, Row, check, fault};
use std::fs;

const FILE: &str = "users.yaml";
/// What somebody is told whose mailbox is not there.
const NO_MAILBOX: &str = "-ERR [SYS/TEMP] The mailbox is not available now.";
/// Attempts of people whose mailbox is not there.
const UNAVAILABLE_COUNT: &str =
    r#"mailaccess_log_ons_total{protocol="pop",mechanism="USER/PASS",result="unavailable"}"#;

/// A session of ann's that is open before the Secret goes.
fn open_session(stage: &mut Quickstart) {
    stage.open = Some(stage.local.pop3("ann@example.com", "quickstart"));
}

/// The last line of that session.
fn last_line(stage: &mut Quickstart) -> String {
    let Some(mut open) = stage.open.take() else {
        return "not open".to_owned();
    };
    String::from_utf8_lossy(&open.wire().rest())
        .trim_end()
        .to_owned()
}

/// Replaces what stands behind `bob@example.com:` in the users' Secret.
fn bobs_line(stage: &Quickstart, password: &str) {
    let text = fs::read_to_string(stage.local.file(FILE)).unwrap();
    let line = text
        .lines()
        .find(|line| line.contains("bob@example.com:"))
        .unwrap();
    stage.write(
        FILE,
        text.replacen(line, &format!("    bob@example.com:{password}"), 1),
    );
}

/// Bob's line is bad; nobody else notices.
const fn bob_alone(
    name: &'static str,
    fault: fn(&mut Quickstart),
    status: &'static [&'static str],
) -> Row<Quickstart> {
    Row {
        name,
        fault,
        status,
        wire: &[(bob, UNKNOWN), (ann, "+OK")],
        metric: Metric::Rises(UNKNOWN_COUNT),
    }
}

fn rule(stage: &Quickstart, name: &str, spec: &str) {
    let text = format!(
        "apiVersion: mailaccess.dev/v1alpha1\nkind: CASMailbox\nmetadata:\n  name: {name}\nspec:\n  \
         serverRef:\n    name: mail\n  {spec}\n"
    );
    stage.write(&format!("{name}.yaml"), text);
}

const ROWS: [Row<Quickstart>; 16] = [
    Row {
        name: "the users' Secret is deleted: its people are denied and their sessions end",
        fault: |stage| {
            open_session(stage);
            stage.remove(FILE);
        },
        status: &[
            "NOT READY  SecretNotFound: spec.authentication.sources[0].users.secretRefs[0]: \
                   Secret users of source local is not there, so its people are denied.",
        ],
        wire: &[(last_line, GONE), (ann, UNKNOWN), (bob, UNKNOWN)],
        metric: Metric::Rises("mailaccess_sessions_revoked_total{protocol=\"pop\"}"),
    },
    Row {
        name: "the users' Secret has no passwd",
        fault: |stage| stage.edit(FILE, "  passwd: |", "  password: |"),
        status: &[
            "NOT READY  SecretUnreadable: spec.authentication.sources[0].users.secretRefs[0]: \
                   Secret users of source local has no key passwd, so its people are denied.",
        ],
        wire: &[(ann, UNKNOWN), (bob, UNKNOWN)],
        metric: Metric::Rises(UNKNOWN_COUNT),
    },
    Row {
        name: "a source names a Secret that is not there",
        fault: |stage| {
            stage.edit(
                "mailaccessserver.yaml",
                "- name: users",
                "- name: gone\n            - name: users",
            );
        },
        status: &[
            "NOT READY  SecretNotFound: spec.authentication.sources[0].users.secretRefs[0]: \
                   Secret gone of source local is not there",
        ],
        wire: &[(ann, "+OK"), (bob, "+OK")],
        metric: Metric::Refused {
            rises: fault!(MailAccessServer, SecretNotFound),
            stays: "mailaccess_document_loads_total{document=\"credentials",
        },
    },
    bob_alone(
        "a line without a scheme",
        |stage| bobs_line(stage, "quickstart"),
        &["NOT READY  InvalidUserLine: Secret users, passwd, line 2"],
    ),
    bob_alone(
        "a line that is no text",
        |stage| {
            let text = "data:\n  passwd: 'YW5uQGV4YW1wbGUuY29tOntQTEFJTn1xdWlja3N0YXJ0CmJvYkBleGFtcGxlLmNvbTp7UExBSU59/wo='\n";
            let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: users\n";
            stage.write(
                FILE,
                format!(
                    "{secret}{text}stringData:\n  group: |\n    Field Engineers: bob@example.com\n"
                ),
            );
        },
        &["NOT READY  InvalidUserLine: Secret users, passwd, line 2"],
    ),
    bob_alone(
        "an unknown scheme",
        |stage| bobs_line(stage, "{ROT13}dhvpxfgneg"),
        &["NOT READY  InvalidUserLine: Secret users, passwd, line 2"],
    ),
    bob_alone(
        "a hash that is cut off",
        |stage| {
            bobs_line(
                stage,
                "{ARGON2ID}$argon2id$v=19$m=8192,t=2,p=1$r6cB4lBli1PP31I5ass2cw$vjt",
            );
        },
        &["NOT READY  InvalidUserLine: Secret users, passwd, line 2"],
    ),
    bob_alone(
        "a hash whose memory is above the cap",
        |stage| {
            bobs_line(
                stage,
                "{ARGON2ID}$argon2id$v=19$m=4194304,t=2,p=1$r6cB4lBli1PP31I5ass2cw$vjtyvnejIbxvjSdi/UXtVVHj1lulRN/xCpQCneULY8A",
            );
        },
        &[
            "NOT READY  InvalidUserLine: Secret users, passwd, line 2",
            "is 4194304, allowed is",
        ],
    ),
    bob_alone(
        "a hash whose passes are above the cap",
        |stage| {
            bobs_line(
                stage,
                "{ARGON2ID}$argon2id$v=19$m=8192,t=4000000000,p=1$r6cB4lBli1PP31I5ass2cw$vjtyvnejIbxvjSdi/UXtVVHj1lulRN/xCpQCneULY8A",
            );
        },
        &[
            "NOT READY  InvalidUserLine: Secret users, passwd, line 2",
            "is 4000000000, allowed is",
        ],
    ),
    bob_alone(
        "rounds above the cap",
        |stage| {
            bobs_line(
                stage,
                "{SHA512-CRYPT}$6$rounds=999999999$cS9Zd4aVZm0hPb2N$k5vrHnP8ULiJzyhxJt0zSOTDYgFrcvW5JJBmbbIKMrUPrNqmuZx3ZBHMLrLn/sFVOqMXXhXaJlU1wDYMpzpxK.",
            );
        },
        &["NOT READY  InvalidUserLine: Secret users, passwd, line 2"],
    ),
    Row {
        name: "an address twice: the first line counts",
        fault: |stage| {
            let line = "    ann@example.com:{PLAIN}another\n  group: |\n";
            stage.edit(FILE, "  group: |\n", line);
        },
        status: &["ready      DuplicateUser: Secret users, passwd, line 3"],
        wire: &[(ann, "+OK"), (bob, "+OK")],
        metric: Metric::Refused {
            rises: fault!(MailAccessServer, DuplicateUser),
            stays: "mailaccess_document_loads_total{document=\"credentials",
        },
    },
    Row {
        name: "a readable password is taken, with a warning",
        fault: |stage| bobs_line(stage, "{PLAIN}quickstart"),
        status: &["ready      PlainTextPassword: Secret users, passwd, line 2"],
        wire: &[(bob, "+OK"), (ann, "+OK")],
        metric: Metric::Rises(fault!(MailAccessServer, PlainTextPassword)),
    },
    Row {
        name: "a person of a domain that is not the server's",
        fault: |stage| {
            stage.edit(
                FILE,
                "  group: |\n",
                "    dora@example.net:{PLAIN}quickstart\n  group: |\n",
            );
        },
        status: &["dora@example.net cannot log on, since spec.domains does not list example.net"],
        wire: &[
            (
                |stage| super::stage::log_on(stage, "dora@example.net"),
                UNKNOWN,
            ),
            (ann, "+OK"),
        ],
        metric: Metric::Rises(fault!(MailAccessServer, DomainNotFound)),
    },
    Row {
        name: "two rules for one mailbox: both say so, and the more restrictive counts",
        fault: |stage| {
            rule(
                stage,
                "ann-too",
                "mailbox: ann@example.com\n  popEnabled: false",
            );
        },
        status: &[
            "CASMailbox/ann                     NOT READY  Conflicted: spec.mailbox: the same target \
             stands in CASMailbox ann-too",
            "CASMailbox/ann-too                 NOT READY  Conflicted: spec.mailbox: the same target \
             stands in CASMailbox ann;",
        ],
        wire: &[(ann, DISABLED), (bob, "+OK")],
        metric: Metric::Rises(DISABLED_COUNT),
    },
    Row {
        name: "a rule for a group that nobody knows",
        fault: |stage| {
            rule(
                stage,
                "sales",
                "distributionGroup: Sales\n  popEnabled: false",
            );
        },
        status: &[
            "NOT READY  DistributionGroupNotFound: spec.distributionGroup: no source knows a group Sales",
        ],
        wire: &[(ann, "+OK"), (bob, "+OK")],
        metric: Metric::Rises(fault!(CASMailbox, DistributionGroupNotFound)),
    },
    Row {
        name: "a rule for a mailbox that nobody knows, of a name that is not there",
        fault: |stage| {
            rule(
                stage,
                "carol",
                "mailbox: carol@example.com\n  popEnabled: true",
            );
        },
        status: &["NOT READY  MailboxNotFound: spec.mailbox: no source knows carol@example.com"],
        wire: &[(carol, UNKNOWN), (ann, "+OK")],
        metric: Metric::Rises(fault!(CASMailbox, MailboxNotFound)),
    },
];

#[test]
fn bad_people_and_rights_deny_exactly_those_of_whom_they_speak() {
    let mut stage = Quickstart::start(|_| {});
    for row in &ROWS {
        check(&mut stage, row);
    }
}

/// It is said, everybody else is served by the same process, and the next change is another attempt.
#[test]
fn somebody_whose_mailbox_cannot_be_made_keeps_nobody_else_out() {
    let mut stage = Quickstart::start(|_| {});
    let pod = stage.local.pod();
    let taken = stage.local.data().join("mail/example.com/carol");
    fs::write(&taken, "in the way").unwrap();
    let row = Row {
        name: "something lies where a mailbox has to be",
        fault: |stage: &mut Quickstart| {
            rule(
                stage,
                "carol",
                "mailbox: carol@example.com\n  popEnabled: true",
            );
            let line = "    carol@example.com:{PLAIN}quickstart\n  group: |\n";
            stage.edit(FILE, "  group: |\n", line);
        },
        status: &["mailboxes: make the mailbox of carol@example.com: "],
        wire: &[(carol, NO_MAILBOX), (ann, "+OK"), (bob, "+OK")],
        metric: Metric::Rises(UNAVAILABLE_COUNT),
    };
    check(&mut stage, &row);
    assert_eq!(stage.local.pod(), pod, "another process serves");
    fs::remove_file(&taken).unwrap();
    (row.fault)(&mut stage);
    super::settles("nothing is in the way", "+OK", || {
        let seen = carol(&mut stage);
        (seen == "+OK", seen)
    });
}
