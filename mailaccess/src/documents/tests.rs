//! Tests of the documents: a directory as a kubelet mounts it, one look after another, and the watch.

use super::effective::{Effective, NotAllowed, Password};
use super::loading::{Documents, Look};
use super::status::{DocumentState, DocumentStatus};
use super::watching::{Pace, watch_at};
use mailaccess_config::document::{self, FILE_LIMIT};
use mailaccess_config::settings::CertificateChoice;
use mailaccess_config::{
    Certificate, Certificates, Cost, Credentials, DocumentName, GroupName, MailboxAddress,
    MailboxRow, Mailboxes, Protocol, Right, Rights, Rules, Settings, Shard,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const NOW: u64 = 1_790_000_000_000;
const SETTINGS: &str = r#"
server: default/mail
imap: &protocol
  enabled: true
  banner: first banner
  loginType: SecureLogin
  unencryptedOrTlsBindings: [{port: 143}]
  sslBindings: [{port: 993}]
  maxConnections: 2000
  preAuthenticatedConnectionTimeoutSecs: 60
  authenticatedConnectionTimeoutSecs: 1800
pop:
  enabled: true
  banner: POP3
  loginType: SecureLogin
  unencryptedOrTlsBindings: []
  sslBindings: []
  maxConnections: 2000
  preAuthenticatedConnectionTimeoutSecs: 60
  authenticatedConnectionTimeoutSecs: 1800
mailboxDefaults: {imapEnabled: true, popEnabled: false}
domains: [{name: example.com, netbiosName: EXAMPLE}]
defaultDomain: example.com
store: {path: "{domain}/{local}", layout: MaildirPlusPlus, runAsUser: 5000, runAsGroup: 5000}
"#;

/// A volume as a kubelet keeps it: files are links through `..data`, which is swapped.
struct Mount {
    directory: TempDir,
    files: BTreeMap<String, Vec<u8>>,
    version: u32,
}

impl Mount {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            files: BTreeMap::new(),
            version: 0,
        }
    }

    /// Every document, with nothing in the shards.
    fn whole() -> Self {
        let mut mount = Self::new();
        mount.put(DocumentName::Settings, &settings("first banner", None), 1);
        mount.put(DocumentName::Rules, &Rules::default().to_text().unwrap(), 1);
        let certificates = Certificates::default().to_text().unwrap();
        mount.put(DocumentName::Certificates, &certificates, 1);
        for shard in Shard::all() {
            mount.put(DocumentName::Mailboxes(shard), "", 1);
            mount.put(DocumentName::Credentials(shard), "", 1);
        }
        mount
    }

    fn put(&mut self, name: DocumentName, content: &str, sequence: u64) {
        let file = document::publish(name, content, None, NOW + sequence).unwrap();
        self.files.insert(name.file_name(), file);
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Shows all files at once.
    fn swap(&mut self) {
        self.version += 1;
        let root = self.directory.path();
        let data = format!("..{}", self.version);
        std::fs::create_dir(root.join(&data)).unwrap();
        for (name, bytes) in &self.files {
            std::fs::write(root.join(&data).join(name), bytes).unwrap();
            let link = root.join(name);
            if link.symlink_metadata().is_err() {
                symlink(Path::new("..data").join(name), link).unwrap();
            }
        }
        symlink(&data, root.join("..data_tmp")).unwrap();
        std::fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    }

    /// Shows them and looks.
    fn look(&mut self, documents: &mut Documents) -> Look {
        self.swap();
        documents.look(self.path(), NOW)
    }
}

fn settings(banner: &str, certificate: Option<&Certificate>) -> String {
    let mut settings = Settings::from_text(SETTINGS).unwrap();
    settings.imap.banner = banner.parse().unwrap();
    settings.imap.certificates = certificate.map(|certificate| CertificateChoice {
        default: certificate.id().clone(),
        names: BTreeMap::new(),
    });
    settings.to_text().unwrap()
}

fn certificates(all: &[&Certificate]) -> String {
    let mut certificates = Certificates::default();
    for &certificate in all {
        certificates.insert(certificate.clone());
    }
    certificates.to_text().unwrap()
}

fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    Certificate::parse(&made.cert.pem(), &made.signing_key.serialize_pem()).unwrap()
}

fn banner(effective: &Effective) -> Option<String> {
    let settings = effective.settings()?;
    Some(settings.imap.banner.as_str().to_owned())
}

fn status(documents: &Documents, name: DocumentName) -> DocumentStatus {
    documents.status().documents[&name.file_name()].clone()
}

fn ann() -> MailboxAddress {
    "ann@example.com".parse().unwrap()
}

fn credentials(lines: &[(&str, &str)]) -> Credentials {
    Credentials {
        rows: lines
            .iter()
            .map(|(address, line)| (address.parse().unwrap(), line.parse().unwrap()))
            .collect(),
    }
}

#[test]
fn a_complete_set_is_put_in_force_at_one_look() {
    let mut documents = Documents::default();
    assert_eq!(Mount::new().look(&mut documents), Look::Same);
    assert!(!documents.status().complete);
    let mut mount = Mount::whole();
    assert_eq!(mount.look(&mut documents), Look::Changed);
    assert_eq!(documents.look(mount.path(), NOW), Look::Same);
    let all = documents.status();
    assert!(all.complete);
    for (name, status) in &all.documents {
        assert_eq!(status.state, DocumentState::Loaded, "{name}");
        assert_eq!((status.loads, status.failures), (1, 0), "{name}");
        assert_eq!(status.loaded.map(|header| header.sequence), Some(NOW + 1));
    }
    let effective = documents.effective();
    assert_eq!(banner(&effective).as_deref(), Some("first banner"));
    assert_eq!(effective.access(Protocol::Imap, &ann()), Ok(()));
    assert_eq!(effective.password(&ann()), Password::Unknown);
}

#[test]
fn what_was_never_seen_is_denied_and_keeps_the_set_incomplete() {
    for name in DocumentName::all() {
        let mut mount = Mount::whole();
        mount.files.remove(&name.file_name());
        let mut documents = Documents::default();
        mount.look(&mut documents);
        assert!(!documents.status().complete, "{name}");
        assert_eq!(status(&documents, name).state, DocumentState::Missing);
        let effective = documents.effective();
        let access = effective.access(Protocol::Imap, &ann());
        let password = effective.password(&ann());
        match name {
            DocumentName::Credentials(shard) => {
                assert_eq!(password == Password::NotLoaded, shard == ann().shard());
            }
            DocumentName::Mailboxes(shard) if shard != ann().shard() => assert_eq!(access, Ok(())),
            DocumentName::Certificates => assert_eq!(access, Ok(())),
            _ => assert_eq!(access, Err(NotAllowed::NotLoaded(name))),
        }
    }
}

#[test]
fn a_shard_says_what_its_people_may() {
    let mut mount = Mount::whole();
    let row = MailboxRow {
        rights: Rights {
            imap: None,
            pop: Some(Right::Allow),
        },
        groups: BTreeSet::from(["Leavers".parse().unwrap()]),
    };
    let rows = Mailboxes {
        rows: BTreeMap::from([(ann(), row)]),
    };
    let name = DocumentName::Mailboxes(ann().shard());
    mount.put(name, &rows.to_text().unwrap(), 1);
    let mut rules = Rules::default();
    let leavers: GroupName = "leavers".parse().unwrap();
    let denied = Rights {
        imap: Some(Right::Deny),
        pop: Some(Right::Deny),
    };
    rules.groups.insert(leavers, denied);
    mount.put(DocumentName::Rules, &rules.to_text().unwrap(), 1);
    let mut documents = Documents::default();
    mount.look(&mut documents);
    let effective = documents.effective();
    assert!(matches!(
        effective.access(Protocol::Imap, &ann()),
        Err(NotAllowed::Denied(_))
    ));
    assert_eq!(effective.access(Protocol::Pop, &ann()), Ok(()));
}

#[test]
fn a_bad_document_changes_nothing_and_is_reported_once() {
    let mut mount = Mount::whole();
    let mut documents = Documents::default();
    mount.look(&mut documents);
    let rules = DocumentName::Rules;
    let good = status(&documents, rules);
    for (failures, (content, why)) in [
        ("groups: {}", "yaml"),
        ("groups: [{name: A, rights: {imap: perhaps}}]", "perhaps"),
    ]
    .into_iter()
    .enumerate()
    {
        mount.put(rules, content, 2);
        assert_eq!(mount.look(&mut documents), Look::Same);
        documents.look(mount.path(), NOW + 1);
        mount.swap();
        documents.look(mount.path(), NOW + 2);
        let now = status(&documents, rules);
        assert_eq!(now.state, DocumentState::Refused);
        assert_eq!(now.loaded, good.loaded);
        assert_eq!(now.failures, failures as u64 + 1);
        let error = now.error.unwrap();
        assert!(error.text.contains(why), "{}", error.text);
        assert_eq!(error.at_unix_millis, NOW);
    }
    // The damage of a file.
    let file = mount.files.get_mut(&rules.file_name()).unwrap();
    *file.last_mut().unwrap() ^= 1;
    mount.look(&mut documents);
    assert!(
        status(&documents, rules)
            .error
            .unwrap()
            .text
            .contains("digest")
    );
    assert!(documents.status().complete);
    // And a good one ends it.
    mount.put(rules, "groups: [{name: A, rights: {imap: deny}}]", 3);
    assert_eq!(mount.look(&mut documents), Look::Changed);
    let now = status(&documents, rules);
    assert_eq!((now.state, now.error), (DocumentState::Loaded, None));
    assert_eq!((now.loads, now.failures), (2, 3));
}

#[test]
fn a_bad_shard_leaves_the_others_alone() {
    let mut mount = Mount::whole();
    let mut documents = Documents::default();
    mount.look(&mut documents);
    let other: MailboxAddress = "bob@example.com".parse().unwrap();
    assert_ne!(ann().shard(), other.shard());
    let bad = DocumentName::Credentials(other.shard());
    mount.put(bad, "bob@example.com:{MD5}marked\n", 2);
    let lines = credentials(&[("ann@example.com", "{PLAIN}x")]).to_text();
    mount.put(DocumentName::Credentials(ann().shard()), &lines, 2);
    assert_eq!(mount.look(&mut documents), Look::Changed);
    let effective = documents.effective();
    assert!(matches!(effective.password(&ann()), Password::Known(_)));
    assert_eq!(effective.password(&other), Password::Unknown);
    let error = status(&documents, bad).error.unwrap().text;
    assert!(!error.contains("marked"), "{error}");
}

#[test]
fn an_older_document_never_comes_back() {
    let mut mount = Mount::whole();
    let mut documents = Documents::default();
    let rules = DocumentName::Rules;
    mount.put(rules, "groups: [{name: New, rights: {}}]", 5);
    mount.look(&mut documents);
    let new = status(&documents, rules).loaded;
    mount.put(rules, "groups: [{name: Old, rights: {}}]", 4);
    assert_eq!(mount.look(&mut documents), Look::Same);
    let now = status(&documents, rules);
    assert_eq!((now.loaded, now.state), (new, DocumentState::Older));
    assert_eq!((now.failures, now.error), (0, None));
    // The sequence of the loaded one, with another content.
    mount.put(rules, "groups: [{name: Other, rights: {}}]", 5);
    assert_eq!(mount.look(&mut documents), Look::Same);
    let now = status(&documents, rules);
    assert_eq!((now.loaded, now.state), (new, DocumentState::Refused));
    // The same again.
    mount.put(rules, "groups: [{name: New, rights: {}}]", 5);
    assert_eq!(mount.look(&mut documents), Look::Same);
    let now = status(&documents, rules);
    assert_eq!((now.state, now.error), (DocumentState::Loaded, None));
}

#[test]
fn a_file_that_goes_leaves_the_last_good_one() {
    let mut mount = Mount::whole();
    let mut documents = Documents::default();
    mount.look(&mut documents);
    mount.files.clear();
    assert_eq!(mount.look(&mut documents), Look::Same);
    let all = documents.status();
    assert!(all.complete);
    for status in all.documents.values() {
        assert_eq!(status.state, DocumentState::Missing);
        assert!(status.loaded.is_some());
    }
    assert_eq!(documents.effective().access(Protocol::Imap, &ann()), Ok(()));
}

#[test]
fn settings_and_certificates_switch_together() {
    use DocumentState::{Loaded, Waiting};
    let (one, two) = (certificate(), certificate());
    let mut mount = Mount::whole();
    let mut documents = Documents::default();
    let mut check = |mount: &mut Mount, look, expected: &str, states| {
        assert_eq!(mount.look(&mut documents), look);
        let effective = documents.effective();
        assert_eq!(banner(&effective).as_deref(), Some(expected));
        for id in effective.settings().unwrap().certificate_ids() {
            assert!(effective.certificates().by_id.contains_key(id));
        }
        let shown = effective.certificate(Protocol::Imap, Some("any.example.com"));
        assert_eq!(shown.is_some(), expected != "none");
        let found = [DocumentName::Settings, DocumentName::Certificates]
            .map(|name| status(&documents, name).state);
        assert_eq!(found, states, "{expected}");
    };
    mount.put(DocumentName::Settings, &settings("none", None), 1);
    check(&mut mount, Look::Changed, "none", [Loaded, Loaded]);
    // Settings come first.
    mount.put(DocumentName::Settings, &settings("one", Some(&one)), 2);
    check(&mut mount, Look::Same, "none", [Waiting, Loaded]);
    mount.put(DocumentName::Certificates, &certificates(&[&one]), 2);
    check(&mut mount, Look::Changed, "one", [Loaded, Loaded]);
    // Certificates come first.
    mount.put(DocumentName::Certificates, &certificates(&[&two]), 3);
    check(&mut mount, Look::Same, "one", [Loaded, Waiting]);
    mount.put(DocumentName::Settings, &settings("two", Some(&two)), 3);
    check(&mut mount, Look::Changed, "two", [Loaded, Loaded]);
    // One of them alone, where they still fit.
    mount.put(
        DocumentName::Settings,
        &settings("two again", Some(&two)),
        4,
    );
    check(&mut mount, Look::Changed, "two again", [Loaded, Loaded]);
    mount.put(DocumentName::Certificates, &certificates(&[&one, &two]), 4);
    check(&mut mount, Look::Changed, "two again", [Loaded, Loaded]);
    // Settings that wait are replaced by newer ones that need not.
    let three = certificate();
    mount.put(DocumentName::Settings, &settings("three", Some(&three)), 5);
    check(&mut mount, Look::Same, "two again", [Waiting, Loaded]);
    mount.put(
        DocumentName::Settings,
        &settings("one again", Some(&one)),
        6,
    );
    check(&mut mount, Look::Changed, "one again", [Loaded, Loaded]);
}

#[test]
fn what_is_no_ordinary_file_is_refused() {
    let mount = Mount::new();
    let rules = mount.path().join("rules-v1");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(mount.path().join("settings-v1"), vec![b'x'; FILE_LIMIT + 9]).unwrap();
    let mut documents = Documents::default();
    for _ in 0..3 {
        assert_eq!(documents.look(mount.path(), NOW), Look::Same);
    }
    for (name, why) in [
        (DocumentName::Rules, "no regular file"),
        (DocumentName::Settings, "larger than"),
    ] {
        let status = status(&documents, name);
        assert_eq!((status.state, status.failures), (DocumentState::Refused, 1));
        let error = status.error.unwrap().text;
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_file_that_can_be_read_again_is_loaded_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("rules-v1");
    let file = document::publish(DocumentName::Rules, "groups: []", None, NOW).unwrap();
    let mut documents = Documents::default();
    let mut state = |now| {
        documents.look(directory.path(), now);
        status(&documents, DocumentName::Rules).state
    };
    // Early, so that each file is read, and late, so that its times are relied on.
    for now in [0, 2 * NOW] {
        std::fs::write(&path, &file).unwrap();
        assert_eq!(state(now), DocumentState::Loaded);
        assert_eq!(state(now), DocumentState::Loaded);
        std::fs::rename(&path, directory.path().join("aside")).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(state(now), DocumentState::Refused);
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(directory.path().join("aside"), &path).unwrap();
        assert_eq!(state(now), DocumentState::Loaded);
    }
}

#[test]
fn a_file_whose_times_are_relied_on_is_noticed_when_it_is_another() {
    let mut mount = Mount::whole();
    let mut documents = Documents::default();
    mount.swap();
    let late = 2 * NOW;
    assert_eq!(documents.look(mount.path(), late), Look::Changed);
    assert_eq!(documents.look(mount.path(), late), Look::Same);
    // Of the same length.
    mount.put(DocumentName::Settings, &settings("other banner", None), 2);
    mount.swap();
    assert_eq!(documents.look(mount.path(), late), Look::Changed);
    let now = banner(&documents.effective());
    assert_eq!(now.as_deref(), Some("other banner"));
}

#[test]
fn the_usual_cost_is_that_of_most_people_and_of_equals_the_dearer() {
    const SHA: &str = "$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1";
    let usual = format!("{{SHA512-CRYPT}}$6{SHA}");
    let dearer = format!("{{SHA512-CRYPT}}$6$rounds=9000{SHA}");
    let mut effective = Effective::default();
    assert_eq!(effective.prevailing(), Cost::NEW);
    let mut put = |shard: u8, lines: &[&str]| {
        let names: Vec<_> = (0..lines.len()).map(|i| format!("u{i}@x")).collect();
        let rows: Vec<_> = names
            .iter()
            .map(String::as_str)
            .zip(lines.iter().copied())
            .collect();
        let shard = Shard::new(shard).unwrap();
        effective.set_credentials(shard, credentials(&rows).into());
        effective.prevailing()
    };
    assert_eq!(put(1, &["{PLAIN}x"]), Cost::Plain);
    assert_eq!(put(2, &[&usual]), Cost::Sha512Crypt { rounds: 5000 });
    assert_eq!(put(3, &[&dearer]), Cost::Sha512Crypt { rounds: 9000 });
    assert_eq!(put(4, &["{PLAIN}x"]), Cost::Plain);
    assert_eq!(
        put(4, &[&usual, &usual]),
        Cost::Sha512Crypt { rounds: 5000 }
    );
}

/// Longer than any test runs.
const NEVER: Duration = Duration::from_hours(1);

async fn until<T>(what: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(30);
    tokio::time::timeout(limit, what).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_of_the_directory_is_noticed() {
    let mut mount = Mount::whole();
    mount.swap();
    let pace = Pace {
        watched: NEVER,
        unwatched: NEVER,
    };
    let shutdown = CancellationToken::new();
    let (mut receiver, cell, task) = watch_at(pace, mount.path().into(), shutdown.clone());
    let loaded = |text: &'static str| {
        move |effective: &std::sync::Arc<Effective>| banner(effective).as_deref() == Some(text)
    };
    until(receiver.wait_for(loaded("first banner")))
        .await
        .unwrap();
    for round in 0..20_u64 {
        let text = ["a", "b"][usize::try_from(round % 2).unwrap()];
        mount.put(DocumentName::Settings, &settings(text, None), 2 + round);
        mount.swap();
        until(receiver.wait_for(loaded(text))).await.unwrap();
    }
    // The status follows the value.
    until(async {
        while cell.snapshot().documents["settings-v1"].loads != 21 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(cell.complete());
    shutdown.cancel();
    until(task).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_noticed_is_found_by_looking_again() {
    let pace = Pace {
        watched: Duration::from_millis(10),
        unwatched: Duration::from_millis(10),
    };
    let shutdown = CancellationToken::new();
    let mut mount = Mount::whole();
    let directory = mount.path().join("later");
    let (mut receiver, _, task) = watch_at(pace, directory.clone(), shutdown.clone());
    // The directory comes later.
    mount.swap();
    symlink("..data", &directory).unwrap();
    let first = receiver.wait_for(|effective| effective.settings().is_some());
    assert!(banner(&until(first).await.unwrap()).is_some());
    // And becomes another one, whose notices do not come here.
    mount.put(DocumentName::Settings, &settings("other", None), 2);
    mount.swap();
    let other = receiver.wait_for(|effective| banner(effective).as_deref() == Some("other"));
    until(other).await.unwrap();
    shutdown.cancel();
    until(task).await.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn changed_files_never_change_what_is_in_force(
        edits in prop::collection::vec((0..35_usize, any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        let mut mount = Mount::whole();
        let mut documents = Documents::default();
        mount.look(&mut documents);
        let before = documents.status();
        for (file, place, byte) in edits {
            let bytes = mount.files.values_mut().nth(file).unwrap();
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        mount.look(&mut documents);
        let after = documents.status();
        for (name, status) in &after.documents {
            let before = before.documents[name].loaded.unwrap();
            let loaded = status.loaded.unwrap();
            // A digit of the sequence may have changed; the content cannot.
            prop_assert_eq!(loaded.digest, before.digest);
            prop_assert!(loaded.sequence >= before.sequence);
        }
    }
}
