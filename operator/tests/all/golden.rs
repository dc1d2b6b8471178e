//! What `render` prints for whole directories, compared with files. `UPDATE=1 cargo test` rewrites them.

use mailaccess_operator::reconcile::dereference::Operator;
use mailaccess_operator::render::{Options, render};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn options() -> Options {
    Options {
        namespace: "default".to_owned(),
        operator: Operator {
            image: "mailaccess:test".to_owned(),
            cluster_domain: "cluster.local".to_owned(),
        },
        now: "2026-11-24T12:00:00Z".parse().unwrap(),
    }
}

/// Everything that `render` says about a directory, as one text.
fn everything(directory: &Path) -> String {
    let rendered = render(directory, &options()).unwrap();
    let mut text = String::new();
    for (name, lines) in [
        ("skipped", &rendered.skipped),
        ("warning", &rendered.warnings),
        ("error", &rendered.errors),
    ] {
        for line in lines {
            let _ = writeln!(text, "# {name}: {}", line.replace('\n', "\n#   "));
        }
    }
    text.push_str(&rendered.yaml);
    // Where the checkout lies does not matter.
    text.replace(&format!("{}/", directory.display()), "")
}

/// A directory of this folder.
#[track_caller]
fn check(name: &str) {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    compare(name, &directory);
}

/// A directory of the examples.
#[track_caller]
fn check_example(name: &str) {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../crds/examples")
        .join(name);
    compare(name, &directory);
}

#[track_caller]
fn compare(name: &str, directory: &Path) {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name)
        .with_extension("rendered");
    let actual = everything(directory);
    #[expect(
        clippy::disallowed_methods,
        reason = "asks whether to rewrite the file"
    )]
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&golden, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    if expected != actual {
        let difference = similar::TextDiff::from_lines(&expected, &actual);
        panic!(
            "{} differs; UPDATE=1 rewrites it\n{}",
            golden.display(),
            difference.unified_diff().context_radius(3)
        );
    }
}

#[test]
fn the_least_server_is_a_whole_server() {
    check("minimal");
}

#[test]
fn every_field_has_its_place() {
    check("everything");
}

#[test]
fn a_server_without_ports_has_no_service() {
    check("closed");
}

#[test]
fn every_refusal_has_its_line_field_and_reason() {
    check("refused");
}

#[test]
fn what_cannot_be_resolved_is_said() {
    check("unresolved");
}

#[test]
fn the_quickstart_is_right() {
    check_example("quickstart");
}

#[test]
fn the_recipe_for_access_is_right() {
    check_example("access");
}

#[test]
fn rendering_twice_gives_the_same() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/everything");
    assert_eq!(everything(&directory), everything(&directory));
}

/// `crds/examples/README.md` says so: each of these is copied over a copy of the quickstart.
#[test]
fn each_change_laid_over_the_quickstart_is_built_and_serves_its_people() {
    let examples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../crds/examples");
    for recipe in ["banner", "connection-limits", "logon-type", "ports"] {
        let directory = tempfile::tempdir().unwrap();
        for folder in ["quickstart", recipe] {
            for entry in std::fs::read_dir(examples.join(folder)).unwrap() {
                let entry = entry.unwrap();
                std::fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
            }
        }
        let rendered = render(directory.path(), &options()).unwrap();
        assert_eq!(rendered.errors, Vec::<String>::new(), "{recipe}");
        for person in ["ann@example.com", "bob@example.com"] {
            assert!(rendered.yaml.contains(person), "{recipe}: {person}");
        }
    }
}
