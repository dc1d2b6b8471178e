//! The shape of the source: every file is part of the program, says what it is, and leaves nothing open.

use crate::harness::{checkout, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `cargo metadata` says of the workspace.
pub(crate) fn metadata(more: &[&str]) -> Value {
    let text = run(Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(more)
        .current_dir(checkout()));
    serde_json::from_str(&text).unwrap()
}

/// Every Rust file of the checkout, relative to it.
pub(crate) fn sources() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(checkout().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                if !["target", ".git"].contains(&path.to_str().unwrap()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(path);
            }
        }
    }
    found
}

pub(crate) fn text(path: &Path) -> String {
    fs::read_to_string(checkout().join(path)).unwrap()
}

#[test]
fn every_file_is_reached_by_a_mod_line() {
    let metadata = metadata(&["--no-deps"]);
    let root = checkout().canonicalize().unwrap();
    let mut reached = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        for target in package["targets"].as_array().unwrap() {
            let path = Path::new(target["src_path"].as_str().unwrap());
            let path = path.canonicalize().unwrap();
            let path = path.strip_prefix(&root).unwrap();
            reach(path, path.parent().unwrap(), &mut reached);
        }
    }
    let lost: Vec<_> = sources().difference(&reached).cloned().collect();
    assert!(lost.is_empty(), "no mod line reaches {lost:?}");
}

/// Follows the mod lines of a file, whose children lie in `folder`.
fn reach(path: &Path, folder: &Path, reached: &mut BTreeSet<PathBuf>) {
    reached.insert(path.to_owned());
    let mut is_elsewhere = false;
    for line in text(path).lines() {
        let line = line.trim();
        // A file of another crate, which reaches it by a line of its own.
        if std::mem::replace(&mut is_elsewhere, line.starts_with("#[path = ")) {
            continue;
        }
        let line = line
            .strip_prefix("pub(crate) ")
            .or_else(|| line.strip_prefix("pub(super) "))
            .or_else(|| line.strip_prefix("pub "))
            .unwrap_or(line);
        let Some(name) = line.strip_prefix("mod ").and_then(|l| l.strip_suffix(';')) else {
            continue;
        };
        let flat = folder.join(format!("{name}.rs"));
        let deep = folder.join(name).join("mod.rs");
        let child = if checkout().join(&flat).is_file() {
            flat
        } else {
            deep
        };
        assert!(
            checkout().join(&child).is_file(),
            "{}: mod {name}",
            path.display()
        );
        reach(&child, &folder.join(name), reached);
    }
}

#[test]
fn every_file_says_first_what_it_is() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|path| !text(path).starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn nothing_is_marked_as_unfinished() {
    // Written so that this file does not find itself.
    let marks = ["FIX", "TO", "XX"].map(|half| match half {
        "FIX" => "FIXME".to_owned(),
        "TO" => ["TO", "DO"].concat(),
        half => [half, "X"].concat(),
    });
    let here = Path::new("e2e/tests/all/tidy.rs");
    let mut open = Vec::new();
    for path in sources().into_iter().filter(|path| path != here) {
        for (number, line) in text(&path).lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                open.push(format!("{}:{}: {line}", path.display(), number + 1));
            }
        }
    }
    assert!(open.is_empty(), "{}", open.join("\n"));
}

#[test]
fn every_module_has_a_name_of_its_own() {
    let vague = [
        "util", "utils", "helper", "helpers", "common", "manager", "misc", "v2",
    ];
    let found: Vec<_> = sources()
        .into_iter()
        .filter(|path| {
            path.components().any(|part| {
                let name = part.as_os_str().to_str().unwrap();
                vague.contains(&name.trim_end_matches(".rs"))
            })
        })
        .collect();
    assert!(found.is_empty(), "{found:?}");
}
