//! The quickstart under `mailaccess-operator local`: faults are edits of its files.

use super::{LIMIT, Stage};
use crate::harness::{Local, Pop3, Security, Service, Wire, eventually};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// `local` with files that can be put back.
pub(super) struct Quickstart {
    pub(super) local: Local,
    /// The files as they were when all was well.
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// What was said of each object then.
    well: BTreeMap<String, String>,
    /// How much had been said before the fault.
    said: usize,
    /// A session that was open before the fault.
    pub(super) open: Option<Pop3>,
}

impl Quickstart {
    /// Starts it on the quickstart's files with some changes.
    pub(super) fn start(prepare: impl FnOnce(&Path)) -> Self {
        let mut local = Local::start_with("quickstart", "warn", prepare);
        let files = read(local.file("").as_path());
        let well = objects(&local.process().said());
        Self {
            local,
            files,
            well,
            said: 0,
            open: None,
        }
    }

    /// What was said before counts, too.
    pub(super) fn listen_from_the_start(&mut self) {
        self.said = 0;
    }

    /// Replaces a text in a file, as an editor does.
    #[track_caller]
    pub(super) fn edit(&self, name: &str, from: &str, to: &str) {
        self.local.edit(name, from, to);
    }

    /// Writes a whole file.
    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.local.file(name), content).unwrap();
    }

    /// Removes a file.
    pub(super) fn remove(&self, name: &str) {
        fs::remove_file(self.local.file(name)).unwrap();
    }
}

impl Stage for Quickstart {
    fn begin(&mut self) {
        self.said = self.local.process().said().len();
    }

    fn status(&mut self) -> String {
        self.local.process().said().split_off(self.said)
    }

    fn figure(&self, begin: &str) -> f64 {
        self.local.figure(begin)
    }

    fn mend(&mut self) {
        self.open = None;
        let folder = self.local.file("");
        for path in read(&folder).into_keys() {
            if !self.files.contains_key(&path) {
                fs::remove_file(path).unwrap();
            }
        }
        for (path, content) in &self.files {
            if fs::read(path).ok().as_ref() != Some(content) {
                fs::write(path, content).unwrap();
            }
        }
        let process = self.local.process();
        eventually("all is well again", LIMIT, || {
            let now = objects(&process.said());
            (now == self.well).then_some(())
        });
    }
}

fn read(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

/// The last that was said of each object that is there.
fn objects(said: &str) -> BTreeMap<String, String> {
    let mut objects = BTreeMap::new();
    for line in said.lines() {
        let Some((id, text)) = line.split_once(' ') else {
            continue;
        };
        if !["MailAccessServer/", "CASMailbox/", "CertificateBinding/"]
            .iter()
            .any(|kind| id.starts_with(kind))
        {
            continue;
        }
        if text.trim() == "deleted" {
            objects.remove(id);
        } else {
            objects.insert(id.to_owned(), text.trim().to_owned());
        }
    }
    objects
}

/// What the POP3 port says first.
pub(super) fn greeting(stage: &mut Quickstart) -> String {
    let port = stage.local.ports().of(Service::Pop3);
    Pop3::connect(port, Security::Plain).map_or_else(
        |error| error.kind().to_string(),
        |pop3| pop3.greeting().to_owned(),
    )
}

/// Whether a person can log on, and why not.
pub(super) fn log_on(stage: &Quickstart, name: &str) -> String {
    let port = stage.local.ports().of(Service::Pop3s);
    let Ok(mut pop3) = Pop3::connect(port, Security::Tls) else {
        return "no connection".to_owned();
    };
    match pop3.log_on(name, "quickstart") {
        Ok(()) => "+OK".to_owned(),
        Err(refusal) => refusal,
    }
}

pub(super) fn ann(stage: &mut Quickstart) -> String {
    log_on(stage, "ann@example.com")
}

pub(super) fn bob(stage: &mut Quickstart) -> String {
    log_on(stage, "bob@example.com")
}

pub(super) fn carol(stage: &mut Quickstart) -> String {
    log_on(stage, "carol@example.com")
}

/// The certificate of the POP3 port with TLS.
pub(super) fn certificate(stage: &Quickstart) -> Option<Vec<u8>> {
    let port = stage.local.ports().of(Service::Pop3s);
    Wire::connect(port, Security::Tls).ok()?.certificate()
}

/// What a wrong name or password is told, and whoever is not known.
pub(super) const UNKNOWN: &str = "-ERR [AUTH] Logon failure: unknown user name or bad password.";
/// What somebody is told whose right was taken away.
pub(super) const DISABLED: &str = "-ERR [SYS/PERM] POP3 is disabled for this mailbox.";
/// What somebody is told whom the server no longer knows.
pub(super) const GONE: &str = "-ERR [SYS/PERM] This server no longer knows the user.";
/// Attempts of people who are not known.
pub(super) const UNKNOWN_COUNT: &str =
    r#"mailaccess_log_ons_total{protocol="pop",mechanism="USER/PASS",result="credentials"}"#;
/// Attempts of people without the right.
pub(super) const DISABLED_COUNT: &str =
    r#"mailaccess_log_ons_total{protocol="pop",mechanism="USER/PASS",result="disabled"}"#;
