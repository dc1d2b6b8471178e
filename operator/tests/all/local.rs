//! `local` with a pod that is a shell script, and an admin port that this test answers for it: what is
//! written, said and ended. The real pod is for the end-to-end tests.

use crate::cluster::{SERVER, USERS, yaml};
use mailaccess_config::{DocumentName, document};
use mailaccess_operator::local::greeting::People;
use mailaccess_operator::local::port_offset::PortOffset;
use mailaccess_operator::local::{End, Options, run};
use mailaccess_operator::reconcile::dereference::Operator;
use std::fs;
use std::io::{self, Read as _, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);

/// What was printed so far.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Waits until a text was printed behind what was printed before `from`; gives where it ends.
    async fn shows(&self, from: usize, expected: &str) -> usize {
        let seen = timeout(LIMIT, async {
            loop {
                if let Some(position) = self.text()[from..].find(expected) {
                    return from + position + expected.len();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        seen.await
            .unwrap_or_else(|_| panic!("{expected:?} is not shown; shown is\n{}", self.text()))
    }
}

/// A directory with files, a data folder and a pod.
pub(crate) struct Setting {
    pub(crate) folder: tempfile::TempDir,
    screen: Screen,
    pub(crate) port_offset: u16,
}

impl Setting {
    /// `serve` is what the pod does, in the words of a shell.
    pub(crate) fn new(serve: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("files")).unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        let script = format!(
            "#!/bin/sh\ncd {}\ncase $1 in\n\
             init)\n\
             mkdir -p \"$2\"; touch \"$2/mailaccess.volume\"; echo \"$*\" >> inits\n\
             if [ -e obstacle ]; then case \"$*\" in *$(cat obstacle)*)\n\
             echo \"error: make the mailbox of $(cat obstacle): something is in the way\" >&2\n\
             exit 1;; esac; fi;;\n\
             serve) echo $$ > pid; {serve};;\nesac\n",
            folder.path().display()
        );
        let binary = folder.path().join("mailaccess");
        fs::write(&binary, script).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o700)).unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        let port_offset = port - 9143;
        let root = folder.path().to_owned();
        std::thread::spawn(move || answer(port, &root));
        Self {
            folder,
            screen: Screen::default(),
            port_offset,
        }
    }

    pub(crate) fn write(&self, text: &str) {
        // As editors do: another file, then renamed.
        let next = self.folder.path().join("files/.mail.yaml.swp");
        fs::write(&next, text).unwrap();
        fs::rename(next, self.folder.path().join("files/mail.yaml")).unwrap();
    }

    fn start(&self) -> JoinHandle<anyhow::Result<End>> {
        let path = |name: &str| self.folder.path().join(name);
        let options = Options {
            directory: path("files"),
            people: People::Own,
            data: path("data"),
            namespace: "default".to_owned(),
            server: None,
            bind: Ipv4Addr::LOCALHOST.into(),
            port_offset: PortOffset::new(self.port_offset).unwrap(),
            binary: path("mailaccess"),
            log: "warn".to_owned(),
            operator: Operator {
                image: "mailaccess:test".to_owned(),
                cluster_domain: "cluster.local".to_owned(),
            },
        };
        tokio::spawn(run(options, self.screen.clone()))
    }

    fn settings(&self) -> String {
        let file = self.folder.path().join("data/documents/settings-v1");
        let (_, content) =
            document::read(DocumentName::Settings, &fs::read(file).unwrap()).unwrap();
        content
    }

    pub(crate) fn pid(&self) -> String {
        fs::read_to_string(self.folder.path().join("pid")).unwrap()
    }

    /// Has the pod say why it is not ready.
    fn make_unready(&self, why: &str) {
        let next = self.folder.path().join("not-ready.next");
        fs::write(&next, why).unwrap();
        fs::rename(next, self.folder.path().join(NOT_READY)).unwrap();
    }

    /// Has it be ready again.
    fn make_ready(&self) {
        fs::remove_file(self.folder.path().join(NOT_READY)).unwrap();
    }

    /// How often mailboxes were to be made.
    fn inits(&self) -> usize {
        let inits = fs::read_to_string(self.folder.path().join("inits")).unwrap_or_default();
        inits.lines().count()
    }

    /// No mailbox can be made for this person from now on.
    fn obstruct(&self, person: &str) {
        fs::write(self.folder.path().join(OBSTACLE), person).unwrap();
    }

    /// It can again.
    fn unobstruct(&self) {
        fs::remove_file(self.folder.path().join(OBSTACLE)).unwrap();
    }
}

/// Why the pod is not ready, while it is not.
const NOT_READY: &str = "not-ready";
/// Whose mailbox cannot be made.
const OBSTACLE: &str = "obstacle";
/// Another person of the server.
const CAROL: &str = "carol@example.com";

/// [`USERS`] and one more.
fn users_with_carol() -> String {
    let line = USERS.lines().find(|line| line.contains("ann@")).unwrap();
    let carol = line.replace("ann@example.com", CAROL);
    USERS.replace(line, &format!("{line}\n{carol}"))
}

/// [`SERVER`] with this banner.
fn server_with_banner(banner: &str) -> String {
    let edited = SERVER.replace(
        "imap: {enabled: true}",
        &format!("imap: {{enabled: true, banner: {banner}}}"),
    );
    assert_ne!(edited, SERVER);
    edited
}

/// Says for the pod, while there is one, that it has loaded whatever lies in its directory.
fn answer(port: u16, root: &Path) {
    let pause = || std::thread::sleep(Duration::from_millis(1));
    let pod_runs = || {
        let pid = fs::read_to_string(root.join("pid"));
        pid.is_ok_and(|pid| !pid.trim().is_empty() && !process_is_gone(&pid))
    };
    while root.exists() {
        if !pod_runs() {
            pause();
            continue;
        }
        let admin = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        admin.set_nonblocking(true).unwrap();
        while pod_runs() {
            match admin.accept() {
                Ok((stream, _)) => reply(stream, root),
                Err(_) => pause(),
            }
        }
    }
}

fn reply(mut stream: TcpStream, root: &Path) {
    let documents = root.join("data/documents");
    stream.set_nonblocking(false).unwrap();
    let mut request = [0; 512];
    let _ = stream.read(&mut request);
    let loaded: serde_json::Map<_, _> = DocumentName::all()
        .filter_map(|name| {
            let file = fs::read(documents.join(name.file_name())).ok()?;
            let header = document::read_header(name, &file).ok()?;
            Some((name.file_name(), serde_json::to_value(header).ok()?))
        })
        .collect();
    let not_ready: Vec<String> = fs::read_to_string(root.join(NOT_READY))
        .into_iter()
        .collect();
    let body = serde_json::json!({ "documents": loaded, "notReady": not_ready });
    let _ = write!(stream, "HTTP/1.0 200 OK\r\n\r\n{body}");
}

pub(crate) fn process_is_gone(pid: &str) -> bool {
    !PathBuf::from("/proc").join(pid.trim()).exists()
}

/// The server of these tests, as soon as it is served, with what was shown until then.
async fn served() -> (Setting, JoinHandle<anyhow::Result<End>>, usize) {
    let setting = Setting::new("cat");
    setting.write(&yaml(&[SERVER, USERS]));
    let running = setting.start();
    let seen = setting
        .screen
        .shows(0, "ready      Served by 1 of 1 pod.")
        .await;
    (setting, running, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_are_served_by_the_same_pod_and_refused_ones_change_nothing() {
    let setting = Setting::new("cat");
    setting.write(&yaml(&[SERVER, USERS]));
    let running = setting.start();
    let screen = &setting.screen;
    let seen = screen.shows(0, "MailAccessServer/mail").await;
    let seen = screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    let seen = screen
        .shows(seen, "users        ann@example.com, bob@example.com")
        .await;
    let seen = screen
        .shows(seen, "curl -k --user ann@example.com 'imaps://127.0.0.1:")
        .await;
    let pid = setting.pid();

    let edited = SERVER.replace(
        "imap: {enabled: true}",
        "imap: {enabled: true, banner: Hello}",
    );
    setting.write(&yaml(&[&edited, USERS]));
    let seen = screen.shows(seen, "Served by 0 of 1 pod so far.").await;
    let seen = screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    assert!(setting.settings().contains("banner: Hello"));

    setting.write(&yaml(&[&edited.replace("Hello", "<Hello>"), USERS]));
    screen.shows(seen, "spec.imap.banner: Invalid value").await;
    screen
        .shows(seen, "its last accepted version stays in force")
        .await;
    assert!(setting.settings().contains("banner: Hello"));
    assert_eq!(setting.pid(), pid);
    running.abort();
    let _ = running.await;
    timeout(LIMIT, async {
        while !process_is_gone(&pid) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the pod outlived its operator");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_dies_ends_everything() {
    let setting = Setting::new("exit 3");
    setting.write(&yaml(&[SERVER, USERS]));
    let end = timeout(LIMIT, setting.start()).await.unwrap().unwrap();
    assert_eq!(end.unwrap(), End::PodDied);
    setting
        .screen
        .shows(0, "the pod ended by itself: exit status: 3")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_deleted_takes_its_pod_along_and_comes_back() {
    let (setting, running, seen) = served().await;
    let screen = &setting.screen;
    let pid = setting.pid();
    setting.write(USERS);
    let seen = screen.shows(seen, "MailAccessServer/mail").await;
    screen.shows(seen, "deleted").await;
    let objects = || fs::read_dir(setting.folder.path().join("data/objects")).unwrap();
    timeout(LIMIT, async {
        while !process_is_gone(&pid) || objects().count() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the pod or an object outlived its server");
    setting.write(&yaml(&[SERVER, USERS]));
    screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_in_the_files_leaves_the_first_one_served() {
    let (setting, running, seen) = served().await;
    let screen = &setting.screen;
    let pid = setting.pid();
    let other = SERVER.replace("name: mail}", "name: other}");
    assert_ne!(other, SERVER);
    setting.write(&yaml(&[SERVER, USERS, &other]));
    screen
        .shows(
            seen,
            "MailAccessServer/other is not served here: --server chooses one",
        )
        .await;
    assert!(!process_is_gone(&pid));
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_goes_away_changes_nothing_and_one_that_comes_is_obeyed() {
    let (setting, running, seen) = served().await;
    let screen = &setting.screen;
    let pid = setting.pid();
    // As a checkout does it: another directory in its place.
    let path = |name: &str| setting.folder.path().join(name);
    fs::rename(path("files"), path("before")).unwrap();
    let seen = screen
        .shows(seen, "what was accepted last stays in force")
        .await;
    assert!(screen.text()[..seen].contains("refused: read "));
    assert!(!process_is_gone(&pid));
    fs::create_dir(path("next")).unwrap();
    let edited = SERVER.replace("{enabled: true}", "{enabled: true, banner: Anew}");
    assert_ne!(edited, SERVER);
    fs::write(path("next/mail.yaml"), yaml(&[&edited, USERS])).unwrap();
    fs::rename(path("next"), path("files")).unwrap();
    screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    assert!(setting.settings().contains("banner: Anew"));
    // And its files are watched from then on.
    let seen = screen.text().len();
    setting.write(&yaml(&[SERVER, USERS]));
    screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    assert!(!setting.settings().contains("banner: Anew"));
    assert_eq!(setting.pid(), pid);
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_without_a_server_are_said_to_serve_nothing() {
    let setting = Setting::new("cat");
    setting.write(USERS);
    let running = setting.start();
    setting.screen.shows(0, "no MailAccessServer in ").await;
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_a_server_that_vanished_between_two_runs_are_deleted() {
    let (setting, running, seen) = served().await;
    running.abort();
    let _ = running.await;
    // Another server of that name: what the first one left is not a stranger's.
    fs::remove_file(setting.folder.path().join("data/ledger.json")).unwrap();
    let running = setting.start();
    setting
        .screen
        .shows(seen, "ready      Served by 1 of 1 pod.")
        .await;
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_on_the_same_data_are_one_too_many() {
    let (setting, running, _) = served().await;
    let second = setting.start().await.unwrap().unwrap_err();
    assert!(
        second.to_string().starts_with("another `local` uses "),
        "{second}"
    );
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named_and_nothing_is_started() {
    let setting = Setting::new("cat");
    let taken = (Ipv4Addr::LOCALHOST, 9143 + setting.port_offset);
    let _taken = TcpListener::bind(taken).unwrap();
    setting.write(&yaml(&[SERVER, USERS]));
    let error = setting.start().await.unwrap().unwrap_err().to_string();
    assert!(
        error.contains("is taken, perhaps by another `local`"),
        "{error}"
    );
    assert!(!setting.folder.path().join("pid").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_on_the_same_data_writes_nothing_new() {
    let (setting, running, seen) = served().await;
    running.abort();
    let _ = running.await;
    let moment = || fs::read_link(setting.folder.path().join("data/documents/..data")).unwrap();
    let before = moment();
    let running = setting.start();
    setting
        .screen
        .shows(seen, "ready      Served by 1 of 1 pod.")
        .await;
    assert_eq!(moment(), before);
    running.abort();
}

/// Runs until the server is served, ends, and lets the files be edited.
async fn served_once(setting: &Setting) -> usize {
    let running = setting.start();
    let seen = setting
        .screen
        .shows(0, "ready      Served by 1 of 1 pod.")
        .await;
    running.abort();
    let _ = running.await;
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_between_two_runs_of_what_may_not_change_is_refused_and_changes_nothing() {
    let setting = Setting::new("cat");
    setting.write(&yaml(&[SERVER, USERS]));
    let seen = served_once(&setting).await;
    let moment = || fs::read_link(setting.folder.path().join("data/documents/..data")).unwrap();
    let before = moment();

    let moved = SERVER.replace(
        "{claimName: mail}}",
        "{claimName: mail}, path: '{local}/{domain}'}",
    );
    setting.write(&yaml(&[&moved, USERS]));
    let running = setting.start();
    let screen = &setting.screen;
    let seen = screen
        .shows(
            seen,
            "files/mail.yaml:14: MailAccessServer/mail: spec.store.maildir.path: Invalid value: \"string\": cannot change: everybody would see an empty mailbox\n  its last accepted version stays in force",
        )
        .await;
    let seen = screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    assert_eq!(moment(), before);
    assert!(setting.settings().contains("{domain}/{local}/Maildir"));

    // Gone and come again, it is another server.
    setting.write(USERS);
    let seen = screen.shows(seen, "deleted").await;
    setting.write(&yaml(&[&moved, USERS]));
    screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    assert!(setting.settings().contains("{local}/{domain}"));
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_and_is_damaged_is_said_and_stops_nothing() {
    let setting = Setting::new("cat");
    setting.write(&yaml(&[SERVER, USERS]));
    let mut seen = served_once(&setting).await;
    let path = setting.folder.path().join("data/ledger.json");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for (bytes, cause) in [
        (&b"[]"[..], "it has format 1, and this release reads 2"),
        (b"{", "it is damaged: it does not begin with its format"),
        (b"\xff", "stream did not contain valid UTF-8"),
    ] {
        fs::write(&path, bytes).unwrap();
        let running = setting.start();
        let said = format!(
            "data/ledger.json: what the last run kept cannot be used: {cause}; each object counts as new"
        );
        seen = setting.screen.shows(seen, &said).await;
        seen = setting
            .screen
            .shows(seen, "ready      Served by 1 of 1 pod.")
            .await;
        running.abort();
        let _ = running.await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_becomes_unready_later_is_said_and_so_is_that_it_is_well_again() {
    let setting = Setting::new("cat");
    setting.write(&yaml(&[SERVER, USERS]));
    let running = setting.start();
    let screen = &setting.screen;
    let mut seen = screen.shows(0, "ready      Served by 1 of 1 pod.").await;
    seen = screen.shows(seen, "Ctrl-C ends it.").await;
    for _ in 0..2 {
        setting.make_unready("volume: its marker is gone");
        seen = screen
            .shows(
                seen,
                "waiting    NotReady: No pod is ready: local: volume: its marker is gone.",
            )
            .await;
        setting.make_ready();
        seen = screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    }
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_at_the_start_are_an_error() {
    let setting = Setting::new("cat");
    let other = SERVER.replace("name: mail}", "name: other}");
    setting.write(&yaml(&[SERVER, &other, USERS]));
    let error = setting.start().await.unwrap().unwrap_err().to_string();
    assert_eq!(
        error,
        "there are several MailAccessServers (mail, other): choose one with --server"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_replaced_by_several_ends_nothing_but_itself() {
    let (setting, running, seen) = served().await;
    let screen = &setting.screen;
    let pid = setting.pid();
    let named = |name: &str| SERVER.replace("name: mail}", &format!("name: {name}}}"));
    setting.write(&yaml(&[&named("one"), &named("other"), USERS]));
    let seen = screen
        .shows(
            seen,
            "there are several MailAccessServers (one, other), of which none was served before: \
             nothing is served",
        )
        .await;
    assert!(process_is_gone(&pid));
    setting.write(&yaml(&[&named("other"), USERS]));
    let seen = screen.shows(seen, "MailAccessServer/other").await;
    screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_cannot_get_a_mailbox_keeps_nobody_else_from_being_served() {
    let setting = Setting::new("cat");
    setting.obstruct(CAROL);
    setting.write(&yaml(&[SERVER, &users_with_carol()]));
    let running = setting.start();
    let screen = &setting.screen;
    let said = "mailboxes: make the mailbox of carol@example.com: something is in the way";
    let seen = screen.shows(0, said).await;
    let seen = screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    // A look at the pod is no new attempt, each change is one, and the same failure is said once.
    assert_eq!(setting.inits(), 1);
    setting.write(&yaml(&[&server_with_banner("Hello"), &users_with_carol()]));
    let seen = screen.shows(seen, "Served by 0 of 1 pod so far.").await;
    let seen = screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    assert_eq!(setting.inits(), 2);
    assert_eq!(screen.text().matches(said).count(), 1);
    setting.unobstruct();
    setting.write(&yaml(&[SERVER, &users_with_carol()]));
    screen
        .shows(seen, "mailboxes: every one is there now")
        .await;
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_added_and_cannot_get_a_mailbox_ends_no_session() {
    let (setting, running, seen) = served().await;
    let screen = &setting.screen;
    let pid = setting.pid();
    setting.obstruct(CAROL);
    setting.write(&yaml(&[SERVER, &users_with_carol()]));
    let seen = screen
        .shows(
            seen,
            "mailboxes: make the mailbox of carol@example.com: something is in the way",
        )
        .await;
    screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    assert_eq!(setting.pid(), pid);
    assert!(!process_is_gone(&pid));
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_behind_a_symbolic_link_are_served() {
    let setting = Setting::new("cat");
    let path = |name: &str| setting.folder.path().join(name);
    // As a ConfigMap is mounted, in another folder.
    let mount = |version: &str, text: &str| {
        fs::create_dir_all(path("mount").join(version)).unwrap();
        fs::write(path("mount").join(version).join("mail.yaml"), text).unwrap();
        symlink(version, path("mount/..data_tmp")).unwrap();
        fs::rename(path("mount/..data_tmp"), path("mount/..data")).unwrap();
    };
    mount("..1", &yaml(&[SERVER, USERS]));
    symlink(path("mount/..data/mail.yaml"), path("files/mail.yaml")).unwrap();
    let running = setting.start();
    let screen = &setting.screen;
    let seen = screen.shows(0, "ready      Served by 1 of 1 pod.").await;
    mount("..2", &yaml(&[&server_with_banner("Swapped"), USERS]));
    let seen = screen.shows(seen, "Served by 0 of 1 pod so far.").await;
    let seen = screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    assert!(setting.settings().contains("banner: Swapped"));
    fs::write(
        path("mount/..2/mail.yaml"),
        yaml(&[&server_with_banner("Written"), USERS]),
    )
    .unwrap();
    let seen = screen.shows(seen, "Served by 0 of 1 pod so far.").await;
    screen.shows(seen, "ready      Served by 1 of 1 pod.").await;
    assert!(setting.settings().contains("banner: Written"));
    running.abort();
}
