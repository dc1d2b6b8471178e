//! Edits of the resources while two pods on two nodes serve: how long it takes until a new connection shows
//! each, that nothing is restarted, that nobody uninvolved notices, and that the statuses tell the truth.

use super::certificates::{bind_own, certificate, fresh_certificate, thumbprint};
use super::operator::Operator;
use super::sandbox::{Place, Sandbox};
use super::tenant::{Tenant, at, banner, has_condition};
use super::uninvolved::Uninvolved;
use crate::harness::{Imap, Security, figure, now};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

/// The first new connection is tried so often.
const EVERY: Duration = Duration::from_millis(20);
/// From one edit to the next.
const APART: Duration = Duration::from_millis(1500);
/// The goals are printed; this fails the test.
const LIMIT: Duration = Duration::from_secs(10);
const EDITS: u32 = 20;
/// How late `Programmed` may be, but for one edit in a hundred: the machine does other things, too.
const TRUE_WITHIN: Duration = Duration::from_secs(1);

/// What an edit's taking effect was seen after, at each pod.
#[derive(Default)]
struct Latencies(Vec<(&'static str, Duration)>);

impl Latencies {
    fn print(&mut self) {
        let mut kinds: Vec<&str> = self.0.iter().map(|(kind, _)| *kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            let of_kind = self.0.iter().filter(|(other, _)| *other == kind);
            let mut all: Vec<Duration> = of_kind.map(|(_, took)| *took).collect();
            all.sort();
            let middle = all[all.len() / 2];
            let last = all[all.len() - 1];
            figure(
                &format!("{kind}, {} measurements, p50 and max", all.len()),
                format!("{middle:.0?} {last:.0?}"),
            );
        }
        let mut all: Vec<Duration> = self.0.iter().map(|(_, took)| *took).collect();
        all.sort();
        let p99 = all[all.len() * 99 / 100];
        let millis = |took: Duration| format!("{} ms", took.as_millis());
        figure("all edits, p50 (goal 500 ms)", millis(all[all.len() / 2]));
        figure("all edits, p99 (goal 1200 ms)", millis(p99));
    }
}

/// Looks at one pod until it shows something.
fn watch(address: IpAddr, begin: Instant, shows: &(dyn Fn(IpAddr) -> bool + Sync)) -> Duration {
    loop {
        if shows(address) {
            return begin.elapsed();
        }
        assert!(begin.elapsed() < LIMIT, "{address} does not show the edit");
        sleep(EVERY);
    }
}

/// Looks at all pods at once, as the outside client.
fn measure(
    sandbox: &Sandbox,
    pods: &[IpAddr],
    begin: Instant,
    shows: &(dyn Fn(IpAddr) -> bool + Sync),
) -> Vec<Duration> {
    thread::scope(|scope| {
        let all: Vec<_> = pods
            .iter()
            .map(|pod| {
                scope.spawn(move || sandbox.within(Place::Client, || watch(*pod, begin, shows)))
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn may_log_on(pod: IpAddr, name: &str) -> Option<bool> {
    let mut imap = Imap::connect_to(at(pod, 993), Security::Tls).ok()?;
    Some(imap.try_log_on(name, "quickstart").ok()?.is_ok())
}

/// What an edit did to the resources.
struct Edit {
    kind: &'static str,
    plural: &'static str,
    object: &'static str,
    /// Of the certificate that the status has to speak of: edits of a Secret count up no generation.
    thumbprint: Option<String>,
    /// Where it has to be seen beside the pods.
    also_through: Option<IpAddr>,
}

/// Everything that a measurement needs.
struct Stage<'a> {
    tenant: &'a Tenant,
    pods: Vec<IpAddr>,
    latencies: Latencies,
    /// From the last pod's showing an edit until the condition said so.
    truths: Vec<Duration>,
}

impl Stage<'_> {
    /// Measures one edit, which has just been answered, at each pod and wherever else it has to be seen; and
    /// looks at the same time whether `Programmed` is true when it says so.
    fn one(&mut self, edit: &Edit, shows: &(dyn Fn(IpAddr) -> bool + Sync)) {
        let begin = now();
        let sandbox = self.tenant.sandbox;
        let generation =
            self.tenant.get(edit.plural, edit.object).unwrap()["metadata"]["generation"].clone();
        let (took, through, programmed) = thread::scope(|scope| {
            let stage = &*self;
            let truth = scope.spawn(move || stage.truth(edit, &generation, shows, begin));
            let through = edit.also_through.map(|service| {
                scope.spawn(move || sandbox.within(Place::Client, || watch(service, begin, shows)))
            });
            let took = measure(sandbox, &stage.pods, begin, shows);
            (
                took,
                through.map(|it| it.join().unwrap()),
                truth.join().unwrap(),
            )
        });
        let served = took.iter().max().copied().unwrap();
        self.truths.push(programmed.saturating_sub(served));
        let all = &mut self.latencies.0;
        all.extend(took.into_iter().map(|took| (edit.kind, took)));
        all.extend(through.map(|took| ("port through the Service", took)));
        sleep(APART.saturating_sub(begin.elapsed()));
    }

    /// When `Programmed` is True for this edit. A connection to any pod that is begun after that shows it.
    fn truth(
        &self,
        edit: &Edit,
        generation: &Value,
        shows: &(dyn Fn(IpAddr) -> bool + Sync),
        begin: Instant,
    ) -> Duration {
        while !self.is_programmed(edit, generation) {
            assert!(begin.elapsed() < LIMIT, "Programmed is not True again");
            sleep(EVERY);
        }
        let after = begin.elapsed();
        self.tenant.sandbox.within(Place::Client, || {
            for pod in &self.pods {
                assert!(shows(*pod), "{}: Programmed was True too early", edit.kind);
            }
        });
        after
    }

    fn is_programmed(&self, edit: &Edit, generation: &Value) -> bool {
        let object = self.tenant.get(edit.plural, edit.object);
        object.is_some_and(|object| {
            let shown = object["status"]["thumbprint"].as_str();
            object["metadata"]["generation"] == *generation
                && (edit.thumbprint.is_none() || edit.thumbprint.as_deref() == shown)
                && has_condition(&object, "Programmed", "True")
        })
    }
}

fn edit_banner(stage: &mut Stage<'_>, number: u32) {
    let text = format!("Edit {number} of the banner");
    let patch = json!({"spec": {"imap": {"banner": text}}});
    stage.tenant.patch("mailaccessservers", "mail", &patch);
    let edit = Edit {
        kind: "banner",
        plural: "mailaccessservers",
        object: "mail",
        thumbprint: None,
        also_through: None,
    };
    stage.one(&edit, &|pod| {
        banner(pod).is_some_and(|greeting| greeting.contains(&text))
    });
}

fn edit_port(stage: &mut Stage<'_>, number: u32) {
    let port = 10_000 + u16::try_from(number).unwrap();
    let bindings = json!([{"port": 143}, {"port": port}]);
    let patch = json!({"spec": {"imap": {"unencryptedOrTLSBindings": bindings}}});
    stage.tenant.patch("mailaccessservers", "mail", &patch);
    let edit = Edit {
        kind: "port",
        plural: "mailaccessservers",
        object: "mail",
        thumbprint: None,
        also_through: Some(stage.tenant.address()),
    };
    stage.one(&edit, &|pod| {
        Imap::connect_to(at(pod, port), Security::Plain).is_ok()
    });
}

fn edit_person(stage: &mut Stage<'_>, number: u32) {
    let allowed = number.is_multiple_of(2);
    let patch = json!({"spec": {"imapEnabled": allowed}});
    stage.tenant.patch("casmailboxes", "bob", &patch);
    let edit = Edit {
        kind: "a person's right",
        plural: "casmailboxes",
        object: "bob",
        thumbprint: None,
        also_through: None,
    };
    stage.one(&edit, &|pod| {
        may_log_on(pod, "bob@example.com") == Some(allowed)
    });
}

fn edit_group(stage: &mut Stage<'_>, number: u32) {
    // Allowed before the first one.
    let allowed = !number.is_multiple_of(2);
    let patch = json!({"spec": {"imapEnabled": allowed}});
    stage
        .tenant
        .patch("casmailboxes", "field-engineers", &patch);
    let edit = Edit {
        kind: "a group's right",
        plural: "casmailboxes",
        object: "field-engineers",
        thumbprint: None,
        also_through: None,
    };
    stage.one(&edit, &|pod| {
        may_log_on(pod, "bob@example.com") == Some(allowed)
    });
}

fn edit_certificate(stage: &mut Stage<'_>, _number: u32) {
    let (secret, shown) = fresh_certificate();
    stage.tenant.patch_secret("mail-tls", &secret);
    let edit = Edit {
        kind: "certificate",
        plural: "certificatebindings",
        object: "mail",
        thumbprint: Some(thumbprint(&shown)),
        also_through: None,
    };
    stage.one(&edit, &|pod| certificate(pod).as_ref() == Some(&shown));
}

/// Thirty edits at once: only the last one has to be seen.
fn burst(stage: &mut Stage<'_>) {
    for number in 0..29 {
        let patch = json!({"spec": {"imap": {"banner": format!("Burst {number}")}}});
        stage.tenant.patch("mailaccessservers", "mail", &patch);
    }
    let patch = json!({"spec": {"imap": {"banner": "Burst is over"}}});
    stage.tenant.patch("mailaccessservers", "mail", &patch);
    let edit = Edit {
        kind: "the last of a burst of 30",
        plural: "mailaccessservers",
        object: "mail",
        thumbprint: None,
        also_through: None,
    };
    stage.one(&edit, &|pod| {
        banner(pod).is_some_and(|greeting| greeting.contains("Burst is over"))
    });
}

const BOB: &str = "apiVersion: mailaccess.dev/v1alpha1
kind: CASMailbox
metadata: {name: bob}
spec:
  serverRef: {name: mail}
  mailbox: bob@example.com
  imapEnabled: false
";

/// What must not change: the pods, how often they were started, and the template.
fn identity(tenant: &Tenant) -> Value {
    let pods: Vec<Value> = tenant
        .pod_objects()
        .iter()
        .map(|pod| {
            json!([
                pod["metadata"]["uid"],
                pod["status"]["containerStatuses"][0]["containerID"],
            ])
        })
        .collect();
    let path = format!("/apis/apps/v1/namespaces/{}/deployments/mail", tenant.name);
    let deployment = tenant.sandbox.request("GET", &path, None);
    json!([pods, deployment["metadata"]["generation"]])
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn every_edit_is_served_by_every_pod_and_the_status_says_so_when_it_is() {
    let tenant = Tenant::new("edits");
    tenant.quickstart(2);
    // With no other rights than the chart's, and asking pods at their addresses.
    let operator = Operator::start_as_account(&tenant);
    tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
    bind_own(&tenant);
    for (plural, name) in [
        ("casmailboxes", "ann"),
        ("certificatebindings", "mail"),
        ("mailaccessservers", "mail"),
    ] {
        tenant.wait_for(plural, name, "Ready", "True");
    }
    let pods: Vec<IpAddr> = tenant.pods().iter().map(|(_, address)| *address).collect();
    assert_eq!(pods.len(), 2);
    // One on each node, whose pods have a network of their own.
    assert_ne!(octet(pods[0]), octet(pods[1]), "{pods:?}");
    let before = identity(&tenant);
    let uninvolved: Vec<_> = pods
        .iter()
        .map(|pod| Uninvolved::start(tenant.sandbox, *pod))
        .collect();
    let mut stage = Stage {
        tenant: &tenant,
        pods,
        latencies: Latencies::default(),
        truths: Vec::new(),
    };
    for edit in [edit_banner, edit_port, edit_group, edit_certificate] {
        for number in 0..EDITS {
            edit(&mut stage, number);
        }
    }
    // From here on a rule of his own beats that of his group.
    tenant.apply(BOB);
    tenant.wait_for("casmailboxes", "bob", "Ready", "True");
    for number in 0..EDITS {
        edit_person(&mut stage, number);
    }
    burst(&mut stage);
    let commands: u32 = uninvolved.into_iter().map(Uninvolved::end).sum();
    stage.latencies.print();
    stage.truths.sort();
    let truths = &stage.truths;
    let (middle, p99) = (truths[truths.len() / 2], truths[truths.len() * 99 / 100]);
    let latest = truths.last().unwrap();
    figure(
        "Programmed is True after the last pod serves an edit, p50, p99 and max",
        format!("{middle:.0?} {p99:.0?} {latest:.0?}"),
    );
    assert!(p99 < TRUE_WITHIN, "Programmed is late: {p99:?}");
    figure("commands of the uninvolved sessions", commands);
    figure(
        "nudges for all edits",
        operator.metric("mailaccess_operator_nudges_total", ""),
    );
    assert_eq!(identity(&tenant), before, "something was restarted");
    operator.stop();
}

fn octet(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(address) => address.octets()[1],
        IpAddr::V6(_) => panic!("the pods have IPv4 addresses"),
    }
}
