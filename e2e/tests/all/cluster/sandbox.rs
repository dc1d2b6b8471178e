//! The cluster, started once for all tests of this process. It ends with the process, however that ends.

use super::image;
use crate::harness::{checkout, eventually, figure, now, run};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Both nodes are Ready by then; the promise is printed and asserted.
const UP: Duration = Duration::from_secs(15);
/// On a machine that does other things, too.
const UP_AT_LAST: Duration = Duration::from_mins(2);

/// In whose network something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The first node's, where the API server is.
    Node1,
    /// Outside the cluster: 10.91.0.2.
    Client,
}

/// A running cluster.
pub(crate) struct Sandbox {
    folder: TempDir,
    init: u32,
    /// Its standard input keeps the cluster alive.
    _start: Child,
    /// Passes requests on to the API server.
    _proxy: Child,
    bin: PathBuf,
}

impl Sandbox {
    /// The cluster of this process.
    pub(crate) fn get() -> &'static Self {
        static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
        SANDBOX.get_or_init(Self::start)
    }

    fn start() -> Self {
        let tools = checkout().join("e2e/cluster/tools");
        let bin = PathBuf::from(run(&mut Command::new(&tools)).trim()).join("bin");
        let images = image::archives();
        let folder = tempfile::Builder::new()
            .prefix("mailaccess-c-")
            .tempdir_in("/tmp")
            .unwrap();
        let begin = now();
        let start = Command::new(checkout().join("e2e/cluster/sandbox/start"))
            .arg(folder.path())
            .env("MAILACCESS_E2E_IMAGES", images)
            .stdin(Stdio::piped())
            .stdout(File::create(folder.path().join("start.log")).unwrap())
            .stderr(File::create(folder.path().join("start.err")).unwrap())
            .spawn()
            .unwrap();
        eventually("both nodes are Ready", UP_AT_LAST, || {
            assert!(
                !folder.path().join("failed").exists(),
                "the cluster failed to start:\n{}",
                logs(folder.path())
            );
            folder.path().join("ready").exists().then_some(())
        });
        let took = begin.elapsed();
        figure("two nodes Ready after", format!("{took:?}"));
        assert!(took < UP, "two nodes Ready only after {took:?}");
        let init = fs::read_to_string(folder.path().join("init.pid")).unwrap();
        let init = init.trim().parse().unwrap();
        let proxy = enter(init, Place::Node1, &bin.join("kubectl"))
            .arg("--kubeconfig")
            .arg(folder.path().join("admin.kubeconfig"))
            .args(["proxy", "--port=8001"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sandbox = Self {
            folder,
            init,
            _start: start,
            _proxy: proxy,
            bin,
        };
        eventually("the API server is reached", Duration::from_secs(20), || {
            sandbox.try_request("GET", "/readyz", None).ok()
        });
        sandbox.install_crds();
        sandbox
    }

    fn install_crds(&self) {
        for file in ["mailaccessservers", "casmailboxes", "certificatebindings"] {
            let file = checkout().join(format!("crds/{file}.yaml"));
            self.kubectl(["apply", "--server-side", "-f", &file.to_string_lossy()]);
        }
        let crds = ["mailaccessservers", "casmailboxes", "certificatebindings"]
            .map(|name| format!("crd/{name}.mailaccess.dev"));
        let mut arguments = vec!["wait", "--for=condition=Established", "--timeout=30s"];
        arguments.extend(crds.iter().map(String::as_str));
        self.kubectl(arguments);
    }

    /// Where tools lie that are built once.
    pub(crate) fn cache(&self) -> &Path {
        // CACHE/cluster-HASH/bin
        self.bin.ancestors().nth(2).unwrap()
    }

    /// The folder with logs and kubeconfigs.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command in the network, among the processes and with the mounts of the cluster.
    pub(crate) fn command(&self, place: Place, program: &Path) -> Command {
        enter(self.init, place, program)
    }

    /// Runs kubectl to its end; fails the test when it fails.
    #[track_caller]
    pub(crate) fn kubectl<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> String {
        run(&mut self.kubectl_command(arguments))
    }

    /// kubectl as the administrator, to be run with more.
    pub(crate) fn kubectl_command<'a>(
        &self,
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Command {
        let mut command = self.command(Place::Node1, &self.bin.join("kubectl"));
        command
            .arg("--kubeconfig")
            .arg(self.folder().join("admin.kubeconfig"))
            .args(arguments);
        command
    }

    /// Runs something on a thread in another network. Sockets that it opens belong there for good.
    #[track_caller]
    pub(crate) fn within<T: Send>(&self, place: Place, act: impl FnOnce() -> T + Send) -> T {
        let network = File::open(match place {
            Place::Node1 => format!("/proc/{}/ns/net", self.init),
            Place::Client => format!("/proc/{}/root/run/netns/client", self.init),
        })
        .unwrap();
        let result = thread::scope(|scope| {
            scope
                .spawn(|| {
                    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))
                        .unwrap();
                    act()
                })
                .join()
        });
        match result {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// With `nsenter`, since the cluster's processes and mounts are its own.
fn enter(init: u32, place: Place, program: &Path) -> Command {
    let mut command = Command::new("nsenter");
    command.args(["-t", &init.to_string(), "-m", "-n", "-p"]);
    command
        .arg(format!("--wdns={}", checkout().display()))
        .arg("--");
    if place == Place::Client {
        command.args(["nsenter", "--net=/run/netns/client"]);
    }
    command.arg(program);
    command
}

fn logs(folder: &Path) -> String {
    let log = fs::read_to_string(folder.join("log/sandbox")).unwrap_or_default();
    let errors = fs::read_to_string(folder.join("start.err")).unwrap_or_default();
    format!("{log}\n{errors}")
}
