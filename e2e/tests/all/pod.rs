//! Pods without an operator: documents written by the functions that the operator publishes with, laid out
//! as a kubelet mounts them, and one volume, for as many `mailaccess serve` as a test wants.

use crate::harness::{Imap, Maildir, Pod, Security, Service, binary, run};
use mailaccess_config::document::publish;
use mailaccess_config::{
    Certificates, Credentials, DocumentName, MailboxAddress, Mailboxes, Rules, Settings, Shard,
};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Clear text is allowed and there is no certificate: what is tested here is not TLS.
const SETTINGS: &str = r#"
server: default/mail
imap:
  enabled: true
  banner: IMAP4 service ready
  loginType: PlainTextLogin
  unencryptedOrTlsBindings: [{port: 143}]
  sslBindings: []
  maxConnections: 2000
  preAuthenticatedConnectionTimeoutSecs: 60
  authenticatedConnectionTimeoutSecs: 1800
pop:
  enabled: true
  banner: POP3 service ready
  loginType: PlainTextLogin
  unencryptedOrTlsBindings: [{port: 110}]
  sslBindings: []
  maxConnections: 2000
  preAuthenticatedConnectionTimeoutSecs: 60
  authenticatedConnectionTimeoutSecs: 1800
mailboxDefaults: {imapEnabled: true, popEnabled: true}
domains: [{name: example.com, netbiosName: EXAMPLE}]
defaultDomain: example.com
store: {path: "{domain}/{local}/Maildir", layout: MaildirPlusPlus, runAsUser: 0, runAsGroup: 0}
"#;

/// The moment of the documents, in milliseconds since 1970.
const PUBLISHED: u64 = 1_790_000_000_000;

/// The password of [`Site::of`]'s person; it costs nothing to verify.
const PASSWORD: &str = "quickstart";
const PLAIN: &str = "{PLAIN}quickstart";

/// Documents and a volume with mailboxes.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    /// What runs `mailaccess`.
    command: Vec<String>,
}

impl Site {
    /// Served by whoever runs the test.
    pub(crate) fn of(address: &str) -> Self {
        Self::with_passwords(&[(address, PLAIN)])
    }

    /// The same for people with these password lines, `{SCHEME}hash`.
    pub(crate) fn with_passwords(people: &[(&str, &str)]) -> Self {
        let site = Self::lay(people, |_| vec![path(&binary("mailaccess"))]);
        site.init(people, &[]);
        site
    }

    /// Served by another user, for whom root can run the program.
    pub(crate) fn owned_by(user: u32, address: &str) -> Self {
        let people = [(address, PLAIN)];
        let site = Self::lay(&people, |folder| {
            // Where programs are built is not for everybody.
            let program = folder.join("mailaccess");
            fs::copy(binary("mailaccess"), &program).unwrap();
            vec![
                "setpriv".to_owned(),
                format!("--reuid={user}"),
                format!("--regid={user}"),
                "--clear-groups".to_owned(),
                path(&program),
            ]
        });
        let user = user.to_string();
        site.init(&people, &["--uid", &user, "--gid", &user]);
        site
    }

    fn lay(people: &[(&str, &str)], command: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("mailaccess-e2e-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let command = command(folder.path());
        let site = Self { folder, command };
        mount(&site.documents(), |name| content(name, people));
        site
    }

    fn init(&self, people: &[(&str, &str)], more: &[&str]) {
        let mut init = Command::new(binary("mailaccess"));
        init.arg("init").arg(self.volume()).args(more);
        for (address, _) in people {
            init.args(["--user", address]);
        }
        run(&mut init);
    }

    /// Where `documents` and `mail` lie.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn documents(&self) -> PathBuf {
        self.folder().join("documents")
    }

    fn volume(&self) -> PathBuf {
        self.folder().join("mail")
    }

    /// Starts a pod and waits until it is ready.
    pub(crate) fn start(&self, more: &[&str]) -> Pod {
        Pod::start_by(&self.command, &self.documents(), &self.volume(), more)
    }

    /// A person's mail as it lies on the disk.
    pub(crate) fn maildir(&self, address: &str) -> Maildir {
        let address: MailboxAddress = address.parse().unwrap();
        let below = Path::new(address.domain()).join(address.local());
        Maildir(self.volume().join(below).join("Maildir"))
    }
}

/// A session of a site's person.
#[track_caller]
pub(crate) fn log_on(pod: &Pod, name: &str) -> Imap {
    let mut imap = connect(pod);
    imap.log_on(name, PASSWORD);
    imap
}

/// A session in which nobody has logged on.
#[track_caller]
pub(crate) fn connect(pod: &Pod) -> Imap {
    Imap::connect(pod.ports().of(Service::Imap), Security::Plain).unwrap()
}

fn path(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn content(name: DocumentName, people: &[(&str, &str)]) -> String {
    match name {
        DocumentName::Settings => Settings::from_text(SETTINGS).unwrap().to_text().unwrap(),
        DocumentName::Rules => Rules::default().to_text().unwrap(),
        DocumentName::Certificates => Certificates::default().to_text().unwrap(),
        DocumentName::Mailboxes(_) => Mailboxes::default().to_text().unwrap(),
        DocumentName::Credentials(shard) => credentials(shard, people).to_text(),
    }
}

fn credentials(shard: Shard, people: &[(&str, &str)]) -> Credentials {
    let mut credentials = Credentials::default();
    for (address, line) in people {
        let address: MailboxAddress = address.parse().unwrap();
        if address.shard() == shard {
            credentials.rows.insert(address, line.parse().unwrap());
        }
    }
    credentials
}

/// Each file is a link through `..data`, which a kubelet swaps.
fn mount(directory: &Path, content: impl Fn(DocumentName) -> String) {
    const MOMENT: &str = "..2026_01_01_00_00_00.000000001";
    let files = directory.join(MOMENT);
    fs::create_dir_all(&files).unwrap();
    symlink(MOMENT, directory.join("..data")).unwrap();
    for name in DocumentName::all() {
        let file = name.file_name();
        let bytes = publish(name, &content(name), None, PUBLISHED).unwrap();
        fs::write(files.join(&file), bytes).unwrap();
        symlink(Path::new("..data").join(&file), directory.join(&file)).unwrap();
    }
}
