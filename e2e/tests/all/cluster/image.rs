//! The image of the tests: the Dockerfile over the programs that the tests have built.

use crate::harness::{binary, checkout, figure, run};
use std::fs;
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
