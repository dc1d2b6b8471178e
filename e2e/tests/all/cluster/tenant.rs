//! A namespace of a test with a volume that both nodes see and the quickstart's objects in it.

use super::image::IMAGE;
use super::kstatus;
use super::sandbox::{Place, Sandbox};
use super::states::States;
use crate::harness::{Imap, Security, checkout, eventually, measure};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// What takes seconds may take longer beside other tests.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);
/// Where our resources are.
const OURS: &str = "/apis/mailaccess.dev/v1alpha1/namespaces";

/// A namespace; it goes with the test, which fails if kstatus misreads any state of an object of ours.
pub(crate) struct Tenant {
    pub(crate) sandbox: &'static Sandbox,
    pub(crate) name: String,
    /// What the test's objects pass through, to be judged at its end.
    pub(super) states: States,
}

impl Tenant {
    /// A new namespace that enforces the restricted standard.
    pub(crate) fn new(prefix: &str) -> Self {
        Self::inside(Sandbox::get(), prefix)
    }

    /// The same in another cluster.
    pub(crate) fn inside(sandbox: &'static Sandbox, prefix: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let labels = json!({"pod-security.kubernetes.io/enforce": "restricted"});
        let body = json!({"metadata": {"name": name, "labels": labels}});
        sandbox.request("POST", "/api/v1/namespaces", Some(&body));
        let states = States::watch(sandbox, &name);
        Self {
            sandbox,
            name,
            states,
        }
    }

    /// The folder behind the volume.
    pub(crate) fn volume(&self) -> PathBuf {
        self.sandbox.folder().join(format!("volume-{}", self.name))
    }

    /// A volume for the claim of this name, on a folder that both nodes see.
    pub(crate) fn add_volume(&self, claim: &str) {
        let folder = self.volume();
        fs::create_dir_all(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let nodes = json!({"key": "kubernetes.io/hostname", "operator": "In", "values": ["node1", "node2"]});
        let body = json!({
            "metadata": {"name": self.name},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
                "storageClassName": "",
                "claimRef": {"namespace": self.name, "name": claim},
                "local": {"path": folder},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [nodes]}]}},
            },
        });
        self.sandbox
            .request("POST", "/api/v1/persistentvolumes", Some(&body));
    }

    /// Applies YAML in this namespace, as kubectl does, with strict validation.
    #[track_caller]
    pub(crate) fn apply(&self, yaml: &str) {
        let mut child = self
            .sandbox
            .kubectl_command(["-n", &self.name, "apply", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(yaml.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{yaml}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// The quickstart as it lies in the repository, with a volume, the image of the tests, and so many pods.
    pub(crate) fn quickstart(&self, replicas: u32) {
        self.quickstart_but_the_server();
        self.apply_server(replicas);
    }

    /// The same without the server, on a volume that is ready for it.
    pub(crate) fn quickstart_but_the_server(&self) {
        self.add_volume("mail");
        self.apply_people();
        self.apply_job();
        // A kubelet gives a local volume to the Job's group only while no pod without one has mounted it.
        let path = format!("/apis/batch/v1/namespaces/{}/jobs/mail-init", self.name);
        eventually("the volume is prepared", LIMIT, || {
            let job = self.sandbox.request("GET", &path, None);
            (job["status"]["succeeded"] == 1).then_some(())
        });
    }

    /// The users, their rights, and the claim.
    pub(crate) fn apply_people(&self) {
        for file in [
            "users.yaml",
            "casmailboxes.yaml",
            "persistentvolumeclaim.yaml",
        ] {
            self.apply(&quickstart_file(file));
        }
    }

    /// All of it with an image that is nowhere, so that nothing but the operator moves.
    pub(crate) fn apply_without_pods(&self) {
        for file in ["users.yaml", "casmailboxes.yaml", "mailaccessserver.yaml"] {
            let image =
                "  replicas: 1\n  image:\n    reference: localhost/none:1\n    pullPolicy: Never\n";
            self.apply(&quickstart_file(file).replace("  replicas: 1\n", image));
        }
    }

    /// What prepares the volume.
    pub(crate) fn apply_job(&self) {
        self.apply(&with_test_image(&quickstart_file("init.yaml")));
    }

    /// The server with so many pods.
    pub(crate) fn apply_server(&self, replicas: u32) {
        let text = quickstart_file("mailaccessserver.yaml");
        let image = format!(
            "  replicas: {replicas}\n  image:\n    reference: {IMAGE}\n    pullPolicy: Never\n"
        );
        let with_image = text.replace("  replicas: 1\n", &image);
        assert_ne!(text, with_image, "the quickstart has one replica");
        self.apply(&with_image);
    }

    /// Merges a patch into one of our objects; gives it as it is then.
    #[track_caller]
    pub(crate) fn patch(&self, plural: &str, name: &str, change: &Value) -> Value {
        let path = format!("{OURS}/{}/{plural}/{name}", self.name);
        self.sandbox.request("PATCH", &path, Some(change))
    }

    /// Merges a patch into a Secret.
    #[track_caller]
    pub(crate) fn patch_secret(&self, name: &str, change: &Value) {
        let path = format!("/api/v1/namespaces/{}/secrets/{name}", self.name);
        self.sandbox.request("PATCH", &path, Some(change));
    }

    /// One of our objects.
    pub(crate) fn get(&self, plural: &str, name: &str) -> Option<Value> {
        let path = format!("{OURS}/{}/{plural}/{name}", self.name);
        self.sandbox.try_request("GET", &path, None).ok()
    }

    /// An object of the core group.
    pub(crate) fn core(&self, plural: &str, name: &str) -> Option<Value> {
        let path = format!("/api/v1/namespaces/{}/{plural}/{name}", self.name);
        self.sandbox.try_request("GET", &path, None).ok()
    }

    /// Waits until a condition of one of our objects has this status for its current generation.
    #[track_caller]
    pub(crate) fn wait_for(
        &self,
        plural: &str,
        name: &str,
        condition: &str,
        status: &str,
    ) -> Value {
        let mut last = Value::Null;
        eventually(
            &format!("{plural}/{name} {condition}={status}"),
            LIMIT,
            || {
                let object = self.get(plural, name)?;
                let is_so = has_condition(&object, condition, status);
                if last != object["status"] {
                    last = object["status"].clone();
                    eprintln!("{plural}/{name}: {}", brief(&last));
                }
                is_so.then_some(object)
            },
        )
    }

    /// Waits until every pod serves what was applied; gives their addresses.
    #[track_caller]
    pub(crate) fn wait_until_served(&self) -> Vec<IpAddr> {
        self.wait_for("mailaccessservers", "mail", "Ready", "True");
        self.wait_for("casmailboxes", "ann", "Ready", "True");
        self.pods()
            .into_iter()
            .map(|(_, address)| address)
            .collect()
    }

    /// Edits the banner.
    pub(crate) fn set_banner(&self, text: &str) {
        let patch = json!({"spec": {"imap": {"banner": text}}});
        self.patch("mailaccessservers", "mail", &patch);
    }

    /// Waits until a new connection to a pod shows a banner; says how long that took.
    #[track_caller]
    pub(crate) fn wait_for_banner(&self, pod: IpAddr, text: &str) -> Duration {
        self.wait_long_for_banner(pod, text, LIMIT)
    }

    /// The same with another limit.
    #[track_caller]
    pub(crate) fn wait_long_for_banner(
        &self,
        pod: IpAddr,
        text: &str,
        limit: Duration,
    ) -> Duration {
        let what = format!("{pod} shows {text:?}");
        let is_shown = || banner(pod).is_some_and(|greeting| greeting.contains(text));
        let look = || {
            let (sandbox, is_shown) = (self.sandbox, &is_shown);
            sandbox.within(Place::Client, is_shown).then_some(())
        };
        measure(&what, limit, look).1
    }

    /// How often each pod was started again, which nothing that tests do may cause.
    pub(crate) fn restarts(&self) -> Vec<Value> {
        let pods = self.pod_objects();
        let restarts = |pod: &Value| pod["status"]["containerStatuses"][0]["restartCount"].clone();
        pods.iter().map(restarts).collect()
    }

    /// The pods of the server, by name, with their addresses; those that are ending are left out.
    pub(crate) fn pods(&self) -> Vec<(String, IpAddr)> {
        self.pod_objects()
            .iter()
            .filter(|pod| pod["metadata"].get("deletionTimestamp").is_none())
            .filter_map(|pod| {
                let name = pod["metadata"]["name"].as_str()?.to_owned();
                Some((name, pod["status"]["podIP"].as_str()?.parse().ok()?))
            })
            .collect()
    }

    /// The pods of the server.
    pub(crate) fn pod_objects(&self) -> Vec<Value> {
        let path = format!(
            "/api/v1/namespaces/{}/pods?labelSelector=app.kubernetes.io%2Fname%3Dmailaccess",
            self.name
        );
        let list = self.sandbox.request("GET", &path, None);
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// The address of the load balancer.
    pub(crate) fn address(&self) -> IpAddr {
        eventually("the Service has an address", LIMIT, || {
            let service = self.core("services", "mail")?;
            service["status"]["loadBalancer"]["ingress"][0]["ip"]
                .as_str()?
                .parse()
                .ok()
        })
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        let is_failed = std::thread::panicking();
        let states = self.states.take();
        if is_failed {
            let all = "mas,casm,certb,pods,events";
            let arguments = ["-n", &self.name, "get", all, "-o", "wide"];
            let output = self.sandbox.kubectl_command(arguments).output();
            if let Ok(output) = output {
                eprintln!("{}", String::from_utf8_lossy(&output.stdout));
            }
        }
        let path = format!("/api/v1/namespaces/{}", self.name);
        let _ = self.sandbox.try_request("DELETE", &path, None);
        let path = format!("/api/v1/persistentvolumes/{}", self.name);
        let _ = self.sandbox.try_request("DELETE", &path, None);
        if !is_failed {
            let complaints = kstatus::complaints(self.sandbox, &self.name, &states);
            assert!(complaints.is_empty(), "{}", complaints.join("\n"));
        }
    }
}

fn quickstart_file(name: &str) -> String {
    let folder = checkout().join("crds/examples/quickstart");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// The Job's image is the one that the tests have built.
fn with_test_image(yaml: &str) -> String {
    yaml.lines()
        .map(|line| match line.split_once("image: mailaccess") {
            Some((indent, _)) => {
                format!(
                    "{indent}image: {IMAGE}\n{}imagePullPolicy: Never\n",
                    indent.replace('-', " ")
                )
            }
            None => format!("{line}\n"),
        })
        .collect()
}

/// What a pod greets with.
pub(crate) fn banner(pod: IpAddr) -> Option<String> {
    let imap = Imap::connect_to(at(pod, 143), Security::Plain).ok()?;
    Some(imap.greeting().to_owned())
}

/// Whether a condition has this status, and was computed for the object as it is.
pub(crate) fn has_condition(object: &Value, condition: &str, status: &str) -> bool {
    let generation = &object["metadata"]["generation"];
    object["status"]["observedGeneration"] == *generation
        && object["status"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|it| it["type"] == condition && it["status"] == status)
}

fn brief(status: &Value) -> String {
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    let one = |it: &Value| format!("{}={} ({})", it["type"], it["status"], it["message"]);
    conditions.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A port at an address.
pub(crate) fn at(address: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address, port)
}
