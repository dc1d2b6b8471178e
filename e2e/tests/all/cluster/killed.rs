//! The operator killed between any two writes: its successor finishes, and nobody is served half of an edit.

use super::fault_proxy::{Asked, Fault, FaultProxy};
use super::operator::Operator;
use super::sandbox::Place;
use super::tenant::{LIMIT, Tenant, at, has_condition};
use crate::harness::{Imap, Security, checkout, eventually, figure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// More writes than a publication has.
const MOST: usize = 60;
/// Most of the time is waiting.
const AT_ONCE: usize = 3;

/// The first `count` writes come through, the last of them without an answer; then there are no answers.
fn only(proxy: &FaultProxy, count: usize) {
    let mut left = count;
    proxy.take_done();
    proxy.rule(move |asked: &Asked| {
        if !asked.is_write() {
            return Fault::None;
        }
        match left {
            0 => return Fault::Lost,
            1 => left = 0,
            _ => {
                left -= 1;
                return Fault::None;
            }
        }
        Fault::Silence
    });
}

/// Starts an operator and kills it after so many writes; says whether it wanted as many.
fn killed_after(
    tenant: &Tenant,
    proxy: &FaultProxy,
    count: usize,
    is_done: impl Fn() -> bool,
) -> bool {
    only(proxy, count);
    let operator = Operator::launch(tenant, &proxy.kubeconfig(), &[]);
    let has_written = eventually("it has written as much, or everything", LIMIT, || {
        if proxy.writes() >= count {
            return Some(true);
        }
        is_done().then_some(false)
    });
    operator.kill();
    has_written
}

/// What there is of the operator's, by kind and name.
fn objects(tenant: &Tenant) -> BTreeSet<String> {
    let all = "configmaps,secrets,services,serviceaccounts,deployments,poddisruptionbudgets";
    let label = "app.kubernetes.io/managed-by=mailaccess-operator";
    let listed =
        tenant
            .sandbox
            .kubectl(["-n", &tenant.name, "get", all, "-l", label, "-o", "name"]);
    listed.lines().map(str::to_owned).collect()
}

fn is_concluded(tenant: &Tenant) -> bool {
    ["ann", "field-engineers"].iter().all(|name| {
        let object = tenant.get("casmailboxes", name).unwrap();
        has_condition(&object, "Accepted", "True")
    }) && tenant
        .get("mailaccessservers", "mail")
        .is_some_and(|object| has_condition(&object, "Accepted", "True"))
}

/// A first publication that is cut off after so many writes, and finished by another operator; says whether
/// there were as many, and what is there then.
fn cut_off_after(count: usize) -> (bool, BTreeSet<String>) {
    let tenant = Tenant::new("killed");
    tenant.apply_without_pods();
    let proxy = FaultProxy::start(tenant.sandbox);
    let is_killed = killed_after(&tenant, &proxy, count, || is_concluded(&tenant));
    let operator = Operator::start(&tenant);
    eventually("the next operator concludes", LIMIT, || {
        is_concluded(&tenant).then_some(())
    });
    operator.stop();
    (is_killed, objects(&tenant))
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn killed_after_any_write_of_the_first_publication_it_is_finished_by_the_next_operator() {
    // Nobody is killed so late.
    let (is_killed, expected) = cut_off_after(MOST);
    assert!(!is_killed, "it goes on writing");
    assert!(expected.len() > 5, "{expected:?}");
    let (next, needed) = (AtomicUsize::new(1), AtomicUsize::new(0));
    let one_after_another = || {
        loop {
            let count = next.fetch_add(1, Ordering::Relaxed);
            let (is_killed, there) = cut_off_after(count);
            assert_eq!(there, expected, "killed after {count} writes");
            if !is_killed {
                return;
            }
            needed.fetch_max(count, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(one_after_another);
        }
    });
    let writes = needed.load(Ordering::Relaxed);
    figure("writes of a first publication", writes);
    assert!((10..MOST).contains(&writes), "{writes}");
}

/// Changes something in every document.
fn edit_everything(tenant: &Tenant, number: usize) {
    tenant.set_banner(&format!("Edit {number}"));
    let allowed = number.is_multiple_of(2);
    let patch = json!({"spec": {"imapEnabled": allowed}});
    tenant.patch("casmailboxes", "field-engineers", &patch);
    let text = fs::read_to_string(checkout().join("crds/examples/quickstart/users.yaml")).unwrap();
    let is_line = |line: &&str| line.contains("@example.com:");
    let mut lines: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(is_line)
        .map(str::to_owned)
        .collect();
    // One more with Ann's password.
    lines.push(lines[0].replace("ann@", &format!("carol{number}@")));
    let patch = json!({"stringData": {"passwd": lines.join("\n") + "\n"}});
    tenant.patch_secret("users", &patch);
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn killed_after_any_write_of_an_edit_it_is_finished_by_the_next_operator() {
    let tenant = Tenant::new("killed-live");
    tenant.quickstart(1);
    let operator = Operator::start(&tenant);
    let pod = tenant.wait_until_served()[0];
    operator.stop();
    let mut session = tenant.sandbox.within(Place::Client, || {
        let mut imap = Imap::connect_to(at(pod, 993), Security::Tls).unwrap();
        imap.log_on("ann@example.com", "quickstart");
        imap.ok("SELECT INBOX");
        imap
    });
    let proxy = FaultProxy::start(tenant.sandbox);
    for count in 1..MOST {
        edit_everything(&tenant, count);
        let generation = |object: Option<Value>| object.unwrap()["metadata"]["generation"].clone();
        let wanted = generation(tenant.get("mailaccessservers", "mail"));
        let is_killed = killed_after(&tenant, &proxy, count, || {
            let server = tenant.get("mailaccessservers", "mail").unwrap();
            server["status"]["observedGeneration"] == wanted
                && has_condition(&server, "Ready", "True")
        });
        session.ok("NOOP");
        session.ok("FETCH 1 RFC822.SIZE");
        let operator = Operator::start(&tenant);
        tenant.wait_for_banner(pod, &format!("Edit {count}"));
        tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
        tenant.wait_for("casmailboxes", "field-engineers", "Ready", "True");
        // All three edits, and not a part of them.
        tenant.sandbox.within(Place::Client, || {
            let mut imap = Imap::connect_to(at(pod, 993), Security::Tls).unwrap();
            let reply = imap.try_log_on("bob@example.com", "quickstart").unwrap();
            assert_eq!(reply.is_ok(), count.is_multiple_of(2), "{count}");
            let mut imap = Imap::connect_to(at(pod, 993), Security::Tls).unwrap();
            // Known, but without a right.
            let reply = imap.try_log_on(&format!("carol{count}@example.com"), "quickstart");
            assert!(!reply.unwrap().is_ok());
        });
        operator.stop();
        if !is_killed {
            figure("writes of an edit of everything", count - 1);
            assert!(count > 3, "{count}");
            assert_eq!(tenant.restarts(), [json!(0)]);
            session.ok("NOOP");
            return;
        }
    }
    panic!("it goes on writing");
}
