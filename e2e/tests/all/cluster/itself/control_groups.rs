//! The control groups of a cluster, on machines that have them in either version. That with one hierarchy is
//! a tree of plain files here: the script sees the same, though nothing happens by itself.

use super::{folder, script};
use crate::harness::{capture, checkout, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The name of the groups of the cluster in a folder.
pub(super) fn name_of(folder: &Path) -> String {
    let script = r#". e2e/cluster/sandbox/environment.sh "$0" && echo "$CGROUP""#;
    let name = run(Command::new("bash")
        .args(["-c", script])
        .arg(folder)
        .current_dir(checkout()));
    name.trim().to_owned()
}

/// The groups of this name that there are.
pub(super) fn named(name: &str) -> Vec<String> {
    let root = PathBuf::from("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(&root).unwrap().flatten();
    hierarchies
        .map(|hierarchy| hierarchy.path())
        .chain([root])
        .map(|hierarchy| hierarchy.join(name))
        .filter(|group| group.is_dir())
        .map(|group| group.display().to_string())
        .collect()
}

/// A root of control groups in plain files, and the group of a cluster in it.
struct Fake {
    root: TempDir,
    group: PathBuf,
}

const CLUSTER: &str = "/tmp/mailaccess-i-no-such";

impl Fake {
    /// With the controllers that the kernel has, and those of them that the root hands down.
    fn new(has: &str, hands_down: &str) -> Self {
        let root = folder();
        let group = root.path().join(name_of(Path::new(CLUSTER)));
        let fake = Self { root, group };
        fake.write("cgroup.controllers", has);
        fake.write("cgroup.subtree_control", hands_down);
        fake
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.root.path().join(file), format!("{text}\n")).unwrap();
    }

    /// What the kernel would make by itself: files in each group, with what the group above hands down.
    fn add_groups(&self, controllers: &str) {
        for group in [
            self.group.clone(),
            self.group.join("node1"),
            self.group.join("node2"),
        ] {
            fs::create_dir_all(&group).unwrap();
            fs::write(group.join("cgroup.controllers"), format!("{controllers}\n")).unwrap();
            fs::write(group.join("cgroup.subtree_control"), "\n").unwrap();
        }
    }

    /// The kernel's files go with their group.
    fn remove_files(&self) {
        for group in [
            self.group.clone(),
            self.group.join("node1"),
            self.group.join("node2"),
        ] {
            fs::remove_file(group.join("cgroup.controllers")).unwrap();
            fs::remove_file(group.join("cgroup.subtree_control")).unwrap();
        }
    }

    fn run(&self, verb: &str) -> Output {
        capture(
            script("sandbox/cgroups")
                .args([CLUSTER, verb])
                .env("MAILACCESS_E2E_CGROUPS", self.root.path()),
        )
    }

    #[track_caller]
    fn succeeds(&self, verb: &str) {
        let output = self.run(verb);
        assert!(output.status.success(), "{output:?}");
    }

    #[track_caller]
    fn is_refused(&self, verb: &str, reason: &str) {
        let output = self.run(verb);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(said.contains(reason), "{said}");
    }

    /// What was last written into a file below the root.
    fn text(&self, file: &Path) -> String {
        let text = fs::read_to_string(self.root.path().join(file)).unwrap();
        text.trim().to_owned()
    }

    fn handed_down(&self) -> String {
        self.text(Path::new("cgroup.subtree_control"))
    }
}

const ALL: &str = "cpuset cpu io memory hugetlb pids rdma misc";

#[test]
#[ignore = "needs e2e/cluster/tools: e2e/run"]
fn with_one_hierarchy_nodes_have_what_they_need_and_the_root_is_as_it_was() {
    let fake = Fake::new(ALL, "cpu memory pids");
    fake.succeeds("check");
    fake.add_groups("cpuset cpu io memory hugetlb pids");
    fake.succeeds("make");
    // Only what was not there before.
    assert_eq!(fake.handed_down(), "+cpuset +io +hugetlb");
    assert_eq!(
        fake.text(&fake.group.join("cgroup.subtree_control")),
        "+cpu +cpuset +memory +pids +io +hugetlb"
    );
    fake.remove_files();
    fake.succeeds("remove");
    assert!(!fake.group.exists());
    assert_eq!(fake.handed_down(), "-cpuset -io -hugetlb");
    let left: Vec<_> = fs::read_dir(fake.root.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
#[ignore = "needs e2e/cluster/tools: e2e/run"]
fn with_one_hierarchy_the_last_cluster_takes_back_what_the_first_enabled() {
    let fake = Fake::new(ALL, "cpu memory pids");
    fake.add_groups("cpuset cpu io memory hugetlb pids");
    fake.succeeds("make");
    let other = fake.root.path().join("mailaccess-e2e-0123456789ab");
    fs::create_dir_all(other.join("node1")).unwrap();
    fs::write(other.join("node1/cgroup.procs"), "4711\n").unwrap();
    fake.remove_files();
    fake.succeeds("remove");
    assert_eq!(fake.handed_down(), "+cpuset +io +hugetlb");
    // It was killed with its runner: whoever starts next sweeps its groups.
    fake.succeeds("sweep");
    assert!(other.exists(), "it has a process");
    fs::remove_file(other.join("node1/cgroup.procs")).unwrap();
    fake.succeeds("sweep");
    assert!(!other.exists());
    assert_eq!(fake.handed_down(), "-cpuset -io -hugetlb");
}

#[test]
#[ignore = "needs e2e/cluster/tools: e2e/run"]
fn a_cluster_that_runs_is_not_swept_though_its_groups_are_empty() {
    let fake = Fake::new(ALL, ALL);
    fs::create_dir_all(fake.group.join("node1")).unwrap();
    // For a process is known by its command line.
    let mut running = Command::new("bash")
        .args([
            "-c",
            r#"exec -a "bash" bash -c 'read -r _' sandbox/init "$0""#,
            CLUSTER,
        ])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    crate::harness::eventually("it runs", super::LIMIT, || {
        let line = fs::read(format!("/proc/{}/cmdline", running.id())).ok()?;
        String::from_utf8_lossy(&line)
            .contains(&format!("sandbox/init\0{CLUSTER}"))
            .then_some(())
    });
    fake.succeeds("sweep");
    assert!(fake.group.exists());
    drop(running.stdin.take());
    running.wait().unwrap();
    fake.succeeds("sweep");
    assert!(!fake.group.exists());
}

#[test]
#[ignore = "needs e2e/cluster/tools: e2e/run"]
fn control_groups_that_do_not_do_are_refused_before_anything_starts() {
    let fake = Fake::new("cpuset io hugetlb", "");
    fake.is_refused("check", "lack: cpu memory pids");
    // A container's: what looks like the root is a group, with processes in it.
    let fake = Fake::new(ALL, "");
    fake.write("cgroup.type", "domain");
    fake.write("cgroup.procs", "1");
    fake.is_refused("check", "cannot hand down");
    fake.write("cgroup.procs", "");
    fake.succeeds("check");
    // The kernel promised, and did not keep it.
    let fake = Fake::new(ALL, ALL);
    fake.add_groups("cpuset cpu");
    fake.is_refused("make", "did not get: memory pids");
    // Neither version.
    let fake = Fake::new(ALL, "");
    fs::remove_file(fake.root.path().join("cgroup.controllers")).unwrap();
    fake.is_refused("check", "no control groups are mounted");
    let started = capture(
        script("sandbox/start")
            .arg(CLUSTER)
            .env("MAILACCESS_E2E_CGROUPS", fake.root.path()),
    );
    assert_eq!(started.status.code(), Some(2), "{started:?}");
    assert!(!Path::new(CLUSTER).exists());
}
