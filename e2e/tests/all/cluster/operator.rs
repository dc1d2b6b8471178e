//! The operator as a process beside the cluster: by kubeconfig, pods asked through the API server's proxy or
//! at their address. Quicker to start and to kill than a pod of it.

use super::rights::install_rights;
use super::sandbox::{Place, Sandbox};
use super::tenant::Tenant;
use crate::harness::{Process, binary, eventually, now, signal_to};
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// What it has begun is finished by then.
const STOP: Duration = Duration::from_secs(40);

/// Who has done nothing for so long has nothing to do.
const REST: Duration = Duration::from_secs(5);

/// A running operator.
pub(crate) struct Operator {
    sandbox: &'static Sandbox,
    process: Process,
    /// Of the operator itself, which is a child of what brought it into the sandbox.
    id: u32,
    port: u16,
}

impl Operator {
    /// Starts it for a namespace.
    #[track_caller]
    pub(crate) fn start(tenant: &Tenant) -> Self {
        Self::start_with(
            tenant,
            &tenant.sandbox.folder().join("admin.kubeconfig"),
            &[],
        )
    }

    /// Starts it with the account and the rights that the chart gives it; pods are asked at their addresses.
    #[track_caller]
    pub(crate) fn start_as_account(tenant: &Tenant) -> Self {
        install_rights(tenant);
        let account = format!(
            "/api/v1/namespaces/{}/serviceaccounts/mailaccess-operator/token",
            tenant.name
        );
        let asked = json!({"spec": {"expirationSeconds": 3600}});
        let answer = tenant.sandbox.request("POST", &account, Some(&asked));
        let folder = tenant.sandbox.folder();
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": {
                "server": "https://127.0.0.1:6443",
                "certificate-authority": folder.join("pki/ca.crt"),
            }}],
            "users": [{"name": "e2e", "user": {"token": answer["status"]["token"]}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e"}}],
            "current-context": "e2e",
        });
        let path = folder.join(format!("account-{}.kubeconfig", tenant.name));
        fs::write(&path, config.to_string()).unwrap();
        Self::start_with(tenant, &path, &["--pod-access", "direct"])
    }

    /// Waits until it has asked and written nothing for a while.
    #[track_caller]
    pub(crate) fn wait_for_rest(&self) {
        let mut before = 0.0;
        let mut since = now();
        eventually("the operator rests", REST * 10, || {
            let requests = self.metric("rest_client_requests_total", "");
            if requests > before {
                before = requests;
                since = now();
            }
            (since.elapsed() > REST).then_some(())
        });
    }

    /// Starts it with another kubeconfig and more arguments, and waits until it knows what there is.
    #[track_caller]
    pub(crate) fn start_with(tenant: &Tenant, kubeconfig: &Path, more: &[&str]) -> Self {
        let operator = Self::launch(tenant, kubeconfig, more);
        eventually("the operator is ready", Duration::from_secs(30), || {
            operator.is_ready().then_some(())
        });
        operator
    }

    /// Only starts it.
    #[track_caller]
    pub(crate) fn launch(tenant: &Tenant, kubeconfig: &Path, more: &[&str]) -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(18_000);
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        let sandbox = tenant.sandbox;
        let mut command = sandbox.command(Place::Node1, &binary("mailaccess-operator"));
        command
            .args(["run", "--namespace", &tenant.name, "--kubeconfig"])
            .arg(kubeconfig)
            .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
            .args(["--log", "info,mailaccess_operator=debug"])
            .args(more);
        let process = Process::spawn(&mut command);
        let limit = Duration::from_secs(10);
        let id = eventually("the operator is started", limit, || {
            process.children().first().copied()
        });
        Self {
            sandbox,
            process,
            id,
            port,
        }
    }

    /// Whether it knows what there is.
    pub(crate) fn is_ready(&self) -> bool {
        self.http("/readyz")
            .is_some_and(|said| said.contains(" 200 "))
    }

    /// What it says at a path, with the head.
    pub(crate) fn http(&self, path: &str) -> Option<String> {
        self.sandbox.within(Place::Node1, || {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
            stream
                .set_read_timeout(Some(Duration::from_secs(10)))
                .ok()?;
            write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
            let mut said = String::new();
            stream.read_to_string(&mut said).ok()?;
            Some(said)
        })
    }

    /// The sum of all series of a metric whose labels contain a text.
    pub(crate) fn metric(&self, name: &str, labels: &str) -> f64 {
        let said = self.http("/metrics").unwrap_or_default();
        said.lines()
            .filter(|line| line.starts_with(name) && line.contains(labels))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Requests that change something.
    pub(crate) fn writes(&self) -> f64 {
        ["POST", "PUT", "PATCH", "DELETE"]
            .map(|method| self.metric("rest_client_requests_total", &format!("\"{method}\"")))
            .iter()
            .sum()
    }

    /// The most memory that it ever had, in KiB.
    pub(crate) fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kib = line.unwrap().split_whitespace().nth(1).unwrap();
        kib.parse().unwrap()
    }

    /// Requests of one method, or of all.
    pub(crate) fn requests(&self, method: &str) -> f64 {
        self.metric("rest_client_requests_total", &format!("\"{method}"))
    }

    /// What it has logged.
    pub(crate) fn said(&self) -> String {
        self.process.said()
    }

    /// Asks it to end.
    pub(crate) fn ask_to_end(&self) {
        signal_to(self.id, Signal::TERM);
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.process.ended(STOP)
    }

    /// Asks it to end, and waits.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.ask_to_end();
        let status = self.ended();
        assert!(status.success(), "the operator ended with {status}");
    }

    /// Ends it wherever it is.
    #[track_caller]
    pub(crate) fn kill(mut self) {
        signal_to(self.id, Signal::KILL);
        self.ended();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // Its parent does not pass on a signal.
        if self.process.runs() {
            signal_to(self.id, Signal::KILL);
        }
    }
}
