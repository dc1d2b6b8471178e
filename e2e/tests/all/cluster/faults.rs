//! Requests of the operator that fail in every way there is: what was edited is served all the same.

use super::fault_proxy::{Asked, Fault, FaultProxy};
use super::operator::Operator;
use super::tenant::{LIMIT, Tenant};
use crate::harness::{eventually, figure, now};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Which requests a fault happens to.
#[derive(Debug, Clone, Copy)]
enum Of {
    Writes,
    Lists,
    Watches,
    Everything,
}

impl Of {
    fn is_meant(self, asked: &Asked) -> bool {
        match self {
            Self::Writes => asked.is_write(),
            Self::Lists => asked.is_list(),
            Self::Watches => asked.is_watch(),
            Self::Everything => true,
        }
    }
}

/// A metric of this name, in lines with these labels, rises at least by so much.
type Metric = (&'static str, &'static str, f64);

/// One way to fail, so many times, and the metric that tells of it and of nothing else.
struct Row {
    name: &'static str,
    of: Of,
    fault: Fault,
    times: u32,
    metric: Metric,
}

const RESTARTS: Metric = ("mailaccess_operator_watch_restarts_total", "", 1.0);
/// One that takes two seconds is one that waited: without a fault all of a row take milliseconds.
const SLOW_RECONCILIATIONS: Metric = ("controller_runtime_reconcile_time_seconds_sum", "", 2.0);

const fn requests(code: &'static str) -> Metric {
    ("rest_client_requests_total", code, 1.0)
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    row("409 to a write", Of::Writes, Fault::Refuse(409), 1, requests("\"409\"")),
    // More often than it starts over at once.
    row("409 to every write for long", Of::Writes, Fault::Refuse(409), 12, requests("\"409\"")),
    row("429 to writes", Of::Writes, Fault::Refuse(429), 2, requests("\"429\"")),
    row("429 to everything", Of::Everything, Fault::Refuse(429), 6, requests("\"429\"")),
    row("500 to writes", Of::Writes, Fault::Refuse(500), 3, requests("\"500\"")),
    row("503 to everything", Of::Everything, Fault::Refuse(503), 6, requests("\"503\"")),
    row("slow answers", Of::Everything, Fault::Slow(Duration::from_secs(2)), 12, SLOW_RECONCILIATIONS),
    row("cut before a write", Of::Writes, Fault::CutBefore, 3, requests("<error>")),
    row("cut after a write", Of::Writes, Fault::CutAfter, 3, requests("<error>")),
    row("watches are cut", Of::Watches, Fault::CutWithin(Duration::from_millis(50)), 20, RESTARTS),
    row("watches are refused with 410", Of::Watches, Fault::Refuse(410), 20, RESTARTS),
    row("watches are refused with 500", Of::Watches, Fault::Refuse(500), 20, RESTARTS),
    row("lists are refused with 410", Of::Lists, Fault::Refuse(410), 12, RESTARTS),
    row("lists are refused with 500", Of::Lists, Fault::Refuse(500), 12, RESTARTS),
    row("lists are cut", Of::Lists, Fault::CutBefore, 12, RESTARTS),
    // These two wait for the limit of an answer, and are then given up.
    row("no answer to a write that came through", Of::Writes, Fault::Silence, 1, requests("<error>")),
    row("a write is lost", Of::Writes, Fault::Lost, 1, requests("<error>")),
];

const fn row(name: &'static str, of: Of, fault: Fault, times: u32, metric: Metric) -> Row {
    Row {
        name,
        of,
        fault,
        times,
        metric,
    }
}

impl Row {
    /// Sets the rule, and breaks the watches where it is they or lists that are to fail.
    /// Gives a count of the faults.
    fn begin(&self, proxy: &FaultProxy) -> Arc<AtomicU32> {
        let (of, fault, mut left) = (self.of, self.fault, self.times);
        let happened = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&happened);
        let watches_too = matches!(of, Of::Lists);
        proxy.rule(move |asked| {
            if of.is_meant(asked) && left > 0 {
                left -= 1;
                count.fetch_add(1, Ordering::Relaxed);
                return fault;
            }
            // Nobody lists who can go on watching.
            if watches_too && asked.is_watch() && left > 0 {
                return Fault::Refuse(410);
            }
            Fault::None
        });
        if matches!(of, Of::Lists | Of::Watches) {
            proxy.cut_watches();
        }
        happened
    }
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn whatever_happens_to_requests_an_edit_is_served() {
    let tenant = Tenant::new("faults");
    tenant.quickstart(1);
    let proxy = FaultProxy::start(tenant.sandbox);
    let operator = Operator::start_with(&tenant, &proxy.kubeconfig(), &[]);
    let pod = tenant.wait_until_served()[0];
    for (number, row) in ROWS.iter().enumerate() {
        let (metric, labels, least) = row.metric;
        let before = operator.metric(metric, labels);
        let happened = row.begin(&proxy);
        let text = format!("Edit {number} in spite of it");
        let begin = now();
        tenant.set_banner(&text);
        tenant.wait_for_banner(pod, &text);
        figure(
            &format!("served in spite of: {}", row.name),
            format!("{:.0?}", begin.elapsed()),
        );
        tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
        eventually(&format!("{}: {metric} moves", row.name), LIMIT, || {
            (operator.metric(metric, labels) >= before + least).then_some(())
        });
        let happened = happened.load(Ordering::Relaxed);
        assert!(happened > 0, "{}: it never happened", row.name);
        assert!(
            operator
                .http("/livez")
                .is_some_and(|said| said.contains(" 200 "))
        );
    }
    assert_eq!(tenant.restarts(), [json!(0)]);
    operator.stop();
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn a_signal_in_the_middle_of_a_write_lets_it_finish_and_begins_no_other() {
    let tenant = Tenant::new("signal");
    tenant.quickstart(1);
    let proxy = FaultProxy::start(tenant.sandbox);
    let mut operator = Operator::start_with(&tenant, &proxy.kubeconfig(), &[]);
    tenant.wait_until_served();
    let mut is_held = false;
    let (held, is_there) = std::sync::mpsc::channel();
    proxy.rule(move |asked| {
        if is_held || asked.method != "PUT" {
            return Fault::None;
        }
        is_held = true;
        let _ = held.send(asked.clone());
        Fault::Hold
    });
    proxy.take_done();
    tenant.set_banner("Written while it ends");
    let held = is_there.recv_timeout(LIMIT).unwrap();
    operator.ask_to_end();
    eventually("it says that it ends", LIMIT, || {
        operator
            .said()
            .contains("finish what has begun")
            .then_some(())
    });
    proxy.release();
    let status = operator.ended();
    assert!(status.success(), "{status}");
    let done = proxy.take_done();
    assert!(done.iter().any(|asked| asked.path == held.path), "{done:?}");
    let settings = tenant.core("configmaps", "mail-settings-v1").unwrap();
    assert!(settings.to_string().contains("Written while it ends"));
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn what_is_edited_while_the_operator_starts_is_served() {
    let tenant = Tenant::new("early");
    tenant.quickstart(1);
    let operator = Operator::start(&tenant);
    let pod = tenant.wait_until_served()[0];
    operator.stop();
    let proxy = FaultProxy::start(tenant.sandbox);
    // At each place of the start there is an edit: after the first list, the second, and so on.
    let (listed, is_listed) = std::sync::mpsc::channel();
    proxy.rule(move |asked| {
        if asked.is_list() || asked.is_watch() {
            let _ = listed.send(());
            return Fault::Slow(Duration::from_millis(100));
        }
        Fault::None
    });
    let operator = Operator::launch(&tenant, &proxy.kubeconfig(), &[]);
    let mut number = 0;
    while !operator.is_ready() {
        if is_listed.recv_timeout(Duration::from_millis(50)).is_ok() {
            number += 1;
            tenant.set_banner(&format!("Early edit {number}"));
        }
    }
    figure("edits while the operator started", number);
    assert!(number > 0, "there was no time for an edit");
    tenant.wait_for_banner(pod, &format!("Early edit {number}"));
    tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
    assert_eq!(tenant.restarts(), [json!(0)]);
    operator.stop();
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn an_object_that_is_refused_is_said_and_stops_nothing_else() {
    let tenant = Tenant::new("refused");
    tenant.quickstart_but_the_server();
    let proxy = FaultProxy::start(tenant.sandbox);
    let is_service = |asked: &Asked| asked.is_write() && asked.path.contains("/services/");
    proxy.rule(move |asked| {
        if is_service(asked) {
            Fault::Refuse(403)
        } else {
            Fault::None
        }
    });
    let operator = Operator::start_with(&tenant, &proxy.kubeconfig(), &[]);
    tenant.apply_server(1);
    let server = tenant.wait_for("mailaccessservers", "mail", "Programmed", "False");
    let said = server["status"]["conditions"].to_string();
    assert!(
        said.contains("WriteRefused") && said.contains("Service mail"),
        "{said}"
    );
    // The pods come all the same, and serve whoever reaches them.
    tenant.wait_for("casmailboxes", "ann", "Ready", "True");
    let pod = tenant.pods()[0].1;
    tenant.wait_for_banner(pod, "IMAP4");
    assert!(tenant.core("services", "mail").is_none());
    // When it is tried only now and then, edits are served as ever.
    eventually("the tries are seldom", Duration::from_mins(1), || {
        let failed = operator.metric("controller_runtime_reconcile_errors_total", "");
        (failed >= 9.0).then_some(())
    });
    let mut slowest = Duration::ZERO;
    for number in 0..5 {
        let banner = format!("Edit {number}");
        tenant.set_banner(&banner);
        let begin = now();
        tenant.wait_for_banner(pod, &banner);
        slowest = slowest.max(begin.elapsed());
    }
    figure(
        "slowest of 5 edits while a Service is refused",
        format!("{slowest:.1?}"),
    );
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    // Longer than any number of tries at the beginning: it is still tried.
    proxy.rule(|_| Fault::None);
    tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
    assert!(tenant.core("services", "mail").is_some());
    operator.stop();
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn a_status_that_somebody_overwrites_is_mended() {
    let tenant = Tenant::new("overwritten");
    tenant.quickstart(1);
    let operator = Operator::start(&tenant);
    tenant.wait_until_served();
    operator.wait_for_rest();
    let path = format!(
        "/apis/mailaccess.dev/v1alpha1/namespaces/{}/mailaccessservers/mail/status",
        tenant.name
    );
    let lie = json!({"status": {"podsServing": 7, "wantedDigest": "x"}});
    tenant.sandbox.request("PATCH", &path, Some(&lie));
    eventually("the status is true again", LIMIT, || {
        let server = tenant.get("mailaccessservers", "mail")?;
        (server["status"]["podsServing"] == 1).then_some(())
    });
    operator.stop();
}
