//! A pod by itself: faults are documents in its directory, files on its volume, and what clients send.

use super::{LIMIT, Stage};
use crate::harness::{Pod, Pop3, Security, Service, Wire, eventually};
use crate::pod::Site;
use mailaccess_config::document::publish;
use mailaccess_config::settings::{Binding, CertificateChoice};
use mailaccess_config::{Certificate, Certificates, DocumentName, Settings};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// Whose mail it is.
pub(super) const ANN: &str = "ann@example.com";
/// Her password.
pub(super) const PASSWORD: &str = "quickstart";
/// When the documents were published, in milliseconds since 1970: after those that the site begins with.
pub(super) const PUBLISHED: u64 = 1_791_000_000_000;

/// A pod with its documents and its volume.
pub(super) struct Served {
    // First: it ends before its folder goes.
    pub(super) pod: Pod,
    pub(super) site: Site,
    /// Every document as it is while all is well.
    documents: BTreeMap<DocumentName, Vec<u8>>,
    moment: u32,
    /// What the server said to the client of a row.
    pub(super) heard: String,
    /// A connection that a row keeps.
    pub(super) held: Option<Wire>,
    /// The certificate that is shown while all is well.
    pub(super) certificate: Vec<u8>,
}

impl Served {
    /// Starts one with some of its settings changed.
    pub(super) fn start(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_on(Site::of(ANN), change)
    }

    /// The same with mail that is there already.
    pub(super) fn start_on(site: Site, change: impl FnOnce(&mut Settings)) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["mail.example.com".to_owned()]).unwrap();
        let certificate =
            Certificate::parse(&made.cert.pem(), &made.signing_key.serialize_pem()).unwrap();
        let mut settings = first_settings(&site);
        for (part, port) in [(&mut settings.imap, 993), (&mut settings.pop, 995)] {
            part.ssl_bindings.push(Binding { port });
            part.certificates = Some(CertificateChoice {
                default: certificate.id().clone(),
                names: BTreeMap::new(),
            });
        }
        change(&mut settings);
        let mut certificates = Certificates::default();
        certificates.insert(certificate);
        let mut documents = BTreeMap::new();
        for name in DocumentName::all() {
            let path = directory(&site).join(name.file_name());
            documents.insert(name, fs::read(path).unwrap());
        }
        for (name, text) in [
            (DocumentName::Settings, settings.to_text().unwrap()),
            (DocumentName::Certificates, certificates.to_text().unwrap()),
        ] {
            documents.insert(name, publish(name, &text, None, PUBLISHED).unwrap());
        }
        let mut moment = 1;
        swap(&site, &documents, &mut moment);
        Self {
            pod: site.start(&[]),
            site,
            documents,
            moment,
            heard: String::new(),
            held: None,
            certificate: made.cert.der().to_vec(),
        }
    }

    /// Puts a file in the place of a document, as a kubelet swaps them.
    pub(super) fn put(&mut self, name: DocumentName, file: impl Into<Vec<u8>>) {
        let mut documents = self.documents.clone();
        documents.insert(name, file.into());
        swap(&self.site, &documents, &mut self.moment);
    }

    /// Publishes a content with this sequence.
    pub(super) fn publish(&mut self, name: DocumentName, content: &str, sequence: u64) {
        let file = publish(name, content, None, sequence).unwrap();
        self.put(name, file);
    }

    /// The file of a document while all is well.
    pub(super) fn document(&self, name: DocumentName) -> &[u8] {
        &self.documents[&name]
    }

    /// The settings while all is well.
    pub(super) fn settings(&self) -> Settings {
        settings(self.document(DocumentName::Settings))
    }

    /// Where documents lie.
    pub(super) fn directory(&self) -> PathBuf {
        directory(&self.site)
    }

    /// Says something to a port and keeps every answer but the greeting, its lines with ` | ` between.
    pub(super) fn say(&mut self, service: Service, security: Security, bytes: &[u8]) {
        let port = self.pod.ports().of(service);
        let mut wire = Wire::connect(port, security).unwrap();
        wire.line().unwrap();
        // Whoever closes early may do so before everything was sent.
        let _ = wire.write(bytes);
        let rest = String::from_utf8_lossy(&wire.rest()).into_owned();
        self.heard = rest.lines().collect::<Vec<_>>().join(" | ");
    }
}

impl Stage for Served {
    fn begin(&mut self) {
        self.heard.clear();
    }

    /// Every document that is not as it should be, and the volume if it is not.
    fn status(&mut self) -> String {
        faults(&self.pod.status())
    }

    fn figure(&self, begin: &str) -> f64 {
        self.pod.figure(begin)
    }

    fn mend(&mut self) {
        self.held = None;
        swap(&self.site, &self.documents, &mut self.moment);
        eventually("all is well again", LIMIT, || {
            let idle = self.pod.figure("mailaccess_connections{") < 0.5;
            (idle && faults(&self.pod.status()).is_empty()).then_some(())
        });
    }
}

fn faults(status: &serde_json::Value) -> String {
    let mut faults = Vec::new();
    for (name, document) in status["documents"].as_object().unwrap() {
        if document["state"] != "Loaded" {
            let text = document["error"]["text"].as_str().unwrap_or_default();
            let state = document["state"].as_str().unwrap();
            faults.push(format!("{name} {state}: {text}"));
        }
    }
    if let Some(text) = status["volume"]["error"]["text"].as_str() {
        faults.push(format!("volume: {text}"));
    }
    faults.join("\n")
}

fn directory(site: &Site) -> PathBuf {
    site.folder().join("documents")
}

fn first_settings(site: &Site) -> Settings {
    let file = directory(site).join(DocumentName::Settings.file_name());
    settings(&fs::read(file).unwrap())
}

fn settings(file: &[u8]) -> Settings {
    let text = std::str::from_utf8(file).unwrap();
    Settings::from_text(text.split_once('\n').unwrap().1).unwrap()
}

/// Shows other files all in one moment. The links of the names stay.
fn swap(site: &Site, documents: &BTreeMap<DocumentName, Vec<u8>>, moment: &mut u32) {
    *moment += 1;
    let directory = directory(site);
    let next = format!("..2026_01_01_00_00_00.{moment:09}");
    fs::create_dir(directory.join(&next)).unwrap();
    for (name, file) in documents {
        fs::write(directory.join(&next).join(name.file_name()), file).unwrap();
        // A row may have put something else in its place.
        let link = directory.join(name.file_name());
        if !fs::symlink_metadata(&link).is_ok_and(|found| found.is_symlink()) {
            let _ = fs::remove_file(&link);
            let _ = fs::remove_dir(&link);
            symlink(format!("..data/{}", name.file_name()), link).unwrap();
        }
    }
    symlink(&next, directory.join("..data_tmp")).unwrap();
    fs::rename(directory.join("..data_tmp"), directory.join("..data")).unwrap();
}

/// What the POP3 port says first.
pub(super) fn greeting(stage: &mut Served) -> String {
    let port = stage.pod.ports().of(Service::Pop3);
    Pop3::connect(port, Security::Plain).map_or_else(
        |error| error.kind().to_string(),
        |pop3| pop3.greeting().to_owned(),
    )
}

/// Whether ann can log on by POP3.
pub(super) fn ann(stage: &mut Served) -> String {
    let port = stage.pod.ports().of(Service::Pop3);
    let Ok(mut pop3) = Pop3::connect(port, Security::Plain) else {
        return "no connection".to_owned();
    };
    match pop3.log_on(ANN, PASSWORD) {
        Ok(()) => "+OK".to_owned(),
        Err(refusal) => refusal,
    }
}

/// Which certificate is shown.
pub(super) fn certificate(stage: &mut Served) -> String {
    let port = stage.pod.ports().of(Service::Pop3s);
    let shown = Wire::connect(port, Security::Tls)
        .ok()
        .and_then(|wire| wire.certificate());
    if shown.as_ref() == Some(&stage.certificate) {
        "the last good".to_owned()
    } else {
        format!("{shown:?}")
    }
}

/// What the client of the row heard.
pub(super) fn heard(stage: &mut Served) -> String {
    stage.heard.clone()
}
