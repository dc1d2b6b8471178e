//! Pods before the Job, and so a volume that ignores `fsGroup`: pods that come first wait for the marker,
//! the Job says which chown is needed, and after it mail is served without anything else being done.

use super::kstatus::nothing_has_failed;
use super::operator::Operator;
use super::sandbox::Place;
use super::tenant::{LIMIT, Tenant, at};
use crate::harness::{Imap, Security, eventually};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};

const OWNER: u32 = 5000;

/// The log of whichever pod of the Job has something to say of this.
fn said_by_the_job(tenant: &Tenant, text: &str) -> Option<String> {
    let arguments = ["-n", &tenant.name, "logs", "job/mail-init", "--tail=-1"];
    let output = tenant.sandbox.kubectl_command(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.contains(text).then_some(said)
}

fn message(object: &Value, condition: &str) -> String {
    let conditions = object["status"]["conditions"].as_array();
    let is_it = |it: &&Value| it["type"] == condition;
    let found = conditions.into_iter().flatten().find(is_it);
    found.map_or_else(String::new, |it| it["message"].to_string())
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn pods_that_come_first_wait_for_the_marker_and_the_job_names_the_chown_that_is_needed() {
    let tenant = Tenant::new("first");
    let operator = Operator::start(&tenant);
    tenant.add_volume("mail");
    tenant.apply_server(2);
    tenant.apply_people();
    let server = eventually("the server says what its pods wait for", LIMIT, || {
        let server = tenant.get("mailaccessservers", "mail")?;
        message(&server, "Ready")
            .contains("mailaccess init")
            .then_some(server)
    });
    assert!(message(&server, "Ready").contains("mail-"), "{server}");
    // Pods of both nodes have mounted the volume, so it is not given to the Job's group.
    tenant.apply_job();
    let remedy = "chown 5000:5000 /var/lib/mailaccess";
    eventually("the Job says what is needed", LIMIT, || {
        said_by_the_job(&tenant, remedy)
    });
    // What whoever keeps the volume does then; the Job tries again by itself.
    let volume = tenant.volume();
    chown(&volume, Some(OWNER), Some(OWNER)).unwrap();
    fs::set_permissions(&volume, fs::Permissions::from_mode(0o2775)).unwrap();
    let pods = tenant.wait_until_served();
    tenant.sandbox.within(Place::Client, || {
        for pod in &pods {
            let mut imap = Imap::connect_to(at(*pod, 993), Security::Tls).unwrap();
            imap.log_on("ann@example.com", "quickstart");
            imap.ok("EXAMINE INBOX").find(" EXISTS");
        }
    });
    // When the volume is gone later, the server says so, and when it is back, too.
    let marker = volume.join("mailaccess.volume");
    let away = volume.join("away");
    fs::rename(&marker, &away).unwrap();
    let server = tenant.wait_for("mailaccessservers", "mail", "Ready", "Unknown");
    assert!(
        message(&server, "Ready").contains("No pod is ready"),
        "{server}"
    );
    fs::rename(&away, &marker).unwrap();
    tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
    // Nor while the server had no users, and the pods no mail.
    nothing_has_failed(&tenant);
    let restarts = tenant.restarts();
    assert!(restarts.iter().all(|count| *count == 0), "{restarts:?}");
    operator.stop();
}
