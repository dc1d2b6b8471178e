//! `mailaccess init`, and the help.

use crate::pod::{Pod, mailaccess};
use crate::wire::Client;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

fn files(root: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else {
            into.insert(path.display().to_string(), fs::read(&path).unwrap());
        }
    }
}

#[test]
fn doing_it_twice_is_once() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("a/volume");
    let mut seen = Vec::new();
    for _ in 0..2 {
        let done = mailaccess().arg("init").arg(&root).arg("--demo").output();
        let done = done.unwrap();
        assert!(done.status.success(), "{done:?}");
        let mut found = BTreeMap::new();
        files(&root, &mut found);
        seen.push(found);
    }
    assert_eq!(seen[0], seen[1]);
    assert!(
        seen[0]
            .keys()
            .any(|name| name.ends_with("mailaccess.volume"))
    );
    for person in ["ann", "bob"] {
        let inbox = format!("example.com/{person}/Maildir/new/");
        let count = seen[0].keys().filter(|name| name.contains(&inbox)).count();
        assert!(count >= 6, "{person} has {count}");
    }
}

/// How many messages of the mailbox this key of SEARCH finds, a text in UTF-8.
#[track_caller]
fn found(imap: &mut Client, key: &str, text: &str) -> usize {
    let command = format!("SEARCH CHARSET UTF-8 {key} {{{}+}}\r\n{text}", text.len());
    let lines = imap.imap_ok(&command);
    let numbers = lines[0].strip_prefix("* SEARCH").unwrap();
    numbers.split_ascii_whitespace().count()
}

#[test]
fn the_demo_shows_every_kind_of_message() {
    let pod = Pod::start();
    for person in ["ann", "bob"] {
        // Before anything is served: as it lies on the disk.
        let inbox = pod
            .volume()
            .join("example.com")
            .join(person)
            .join("Maildir/new");
        let mut lying = BTreeMap::new();
        files(&inbox, &mut lying);
        let lf = lying.values().filter(|bytes| !bytes.contains(&b'\r'));
        assert_eq!(
            lf.count(),
            1,
            "{person}: one message whose lines end with LF"
        );

        let mut imap = pod.imap();
        imap.line().unwrap();
        imap.imap_ok(&format!("LOGIN {person} {}", crate::documents::PASSWORD));
        imap.imap_ok("EXAMINE INBOX");
        let structures = imap.imap_ok("FETCH 1:* BODYSTRUCTURE");
        let having = |part: &str| {
            let part = part.to_ascii_lowercase();
            let with = |line: &&String| line.to_ascii_lowercase().contains(&part);
            structures.iter().filter(with).count()
        };
        assert_eq!(
            having("(\"attachment\" (\"filename"),
            2,
            "{person}: attachments: {structures:?}"
        );
        assert_eq!(
            having("(\"text\" \"html\""),
            1,
            "{person}: HTML: {structures:?}"
        );
        let nested = "(\"message\" \"rfc822\"";
        assert_eq!(
            having(nested),
            1,
            "{person}: a message in a message: {structures:?}"
        );
        let old = "\"charset\" \"koi8-r\"";
        assert_eq!(having(old), 1, "{person}: an old charset: {structures:?}");
        // And what they say is understood.
        assert_eq!(
            found(&mut imap, "SUBJECT", "Grüße aus Zürich"),
            1,
            "{person}"
        );
        assert_eq!(found(&mut imap, "FROM", "Jürgen Müller"), 1, "{person}");
        assert_eq!(found(&mut imap, "BODY", "Здравствуйте"), 1, "{person}");
    }
}

#[test]
fn only_who_is_asked_for_gets_a_mailbox() {
    let directory = tempfile::tempdir().unwrap();
    let done = mailaccess()
        .arg("init")
        .arg(directory.path())
        .args(["--user", "Carol@Example.com", "--path", "{local}@{domain}"])
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    assert!(directory.path().join("carol@example.com/cur").is_dir());
    assert!(!directory.path().join("example.com").exists());
}

#[test]
fn a_mailbox_that_cannot_be_made_keeps_nobody_else_from_theirs() {
    let directory = tempfile::tempdir().unwrap();
    let domain = directory.path().join("example.com");
    fs::create_dir(&domain).unwrap();
    fs::write(domain.join("bob"), "in the way").unwrap();
    let done = mailaccess()
        .arg("init")
        .arg(directory.path())
        .args(["ann", "bob", "carol"].map(|name| format!("--user={name}@example.com")))
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(
        said.starts_with("error: make the mailbox of bob@example.com: "),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    for name in ["ann", "carol"] {
        assert!(domain.join(name).join("Maildir/cur").is_dir(), "{name}");
    }
}

#[test]
fn help_shows_how_it_is_used() {
    for command in ["serve", "init"] {
        let help = mailaccess().args([command, "--help"]).output().unwrap();
        let text = String::from_utf8(help.stdout).unwrap();
        assert!(text.contains(&format!("  mailaccess {command} ")), "{text}");
        assert!(!text.contains("--fault"), "{text}");
    }
}

#[test]
fn what_is_made_belongs_to_who_is_asked_for() {
    use std::os::unix::fs::MetadataExt as _;
    let directory = tempfile::tempdir().unwrap();
    if fs::metadata(directory.path()).unwrap().uid() != 0 {
        eprintln!("skipped: only root can give files away");
        return;
    }
    // Whoever acts for another user must be able to get there.
    let open = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    fs::set_permissions(directory.path(), open).unwrap();
    let root = directory.path().join("volume");
    let done = mailaccess()
        .arg("init")
        .arg(&root)
        .args(["--demo", "--uid", "5000", "--gid", "5001"])
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let mut found = BTreeMap::new();
    files(&root, &mut found);
    for name in found.keys().map(Path::new).chain([root.as_path()]) {
        let owner = fs::metadata(name).unwrap();
        assert_eq!(
            (owner.uid(), owner.gid()),
            (5000, 5001),
            "{}",
            name.display()
        );
    }
}

#[test]
fn on_a_volume_of_somebody_else_it_says_what_to_do() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;
    let directory = tempfile::tempdir().unwrap();
    if fs::metadata(directory.path()).unwrap().uid() != 0 {
        eprintln!("skipped: only root can run a program as somebody else");
        return;
    }
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // Where programs are built is not for everybody.
    let program = directory.path().join("mailaccess");
    fs::copy(env!("CARGO_BIN_EXE_mailaccess"), &program).unwrap();
    let root = directory.path().join("volume");
    fs::create_dir(&root).unwrap();
    let init = || {
        let mut init = std::process::Command::new(&program);
        let init = init.arg("init").arg(&root).arg("--demo");
        init.uid(5000).gid(5000).output().unwrap()
    };
    let refused = init();
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let remedy = format!("chown 5000:5000 {}", root.display());
    assert!(said.contains(&remedy), "{said}");
    assert!(said.contains("belongs to 0:0 with mode 755"), "{said}");
    std::os::unix::fs::chown(&root, Some(5000), Some(5000)).unwrap();
    let done = init();
    assert!(done.status.success(), "{done:?}");
}
