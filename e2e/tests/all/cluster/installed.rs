//! From nothing to mail in a client, as a platform team does it: the operator in a pod, by Helm and by
//! `kubectl apply`, the quickstart, and a login from outside.

use super::image::IMAGE;
use super::kstatus::nothing_has_failed;
use super::sandbox::{Own, Place};
use super::tenant::{LIMIT, Tenant};
use crate::harness::{capture, checkout, eventually, figure, now, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::process::Stdio;

/// The chart with the image of the tests.
const CHART: &str = "charts/mailaccess";

/// How the operator comes into a namespace.
#[derive(Debug, Clone, Copy)]
enum Install {
    /// `helm install`.
    Helm,
    /// `helm template`, and what it prints to `kubectl apply`.
    Apply,
}

fn values() -> Vec<String> {
    let (repository, tag) = IMAGE.rsplit_once(':').unwrap();
    vec![
        format!("--set=image.repository={repository}"),
        format!("--set=image.tag={tag}"),
        "--set=image.pullPolicy=Never".to_owned(),
    ]
}

impl Install {
    fn run(self, tenant: &Tenant) {
        let mut helm = tenant.sandbox.tool("helm");
        // Nothing of it stays on the machine.
        for place in ["CACHE", "CONFIG", "DATA"] {
            let folder = tenant.sandbox.folder().join("helm");
            helm.env(format!("HELM_{place}_HOME"), folder);
        }
        match self {
            Self::Helm => {
                helm.args(["install", "mailaccess", CHART, "-n", &tenant.name]);
                helm.args(["--wait", "--timeout=2m"]).args(values());
                let said = run(&mut helm);
                assert!(said.contains("kubectl apply -n"), "{said}");
            }
            Self::Apply => {
                helm.args(["template", "mailaccess", CHART, "-n", &tenant.name]);
                let yaml = run(helm.args(values()));
                let mut kubectl = tenant
                    .sandbox
                    .kubectl_command(["apply", "--server-side", "-f", "-"])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::null())
                    .spawn()
                    .unwrap();
                let mut stdin = kubectl.stdin.take().unwrap();
                stdin.write_all(yaml.as_bytes()).unwrap();
                drop(stdin);
                assert!(kubectl.wait().unwrap().success());
                let rollout = [
                    "rollout",
                    "status",
                    "deployment/mailaccess-operator",
                    "--timeout=2m",
                ];
                let mut arguments = vec!["-n", &tenant.name];
                arguments.extend(rollout);
                tenant.sandbox.kubectl(arguments);
            }
        }
    }
}

/// What curl gets, if it gets anything.
fn try_curl(tenant: &Tenant, url: &str) -> Result<String, String> {
    let mut curl = tenant.sandbox.command(Place::Client, Path::new("curl"));
    curl.args(["--silent", "--show-error", "--insecure", "--ssl-reqd"])
        .args(["--max-time", "30", "--user", "ann@example.com:quickstart"])
        .arg(url);
    let output = capture(&mut curl);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&output.stderr))
    }
}

#[track_caller]
fn curl(tenant: &Tenant, url: &str) -> String {
    try_curl(tenant, url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

/// A message by imaplib, in the clear with STARTTLS on 143 and under TLS on 993.
const IMAPLIB: &str = r#"
import imaplib, ssl, sys
context = ssl._create_unverified_context()
plain = imaplib.IMAP4(sys.argv[1], 143, timeout=30)
plain.starttls(context)
for imap in [plain, imaplib.IMAP4_SSL(sys.argv[1], 993, ssl_context=context, timeout=30)]:
    imap.login("ann@example.com", "quickstart")
    status, [count] = imap.select("INBOX", readonly=True)
    status, [(_, message), _] = imap.fetch("1", "(BODY[])")
    imap.logout()
    print(int(count), len(message))
"#;

fn imaplib(tenant: &Tenant, address: IpAddr) -> String {
    run(tenant
        .sandbox
        .command(Place::Client, Path::new("python3"))
        .args(["-c", IMAPLIB, &address.to_string()]))
}

/// One pod on each node.
fn nodes(tenant: &Tenant) -> BTreeSet<String> {
    let pods = tenant.pod_objects();
    let node = |pod: &Value| pod["spec"]["nodeName"].as_str().unwrap().to_owned();
    pods.iter().map(node).collect()
}

/// Logs on until every pod has had the client, whose address each has to have seen.
fn seen_by_every_pod(tenant: &Tenant, address: IpAddr) {
    let pods = tenant.pods();
    eventually("each pod has seen the client's address", LIMIT, || {
        curl(tenant, &format!("imaps://{address}/INBOX;MAILINDEX=1"));
        let has_seen = |(pod, _): &(String, IpAddr)| {
            let log = tenant.sandbox.kubectl(["-n", &tenant.name, "logs", pod]);
            log.lines()
                .any(|line| line.contains("logged on") && line.contains("10.91.0.2"))
        };
        pods.iter().all(has_seen).then_some(())
    });
}

fn to_a_login(tenant: &Tenant, install: Install) {
    let begin = now();
    install.run(tenant);
    let installed = begin.elapsed();
    tenant.quickstart(2);
    tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
    tenant.wait_for("casmailboxes", "ann", "Ready", "True");
    let address = tenant.address();
    let over_tls = eventually("mail comes through the load balancer", LIMIT, || {
        try_curl(tenant, &format!("imaps://{address}/INBOX;MAILINDEX=1")).ok()
    });
    figure(
        &format!("{install:?}: operator runs, then first mail in a client, after"),
        format!("{installed:.1?} {:.1?}", begin.elapsed()),
    );
    assert!(over_tls.contains("Subject:"), "{over_tls}");
    let by_starttls = curl(tenant, &format!("imap://{address}/INBOX;MAILINDEX=1"));
    assert_eq!(by_starttls, over_tls);
    assert_eq!(curl(tenant, &format!("pop3s://{address}/1")), over_tls);
    assert_eq!(curl(tenant, &format!("pop3://{address}/1")), over_tls);
    let said = imaplib(tenant, address);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert_eq!(lines[0], lines[1]);
    assert!(
        lines[0].ends_with(&format!(" {}", over_tls.len())),
        "{said}"
    );
    assert_eq!(nodes(tenant).len(), 2, "not one pod on each node");
    seen_by_every_pod(tenant, address);
    nothing_has_failed(tenant);
    let table = tenant
        .sandbox
        .kubectl(["-n", &tenant.name, "get", "mas,casm,certb"]);
    let row = table.lines().find(|line| line.contains("/mail ")).unwrap();
    assert!(row.contains("True"), "{table}");
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn from_nothing_by_helm_and_by_kubectl_to_mail_in_a_client() {
    let own = Own::empty();
    assert!(checkout().join(CHART).join("Chart.yaml").exists());
    for install in [Install::Helm, Install::Apply] {
        let tenant = Tenant::inside(own.sandbox(), "installed");
        to_a_login(&tenant, install);
    }
}
