//! Two pods on two nodes on one Maildir, through the Service: the storm of eight clients for a minute, with a
//! pod that is killed and a node that is drained in the middle of it, and Dovecot in the end.
//!
//! Both nodes are on this machine, and one kernel keeps the files. What is shown here says nothing about NFS.

use super::operator::Operator;
use super::sandbox::{Own, Place, Sandbox};
use super::tenant::{LIMIT, Tenant, at};
use crate::harness::{Imap, Maildir, Security, eventually, figure, now, run};
use crate::many_pods::client::{Break, Connect, TARGET};
use crate::many_pods::dovecot_and_back::dovecot_and_back;
use crate::many_pods::log::meetings;
use crate::many_pods::{AT_ONCE, ENOUGH_MEETINGS, Storm, check, check_files, deliver_shared};
use crate::many_pods::{highest, highest_copy, report, settle};
use crate::session::listing;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

const STORM: Duration = Duration::from_mins(1);
/// When the pod is killed, and when the node is drained, counted from the beginning.
const KILL_AFTER: Duration = Duration::from_secs(10);
const DRAIN_AFTER: Duration = Duration::from_secs(20);
/// In spite of what happens meanwhile.
const ENOUGH_OKS: usize = 2_000;
/// Between two attempts to connect while a pod is away.
const PACE: Duration = Duration::from_millis(50);

fn log_on(address: IpAddr) -> io::Result<Imap> {
    let mut imap = Imap::connect_to(at(address, 993), Security::Tls)?;
    let reply = imap.try_log_on("ann@example.com", "quickstart")?;
    if reply.is_ok() {
        return Ok(imap);
    }
    Err(io::Error::other(reply.status))
}

/// The node that the client's route leads a connection to.
fn node_of(address: IpAddr, local_port: u16) -> usize {
    let (to, port) = (address.to_string(), local_port.to_string());
    let route = run(Command::new("ip")
        .args(["route", "get", &to, "from", "10.91.0.2", "ipproto", "tcp"])
        .args(["sport", &port, "dport", "993"]));
    usize::from(route.contains("via 10.91.2.1")) + 1
}

/// Logs on as soon as somebody lets it, at the beginning half of the clients on each node.
fn connect(address: IpAddr, number: usize) -> (usize, Imap) {
    let mut attempts = 0;
    eventually("somebody serves the mailbox", LIMIT, || {
        attempts += 1;
        let Ok(mut imap) = log_on(address) else {
            sleep(PACE);
            return None;
        };
        let node = node_of(address, imap.wire().local_port());
        (node == number % 2 + 1 || attempts > 10).then_some((node, imap))
    })
}

/// Kills the process of a pod, as the kernel does when memory is short.
fn kill(sandbox: &Sandbox, pod: &Value) {
    let node = pod["spec"]["nodeName"].as_str().unwrap();
    let socket = sandbox.folder().join(node).join("containerd.sock");
    let container = pod["status"]["containerStatuses"][0]["containerID"]
        .as_str()
        .unwrap();
    let container = container.trim_start_matches("containerd://");
    run(sandbox
        .command(Place::Node1, Path::new("ctr"))
        .arg("-a")
        .arg(socket)
        .args(["-n", "k8s.io", "tasks", "kill", "-s", "SIGKILL", container]));
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let is_so = |it: &Value| it["type"] == "Ready" && it["status"] == "True";
    conditions.into_iter().flatten().any(is_so)
}

fn ready_pods(tenant: &Tenant) -> Vec<Value> {
    let mut pods = tenant.pod_objects();
    pods.retain(|pod| is_ready(pod) && pod["metadata"].get("deletionTimestamp").is_none());
    pods
}

/// What happens while the storm goes on.
fn disturb(tenant: &Tenant) {
    let begin = now();
    let reached = |when: Duration| {
        eventually("it is time", STORM, || {
            (begin.elapsed() > when).then_some(())
        });
    };
    reached(KILL_AFTER);
    let pod = ready_pods(tenant).remove(0);
    kill(tenant.sandbox, &pod);
    let node = pod["spec"]["nodeName"].as_str().unwrap();
    eventually("the killed pod is started again and ready", LIMIT, || {
        let pods = ready_pods(tenant);
        let is_again = |it: &&Value| it["status"]["containerStatuses"][0]["restartCount"] == 1;
        pods.iter().find(is_again).map(|_| ())
    });
    figure(
        "a killed pod is ready again after",
        format!("{:.1?}", begin.elapsed().saturating_sub(KILL_AFTER)),
    );
    reached(DRAIN_AFTER);
    let drain = [
        "drain",
        node,
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--timeout=60s",
    ];
    tenant.sandbox.kubectl(drain);
    eventually(
        "two pods are ready, none of them on the drained node",
        LIMIT,
        || {
            let pods = ready_pods(tenant);
            let is_elsewhere = pods.iter().all(|pod| pod["spec"]["nodeName"] != node);
            (pods.len() == 2 && is_elsewhere).then_some(())
        },
    );
    tenant.sandbox.kubectl(["uncordon", node]);
    figure(
        "a drained node's pod is replaced after",
        format!("{:.1?}", begin.elapsed().saturating_sub(DRAIN_AFTER)),
    );
}

#[test]
#[ignore = "needs root, Dovecot and the cluster's tools: e2e/run"]
fn nothing_is_lost_when_pods_of_two_nodes_change_one_maildir_and_one_dies_and_one_moves() {
    let own = Own::with_definitions();
    let tenant = Tenant::inside(own.sandbox(), "storm");
    let sandbox = tenant.sandbox;
    tenant.quickstart(2);
    let operator = Operator::start(&tenant);
    tenant.wait_until_served();
    let address = tenant.address();
    let maildir = Maildir(tenant.volume().join("example.com/ann/Maildir"));
    let through = || {
        eventually("the load balancer leads to a pod", LIMIT, || {
            sandbox.within(Place::Client, || log_on(address).ok())
        })
    };
    let mut imap = through();
    imap.ok("SELECT INBOX");
    imap.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)");
    imap.ok("CLOSE");
    imap.ok(&format!("CREATE {TARGET}"));
    let mut delivered = deliver_shared(&maildir);

    let (clients, during) = sandbox.within(Place::Client, || {
        let storm = Storm {
            maildir: &maildir,
            duration: STORM,
            on_break: Break::Lost,
            connect: &|number| -> Connect { Box::new(move || connect(address, number)) },
        };
        storm.run(|| disturb(&tenant))
    });
    delivered.extend(during);
    let inbox = listing(through(), "INBOX");
    let copies = listing(through(), TARGET);
    let (log, views) = settle(clients, &inbox);

    let oks = report(&log);
    let nodes: BTreeSet<usize> = log.iter().map(|entry| entry.process).collect();
    assert_eq!(nodes, BTreeSet::from([1, 2]), "not by both nodes");
    let meetings = meetings(&log, AT_ONCE);
    figure("two nodes on one UID within 50 ms", meetings);
    figure("delivered, left, copies", {
        format!("{}, {}, {}", delivered.len(), inbox.len(), copies.len())
    });
    assert!(oks >= ENOUGH_OKS, "{oks} OKs");
    assert!(meetings >= ENOUGH_MEETINGS, "{meetings} meetings");
    check(&log, &delivered, &inbox, &copies, &views);
    check_files(&maildir, &inbox, highest(&views));
    check_files(&maildir.folder(TARGET), &copies, highest_copy(&log));
    let pods: Vec<IpAddr> = tenant.pods().iter().map(|(_, address)| *address).collect();
    assert_eq!(pods.len(), 2);
    let log_ons: Vec<_> = pods
        .iter()
        .map(|pod| || sandbox.within(Place::Client, || log_on(*pod).unwrap()))
        .collect();
    let log_ons: Vec<&dyn Fn() -> Imap> = log_ons.iter().map(|it| it as _).collect();
    dovecot_and_back(&log_ons, &maildir, &[("INBOX", inbox), (TARGET, copies)]);
    operator.stop();
}
