//! The control plane goes away, and comes back with an older state: mail is served all the time, and then
//! everything is as it was applied.

use super::operator::Operator;
use super::sandbox::{Own, Place, Sandbox};
use super::tenant::{LIMIT, Tenant, at};
use super::uninvolved::Uninvolved;
use crate::harness::{Imap, Security, eventually, figure, now, run};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

/// How long there is no API server.
const AWAY: Duration = Duration::from_mins(1);
/// A kubelet that found no API server for a minute waits as long before it watches documents again.
const KUBELETS: Duration = Duration::from_mins(3);
/// Between two logins meanwhile.
const PACE: Duration = Duration::from_millis(200);

/// New connections through the load balancer, as long as the API server is away.
fn log_on_for(sandbox: &Sandbox, address: IpAddr, duration: Duration) -> u32 {
    sandbox.within(Place::Client, || {
        let begin = now();
        let mut count = 0;
        while begin.elapsed() < duration {
            let mut imap = Imap::connect_to(at(address, 993), Security::Tls).unwrap();
            imap.log_on("ann@example.com", "quickstart");
            imap.ok("EXAMINE INBOX");
            imap.ok("LOGOUT");
            count += 1;
            sleep(PACE);
        }
        count
    })
}

/// Which pods there are, and which containers in them.
fn identity(tenant: &Tenant) -> Vec<Value> {
    let one = |pod: &Value| {
        json!([
            pod["metadata"]["uid"],
            pod["status"]["containerStatuses"][0]["containerID"]
        ])
    };
    tenant.pod_objects().iter().map(one).collect()
}

fn etcd(sandbox: &Sandbox, command: &str) {
    let folder = sandbox.folder();
    run(Command::new("sh")
        .args(["-ec", command])
        .current_dir(folder));
}

/// Copies the store, for which it stands still for a moment.
fn back_up(sandbox: &Sandbox) {
    sandbox.script("control-plane", ["stop", "etcd"]);
    etcd(sandbox, "cp -r etcd etcd.saved");
    sandbox.script("control-plane", ["etcd"]);
    eventually("the API server has its store again", LIMIT, || {
        sandbox.try_request("GET", "/readyz", None).ok()
    });
}

/// Puts the copy in its place, and starts everything again that Kubernetes' manual names.
fn restore(sandbox: &Sandbox) {
    for name in ["api-server", "etcd", "controller-manager", "scheduler"] {
        sandbox.script("control-plane", ["stop", name]);
    }
    etcd(sandbox, "rm -r etcd; mv etcd.saved etcd");
    sandbox.script("control-plane", ["start"]);
    for node in ["1", "2"] {
        sandbox.script("node", [node, "again"]);
    }
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn without_an_api_server_mail_is_served_and_after_an_older_one_is_back_everything_converges() {
    let own = Own::with_definitions();
    let tenant = Tenant::inside(own.sandbox(), "away");
    let sandbox = tenant.sandbox;
    tenant.quickstart(2);
    let operator = Operator::start(&tenant);
    let pods = tenant.wait_until_served();
    let address = tenant.address();
    let before = identity(&tenant);
    tenant.set_banner("As backed up");
    for pod in &pods {
        tenant.wait_for_banner(*pod, "As backed up");
    }
    back_up(sandbox);
    let uninvolved: Vec<_> = pods
        .iter()
        .map(|pod| Uninvolved::start(sandbox, *pod))
        .collect();

    sandbox.script("control-plane", ["stop", "api-server"]);
    let logins = log_on_for(sandbox, address, AWAY);
    sandbox.script("control-plane", ["api-server"]);
    figure("logins while there is no API server", logins);
    let begin = now();
    tenant.set_banner("After a minute");
    for pod in &pods {
        tenant.wait_long_for_banner(*pod, "After a minute", KUBELETS);
    }
    tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
    figure(
        "an edit right after the API server's return is served after",
        format!("{:.1?}", begin.elapsed()),
    );
    assert_eq!(identity(&tenant), before, "pods were replaced");

    // The store goes back, but not the documents that the pods have.
    for number in 1..=5 {
        tenant.set_banner(&format!("Lost edit {number}"));
        for pod in &pods {
            tenant.wait_for_banner(*pod, &format!("Lost edit {number}"));
        }
    }
    restore(sandbox);
    let begin = now();
    eventually("the restored state is published", LIMIT, || {
        let settings = tenant.core("configmaps", "mail-settings-v1")?;
        settings.to_string().contains("As backed up").then_some(())
    });
    figure(
        "the restored state is published after",
        format!("{:.1?}", begin.elapsed()),
    );
    for pod in &pods {
        tenant.wait_for_banner(*pod, "As backed up");
    }
    tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
    figure(
        "the restored state is served after",
        format!("{:.1?}", begin.elapsed()),
    );
    tenant.set_banner("After the restoration");
    for pod in &pods {
        tenant.wait_for_banner(*pod, "After the restoration");
    }
    let commands: u32 = uninvolved.into_iter().map(Uninvolved::end).sum();
    figure("commands of the uninvolved sessions", commands);
    assert_eq!(tenant.restarts(), [json!(0), json!(0)]);
    operator.stop();
}
