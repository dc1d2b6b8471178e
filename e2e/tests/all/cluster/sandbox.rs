//! The cluster, started once for all tests of this process. It ends with the process, however that ends.

use super::image;
use crate::harness::{checkout, eventually, figure, now, run};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tempfile::TempDir;

/// The goal is 15 s, on a machine that does nothing else; what it took is printed, and this fails the test.
const UP: Duration = Duration::from_mins(1);

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
    start: Mutex<Child>,
    /// Passes requests on to the API server.
    proxy: Mutex<Child>,
    bin: PathBuf,
}

/// A cluster for one test, which may break it: it ends with the test.
pub(crate) struct Own(&'static Sandbox);

impl Own {
    /// With nothing of ours in it.
    pub(crate) fn empty() -> Self {
        // What runs on other threads holds on to it as it does to the common one.
        Self(Box::leak(Box::new(Sandbox::start())))
    }

    /// With the definitions of our resources.
    pub(crate) fn with_definitions() -> Self {
        let own = Self::empty();
        own.0.install_crds();
        own
    }

    pub(crate) fn sandbox(&self) -> &'static Sandbox {
        self.0
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let begin = now();
        let mut start = self.0.start.lock().unwrap();
        drop(start.stdin.take());
        let ended = start.wait();
        let _ = self.0.proxy.lock().unwrap().wait();
        figure("cluster gone after", format!("{:?}", begin.elapsed()));
        assert!(thread::panicking() || ended.is_ok(), "{ended:?}");
    }
}

impl Sandbox {
    /// The cluster of this process.
    pub(crate) fn get() -> &'static Self {
        static SANDBOX: OnceLock<Sandbox> = OnceLock::new();
        SANDBOX.get_or_init(|| {
            let sandbox = Self::start();
            sandbox.install_crds();
            sandbox
        })
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
        let mut start = Command::new(checkout().join("e2e/cluster/sandbox/start"))
            .arg(folder.path())
            .env("MAILACCESS_E2E_IMAGES", images)
            .stdin(Stdio::piped())
            .stdout(File::create(folder.path().join("start.log")).unwrap())
            .stderr(File::create(folder.path().join("start.err")).unwrap())
            .spawn()
            .unwrap();
        eventually("both nodes are Ready", UP, || {
            let failed = folder.path().join("failed").exists()
                || start.try_wait().is_ok_and(|ended| ended.is_some());
            // A little earlier than whoever waits would say only that it took too long.
            let is_late = begin.elapsed() + Duration::from_secs(2) > UP;
            assert!(
                !failed && !is_late,
                "the cluster did not start:\n{}",
                logs(folder.path())
            );
            folder.path().join("ready").exists().then_some(())
        });
        figure("two nodes Ready after", format!("{:?}", begin.elapsed()));
        let init = fs::read_to_string(folder.path().join("init.pid")).unwrap();
        let init = init.trim().parse().unwrap();
        let proxy = enter(init, Place::Node1, &bin.join("kubectl"))
            .arg("--kubeconfig")
            .arg(folder.path().join("admin.kubeconfig"))
            .args(["proxy", "--port=8001", "--disable-filter"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sandbox = Self {
            folder,
            init,
            start: Mutex::new(start),
            proxy: Mutex::new(proxy),
            bin,
        };
        eventually("the API server is reached", Duration::from_secs(20), || {
            sandbox.try_request("GET", "/readyz", None).ok()
        });
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

    /// A program of the cluster's tools, as the administrator.
    pub(crate) fn tool(&self, name: &str) -> Command {
        let mut command = self.command(Place::Node1, &self.bin.join(name));
        command.env("KUBECONFIG", self.folder().join("admin.kubeconfig"));
        command
    }

    /// A script of the sandbox, with its arguments after the folder.
    #[track_caller]
    pub(crate) fn script<'a>(&self, name: &str, arguments: impl IntoIterator<Item = &'a str>) {
        let script = checkout().join("e2e/cluster/sandbox").join(name);
        let mut command = self.command(Place::Node1, &script);
        run(command.arg(self.folder()).args(arguments));
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

    /// The first process in it.
    pub(crate) fn init(&self) -> u32 {
        self.init
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
        let mut command = self.tool("kubectl");
        command.args(arguments);
        command
    }

    /// Runs something on a thread in another network. Sockets that it opens belong there for good.
    #[track_caller]
    pub(crate) fn within<T: Send>(&self, place: Place, act: impl FnOnce() -> T + Send) -> T {
        let result = thread::scope(|scope| {
            let thread = scope.spawn(|| {
                self.move_into(place);
                act()
            });
            thread.join()
        });
        match result {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

impl Sandbox {
    /// The same beside the test. Threads that it starts are in that network, too.
    pub(crate) fn spawn<T: Send + 'static>(
        &'static self,
        place: Place,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        thread::spawn(move || {
            self.move_into(place);
            act()
        })
    }

    fn move_into(&self, place: Place) {
        let network = File::open(match place {
            Place::Node1 => format!("/proc/{}/ns/net", self.init),
            Place::Client => format!("/proc/{}/root/run/netns/client", self.init),
        })
        .unwrap();
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
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

/// How far the sandbox came, and the ends of what everything in it said.
fn logs(folder: &Path) -> String {
    let mut all = fs::read_to_string(folder.join("start.err")).unwrap_or_default();
    let log = fs::read_dir(folder.join("log")).into_iter().flatten();
    let nodes = ["node1", "node2"].map(|node| fs::read_dir(folder.join(node)));
    let nodes = nodes.into_iter().flatten().flatten();
    for entry in log.chain(nodes).flatten() {
        let Ok(text) = fs::read_to_string(entry.path()) else {
            continue;
        };
        let lines: Vec<&str> = text.lines().collect();
        let end = lines[lines.len().saturating_sub(12)..].join("\n  ");
        let _ = write!(all, "{}\n  {end}\n", entry.path().display());
    }
    all
}
