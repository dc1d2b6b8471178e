//! The pod: the `mailaccess` binary as a child process. It ends when this process does, however that ends:
//! its standard input is a pipe that closes then.

use super::port_offset::PortOffset;
use mailaccess_config::{MailboxAddress, PathTemplate};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

/// The name of the binary, which lies beside the operator's.
const BINARY: &str = "mailaccess";
/// How long the pod has to say goodbye to its clients before it is killed. Everything ends in two seconds.
const GRACE: Duration = Duration::from_millis(1200);

/// A running pod.
#[derive(Debug)]
pub struct Pod {
    child: Child,
    /// Closing it ends the pod.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "held, and closed by being dropped")
    )]
    alive: Option<ChildStdin>,
}

/// What a pod is started with.
#[derive(Debug, Clone)]
pub struct PodArguments {
    /// The mounted documents.
    pub documents: PathBuf,
    /// The mail.
    pub volume: PathBuf,
    /// The address to listen on.
    pub bind: std::net::IpAddr,
    /// Added to each port.
    pub port_offset: PortOffset,
    /// What it logs.
    pub log: String,
}

/// The `mailaccess` binary beside this one.
pub fn binary() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(BINARY);
    if path.is_file() {
        return Ok(path);
    }
    let message = format!(
        "{} is not there: build it too, with `cargo build -p mailaccess`",
        path.display()
    );
    Err(io::Error::new(io::ErrorKind::NotFound, message))
}

impl Pod {
    /// Starts it.
    pub fn start(binary: &Path, arguments: &PodArguments) -> io::Result<Self> {
        let mut child = Command::new(binary)
            .args(command_line(arguments))
            .stdin(Stdio::piped())
            // Ctrl-C reaches the operator alone, which then ends the pod in its own order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let alive = child.stdin.take();
        Ok(Self { child, alive })
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks it to end, and ends it when it does not.
    pub async fn stop(mut self) -> io::Result<ExitStatus> {
        let pid = self
            .child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(pid) = pid {
            // It may have ended by itself in this moment.
            let _ = kill_process(pid, Signal::TERM);
        }
        if let Ok(status) = timeout(GRACE, self.child.wait()).await {
            return status;
        }
        tracing::warn!("the pod did not end in time and is killed");
        self.child.kill().await?;
        self.child.wait().await
    }
}

fn command_line(arguments: &PodArguments) -> Vec<OsString> {
    vec![
        "serve".into(),
        "--documents".into(),
        arguments.documents.clone().into(),
        "--volume".into(),
        arguments.volume.clone().into(),
        "--bind".into(),
        arguments.bind.to_string().into(),
        "--port-offset".into(),
        arguments.port_offset.to_string().into(),
        "--admin-port".into(),
        arguments.port_offset.admin_port().to_string().into(),
        "--drain-delay".into(),
        "0s".into(),
        "--log".into(),
        arguments.log.clone().into(),
        "--until-stdin-closes".into(),
    ]
}

/// What there has to be on the mail volume.
#[derive(Debug)]
pub struct Mailboxes<'a> {
    /// The root of the volume.
    pub volume: &'a Path,
    /// Where a mailbox lies below it.
    pub path: &'a PathTemplate,
    /// Whose mailboxes.
    pub people: &'a [MailboxAddress],
}

/// Makes the volume and mailboxes that are not there, with demo messages if the volume is new. What is
/// there is not touched, and what cannot be made keeps nothing else from being made.
pub async fn init(binary: &Path, mailboxes: &Mailboxes<'_>) -> io::Result<()> {
    let mut command = Command::new(binary);
    command.arg("init").arg(mailboxes.volume);
    command.arg("--path").arg(mailboxes.path.as_str());
    for address in mailboxes.people {
        command.arg("--user").arg(address.as_str());
    }
    // Without people it would be for those of the quickstart.
    if !mailboxes.people.is_empty() && !mailboxes.volume.join("mailaccess.volume").exists() {
        command.arg("--demo");
    }
    let output = command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let message = match said.trim() {
        "" => format!("`mailaccess init` ended with {}", output.status),
        said => said.replace("error: ", ""),
    };
    Err(io::Error::other(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Instant;

    fn arguments() -> PodArguments {
        PodArguments {
            documents: "/nowhere".into(),
            volume: "/nowhere".into(),
            bind: Ipv4Addr::LOCALHOST.into(),
            port_offset: PortOffset::new(1000).unwrap(),
            log: "warn".to_owned(),
        }
    }

    fn script(directory: &Path, text: &str) -> PathBuf {
        let path = directory.join("pod");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    #[tokio::test]
    #[expect(
        clippy::disallowed_methods,
        reason = "measures that stopping is bounded"
    )]
    async fn a_pod_that_hangs_is_ended_within_two_seconds() {
        let directory = tempfile::tempdir().unwrap();
        let ready = directory.path().join("ready");
        let text = format!("trap '' TERM\ntouch {}\nread line", ready.display());
        let pod = Pod::start(&script(directory.path(), &text), &arguments()).unwrap();
        while !ready.exists() {
            tokio::task::yield_now().await;
        }
        let begin = Instant::now();
        let status = pod.stop().await.unwrap();
        assert!(!status.success());
        assert!(begin.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test]
    async fn a_pod_is_told_where_its_documents_are_and_to_end_with_us() {
        let directory = tempfile::tempdir().unwrap();
        let said = directory.path().join("said");
        let text = format!("echo \"$@\" > {}", said.display());
        let mut pod = Pod::start(&script(directory.path(), &text), &arguments()).unwrap();
        assert!(pod.ended().await.unwrap().success());
        assert_eq!(
            std::fs::read_to_string(said).unwrap(),
            "serve --documents /nowhere --volume /nowhere --bind 127.0.0.1 --port-offset 1000 \
             --admin-port 10143 --drain-delay 0s --log warn --until-stdin-closes\n"
        );
    }

    #[tokio::test]
    async fn a_pod_sees_the_end_of_its_operator() {
        let directory = tempfile::tempdir().unwrap();
        let text = "while read line; do :; done; exit 7";
        let mut pod = Pod::start(&script(directory.path(), text), &arguments()).unwrap();
        drop(pod.alive.take());
        assert_eq!(pod.ended().await.unwrap().code(), Some(7));
    }
}
