//! `mailaccess-operator local` on a copy of example files.

use super::{Imap, Maildir, Pop3, Ports, Process, Security, Service, binary, checkout};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a start may take, on a busy machine.
const START: Duration = Duration::from_secs(30);

/// A running `local`.
pub(crate) struct Local {
    // Dropped first: it writes into the folders.
    process: Process,
    ports: Ports,
    folder: tempfile::TempDir,
}

impl Local {
    /// Serves a copy of one of `crds/examples`.
    pub(crate) fn start(example: &str) -> Self {
        Self::start_with(example, "warn", |_| {})
    }

    /// The same, with the copy changed before, and another log filter.
    pub(crate) fn start_with(example: &str, log: &str, prepare: impl FnOnce(&Path)) -> Self {
        let local = Self::launch(example, log, prepare);
        local.process.expect("Ctrl-C ends it.", START);
        local
    }

    /// Starts without waiting until anything is served.
    pub(crate) fn launch(example: &str, log: &str, prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("mailaccess-e2e-")
            .tempdir()
            .unwrap();
        let files = folder.path().join("files");
        fs::create_dir(&files).unwrap();
        for entry in fs::read_dir(checkout().join("crds/examples").join(example)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, files.join(path.file_name().unwrap())).unwrap();
        }
        prepare(&files);
        let ports = Ports::reserve();
        let process = Process::start(
            &binary("mailaccess-operator"),
            [
                "local",
                files.to_str().unwrap(),
                "--data",
                folder.path().join("data").to_str().unwrap(),
                "--bind",
                "127.0.0.1",
                "--port-offset",
                &ports.0.to_string(),
                "--log",
                log,
            ],
        );
        Self {
            process,
            ports,
            folder,
        }
    }

    /// As a newcomer starts it: without files of one's own, here from a folder where none are.
    pub(crate) fn newcomer() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("mailaccess-e2e-")
            .tempdir()
            .unwrap();
        let ports = Ports::reserve();
        let offset = ports.0.to_string();
        let process = Process::start_in(
            folder.path(),
            &binary("mailaccess-operator"),
            ["local", "--data", "data", "--port-offset", &offset],
        );
        process.expect("Ctrl-C ends it.", START);
        Self {
            process,
            ports,
            folder,
        }
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    pub(crate) fn ports(&self) -> Ports {
        self.ports
    }

    /// The copied file of this name.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("files").join(name)
    }

    /// What was given as `--data`.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Edits a file as an editor does.
    #[track_caller]
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.file(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// The Maildir of a person.
    pub(crate) fn maildir(&self, address: &str) -> Maildir {
        let (local, domain) = address.split_once('@').unwrap();
        let path = self.data().join("mail").join(domain).join(local);
        Maildir(path.join("Maildir"))
    }

    /// The process that serves.
    #[track_caller]
    pub(crate) fn pod(&self) -> u32 {
        let children = self.process.children();
        assert_eq!(children.len(), 1, "one pod: {children:?}");
        children[0]
    }

    /// An IMAP session under TLS.
    #[track_caller]
    pub(crate) fn imap(&self, name: &str, password: &str) -> Imap {
        let mut imap = Imap::connect(self.ports.of(Service::Imaps), Security::Tls).unwrap();
        imap.log_on(name, password);
        imap
    }

    /// A POP3 session under TLS.
    #[track_caller]
    pub(crate) fn pop3(&self, name: &str, password: &str) -> Pop3 {
        let mut pop3 = Pop3::connect(self.ports.of(Service::Pop3s), Security::Tls).unwrap();
        pop3.log_on(name, password).unwrap();
        pop3
    }

    /// The sum of the figures whose line begins like this: of the pod's, and of those of `local` itself.
    pub(crate) fn figure(&self, begin: &str) -> f64 {
        let own = fs::read_to_string(self.data().join("operator.prom")).unwrap();
        let pods = super::pod::get(self.ports, "/metrics");
        super::pod::sum(&own, begin) + super::pod::sum(&pods, begin)
    }
}
