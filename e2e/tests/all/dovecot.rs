//! Debian's Dovecot on a Maildir of a test: a server of its own, with a configuration, sockets and a port of
//! its own. The service of the system is left alone.

use crate::harness::{Imap, Ports, Process, Security, Service, eventually};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::time::Duration;

/// Who owns mail that Dovecot serves; it refuses root.
pub(crate) const OWNER: u32 = 5000;
const START: Duration = Duration::from_secs(30);

/// A running Dovecot that serves one Maildir to everybody who knows the password.
pub(crate) struct Dovecot {
    // Dropped first: its sockets lie in the folder.
    _process: Process,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Dovecot {
    /// Serves a Maildir, which is handed over to [`OWNER`] with all that is in it.
    pub(crate) fn start(maildir: &Path) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("dovecot-e2e-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .unwrap();
        let home = folder.path().join("home");
        fs::create_dir(&home).unwrap();
        chown(&home, Some(OWNER), Some(OWNER)).unwrap();
        hand_over(maildir);
        let port = Ports::reserve().of(Service::Imap);
        let config = folder.path().join("dovecot.conf");
        fs::write(&config, configuration(folder.path(), maildir, port)).unwrap();
        let arguments = ["-F", "-c", config.to_str().unwrap()];
        let process = Process::start(Path::new("/usr/sbin/dovecot"), arguments);
        eventually("Dovecot answers", START, || {
            let log = folder.path().join("log");
            let log = || fs::read_to_string(&log).unwrap_or_default();
            assert!(process.runs(), "{}{}", process.said(), log());
            Imap::connect(port, Security::Plain).ok()
        });
        Self {
            _process: process,
            port,
            _folder: folder,
        }
    }

    /// A session that is logged on.
    #[track_caller]
    pub(crate) fn imap(&self) -> Imap {
        let mut imap = Imap::connect(self.port, Security::Plain).unwrap();
        imap.log_on("somebody", "dovecot");
        imap
    }
}

fn configuration(folder: &Path, maildir: &Path, port: u16) -> String {
    let folder = folder.display();
    let mut text = String::new();
    for line in [
        format_args!("base_dir = {folder}/run"),
        format_args!("state_dir = {folder}/state"),
        format_args!("log_path = {folder}/log"),
        format_args!("protocols = imap"),
        format_args!("listen = 127.0.0.1"),
        format_args!("ssl = no"),
        format_args!("disable_plaintext_auth = no"),
        format_args!("first_valid_uid = {OWNER}"),
        format_args!("mail_location = maildir:{}", maildir.display()),
    ] {
        writeln!(text, "{line}").unwrap();
    }
    let blocks = "passdb {\n  driver = static\n  args = password=dovecot\n}\n\
         userdb {\n  driver = static\n  args = uid=OWNER gid=OWNER home=FOLDER/home\n}\n\
         service imap-login {\n  inet_listener imap {\n    port = PORT\n  }\n\
           inet_listener imaps {\n    port = 0\n  }\n}\n";
    text.push_str(
        &blocks
            .replace("OWNER", &OWNER.to_string())
            .replace("FOLDER", &folder.to_string())
            .replace("PORT", &port.to_string()),
    );
    text
}

/// Gives a directory and all in it to Dovecot's user, and lets it come in from above.
fn hand_over(maildir: &Path) {
    for above in maildir.ancestors().skip(1) {
        let mut mode = fs::metadata(above).unwrap().permissions();
        if mode.mode() & 0o001 == 0 {
            mode.set_mode(mode.mode() | 0o011);
            fs::set_permissions(above, mode).unwrap();
        }
    }
    give(maildir);
}

fn give(path: &Path) {
    chown(path, Some(OWNER), Some(OWNER)).unwrap();
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path());
        }
    }
}
