//! A running pod: its process, its documents, its volume, and what its admin port says.

use crate::documents::{Documents, free_port};
use crate::wire::Client;
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take before a test fails. Nothing is waited for this long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A pod and its directories; ended when dropped.
pub(crate) struct Pod {
    pub(crate) documents: Documents,
    pub(crate) directory: TempDir,
    admin_port: u16,
    child: Child,
}

/// How a pod is started.
pub(crate) struct Start {
    pub(crate) arguments: Vec<String>,
    pub(crate) change: fn(&mut Documents),
}

impl Default for Start {
    fn default() -> Self {
        Self {
            arguments: vec!["--drain-delay".to_owned(), "0s".to_owned()],
            change: |_| {},
        }
    }
}

/// The binary.
pub(crate) fn mailaccess() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mailaccess"))
}

#[expect(clippy::disallowed_methods, reason = "a test that waits for a process")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Asks again until it is so.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Pod {
    /// A pod with demo mailboxes, ready.
    pub(crate) fn start() -> Self {
        Self::start_with(&Start::default())
    }

    pub(crate) fn start_with(start: &Start) -> Self {
        let pod = Self::start_unready(start);
        until("the pod is ready", || {
            let (code, _) = pod.get("/readyz")?;
            (code == 200).then_some(())
        });
        pod
    }

    /// A pod that is not waited for.
    pub(crate) fn start_unready(start: &Start) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let volume = directory.path().join("volume");
        let init = mailaccess()
            .arg("init")
            .arg(&volume)
            .arg("--demo")
            .output()
            .unwrap();
        assert!(init.status.success(), "{init:?}");
        let mount = directory.path().join("documents");
        fs::create_dir(&mount).unwrap();
        let mut documents = Documents::new(&mount);
        (start.change)(&mut documents);
        documents.publish();
        let admin_port = free_port();
        let log = fs::File::create(directory.path().join("log")).unwrap();
        let child = mailaccess()
            .arg("serve")
            .arg("--documents")
            .arg(&mount)
            .arg("--volume")
            .arg(&volume)
            .args(["--bind", "127.0.0.1", "--admin-port"])
            .arg(admin_port.to_string())
            .args(&start.arguments)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self {
            documents,
            directory,
            admin_port,
            child,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn admin_port(&self) -> u16 {
        self.admin_port
    }

    pub(crate) fn volume(&self) -> PathBuf {
        self.directory.path().join("volume")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap()
    }

    /// What the admin port answers; nothing while it does not.
    pub(crate) fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.admin_port)).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let code = head.split(' ').nth(1)?.parse().ok()?;
        Some((code, body.to_owned()))
    }

    pub(crate) fn status(&self) -> Value {
        let (code, body) = self.get("/status").unwrap();
        assert_eq!(code, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// A figure by its name and labels as they are printed.
    pub(crate) fn metric(&self, name: &str) -> i64 {
        let (_, text) = self.get("/metrics").unwrap();
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
            .unwrap_or(0)
    }

    pub(crate) fn imap(&self) -> Client {
        Client::connect(self.documents.imap_port())
    }

    pub(crate) fn pop(&self) -> Client {
        Client::connect(self.documents.pop_port())
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for the process to end.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        until("the process ended", || self.child.try_wait().unwrap())
    }

    /// KiB of a line in `/proc/PID/status`.
    pub(crate) fn memory_kib(&self, line: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let value = status.lines().find_map(|l| l.strip_prefix(line)).unwrap();
        let number: String = value.chars().filter(char::is_ascii_digit).collect();
        number.parse().unwrap()
    }

    /// Forgets the highest memory so far.
    pub(crate) fn reset_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.id()), "5").unwrap();
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of the pod\n{}", self.log());
        }
    }
}
