//! Two thousand CASMailbox objects: the operator's cold start, an edit in the middle of it, and a restart that
//! finds nothing to do.

use super::operator::Operator;
use super::tenant::{LIMIT, Tenant, has_condition};
use crate::harness::{checkout, eventually, figure, now};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::thread;
use std::time::Duration;

const MAILBOXES: usize = 2_000;
/// Each gets two statuses at most, and an edit does not write all of them once more.
const MOST_WRITES: f64 = 4_200.0;
/// Who makes them.
const HANDS: usize = 8;
/// All have a status by then.
const COLD: Duration = Duration::from_mins(3);

/// Everybody has Ann's password.
fn people(tenant: &Tenant) {
    let text = fs::read_to_string(checkout().join("crds/examples/quickstart/users.yaml")).unwrap();
    let ann = text
        .lines()
        .find(|line| line.contains("ann@"))
        .unwrap()
        .trim();
    let users = tenant.core("secrets", "users").unwrap();
    let mut lines = format!("{ann}\n");
    for number in 0..MAILBOXES {
        let _ = writeln!(
            lines,
            "{}",
            ann.replace("ann@", &format!("person{number}@"))
        );
    }
    assert!(users["data"].get("passwd").is_some());
    tenant.patch_secret("users", &json!({"stringData": {"passwd": lines}}));
}

fn mailboxes(tenant: &Tenant) {
    let path = format!(
        "/apis/mailaccess.dev/v1alpha1/namespaces/{}/casmailboxes",
        tenant.name
    );
    thread::scope(|scope| {
        for hand in 0..HANDS {
            let path = &path;
            scope.spawn(move || {
                for number in (hand..MAILBOXES).step_by(HANDS) {
                    let object = json!({
                        "apiVersion": "mailaccess.dev/v1alpha1",
                        "kind": "CASMailbox",
                        "metadata": {"name": format!("person{number}")},
                        "spec": {
                            "serverRef": {"name": "mail"},
                            "mailbox": format!("person{number}@example.com"),
                            "imapEnabled": number % 2 == 0,
                        },
                    });
                    tenant.sandbox.request("POST", path, Some(&object));
                }
            });
        }
    });
}

/// How many are Ready, of all.
fn ready(tenant: &Tenant) -> usize {
    let path = format!(
        "/apis/mailaccess.dev/v1alpha1/namespaces/{}/casmailboxes",
        tenant.name
    );
    let list = tenant.sandbox.request("GET", &path, None);
    let items = list["items"].as_array().unwrap();
    let is_ready = |object: &&Value| has_condition(object, "Ready", "True");
    items.iter().filter(is_ready).count()
}

fn wait_until_ready(tenant: &Tenant) {
    // Ann and the group are there, too.
    eventually("all mailboxes are Ready", COLD, || {
        (ready(tenant) == MAILBOXES + 2).then_some(())
    });
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn two_thousand_mailboxes_are_ready_soon_and_an_edit_does_not_wait_for_them() {
    let tenant = Tenant::new("many");
    tenant.quickstart(1);
    let operator = Operator::start(&tenant);
    let pod = tenant.wait_until_served()[0];
    operator.stop();
    people(&tenant);
    mailboxes(&tenant);
    assert!(ready(&tenant) <= 2);

    let begin = now();
    let operator = Operator::start(&tenant);
    let listed = begin.elapsed();
    eventually("some have a status", COLD, || {
        (ready(&tenant) > 20).then_some(())
    });
    tenant.set_banner("In the middle of it");
    let edit = tenant.wait_for_banner(pod, "In the middle of it");
    let at_edit = ready(&tenant);
    assert!(
        at_edit < MAILBOXES,
        "all were Ready before the edit was served"
    );
    wait_until_ready(&tenant);
    figure(
        "cold start with 2,000 mailboxes: everything is known, and all are Ready, after",
        format!("{listed:.1?} {:.1?}", begin.elapsed()),
    );
    figure(
        "an edit in the middle of it is served after, and so many were Ready then",
        format!("{edit:.0?} {at_edit}"),
    );
    tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
    figure(
        "its peak memory, unoptimised",
        format!("{} MiB", operator.peak() / 1024),
    );
    figure(
        "its requests, and those that write",
        format!("{} {}", operator.requests(""), operator.writes()),
    );
    assert!(operator.writes() <= MOST_WRITES, "{}", operator.writes());
    operator.stop();

    let before = tenant.sandbox.audited_writes(&tenant.name).len();
    let begin = now();
    let operator = Operator::start(&tenant);
    eventually("it has reconciled", LIMIT, || {
        let done = operator.metric("controller_runtime_reconcile_total", "success");
        (done >= 1.0).then_some(())
    });
    let reconciled = begin.elapsed();
    operator.wait_for_rest();
    figure(
        "restart with 2,000 mailboxes: reconciled after, with so many requests",
        format!("{reconciled:.1?} {}", operator.requests("")),
    );
    figure(
        "its peak memory after a restart",
        format!("{} MiB", operator.peak() / 1024),
    );
    operator.stop();
    let after = tenant.sandbox.audited_writes(&tenant.name);
    assert_eq!(after[before..], [""; 0], "a restart wrote");
    assert_eq!(tenant.restarts(), [json!(0)]);
}
