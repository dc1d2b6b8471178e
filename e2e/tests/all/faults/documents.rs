//! Bad documents before the pod: the last good one stays, and the pod says what is wrong with the new one.

use crate::harness::{Pod, eventually};
use crate::pod::{Site, connect, log_on};
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
    match change(fs::read(&file).unwrap()) {
        Some(bytes) => fs::write(&file, bytes).unwrap(),
        None => fs::remove_file(&file).unwrap(),
    }
    symlink(&moment, documents.join("..data_tmp")).unwrap();
    fs::rename(documents.join("..data_tmp"), documents.join("..data")).unwrap();
}

/// How a document is damaged; nothing is left of it for `None`.
type Damage = fn(Vec<u8>) -> Option<Vec<u8>>;

const DAMAGES: [(&str, Damage); 4] = [
    ("cut short", |bytes| Some(bytes[..bytes.len() / 2].to_vec())),
    ("one byte changed", |mut bytes| {
        let last = bytes.len() - 3;
        bytes[last] ^= 1;
        Some(bytes)
    }),
    ("nothing in it", |_| Some(Vec::new())),
    ("noise", |bytes| {
        Some(bytes.iter().map(|byte| byte ^ 0xA5).collect())
    }),
];

#[test]
fn a_bad_document_leaves_the_last_good_one_in_force() {
    let site = Site::of(ANN);
    let pod = site.start(&[]);
    let documents = site.folder().join("documents");
    let mut open = log_on(&pod, ANN);
    let shard = ANN
        .parse::<mailaccess_config::MailboxAddress>()
        .unwrap()
        .shard();
    for document in [
        DocumentName::Settings,
        DocumentName::Rules,
        DocumentName::Certificates,
        DocumentName::Mailboxes(shard),
        DocumentName::Credentials(shard),
    ] {
        let name = document.file_name();
        let good = fs::read(documents.join(&name)).unwrap();
        for (fault, damage) in DAMAGES {
            let before = failures(&pod, &name);
            swap(&documents, &name, damage);
            let error = eventually(&format!("{name}, {fault}: is refused"), LIMIT, || {
                let status = pod.status();
                let document = &status["documents"][name.as_str()];
                (document["state"] == "Refused").then(|| document["error"]["text"].to_string())
            });
            assert!(error.len() > 10, "{name}, {fault}: {error}");
            assert!(
                failures(&pod, &name) > before,
                "{name}, {fault}: no figure moved"
            );
            assert!(pod.is_ready(), "{name}, {fault}: not ready any more");
            assert_eq!(connect(&pod).greeting(), "* OK IMAP4 service ready");
            log_on(&pod, ANN);
            assert!(open.ok("NOOP").is_ok(), "{name}, {fault}");
            swap(&documents, &name, |_| Some(good.clone()));
            eventually("the good one is back", LIMIT, || {
                (pod.status()["documents"][name.as_str()]["state"] == "Loaded").then_some(())
            });
        }
    }
}

#[test]
fn a_document_that_vanishes_stays_in_force() {
    let site = Site::of(ANN);
    let pod = site.start(&[]);
    let documents = site.folder().join("documents");
    for document in DocumentName::all() {
        let name = document.file_name();
        swap(&documents, &name, |_| None);
        eventually("it is missed", LIMIT, || {
            (pod.status()["documents"][name.as_str()]["state"] == "Missing").then_some(())
        });
    }
    log_on(&pod, ANN);
    assert!(pod.is_ready());
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

fn failures(pod: &Pod, name: &str) -> f64 {
    pod.figure(&format!(
        "mailaccess_document_failures_total{{document=\"{name}\"}}"
    ))
}
