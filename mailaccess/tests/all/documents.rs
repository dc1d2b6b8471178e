//! The documents of a test's pod, published as the operator does.

use mailaccess_config::document::{publish, read_header};
use mailaccess_config::rules::{Right, Rights};
use mailaccess_config::settings::{
    Banner, Binding, CertificateChoice, Domain, Layout, LoginType, MailboxDefaults,
    ProtocolSettings, Store,
};
use mailaccess_config::{
    Certificate, Certificates, Credentials, DocumentName, Header, MailboxAddress, MailboxRow,
    Mailboxes, PasswordHash, Rules, Settings,
};
use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Everybody's password here.
pub(crate) const PASSWORD: &str = "quickstart";

/// All documents, to be changed and published again.
pub(crate) struct Documents {
    directory: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) rules: Rules,
    pub(crate) mailboxes: BTreeMap<MailboxAddress, MailboxRow>,
    pub(crate) credentials: BTreeMap<MailboxAddress, PasswordHash>,
    pub(crate) certificates: Certificates,
    headers: BTreeMap<DocumentName, Header>,
}

/// A self-signed certificate for this name.
pub(crate) fn certificate(name: &str) -> Certificate {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    Certificate::parse(&made.cert.pem(), &made.signing_key.serialize_pem()).unwrap()
}

/// A port that nobody listens on now, never the same twice: below those that the system gives away.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    (0..COUNT)
        .map(|_| begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)))
        .map(|number| u16::try_from(FIRST + number % COUNT).unwrap())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

pub(crate) fn person(name: &str) -> MailboxAddress {
    format!("{name}@example.com").parse().unwrap()
}

impl Documents {
    /// Both protocols for ann and bob, logging on also in the clear.
    pub(crate) fn new(directory: &Path) -> Self {
        let mut certificates = Certificates::default();
        let first = certificate("localhost");
        let choice = CertificateChoice {
            default: first.id().clone(),
            names: BTreeMap::new(),
        };
        certificates.insert(first);
        let protocol = |banner: &str| ProtocolSettings {
            enabled: true,
            banner: banner.parse().unwrap(),
            login_type: LoginType::PlainTextLogin,
            unencrypted_or_tls_bindings: vec![Binding { port: free_port() }],
            ssl_bindings: vec![Binding { port: free_port() }],
            max_connections: 2000,
            pre_authenticated_connection_timeout_secs: 60,
            authenticated_connection_timeout_secs: 1800,
            certificates: Some(choice.clone()),
        };
        let settings = Settings {
            server: "default/mail".to_owned(),
            imap: protocol("IMAP4 service ready"),
            pop: protocol("POP3 service ready"),
            mailbox_defaults: MailboxDefaults {
                imap_enabled: true,
                pop_enabled: true,
            },
            domains: vec![Domain {
                name: "example.com".parse().unwrap(),
                netbios_name: Some("EXAMPLE".to_owned()),
            }],
            default_domain: Some("example.com".parse().unwrap()),
            store: Store {
                path: "{domain}/{local}/Maildir".parse().unwrap(),
                layout: Layout::MaildirPlusPlus,
                run_as_user: 5000,
                run_as_group: 5000,
            },
        };
        let hash: PasswordHash = format!("{{PLAIN}}{PASSWORD}").parse().unwrap();
        let credentials = ["ann", "bob"].map(|name| (person(name), hash.clone()));
        Self {
            directory: directory.to_owned(),
            settings,
            rules: Rules::default(),
            mailboxes: BTreeMap::new(),
            credentials: credentials.into(),
            certificates,
            headers: BTreeMap::new(),
        }
    }

    /// The volume beside the documents.
    pub(crate) fn volume(&self) -> PathBuf {
        self.directory.with_file_name("volume")
    }

    pub(crate) fn imap_port(&self) -> u16 {
        self.settings.imap.unencrypted_or_tls_bindings[0].port
    }

    pub(crate) fn imaps_port(&self) -> u16 {
        self.settings.imap.ssl_bindings[0].port
    }

    pub(crate) fn pop_port(&self) -> u16 {
        self.settings.pop.unencrypted_or_tls_bindings[0].port
    }

    pub(crate) fn pops_port(&self) -> u16 {
        self.settings.pop.ssl_bindings[0].port
    }

    pub(crate) fn set_banners(&mut self, banner: &str) {
        let banner: Banner = banner.parse().unwrap();
        self.settings.imap.banner = banner.clone();
        self.settings.pop.banner = banner;
    }

    /// Shows this certificate to everybody from now on.
    pub(crate) fn set_certificate(&mut self, certificate: Certificate) {
        let choice = CertificateChoice {
            default: certificate.id().clone(),
            names: BTreeMap::new(),
        };
        self.certificates = Certificates::default();
        self.certificates.insert(certificate);
        self.settings.imap.certificates = Some(choice.clone());
        self.settings.pop.certificates = Some(choice);
    }

    /// Takes both protocols from somebody.
    pub(crate) fn deny(&mut self, name: &str) {
        let rights = Rights {
            imap: Some(Right::Deny),
            pop: Some(Right::Deny),
        };
        self.mailboxes.entry(person(name)).or_default().rights = rights;
    }

    /// Writes what changed.
    pub(crate) fn publish(&mut self) {
        self.publish_one(
            DocumentName::Certificates,
            &self.certificates.to_text().unwrap(),
        );
        self.publish_one(DocumentName::Settings, &self.settings.to_text().unwrap());
        self.publish_one(DocumentName::Rules, &self.rules.to_text().unwrap());
        for name in DocumentName::all() {
            let text = match name {
                DocumentName::Mailboxes(shard) => {
                    let rows = self
                        .mailboxes
                        .iter()
                        .filter(|(row, _)| row.shard() == shard);
                    let rows = rows.map(|(address, row)| (address.clone(), row.clone()));
                    Mailboxes {
                        rows: rows.collect(),
                    }
                    .to_text()
                }
                DocumentName::Credentials(shard) => {
                    let rows = self
                        .credentials
                        .iter()
                        .filter(|(row, _)| row.shard() == shard);
                    let rows = rows.map(|(address, row)| (address.clone(), row.clone()));
                    Ok(Credentials {
                        rows: rows.collect(),
                    }
                    .to_text())
                }
                _ => continue,
            };
            self.publish_one(name, &text.unwrap());
        }
    }

    /// Puts anything in the place of a document.
    pub(crate) fn replace(&self, name: DocumentName, bytes: &[u8]) {
        let path = self.directory.join(name.file_name());
        let next = path.with_extension("next");
        fs::write(&next, bytes).unwrap();
        fs::rename(next, path).unwrap();
    }

    fn publish_one(&mut self, name: DocumentName, text: &str) {
        let previous = self.headers.get(&name);
        let file = publish(name, text, previous, 1_790_000_000_000).unwrap();
        let header = read_header(name, &file).unwrap();
        if self.headers.insert(name, header) != Some(header) {
            self.replace(name, &file);
        }
    }
}
