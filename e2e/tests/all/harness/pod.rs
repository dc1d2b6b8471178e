//! `mailaccess serve` by itself, on documents that `local` has written before.

use super::{Imap, Ports, Process, Security, Service, binary, eventually};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::time::Duration;

/// A pod.
pub(crate) struct Pod {
    process: Process,
    ports: Ports,
}

impl Pod {
    /// Starts one and waits until it is ready. More arguments may be given.
    pub(crate) fn start(documents: &Path, volume: &Path, more: &[&str]) -> Self {
        let pod = Self::launch(documents, volume, more);
        pod.await_ready();
        pod
    }

    /// The same by a command of one's own, which runs the program in the end.
    pub(crate) fn start_by(
        command: &[String],
        documents: &Path,
        volume: &Path,
        more: &[&str],
    ) -> Self {
        let (program, before) = command.split_first().unwrap();
        let before: Vec<_> = before.iter().map(String::as_str).collect();
        let pod = Self::run(Path::new(program), &before, (documents, volume), more);
        pod.await_ready();
        pod
    }

    fn await_ready(&self) {
        eventually("the pod is ready", Duration::from_secs(30), || {
            assert!(self.process.runs(), "{}", self.process.said());
            self.is_ready().then_some(())
        });
    }

    /// Starts one that may never be ready.
    pub(crate) fn launch(documents: &Path, volume: &Path, more: &[&str]) -> Self {
        Self::run(&binary("mailaccess"), &[], (documents, volume), more)
    }

    fn run(
        program: &Path,
        before: &[&str],
        (documents, volume): (&Path, &Path),
        more: &[&str],
    ) -> Self {
        let ports = Ports::reserve();
        let offset = ports.0.to_string();
        let admin = ports.of(Service::Admin).to_string();
        let mut arguments = before.to_vec();
        arguments.extend([
            "serve",
            "--documents",
            documents.to_str().unwrap(),
            "--volume",
            volume.to_str().unwrap(),
            "--bind",
            "127.0.0.1",
            "--port-offset",
            &offset,
            "--admin-port",
            &admin,
            "--drain-delay",
            "0s",
            "--until-stdin-closes",
            "--log",
            "warn",
        ]);
        arguments.extend(more);
        let process = Process::start(program, arguments);
        Self { process, ports }
    }

    /// Whether it says that it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        get_if_there(self.ports, "/readyz").is_some_and(|answer| answer.contains(" 200 "))
    }

    /// Its own account of itself.
    pub(crate) fn status(&self) -> serde_json::Value {
        serde_json::from_str(&get(self.ports, "/status")).unwrap()
    }

    /// The sum of the figures whose line begins like this.
    pub(crate) fn figure(&self, begin: &str) -> f64 {
        sum(&get(self.ports, "/metrics"), begin)
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    pub(crate) fn ports(&self) -> Ports {
        self.ports
    }

    /// An IMAP session in the clear or under TLS, logged on.
    #[track_caller]
    pub(crate) fn imap(&self, name: &str, password: &str) -> Imap {
        let mut imap = Imap::connect(self.ports.of(Service::Imaps), Security::Tls).unwrap();
        imap.log_on(name, password);
        imap
    }
}

/// The sum of the figures of a text in the form of Prometheus whose line begins like this.
pub(crate) fn sum(metrics: &str, begin: &str) -> f64 {
    metrics
        .lines()
        .filter(|line| line.starts_with(begin))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// The body of an answer of the admin port.
#[track_caller]
pub(crate) fn get(ports: Ports, path: &str) -> String {
    let answer = get_if_there(ports, path).unwrap_or_else(|| panic!("{path} does not answer"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    body.to_owned()
}

fn get_if_there(ports: Ports, path: &str) -> Option<String> {
    let address = (Ipv4Addr::LOCALHOST, ports.of(Service::Admin));
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer.replacen("HTTP/1.0", "HTTP/1.1", 1))
}
