//! The image of the tests: the Dockerfile over the programs that the tests have built.

use crate::harness::{binary, checkout, figure, run};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// Its name on the nodes.
pub(crate) const IMAGE: &str = "localhost/mailaccess:e2e";
/// The same bytes under another name, for an edit of the image.
pub(crate) const NEXT_IMAGE: &str = "localhost/mailaccess:next";

/// A folder with archives of both images.
pub(crate) fn archives() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            for (name, file) in [(IMAGE, "image.tar"), (NEXT_IMAGE, "next.tar")] {
                let out = tempfile::tempdir().unwrap();
                make(out.path(), name);
                fs::copy(out.path().join("image.tar"), folder.path().join(file)).unwrap();
            }
            folder
        })
        .path()
}

fn make(out: &Path, name: &str) -> String {
    let binaries: PathBuf = binary("mailaccess").parent().unwrap().to_owned();
    run(Command::new(checkout().join("e2e/image"))
        .arg("--binaries")
        .arg(binaries)
        .args(["--archive", name])
        .arg(out))
}

#[test]
#[ignore = "needs root and buildah: e2e/run"]
fn the_same_programs_give_the_same_image_in_every_folder() {
    let [one, another] = [0, 1].map(|_| {
        let folder = tempfile::tempdir().unwrap();
        let said = make(folder.path(), "localhost/mailaccess:same");
        figure("image of unoptimised programs", said.replace('\n', ", "));
        let blobs = run(Command::new("tar")
            .arg("tf")
            .arg(folder.path().join("image.tar")));
        // Named by their digests.
        let mut blobs: Vec<String> = blobs
            .lines()
            .filter(|line| line.contains("blobs/sha256/"))
            .map(str::to_owned)
            .collect();
        blobs.sort();
        blobs
    });
    assert!(one.len() >= 3, "{one:?}");
    assert_eq!(one, another);
}

#[test]
#[ignore = "needs root and buildah: e2e/run"]
fn there_is_nothing_in_the_image_but_what_runs() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "localhost/mailaccess:contents");
    let tree = folder.path().join("tree");
    let files = run(Command::new("find")
        .args([".", "-type", "f", "-printf", "%m %P\n"])
        .current_dir(&tree));
    for line in files.lines() {
        let (mode, path) = line.split_once(' ').unwrap();
        let is_expected = path.starts_with("usr/bin/mailaccess")
            || path.contains(".so")
            || [
                "etc/ssl/certs/ca-certificates.crt",
                "etc/passwd",
                "etc/group",
            ]
            .contains(&path);
        assert!(is_expected, "{line}");
        assert!(["644", "755"].contains(&mode), "{line}");
    }
    assert!(files.contains("usr/bin/mailaccess-operator\n"), "{files}");
}

/// The labels of the image in a folder.
fn labels(out: &Path) -> Value {
    let archive = format!("oci-archive:{}", out.join("image.tar").display());
    let config = run(Command::new("skopeo").args(["inspect", "--config", &archive]));
    let config: Value = serde_json::from_str(&config).unwrap();
    config["config"]["Labels"].clone()
}

#[test]
#[ignore = "needs root and buildah: e2e/run"]
fn the_image_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), "localhost/mailaccess:labels");
    let mut labels = labels(folder.path());
    // The engine's own.
    labels.as_object_mut().unwrap().remove("io.buildah.version");
    let wanted = json!({
        "org.opencontainers.image.title": "mailaccess",
        "org.opencontainers.image.description":
            "POP3 and IMAP4 access to mail on Kubernetes: the operator and its pods",
        "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
        "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
    });
    // No commit: nobody knows what the programs were built of.
    assert_eq!(labels, wanted);
}

/// A checkout with a commit of what makes the image, and a compiler that is done already.
struct Checkout(TempDir);

impl Checkout {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let root = folder.0.path();
        fs::create_dir_all(root.join("source/e2e")).unwrap();
        fs::create_dir_all(root.join("bin")).unwrap();
        for file in ["Dockerfile", "e2e/image"] {
            fs::copy(checkout().join(file), root.join("source").join(file)).unwrap();
        }
        let programs = binary("mailaccess").parent().unwrap().to_owned();
        let cargo = format!(
            "#!/bin/sh\nmkdir -p \"$CARGO_TARGET_DIR/release\"\ncd {} &&\n\
             exec cp mailaccess mailaccess-operator \"$CARGO_TARGET_DIR/release\"\n",
            programs.display()
        );
        fs::write(root.join("bin/cargo"), cargo).unwrap();
        fs::set_permissions(root.join("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
        folder.git(&["init", "-q"]);
        folder.git(&["add", "."]);
        folder.git(&["commit", "-q", "-m", "all"]);
        folder
    }

    fn git(&self, arguments: &[&str]) -> String {
        run(Command::new("git")
            .args(["-c", "user.name=test", "-c", "user.email=test@example.com"])
            .args(arguments)
            .current_dir(self.0.path().join("source")))
    }

    /// The commit that the image names.
    fn revision(&self) -> Value {
        let root = self.0.path();
        let path = std::env::join_paths([root.join("bin"), "/usr/bin".into(), "/bin".into()]);
        run(Command::new(root.join("source/e2e/image"))
            .args(["--archive", "localhost/mailaccess:revision", "out"])
            .current_dir(root.join("source"))
            .env("PATH", path.unwrap())
            .env("CARGO_TARGET_DIR", root.join("target")));
        labels(&root.join("source/out"))["org.opencontainers.image.revision"].clone()
    }
}

#[test]
#[ignore = "needs root and buildah: e2e/run"]
fn the_image_names_the_commit_that_it_is_made_of_and_no_other() {
    let checkout = Checkout::new();
    let head = checkout.git(&["rev-parse", "HEAD"]);
    assert_eq!(checkout.revision(), head.trim());
    // Its own output is no part of it; a file that is edited is.
    assert_eq!(checkout.revision(), head.trim());
    let dockerfile = checkout.0.path().join("source/Dockerfile");
    let edited = fs::read_to_string(&dockerfile).unwrap() + "\n# edited\n";
    fs::write(&dockerfile, edited).unwrap();
    assert_eq!(checkout.revision(), Value::Null);
    // Nor is it made of the commit of a repository that it was only unpacked in.
    checkout.git(&["rm", "-q", "-r", "--cached", "e2e"]);
    checkout.git(&["commit", "-q", "-a", "-m", "without it"]);
    assert_eq!(checkout.revision(), Value::Null);
}
