//! `up`, `in` and `down` as people run them, beside the cluster of the tests.

use super::machine::{self, Machine};
use super::{GONE, alone_beside_the_tests_cluster, control_groups, folder, script};
use crate::cluster::sandbox::Sandbox;
use crate::cluster::tenant::LIMIT;
use crate::harness::{binary, capture, checkout, eventually, figure, now, run};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// Ends the cluster of a folder when its test ends, however that ends: it reads what nobody writes.
struct Down(Child);

impl Down {
    fn at_the_end(folder: &Path) -> Self {
        let child = Command::new("bash")
            .args(["-c", r#"read -r _; e2e/cluster/down "$0"; rm -rf "$0""#])
            .arg(folder)
            .current_dir(checkout())
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }
}

impl Drop for Down {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// `in --folder FOLDER ARGUMENT...`
fn within(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = script("in");
    command.arg("--folder").arg(folder).args(arguments);
    command
}

#[track_caller]
fn assert_refused(output: &Output, reason: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(said.contains(reason), "no {reason:?} in {said}");
}

#[test]
#[ignore = "needs root and Debian's packages: e2e/run"]
fn people_have_a_cluster_of_their_own_beside_that_of_the_tests() {
    let _alone = alone_beside_the_tests_cluster();
    let parent = folder();
    let folder = parent.path().join("c");
    let before = Machine::look();
    let _down = Down::at_the_end(&folder);
    let begin = now();
    let said = run(script("up").arg(&folder));
    figure(
        "e2e/cluster/up beside other tests",
        format!("{:.1?}", begin.elapsed()),
    );
    assert!(said.contains("both nodes are Ready"), "{said}");
    assert_refused(&capture(script("up").arg(&folder)), "runs in");

    let nodes = run(&mut within(
        &folder,
        &["kubectl", "get", "nodes", "--no-headers"],
    ));
    for node in ["node1", "node2"] {
        let line = nodes.lines().find(|line| line.starts_with(node)).unwrap();
        assert_eq!(line.split_whitespace().nth(1), Some("Ready"), "{nodes}");
    }
    // The address of each place, and the API server as the outside client reaches it.
    let address = ["ip", "-o", "-4", "address"];
    let client = run(&mut within(
        &folder,
        &[&["--client"], &address[..]].concat(),
    ));
    assert!(client.contains(" 10.91.0.2/32 "), "{client}");
    let second = run(&mut within(&folder, &[&["--node2"], &address[..]].concat()));
    assert!(second.contains(" 10.89.0.1/16 "), "{second}");
    let curl = ["--client", "curl", "-sk", "https://10.88.0.1:6443/version"];
    let version = run(&mut within(&folder, &curl));
    assert!(version.contains("\"gitVersion\""), "{version}");
    assert_two_clusters(&folder);

    let groups = control_groups::name_of(&folder);
    assert!(!control_groups::named(&groups).is_empty());
    let begin = now();
    run(script("down").arg(&folder));
    let took = begin.elapsed();
    figure("e2e/cluster/down beside other tests", format!("{took:.1?}"));
    assert!(took < GONE, "down took {took:?}");
    let left: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .flatten()
        .map(|it| it.file_name())
        .collect();
    assert_eq!(left, ["log"]);
    let begin = now();
    let left = eventually("nothing but logs is left", LIMIT, || {
        let mut left = machine::processes_of(&folder);
        // The process that waits for the end of this test names it, too.
        left.retain(|process| !process.contains("read -r _"));
        left.extend(control_groups::named(&groups));
        left.extend(Machine::look().beyond(&before));
        (left.is_empty() || begin.elapsed() > GONE).then_some(left)
    });
    assert!(left.is_empty(), "there still is {left:#?}");
    assert_refused(
        &capture(script("down").arg(&folder)),
        "there is no cluster in",
    );
}

/// The lines of the README that begin with `e2e/image` up to `e2e/cluster/down`, on a cluster in this folder and
/// with the programs of these tests.
fn lines_of_the_readme(folder: &Path, out: &Path) -> Vec<String> {
    let text = fs::read_to_string(checkout().join("README.md")).unwrap();
    let lines = text
        .lines()
        .skip_while(|line| !line.starts_with("    e2e/image --archive "));
    let programs = binary("mailaccess").parent().unwrap().to_owned();
    let (folder, out, programs) = (folder.display(), out.display(), programs.display());
    lines
        .take_while(|line| line.starts_with("    "))
        .map(|line| {
            let line = match line.trim().split_once(' ') {
                Some(("e2e/image", rest)) => format!("e2e/image --binaries {programs} {rest}"),
                Some(("e2e/cluster/up", rest)) => format!("e2e/cluster/up {rest} {folder}"),
                Some(("e2e/cluster/in", rest)) => {
                    format!("e2e/cluster/in --folder {folder} {rest}")
                }
                None if line.trim() == "e2e/cluster/down" => format!("e2e/cluster/down {folder}"),
                _ => panic!("{line}"),
            };
            line.replace(" out", &format!(" {out}"))
        })
        .collect()
}

#[test]
#[ignore = "needs root and Debian's packages: e2e/run"]
fn the_lines_of_the_readme_lead_to_a_first_mail() {
    let _alone = alone_beside_the_tests_cluster();
    let parent = folder();
    let folder = parent.path().join("c");
    let _down = Down::at_the_end(&folder);
    let lines = lines_of_the_readme(&folder, &parent.path().join("out"));
    let shell = |line: &str| {
        let mut bash = Command::new("bash");
        bash.args(["-c", line]).current_dir(checkout());
        bash
    };
    let begin = now();
    let mut mail = String::new();
    for line in &lines {
        if line.contains(" curl ") {
            // A node enters the load balancer a moment after its pod is ready.
            mail = eventually("a mail is fetched", LIMIT, || {
                let fetched = capture(&mut shell(line));
                let text = String::from_utf8_lossy(&fetched.stdout).into_owned();
                fetched.status.success().then_some(text)
            });
        } else {
            run(&mut shell(line));
        }
    }
    assert!(mail.contains("Subject: Welcome to your mailbox"), "{mail}");
    assert!(lines.len() >= 7, "{lines:#?}");
    figure(
        "the README's lines on a cluster",
        format!("{:.1?}", begin.elapsed()),
    );
}

/// What is in one is not in the other, and helm finds this one.
fn assert_two_clusters(folder: &Path) {
    run(&mut within(
        folder,
        &["kubectl", "create", "namespace", "of-people"],
    ));
    let theirs = Sandbox::get().kubectl(["get", "namespaces"]);
    assert!(!theirs.contains("of-people"), "{theirs}");
    let helm = [
        "helm",
        "install",
        "mailaccess",
        "charts/mailaccess",
        "-n",
        "of-people",
    ];
    run(&mut within(folder, &helm));
    let crds = run(&mut within(folder, &["kubectl", "get", "crds"]));
    assert!(crds.contains("mailaccessservers.mailaccess.dev"), "{crds}");
    let releases = run(&mut within(folder, &["helm", "list", "-A", "--short"]));
    assert_eq!(releases, "mailaccess\n");
    // A command's end is that of `in`.
    let status = within(folder, &["sh", "-c", "exit 7"]).status().unwrap();
    assert_eq!(status.code(), Some(7));
}

#[test]
#[ignore = "needs root and Debian's packages: e2e/run"]
fn what_cannot_be_is_refused_with_what_to_do() {
    let folder = folder();
    let precious = folder.path().join("precious");
    fs::write(&precious, "mine").unwrap();
    let output = capture(script("up").arg(folder.path()));
    assert_refused(&output, "is no cluster's; name another folder");
    assert_eq!(fs::read_to_string(&precious).unwrap(), "mine");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let output = capture(&mut within(folder.path(), &["kubectl", "get", "nodes"]));
    assert_refused(&output, "e2e/cluster/up starts one");
    assert_refused(&capture(&mut within(folder.path(), &[])), "Usage: ");
    assert_refused(&capture(script("in").arg("--nonsense")), "see --help");
    assert_refused(&capture(script("in").arg("--folder")), "--folder needs");
    assert_refused(
        &capture(script("down").arg(folder.path())),
        "there is no cluster in",
    );

    let images = folder.path().join("images");
    fs::create_dir(&images).unwrap();
    let up = || {
        let mut up = script("up");
        up.arg("--images").arg(&images);
        up.arg(folder.path().join("c"));
        up
    };
    assert_refused(&capture(&mut up()), "has no *.tar");
    // What fails on the way is shown when it fails, and not when time is over.
    fs::write(images.join("broken.tar"), "no archive").unwrap();
    let _down = Down::at_the_end(&folder.path().join("c"));
    let begin = now();
    assert_refused(&capture(&mut up()), "the cluster did not come up");
    assert!(begin.elapsed() < LIMIT / 3, "{:?}", begin.elapsed());

    // The reason of a start that is refused is shown, and at once.
    let long = folder.path().join("x".repeat(60));
    let begin = now();
    let output = capture(script("up").arg(&long));
    assert!(begin.elapsed() < LIMIT / 3, "{:?}", begin.elapsed());
    assert_refused(&output, "has more than 62 characters");
    for name in ["up", "in", "down", "tools"] {
        let help = run(script(name).arg("--help"));
        assert!(
            help.starts_with("Usage: ") && help.contains("Examples:"),
            "{help}"
        );
    }
}
