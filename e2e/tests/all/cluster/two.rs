//! Two operators by accident: nothing is corrupted, every edit is served, and they come to rest.

use super::fault_proxy::{Fault, FaultProxy};
use super::operator::Operator;
use super::sandbox::Place;
use super::tenant::{LIMIT, Tenant, banner};
use super::uninvolved::Uninvolved;
use crate::harness::{eventually, figure, now};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

/// How long both are there.
const BOTH: Duration = Duration::from_mins(1);
/// Nothing is written for so long once everything is served.
const REST: Duration = Duration::from_secs(5);

/// The number of the edit that a greeting shows.
fn edit_of(greeting: &str) -> Option<u32> {
    let (_, number) = greeting.rsplit_once("Edit ")?;
    number.split_whitespace().next()?.parse().ok()
}

/// Looks at a pod all the time: an edit that was served is never taken back.
struct NeverBack {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u32>,
}

impl NeverBack {
    fn start(tenant: &Tenant, pod: IpAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = tenant.sandbox.spawn(Place::Client, {
            let stop = Arc::clone(&stop);
            move || {
                let mut newest = 0;
                while !stop.load(Ordering::Relaxed) {
                    let edit = banner(pod).as_deref().and_then(edit_of).unwrap_or(newest);
                    assert!(
                        edit >= newest,
                        "{pod} showed edit {newest}, and then {edit}"
                    );
                    newest = edit;
                    sleep(Duration::from_millis(20));
                }
                newest
            }
        });
        Self { stop, thread }
    }

    fn end(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn sequence(tenant: &Tenant) -> u64 {
    let settings: Value = tenant.core("configmaps", "mail-settings-v1").unwrap();
    let text = settings["data"]["settings-v1"].as_str().unwrap().to_owned();
    text.split(' ').nth(2).unwrap().parse().unwrap()
}

/// Waits until nobody has written anything for a while.
fn wait_for_rest(proxies: &[FaultProxy]) {
    let mut before = 0;
    let mut since: Instant = now();
    eventually("nobody writes any more", LIMIT, || {
        let writes = proxies.iter().map(FaultProxy::writes).sum();
        if writes != before {
            before = writes;
            since = now();
        }
        (since.elapsed() > REST).then_some(())
    });
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn two_operators_for_a_minute_corrupt_nothing() {
    let tenant = Tenant::new("two");
    tenant.quickstart(2);
    let proxies = [(); 2].map(|()| FaultProxy::start(tenant.sandbox));
    let mut operators = vec![Operator::start_with(&tenant, &proxies[0].kubeconfig(), &[])];
    let pods = tenant.wait_until_served();
    operators.push(Operator::start_with(&tenant, &proxies[1].kubeconfig(), &[]));
    // The second one sees and hears everything late.
    let mut odd = false;
    proxies[1].rule(move |asked| {
        odd = !odd;
        if odd && !asked.is_watch() {
            Fault::Slow(Duration::from_millis(150))
        } else {
            Fault::None
        }
    });
    let uninvolved: Vec<_> = pods
        .iter()
        .map(|pod| Uninvolved::start(tenant.sandbox, *pod))
        .collect();
    let never_back: Vec<_> = pods
        .iter()
        .map(|pod| NeverBack::start(&tenant, *pod))
        .collect();
    // What each writes is counted from here, when both are there.
    for proxy in &proxies {
        proxy.take_done();
    }
    let begin = now();
    let (mut edit, mut newest) = (0, sequence(&tenant));
    while begin.elapsed() < BOTH {
        edit += 1;
        tenant.set_banner(&format!("Edit {edit}"));
        let allowed = edit % 2 == 0;
        let patch = json!({"spec": {"imapEnabled": allowed}});
        tenant.patch("casmailboxes", "field-engineers", &patch);
        if edit % 5 == 0 {
            for pod in &pods {
                tenant.wait_for_banner(*pod, &format!("Edit {edit}"));
            }
        }
        let there = sequence(&tenant);
        assert!(
            there >= newest,
            "a sequence went back from {newest} to {there}"
        );
        newest = there;
        sleep(Duration::from_millis(300));
    }
    for pod in &pods {
        tenant.wait_for_banner(*pod, &format!("Edit {edit}"));
    }
    tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
    tenant.wait_for("casmailboxes", "field-engineers", "Ready", "True");
    wait_for_rest(&proxies);
    let shown: Vec<u32> = never_back.into_iter().map(NeverBack::end).collect();
    assert_eq!(shown, [edit, edit]);
    let commands: u32 = uninvolved.into_iter().map(Uninvolved::end).sum();
    figure("edits while there are two operators", edit);
    let [first, second] = [&proxies[0], &proxies[1]].map(FaultProxy::writes);
    figure("writes of each of them", format!("{first} {second}"));
    assert!(first > 0 && second > 0, "one of them wrote nothing");
    figure("commands of the uninvolved sessions", commands);
    assert_eq!(tenant.restarts(), [json!(0), json!(0)]);
    for operator in operators {
        operator.stop();
    }
}
