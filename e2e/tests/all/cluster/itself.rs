//! The test cluster itself: what it promises to tests and to people, and that nothing of it stays.

mod control_groups;
mod machine;
mod people;
mod traffic;

use super::sandbox::Sandbox;
use super::tenant::{LIMIT, Tenant};
use crate::harness::{capture, checkout, eventually, figure, measure, now, run};
use machine::{Machine, Tree};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// Nothing of a cluster is left by then.
const GONE: Duration = Duration::from_secs(3);

/// A second cluster comes after that of the tests, whose start is measured, and before a third.
fn alone_beside_the_tests_cluster() -> MutexGuard<'static, ()> {
    static SECOND: Mutex<()> = Mutex::new(());
    Sandbox::get();
    SECOND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder for a cluster; its path has to be short.
fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("mailaccess-i-")
        .tempdir_in("/tmp")
        .unwrap()
}

/// What a container of Debian's busybox has to say for the restricted standard.
fn restricted_pod(script: &str, more: &Value) -> Value {
    let mut container = json!({
        "name": "box",
        "image": "localhost/box:1",
        "imagePullPolicy": "Never",
        "command": ["/bin/sh", "-c", script],
        "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        },
    });
    for (field, value) in more.as_object().unwrap() {
        container[field] = value.clone();
    }
    json!({
        "automountServiceAccountToken": false,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": 5000,
            "fsGroup": 5000,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    })
}

/// Somebody who starts a cluster, in a session of its own, and holds what keeps it alive.
struct Runner {
    child: Child,
    folder: PathBuf,
}

impl Runner {
    /// It ends with the test at the latest: it reads what nobody writes.
    fn start(folder: PathBuf) -> Self {
        let script = r#"exec 7> >(exec setsid "$0" "$1" >"$1.out" 2>&1); exec cat"#;
        let child = Command::new("bash")
            .args(["-c", script])
            .arg(checkout().join("e2e/cluster/sandbox/start"))
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, folder }
    }

    fn log(&self) -> String {
        let said = fs::read_to_string(self.folder.with_extension("out")).unwrap_or_default();
        said + &fs::read_to_string(self.folder.join("log/sandbox")).unwrap_or_default()
    }

    /// Waits until the cluster has come so far.
    fn wait_for(&self, text: &str) {
        eventually(&format!("the cluster says {text:?}"), LIMIT, || {
            let log = self.log();
            assert!(!log.contains("failed"), "{log}");
            log.contains(text).then_some(())
        });
    }

    /// kubectl's input is a file, as people have it.
    fn apply(&self, object: &Value) {
        let file = self.folder.with_extension("json");
        fs::write(&file, object.to_string()).unwrap();
        run(Command::new(checkout().join("e2e/cluster/in"))
            .arg("--folder")
            .arg(&self.folder)
            .args(["kubectl", "apply", "-f"])
            .arg(&file));
    }

    /// A pod on each node, so that there are containers, their networks and their mounts.
    fn run_pods(&self) {
        self.apply(&json!({
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "busy", "namespace": "default"},
            "spec": {
                "selector": {"matchLabels": {"app": "busy"}},
                "template": {
                    "metadata": {"labels": {"app": "busy"}},
                    "spec": restricted_pod("while :; do echo busy; sleep 0.1; done", &json!({})),
                },
            },
        }));
        eventually("a pod runs on each node", LIMIT, || {
            let output = capture(
                Command::new(checkout().join("e2e/cluster/in"))
                    .arg("--folder")
                    .arg(&self.folder)
                    .args(["kubectl", "get", "daemonset/busy"])
                    .args(["-o", "jsonpath={.status.numberReady}"]),
            );
            (output.stdout == b"2").then_some(())
        });
    }

    /// kill -9, to it alone.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Its folder goes with it.
            let tail = Command::new("sh")
                .args(["-c", r#"tail -n 8 "$0.out" "$0"/log/*"#])
                .arg(&self.folder)
                .output();
            let tail = tail.map(|output| output.stdout).unwrap_or_default();
            eprintln!("{}", String::from_utf8_lossy(&tail));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a cluster, kills its runner when it has come as far as `until` says, and looks for what is left.
fn check_that_nothing_is_left(moment: &str, until: impl FnOnce(&Runner)) {
    let _alone = alone_beside_the_tests_cluster();
    let folder = folder();
    let before = Machine::look();
    let mut runner = Runner::start(folder.path().join("c"));
    until(&runner);
    let init = fs::read_to_string(runner.folder.join("init.pid")).unwrap();
    let tree = Tree::around(init.trim().parse().unwrap());
    let groups = control_groups::name_of(&runner.folder);
    assert!(tree.has("etcd") && tree.has("kube-scheduler"), "{tree:?}");
    assert!(!control_groups::named(&groups).is_empty(), "{groups}");

    runner.kill();
    let begin = now();
    let (left, took) = measure("nothing of the cluster is left", LIMIT, || {
        let mut left = tree.left();
        left.extend(machine::processes_of(&runner.folder));
        left.extend(control_groups::named(&groups));
        if runner.folder.exists() {
            left.push(runner.folder.display().to_string());
        }
        if left.is_empty() {
            left = Machine::look().beyond(&before);
        }
        (left.is_empty() || begin.elapsed() > GONE).then_some(left)
    });
    assert!(left.is_empty(), "after {took:?} there still is {left:#?}");
    figure(
        &format!("cluster gone after its runner was killed {moment}"),
        format!("{took:.1?} ({} processes)", tree.len()),
    );
}

#[test]
#[ignore = "needs root and Debian's packages: e2e/run"]
fn nothing_is_left_when_the_runner_is_killed_in_full_flight() {
    check_that_nothing_is_left("in full flight", |runner| {
        runner.wait_for("both nodes are Ready");
        runner.run_pods();
    });
}

#[test]
#[ignore = "needs root and Debian's packages: e2e/run"]
fn nothing_is_left_when_the_runner_is_killed_during_the_start() {
    check_that_nothing_is_left("during the start", |runner| {
        runner.wait_for("control plane");
    });
}

#[test]
#[ignore = "needs root and Debian's packages: e2e/run"]
fn pods_on_both_nodes_see_one_volume() {
    let tenant = Tenant::new("volume");
    tenant.add_volume("shared");
    tenant.apply(&read_write_many("shared"));
    for (node, other) in [("node1", "node2"), ("node2", "node1")] {
        let script = format!(
            "echo from $NODE >/shared/$NODE; until cat /shared/{other}; do sleep 0.1; done"
        );
        let mounts = json!({"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]});
        let mut spec = restricted_pod(&script, &mounts);
        spec["nodeSelector"] = json!({"kubernetes.io/hostname": node});
        spec["restartPolicy"] = json!("Never");
        spec["volumes"] =
            json!([{"name": "shared", "persistentVolumeClaim": {"claimName": "shared"}}]);
        let pod = json!({"metadata": {"name": format!("on-{node}")}, "spec": spec});
        let path = format!("/api/v1/namespaces/{}/pods", tenant.name);
        tenant.sandbox.request("POST", &path, Some(&pod));
    }
    for (node, other) in [("node1", "node2"), ("node2", "node1")] {
        let name = format!("on-{node}");
        let pod = eventually(&format!("{name} has seen the other's file"), LIMIT, || {
            let pod = tenant.core("pods", &name)?;
            (pod["status"]["phase"] == "Succeeded").then_some(pod)
        });
        assert_eq!(pod["spec"]["nodeName"], node);
        let log = tenant
            .sandbox
            .kubectl(["-n", &tenant.name, "logs", name.as_str()]);
        assert!(log.contains(&format!("from {other}\n")), "{log}");
    }
}

fn read_write_many(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {name}\nspec:\n  \
         accessModes: [ReadWriteMany]\n  storageClassName: \"\"\n  resources:\n    requests:\n      storage: 1Gi\n"
    )
}

#[test]
#[ignore = "needs Python: e2e/run"]
fn the_load_balancer_keeps_addresses_and_routes_right() {
    // Its own tests, of Services that come and go and of commands that fail.
    let output = capture(
        Command::new("python3")
            .args(["-B", "-m", "unittest", "-v", "load_balancer_test"])
            .current_dir(checkout().join("e2e/cluster/sandbox")),
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("\nRan ") && !said.contains("Ran 0 tests"),
        "{said}"
    );
}

/// A script of the cluster.
fn script(name: &str) -> Command {
    let mut command = Command::new(checkout().join("e2e/cluster").join(name));
    command.current_dir(checkout());
    command
}
