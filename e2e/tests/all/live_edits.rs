//! Edits of the quickstart's YAML while it serves: each is obeyed live, nobody uninvolved notices, and the
//! process stays the same.

use crate::harness::{Imap, Local, Pop3, Security, Service, Wire, eventually, figure, measure};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What is promised is two seconds, and that figure is printed; a busy machine may take longer.
const LIMIT: Duration = Duration::from_secs(10);

/// A session that has nothing to do with any edit, and works throughout.
struct Uninvolved {
    stop: Arc<AtomicBool>,
    commands: Arc<AtomicU32>,
    thread: JoinHandle<()>,
}

impl Uninvolved {
    fn start(local: &Local) -> Self {
        let mut imap = local.imap("ann@example.com", "quickstart");
        let messages = imap.ok("SELECT INBOX").find("EXISTS");
        let stop = Arc::new(AtomicBool::new(false));
        let commands = Arc::new(AtomicU32::new(0));
        let thread = thread::spawn({
            let (stop, commands) = (Arc::clone(&stop), Arc::clone(&commands));
            move || {
                let size = imap.ok("FETCH 1 RFC822.SIZE").lines();
                while !stop.load(Ordering::Relaxed) {
                    assert!(imap.ok("NOOP").lines().is_empty(), "{messages}");
                    assert_eq!(imap.ok("FETCH 1 RFC822.SIZE").lines(), size);
                    commands.fetch_add(2, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(5));
                }
                imap.ok("LOGOUT");
            }
        });
        Self {
            stop,
            commands,
            thread,
        }
    }

    /// Fails the test if the session noticed anything.
    fn end(self) {
        let commands = self.commands.load(Ordering::Relaxed);
        assert!(!self.thread.is_finished(), "the uninvolved session failed");
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        assert!(commands >= 20, "only {commands} commands throughout");
        figure("commands of the uninvolved session", commands);
    }
}

fn served(what: &str, look: impl FnMut() -> Option<()>) {
    let ((), took) = measure(what, LIMIT, look);
    figure(
        &format!("{what}, edit to first connection"),
        format!("{took:?}"),
    );
}

fn greeting(local: &Local, service: Service) -> Option<String> {
    let port = local.ports().of(service);
    Some(
        Imap::connect(port, Security::Plain)
            .ok()?
            .greeting()
            .to_owned(),
    )
}

fn may(local: &Local, name: &str, service: Service) -> Option<bool> {
    let port = local.ports().of(service);
    if service == Service::Imaps {
        let mut imap = Imap::connect(port, Security::Tls).ok()?;
        Some(imap.try_log_on(name, "quickstart").ok()?.is_ok())
    } else {
        let mut pop3 = Pop3::connect(port, Security::Tls).ok()?;
        Some(pop3.log_on(name, "quickstart").is_ok())
    }
}

#[test]
fn every_edit_is_served_and_nobody_uninvolved_notices() {
    let local = Local::start("quickstart");
    let pod = local.pod();
    let uninvolved = Uninvolved::start(&local);

    local.edit(
        "mailaccessserver.yaml",
        "  imap:\n    enabled: true",
        "  imap:\n    enabled: true\n    banner: Good morning",
    );
    served("banner", || {
        (greeting(&local, Service::Imap)? == "* OK Good morning").then_some(())
    });

    port(&local);
    person(&local);
    group(&local);
    certificate(&local);

    assert_eq!(local.pod(), pod, "another process serves");
    uninvolved.end();
}

/// The plain IMAP port moves; the old one closes.
fn port(local: &Local) {
    let (old, new) = (local.ports().at(143), local.ports().at(145));
    local.edit(
        "mailaccessserver.yaml",
        "    banner: Good morning",
        "    banner: Good morning\n    unencryptedOrTLSBindings:\n      - port: 145",
    );
    served("port", || {
        let imap = Imap::connect(new, Security::Plain).ok()?;
        assert_eq!(imap.greeting(), "* OK Good morning");
        Some(())
    });
    eventually("the old port closes", LIMIT, || {
        Wire::connect(old, Security::Plain).err().map(drop)
    });
}

/// Bob has his right by his group; a rule of his own takes it away, and his open sessions end.
fn person(local: &Local) {
    let mut idle = local.imap("bob@example.com", "quickstart");
    idle.ok("SELECT INBOX");
    idle.idle();
    let mut reading = local.imap("bob@example.com", "quickstart");
    fs::write(
        local.file("bob.yaml"),
        "apiVersion: mailaccess.dev/v1alpha1\nkind: CASMailbox\nmetadata:\n  name: bob\nspec:\n  \
         serverRef:\n    name: mail\n  mailbox: bob@example.com\n  imapEnabled: false\n",
    )
    .unwrap();
    served("right of a person", || {
        (!may(local, "bob@example.com", Service::Imaps)?).then_some(())
    });
    for (what, session) in [("idle", &mut idle), ("waiting", &mut reading)] {
        session.set_patience(LIMIT);
        let farewell = session.wire().rest();
        let farewell = String::from_utf8_lossy(&farewell);
        assert!(farewell.starts_with("* BYE "), "{what}: {farewell:?}");
    }
    let revoked = local.figure("mailaccess_sessions_revoked_total{protocol=\"imap\"}");
    assert!(revoked > 1.5, "{revoked} sessions lost their right");
    // The other protocol is another right.
    assert_eq!(may(local, "bob@example.com", Service::Pop3s), Some(true));
    // Only a right password learns of it.
    let mut imap = Imap::connect(local.ports().of(Service::Imaps), Security::Tls).unwrap();
    let reply = imap.try_log_on("bob@example.com", "quickstart").unwrap();
    assert!(
        reply.status.contains("IMAP is disabled for this mailbox"),
        "{}",
        reply.status
    );
    let reply = imap.try_log_on("bob@example.com", "wrong").unwrap();
    assert!(!reply.status.contains("disabled"), "{}", reply.status);

    fs::remove_file(local.file("bob.yaml")).unwrap();
    served("right of a person, given back", || {
        may(local, "bob@example.com", Service::Imaps)?.then_some(())
    });
}

fn group(local: &Local) {
    local.edit(
        "casmailboxes.yaml",
        "Engineers\n  imapEnabled: true\n  popEnabled: true",
        "Engineers\n  imapEnabled: true\n  popEnabled: false",
    );
    served("right of a group", || {
        (!may(local, "bob@example.com", Service::Pop3s)?).then_some(())
    });
    assert_eq!(may(local, "bob@example.com", Service::Imaps), Some(true));
    assert_eq!(may(local, "ann@example.com", Service::Pop3s), Some(true));
}

fn certificate(local: &Local) {
    let shown = || {
        let port = local.ports().of(Service::Imaps);
        Wire::connect(port, Security::Tls).ok()?.certificate()
    };
    let before = shown().unwrap();
    let first = bind_certificate(&local.file("tls.yaml"));
    fs::copy(
        crate::harness::checkout().join("crds/examples/certificate/certificatebinding.yaml"),
        local.file("certificatebinding.yaml"),
    )
    .unwrap();
    served("certificate", || (shown()? == first).then_some(()));
    assert_ne!(before, first);
    let second = bind_certificate(&local.file("tls.yaml"));
    served("certificate, renewed", || {
        (shown()? == second).then_some(())
    });
    let pop3 = Wire::connect(local.ports().of(Service::Pop3s), Security::Tls).unwrap();
    assert_eq!(pop3.certificate(), Some(second));
}

/// Writes a Secret with a fresh certificate; gives its DER.
pub(crate) fn bind_certificate(path: &Path) -> Vec<u8> {
    let made = rcgen::generate_simple_self_signed(vec!["mail.example.com".to_owned()]).unwrap();
    let indent = |pem: &str| pem.replace('\n', "\n    ");
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: mail-tls\ntype: kubernetes.io/tls\n\
         stringData:\n  tls.crt: |\n    {}\n  tls.key: |\n    {}\n",
        indent(made.cert.pem().trim_end()),
        indent(made.signing_key.serialize_pem().trim_end()),
    );
    fs::write(path, secret).unwrap();
    made.cert.der().to_vec()
}
