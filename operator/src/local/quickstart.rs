//! The example that runs when nobody names a directory: from the checkout, so that its files can be edited,
//! or from the binary itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where it lies in a checkout.
const FOLDER: &str = "crds/examples/quickstart";
/// Everybody's password in it.
pub const PASSWORD: &str = "quickstart";

/// Its files.
const FILES: [(&str, &str); 5] = [
    (
        "casmailboxes.yaml",
        include_str!("../../../crds/examples/quickstart/casmailboxes.yaml"),
    ),
    (
        "init.yaml",
        include_str!("../../../crds/examples/quickstart/init.yaml"),
    ),
    (
        "mailaccessserver.yaml",
        include_str!("../../../crds/examples/quickstart/mailaccessserver.yaml"),
    ),
    (
        "persistentvolumeclaim.yaml",
        include_str!("../../../crds/examples/quickstart/persistentvolumeclaim.yaml"),
    ),
    (
        "users.yaml",
        include_str!("../../../crds/examples/quickstart/users.yaml"),
    ),
];

/// The folder of the checkout that one of these lies in.
pub fn in_checkout(starts: &[PathBuf]) -> Option<PathBuf> {
    starts
        .iter()
        .flat_map(|start| start.ancestors())
        .map(|ancestor| ancestor.join(FOLDER))
        .find(|folder| folder.is_dir())
}

/// Writes the example into a folder, unless there is one already.
pub fn unpack(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    for (name, text) in FILES {
        fs::write(folder.join(name), text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkout() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    #[test]
    fn the_binary_carries_every_file_of_the_example() {
        let folder = tempfile::tempdir().unwrap();
        let unpacked = folder.path().join("quickstart");
        unpack(&unpacked).unwrap();
        let mut names: Vec<String> = fs::read_dir(checkout().join(FOLDER))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| Path::new(name).extension().is_some_and(|it| it == "yaml"))
            .collect();
        names.sort();
        assert_eq!(names, FILES.map(|(name, _)| name));
        for name in names {
            let original = fs::read(checkout().join(FOLDER).join(&name)).unwrap();
            assert_eq!(fs::read(unpacked.join(&name)).unwrap(), original, "{name}");
        }
    }

    #[test]
    fn edits_of_an_unpacked_example_stay() {
        let folder = tempfile::tempdir().unwrap();
        unpack(&folder.path().join("quickstart")).unwrap();
        let users = folder.path().join("quickstart/users.yaml");
        fs::write(&users, "edited").unwrap();
        unpack(&folder.path().join("quickstart")).unwrap();
        assert_eq!(fs::read_to_string(users).unwrap(), "edited");
    }

    #[test]
    fn the_checkout_is_found_from_within_and_only_from_within() {
        let within = checkout().canonicalize().unwrap().join("operator/src");
        let found = in_checkout(&[PathBuf::from("/"), within]).unwrap();
        assert!(found.ends_with(FOLDER));
        assert_eq!(in_checkout(&[PathBuf::from("/")]), None);
    }
}
