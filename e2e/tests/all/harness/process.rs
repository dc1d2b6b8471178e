//! Processes of the tests: found beside the test binary, watched while they run, ended with the test.

use super::eventually;
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The root of the checkout.
pub(crate) fn checkout() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// One of the product's binaries, which `e2e/run build` has built.
pub(crate) fn binary(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let path = deps.parent().unwrap().parent().unwrap().join(name);
    assert!(
        path.is_file(),
        "{} is not built: cargo build --workspace --bins",
        path.display()
    );
    path
}

/// Runs a program to its end and gives what it printed; fails the test when it fails.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = capture(command);
    assert!(
        output.status.success(),
        "{command:?} ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a program to its end.
#[track_caller]
pub(crate) fn capture(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// A process that runs until its test ends. It ends when its standard input closes, so also when the test
/// is killed.
pub(crate) struct Process {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Process {
    /// Starts a program.
    pub(crate) fn start(program: &Path, arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> Self {
        Self::spawn(Command::new(program).args(arguments))
    }

    /// Starts it in a folder.
    pub(crate) fn start_in(
        folder: &Path,
        program: &Path,
        arguments: impl IntoIterator<Item: AsRef<OsStr>>,
    ) -> Self {
        Self::spawn(Command::new(program).args(arguments).current_dir(folder))
    }

    /// Starts a command.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let said = Arc::new(Mutex::new(String::new()));
        listen(child.stdout.take().unwrap(), &said);
        listen(child.stderr.take().unwrap(), &said);
        Self { child, said }
    }

    /// Everything that it has printed, errors too.
    pub(crate) fn said(&self) -> String {
        self.said
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits until it prints something.
    #[track_caller]
    pub(crate) fn expect(&self, text: &str, limit: Duration) {
        self.expect_after(0, text, limit);
    }

    /// Waits until it prints something after so many bytes.
    #[track_caller]
    pub(crate) fn expect_after(&self, from: usize, text: &str, limit: Duration) {
        eventually(&format!("{text:?} is printed"), limit, || {
            let said = self.said();
            let found = said.get(from..).is_some_and(|said| said.contains(text));
            found.then_some(()).or_else(|| {
                // A process that is gone will not say it any more.
                assert!(self.runs(), "it ended and never said {text:?}:\n{said}");
                None
            })
        });
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is there and not waiting to be buried.
    pub(crate) fn runs(&self) -> bool {
        fs::read_to_string(format!("/proc/{}/stat", self.id()))
            .is_ok_and(|stat| !stat.rsplit(')').next().unwrap().trim().starts_with('Z'))
    }

    /// Its children.
    pub(crate) fn children(&self) -> Vec<u32> {
        fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.id()))
            .unwrap_or_default()
            .split_whitespace()
            .filter_map(|id| id.parse().ok())
            .collect()
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        signal_to(self.id(), signal);
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(&mut self, limit: Duration) -> ExitStatus {
        eventually("the process ends", limit, || self.child.try_wait().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.try_wait().map(|ended| {
            if ended.is_none() {
                self.signal(Signal::TERM);
            }
        });
        for _ in 0..150 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprint_said(&self.said());
        }
    }
}

/// Sends a signal to a process by its id.
pub(crate) fn signal_to(id: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// The last of what a process said, where its test failed.
fn eprint_said(said: &str) {
    let lines: Vec<_> = said.lines().collect();
    for line in &lines[lines.len().saturating_sub(60)..] {
        eprintln!("  | {line}");
    }
}

fn listen(pipe: impl Read + Send + 'static, said: &Arc<Mutex<String>>) {
    let said = Arc::clone(said);
    thread::spawn(move || {
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::new();
        while matches!(lines.read_until(b'\n', &mut line), Ok(more) if more > 0) {
            said.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
}
