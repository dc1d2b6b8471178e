//! The binary itself: exit codes, what goes to which stream, and how it ends.

use crate::cluster::{SERVER, USERS, yaml};
use crate::local::{Setting, process_is_gone};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mailaccess-operator"))
}

fn render(golden: &str) -> Output {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(golden);
    command().arg("render").arg(directory).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn render_prints_objects_alone_to_standard_output() {
    let output = render("everything");
    assert!(output.status.success());
    assert!(text(&output.stdout).starts_with("---\napiVersion: v1\n"));
    assert!(text(&output.stderr).starts_with("skipped: "));
}

#[test]
fn render_of_faulty_files_prints_every_error_and_nothing_else() {
    let output = render("refused");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let errors = text(&output.stderr);
    for part in [
        "broken.yaml:3",
        "mail.yaml:8",
        "mail.yaml:23",
        "mail.yaml:32",
    ] {
        assert!(errors.contains(part), "{part} is not in {errors}");
    }
}

/// `hash-password` with this on its standard input.
fn hash_password(stdin: &[u8]) -> Output {
    let mut child = command()
        .args(["hash-password", "Ann@example.com"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn hash_password_refuses_what_nobody_could_log_on_with() {
    let long = "x".repeat(513);
    for (stdin, said) in [
        ("\n", "the password is empty"),
        ("a\0b\n", "the password holds a NUL"),
        (&long, "the password is longer than 512 bytes"),
    ] {
        let output = hash_password(stdin.as_bytes());
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(text(&output.stdout), "");
        let errors = text(&output.stderr);
        assert!(errors.contains(said), "{errors}");
        assert!(!errors.contains("xxx") && !errors.contains('\0'), "quoted");
    }
}

#[test]
fn hash_password_reads_a_pipe() {
    let output = hash_password(b"hunter2\r\nnot this\n");
    assert!(output.status.success());
    let line = text(&output.stdout);
    let (address, hash) = line.trim_end().split_once(':').unwrap();
    assert_eq!(address, "ann@example.com");
    let hash: mailaccess_config::PasswordHash = hash.parse().unwrap();
    assert!(hash.verify(b"hunter2"));
}

/// A running `local`; what it prints has to go somewhere.
struct Running {
    child: Child,
    _stdout: BufReader<ChildStdout>,
}

/// Starts `local` and waits until it serves.
fn start(setting: &Setting) -> Running {
    setting.write(&yaml(&[SERVER, USERS]));
    let path = |name: &str| setting.folder.path().join(name);
    let mut child = command()
        .arg("local")
        .arg(path("files"))
        .arg("--data")
        .arg(path("data"))
        .arg("--mailaccess")
        .arg(path("mailaccess"))
        .args(["--port-offset", &setting.port_offset.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let served = stdout
        .by_ref()
        .lines()
        .map_while(Result::ok)
        .any(|line| line == "Ctrl-C ends it.");
    assert!(served, "it ended before it served");
    Running {
        child,
        _stdout: stdout,
    }
}

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "measures that ending is bounded")]
fn ends(child: &mut Child) -> (ExitStatus, Duration) {
    let begin = Instant::now();
    let status = child.wait().unwrap();
    (status, begin.elapsed())
}

#[expect(clippy::disallowed_methods, reason = "waits, with a limit")]
fn wait_until_gone(pid: &str) {
    let begin = Instant::now();
    while !process_is_gone(pid) {
        assert!(begin.elapsed() < LIMIT, "the pod outlived its operator");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn ctrl_c_ends_everything_within_two_seconds_also_if_the_pod_hangs() {
    for signal in [Signal::INT, Signal::TERM] {
        let setting = Setting::new("trap '' TERM; exec tail -f /dev/null");
        let Running { mut child, _stdout } = start(&setting);
        send(&child, signal);
        let (status, took) = ends(&mut child);
        assert!(status.success(), "{status}");
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert!(process_is_gone(&setting.pid()));
    }
}

#[test]
fn a_pod_that_obeys_ends_at_once() {
    let setting = Setting::new("exec cat");
    let Running { mut child, _stdout } = start(&setting);
    send(&child, Signal::TERM);
    let (status, took) = ends(&mut child);
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert!(process_is_gone(&setting.pid()));
}

#[test]
fn a_killed_operator_takes_its_pod_along() {
    let setting = Setting::new("exec cat");
    let Running { mut child, _stdout } = start(&setting);
    send(&child, Signal::KILL);
    child.wait().unwrap();
    wait_until_gone(&setting.pid());
}

#[test]
fn a_pod_that_dies_makes_the_exit_code_one() {
    let setting = Setting::new("exec cat");
    let Running { mut child, _stdout } = start(&setting);
    let pid = Pid::from_raw(setting.pid().trim().parse().unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
}
