//! Objects that do not fit when `local` starts: each is reported and stops no other; its target is denied.

use super::stage::{DISABLED, DISABLED_COUNT, Quickstart, ann, bob, carol, certificate, greeting};
use super::{LIMIT, Metric, Row, check, fault, refused_edit};
use crate::harness::{Local, Security, Service, Wire, eventually};
use std::fs;
use std::path::Path;

/// The password line of `ann` in the quickstart, for somebody else.
fn line_for(users: &str, address: &str) -> String {
    let line = users
        .lines()
        .find(|line| line.contains("ann@example.com:"))
        .unwrap();
    format!("{}\n", line.replace("ann@example.com", address))
}

fn rule(name: &str, spec: &str) -> String {
    let spec = spec.replace('\n', "\n  ");
    format!(
        "apiVersion: mailaccess.dev/v1alpha1\nkind: CASMailbox\nmetadata:\n  name: {name}\nspec:\n  {spec}\n"
    )
}

fn misfits(files: &Path) {
    let users = fs::read_to_string(files.join("users.yaml")).unwrap();
    let carol = line_for(&users, "carol@example.com");
    let users = users.replacen(
        "  group: |\n",
        &format!("{carol}  group: |\n    Sales: carol@example.com\n"),
        1,
    );
    fs::write(files.join("users.yaml"), users).unwrap();
    let write = |name: &str, text: String| fs::write(files.join(name), text).unwrap();
    let server = "serverRef:\n  name: mail\n";
    write(
        "bob.yaml",
        rule(
            "bob",
            &format!("{server}mailbox: bob@example.com\npopEnabled: true\nowaEnabled: true"),
        ),
    );
    write(
        "sales.yaml",
        rule(
            "sales",
            &format!("{server}distributionGroup: Sales\npopEnabled: \"yes\""),
        ),
    );
    write(
        "nobody.yaml",
        rule("nobody", &format!("{server}mailbox: 7\npopEnabled: true")),
    );
    write(
        "elsewhere.yaml",
        rule(
            "elsewhere",
            "serverRef:\n  name: other\nmailbox: ann@example.com\npopEnabled: false",
        ),
    );
    let binding = "apiVersion: mailaccess.dev/v1alpha1\nkind: CertificateBinding\nmetadata:\n  name: \
                   tls\nspec:\n  serverRef:\n    name: mail\n  secretRef:\n    name: mail-tls\n  \
                   services:\n    - SMTP\n";
    write("binding.yaml", binding.to_owned());
}

/// Nothing is done: the fault stands in the files from the beginning, and everything said counts.
fn from_the_start(stage: &mut Quickstart) {
    stage.listen_from_the_start();
}

fn self_signed(stage: &mut Quickstart) -> String {
    certificate(stage).map_or("none", |_| "one").to_owned()
}

const ROWS: [Row<Quickstart>; 5] = [
    Row {
        name: "a person's rule with an unknown field",
        fault: from_the_start,
        status: &[
            "CASMailbox/bob: unknown field \"spec.owaEnabled\"",
            "it was never accepted, so whatever it is about is denied",
            "NOT READY  Invalid: unknown field \"spec.owaEnabled\"; its target is denied both protocols.",
        ],
        wire: &[
            (bob, DISABLED),
            (ann, "+OK"),
            (greeting, "+OK POP3 service ready"),
        ],
        metric: Metric::Rises(DISABLED_COUNT),
    },
    Row {
        name: "a group's rule with a text for a boolean",
        fault: from_the_start,
        status: &[
            "CASMailbox/sales: spec.popEnabled: Invalid value: \"string\"",
            "CASMailbox/sales                   NOT READY  Invalid: spec.popEnabled",
        ],
        wire: &[(carol, DISABLED), (ann, "+OK")],
        metric: Metric::Rises(DISABLED_COUNT),
    },
    Row {
        name: "a rule whose target cannot be read: the server says so, too",
        fault: from_the_start,
        status: &[
            "CASMailbox/nobody                  NOT READY  Invalid: ",
            "nobody can be denied, since its target cannot be read",
            "InvalidMailboxes: CASMailbox nobody cannot be read",
        ],
        wire: &[(ann, "+OK")],
        metric: Metric::Is(fault!(MailAccessServer, InvalidMailboxes), 1),
    },
    Row {
        name: "a rule for a server that is not there",
        fault: from_the_start,
        status: &[
            "NOT READY  ServerNotFound: spec.serverRef.name: there is no MailAccessServer other.",
        ],
        wire: &[(ann, "+OK")],
        metric: Metric::Is(fault!(CASMailbox, ServerNotFound), 1),
    },
    Row {
        name: "a binding for a service that does not exist",
        fault: from_the_start,
        status: &[
            "CertificateBinding/tls: spec.services[0]: Unsupported value: \"SMTP\"",
            "CertificateBinding/tls             NOT READY  Invalid: ",
            "there is no earlier one to keep",
        ],
        wire: &[(self_signed, "one"), (ann, "+OK")],
        metric: Metric::Is(fault!(CertificateBinding, Invalid), 1),
    },
];

#[test]
fn what_does_not_fit_at_the_start_is_reported_and_stops_no_other() {
    let mut stage = Quickstart::start(misfits);
    for row in &ROWS {
        check(&mut stage, row);
    }
    // Three rules and a binding: each once, however often it was looked at.
    for (name, count) in [
        (fault!(CASMailbox, Invalid), 3.0),
        (refused_edit!(CASMailbox), 3.0),
        (refused_edit!(CertificateBinding), 1.0),
    ] {
        let counted = stage.local.figure(name);
        assert!((counted - count).abs() < 0.5, "{name}: {counted}");
    }
}

/// Without any settings there is nothing to serve; and all is served as soon as the server fits.
#[test]
fn a_server_that_does_not_fit_at_the_start_serves_nothing_and_says_so() {
    let mut local = Local::launch("quickstart", "warn", |files| {
        let path = files.join("mailaccessserver.yaml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text.replace("replicas: 1", "replicas: one")).unwrap();
    });
    let process = local.process();
    process.expect("spec.replicas: Invalid value: \"string\"", LIMIT);
    process.expect(
        "nothing is served, since there are no earlier settings",
        LIMIT,
    );
    let port = local.ports().of(Service::Pop3);
    assert!(
        Wire::connect(port, Security::Plain).is_err(),
        "something is served"
    );
    local.edit("mailaccessserver.yaml", "replicas: one", "replicas: 1");
    eventually("it is served once it fits", LIMIT, || {
        Wire::connect(port, Security::Plain).ok().map(drop)
    });
    let ready = local.figure("mailaccess_volume_ready");
    assert!((ready - 1.0).abs() < 0.5, "{ready}");
}
