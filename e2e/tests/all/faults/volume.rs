//! A volume that is not there or not ours: nothing of it is served, and an absent mailbox never looks like
//! an empty one.

use crate::harness::{Imap, Pod, Security, Service, eventually};
use crate::pod::{Site, log_on};
use std::fs;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);
const ANN: &str = "ann@example.com";

#[test]
fn a_volume_without_its_marker_is_not_served_until_it_is_there() {
    let site = Site::of(ANN);
    let volume = site.folder().join("mail");
    let marker = volume.join("mailaccess.volume");
    fs::rename(&marker, volume.join("aside")).unwrap();
    let pod = Pod::launch(&site.folder().join("documents"), &volume, &[]);
    let refused = eventually("it listens", LIMIT, || {
        let port = pod.ports().of(Service::Imap);
        let mut imap = Imap::connect(port, Security::Plain).ok()?;
        Some(imap.try_log_on(ANN, "quickstart").unwrap().status)
    });
    assert!(refused.starts_with("NO [UNAVAILABLE]"), "{refused}");
    assert!(!pod.is_ready());
    let status = pod.status();
    assert_eq!(status["volume"]["ready"], false);
    let why = status["volume"]["error"]["text"].as_str().unwrap();
    assert!(why.contains("mailaccess.volume"), "{why}");
    assert!(pod.figure("mailaccess_volume_ready").abs() < 0.5);
    fs::rename(volume.join("aside"), marker).unwrap();
    eventually("it is ready", LIMIT, || pod.is_ready().then_some(()));
    assert!(pod.figure("mailaccess_volume_ready") > 0.5);
    log_on(&pod, ANN).ok("SELECT INBOX");
}
