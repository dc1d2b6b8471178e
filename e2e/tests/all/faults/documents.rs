//! A document that has never been seen: what it would say is denied.

use crate::harness::{Pod, eventually};
use crate::pod::{Site, log_on};
use mailaccess_config::DocumentName;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10);
const ANN: &str = "ann@example.com";

/// Swaps in a copy of the mounted files with one of them changed, as a kubelet would.
fn swap(documents: &Path, name: &str, change: impl FnOnce(Vec<u8>) -> Option<Vec<u8>>) {
    let old = fs::read_link(documents.join("..data")).unwrap();
    let moment = format!("..changed_{}", fs::read_dir(documents).unwrap().count());
    fs::create_dir(documents.join(&moment)).unwrap();
    for entry in fs::read_dir(documents.join(&old)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(
            &path,
            documents.join(&moment).join(path.file_name().unwrap()),
        )
        .unwrap();
    }
    let file = documents.join(&moment).join(name);
    match change(fs::read(&file).unwrap_or_default()) {
        Some(bytes) => fs::write(&file, bytes).unwrap(),
        None => fs::remove_file(&file).unwrap(),
    }
    symlink(&moment, documents.join("..data_tmp")).unwrap();
    fs::rename(documents.join("..data_tmp"), documents.join("..data")).unwrap();
}

#[test]
fn a_pod_that_never_saw_a_shard_is_not_ready_and_denies() {
    let site = Site::of(ANN);
    let documents = site.folder().join("documents");
    let shard = ANN
        .parse::<mailaccess_config::MailboxAddress>()
        .unwrap()
        .shard();
    let name = DocumentName::Mailboxes(shard).file_name();
    let good = fs::read(documents.join(&name)).unwrap();
    swap(&documents, &name, |_| None);
    let pod = Pod::launch(&documents, &site.folder().join("mail"), &[]);
    let mut imap = eventually("it listens", LIMIT, || {
        let port = pod.ports().of(crate::harness::Service::Imap);
        crate::harness::Imap::connect(port, crate::harness::Security::Plain).ok()
    });
    let reply = imap.try_log_on(ANN, "quickstart").unwrap();
    assert!(reply.status.starts_with("NO "), "{}", reply.status);
    assert!(!pod.is_ready());
    swap(&documents, &name, |_| Some(good));
    eventually("it is ready", LIMIT, || pod.is_ready().then_some(()));
    log_on(&pod, ANN);
}
