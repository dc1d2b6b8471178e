//! What tools that wait for objects make of their statuses: kstatus, which many of them use, and `kubectl wait`.

use super::operator::Operator;
use super::sandbox::{Place, Sandbox};
use super::tenant::{LIMIT, Tenant, at};
use crate::harness::{Imap, Security, checkout, eventually, figure, run};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

/// The states of which kstatus concludes something else than it should; prints how many were judged.
pub(super) fn complaints(sandbox: &Sandbox, namespace: &str, states: &[Value]) -> Vec<String> {
    let verdicts = judge(sandbox, states);
    figure(
        &format!("states judged by kstatus, {namespace}"),
        states.len(),
    );
    states
        .iter()
        .zip(&verdicts)
        .filter(|(state, verdict)| verdict["status"] != expected(state))
        .map(|(state, verdict)| {
            format!(
                "{} {}: {verdict}, not {}: {}",
                state["kind"],
                state["metadata"]["name"],
                expected(state),
                json!({"generation": state["metadata"]["generation"], "status": state["status"]}),
            )
        })
        .collect()
}

/// What a state means by its own words.
fn expected(state: &Value) -> &'static str {
    let generation = &state["metadata"]["generation"];
    let is_so = |condition: &str| {
        let mut conditions = state["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten();
        conditions.any(|it| {
            it["type"] == condition
                && it["status"] == "True"
                && it["observedGeneration"] == *generation
        })
    };
    if state["metadata"].get("deletionTimestamp").is_some() {
        "Terminating"
    } else if state["status"]["observedGeneration"] != *generation {
        "InProgress"
    } else if is_so("Stalled") {
        "Failed"
    } else if is_so("Ready") {
        "Current"
    } else {
        "InProgress"
    }
}

/// Hands objects to one process; gives a verdict on each, with `status` and `message`, or `error`.
fn judge(sandbox: &Sandbox, objects: &[Value]) -> Vec<Value> {
    let mut child = Command::new(program(sandbox))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines = objects.iter().map(Value::to_string);
    let lines = lines.collect::<Vec<_>>().join("\n");
    let writer = thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(
        output.status.success(),
        "kstatus ended with {}",
        output.status
    );
    let verdicts: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(verdicts.len(), objects.len());
    verdicts
}

/// The program, built if the cache has none of these sources.
fn program(sandbox: &Sandbox) -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let sources = checkout().join("e2e/kstatus");
        let program = sandbox
            .cache()
            .join(format!("kstatus-{:016x}", digest(&sources)));
        if !program.exists() {
            let building = program.with_extension(std::process::id().to_string());
            run(Command::new("go")
                .args(["build", "-trimpath", "-o"])
                .arg(&building)
                .arg(".")
                .current_dir(&sources)
                .env("CGO_ENABLED", "0")
                .env("GOFLAGS", "-mod=readonly -buildvcs=false"));
            // Whole or not there at all.
            fs::rename(&building, &program).unwrap();
        }
        program
    })
}

fn digest(sources: &Path) -> u64 {
    let files: BTreeMap<PathBuf, Vec<u8>> = fs::read_dir(sources)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().into(), fs::read(&path).unwrap()))
        .collect();
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    hasher.finish()
}

/// Returns when both are Ready for the generation that they have now.
#[track_caller]
fn kubectl_wait(tenant: &Tenant) {
    let objects = [("mailaccessservers", "mail"), ("casmailboxes", "ann")];
    tenant.sandbox.kubectl([
        "--namespace",
        &tenant.name,
        "wait",
        "--for=condition=Ready",
        "mas/mail",
        "casm/ann",
        "--timeout=90s",
    ]);
    let now = objects.map(|(plural, name)| tenant.get(plural, name).unwrap());
    for (object, verdict) in now.iter().zip(judge(tenant.sandbox, &now)) {
        assert_eq!(verdict["status"], "Current", "{object}");
    }
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn kubectl_wait_returns_when_it_is_served() {
    let tenant = Tenant::new("wait");
    tenant.quickstart(1);
    let operator = Operator::start(&tenant);
    kubectl_wait(&tenant);
    let pod = tenant.pods()[0].1;
    let imap = || {
        let connect = || Imap::connect_to(at(pod, 143), Security::Plain).unwrap();
        tenant.sandbox.within(Place::Client, connect)
    };
    assert!(!imap().greeting().contains("after the edit"));
    // Ready as it was before the edit is not Ready.
    let patch = json!({"spec": {"imap": {"banner": "after the edit"}}});
    tenant.patch("mailaccessservers", "mail", &patch);
    kubectl_wait(&tenant);
    assert!(imap().greeting().contains("after the edit"));
    operator.stop();
}

/// No object has failed so far: tools that apply them give up on one that has.
#[track_caller]
pub(super) fn nothing_has_failed(tenant: &Tenant) {
    let states = tenant.states.so_far();
    let verdicts = judge(tenant.sandbox, &states);
    for (state, verdict) in states.iter().zip(&verdicts) {
        assert_ne!(verdict["status"], "Failed", "{state}");
    }
}

/// Waits until a state of an object was seen, and judged so.
#[track_caller]
fn passes(tenant: &Tenant, object: &str, verdict: &str) {
    eventually(&format!("{object} is {verdict}"), LIMIT, || {
        let mut states = tenant.states.so_far();
        states.retain(|state| state["metadata"]["name"] == object);
        let verdicts = judge(tenant.sandbox, &states);
        let is_seen = verdicts.iter().any(|it| it["status"] == verdict);
        is_seen.then_some(())
    });
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn every_state_of_an_object_is_seen_and_judged() {
    let tenant = Tenant::new("states");
    tenant.quickstart(1);
    passes(&tenant, "ann", "InProgress");
    let operator = Operator::start(&tenant);
    passes(&tenant, "ann", "Current");
    // What happens while nobody listens is told afterwards.
    tenant.states.interrupt();
    let stranger = json!({
        "apiVersion": "mailaccess.dev/v1alpha1", "kind": "CASMailbox",
        "metadata": {"name": "carol"},
        "spec": {"serverRef": {"name": "mail"}, "mailbox": "carol@elsewhere.example"},
    });
    tenant.apply(&stranger.to_string());
    passes(&tenant, "carol", "InProgress");
    passes(&tenant, "carol", "Failed");
    let hold = |finalizers: Value| json!({"metadata": {"finalizers": finalizers}});
    tenant.patch("casmailboxes", "carol", &hold(json!(["example.com/hold"])));
    let path = format!(
        "/apis/mailaccess.dev/v1alpha1/namespaces/{}/casmailboxes/carol",
        tenant.name
    );
    tenant.sandbox.request("DELETE", &path, None);
    passes(&tenant, "carol", "Terminating");
    tenant.patch("casmailboxes", "carol", &hold(Value::Null));
    operator.stop();
}
