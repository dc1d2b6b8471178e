//! A crate exists to forbid something; these tests say what.

use crate::harness::{checkout, run};
use crate::tidy::{metadata, sources, text};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// One row a crate of ours: which of ours it may use, and what may not be reached from it by any way.
struct Wall {
    package: &'static str,
    ours: &'static [&'static str],
    never: &'static [&'static str],
}

const RUNTIME: &[&str] = &[
    "tokio",
    "rustls",
    "tokio-rustls",
    "kube",
    "k8s-openapi",
    "rustix",
    "socket2",
    "getrandom",
];

const WALLS: &[Wall] = &[
    Wall {
        package: "mailaccess-mail",
        ours: &[],
        never: RUNTIME,
    },
    Wall {
        package: "mailaccess-imap",
        ours: &["mailaccess-mail"],
        never: RUNTIME,
    },
    Wall {
        package: "mailaccess-pop3",
        ours: &["mailaccess-mail"],
        never: RUNTIME,
    },
    Wall {
        package: "mailaccess-config",
        ours: &[],
        never: &["tokio", "tokio-rustls", "kube", "k8s-openapi", "hyper"],
    },
    Wall {
        package: "mailaccess-store",
        ours: &["mailaccess-mail"],
        never: &["tokio", "rustls", "kube", "k8s-openapi"],
    },
    Wall {
        package: "mailaccess",
        ours: &[
            "mailaccess-config",
            "mailaccess-imap",
            "mailaccess-mail",
            "mailaccess-pop3",
            "mailaccess-store",
        ],
        never: &["kube", "kube-client", "kube-core", "k8s-openapi"],
    },
    Wall {
        package: "mailaccess-crds",
        ours: &[],
        never: &["tokio", "rustls", "hyper", "kube-client"],
    },
    Wall {
        package: "mailaccess-operator",
        ours: &["mailaccess-config", "mailaccess-crds"],
        never: &[],
    },
];

#[test]
fn dependencies_keep_the_walls() {
    let declared = declared();
    for wall in WALLS {
        let ours: BTreeSet<_> = declared[wall.package]
            .iter()
            .filter(|name| name.starts_with("mailaccess"))
            .map(String::as_str)
            .collect();
        let allowed = wall.ours.iter().copied().collect();
        assert!(
            ours.is_subset(&allowed),
            "{} uses {:?}",
            wall.package,
            ours.difference(&allowed)
        );
        let reached = reached(wall.package);
        assert!(reached.len() > 3, "{}: {reached:?}", wall.package);
        for name in wall.never.iter().chain(&["ring", "mailaccess-e2e"]) {
            assert!(!reached.contains(*name), "{} reaches {name}", wall.package);
        }
    }
}

#[test]
fn every_crate_has_its_wall() {
    let walled = WALLS.iter().map(|wall| wall.package.to_owned());
    let walled: BTreeSet<_> = walled.chain(["mailaccess-e2e".to_owned()]).collect();
    assert_eq!(declared().into_keys().collect::<BTreeSet<_>>(), walled);
}

/// Normal dependencies of our crates as they declare them, by names; what only tests and builds use is
/// left out.
fn declared() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let uses = package["dependencies"].as_array().unwrap().iter();
            let uses = uses.filter(|uses| uses["kind"].is_null());
            let uses = uses.map(|uses| uses["name"].as_str().unwrap().to_owned());
            (package["name"].as_str().unwrap().to_owned(), uses.collect())
        })
        .collect()
}

/// Everything that a crate is built with, whatever the way it comes in.
fn reached(package: &str) -> BTreeSet<String> {
    let tree = run(Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}", "--package", package])
        .current_dir(checkout()));
    tree.lines()
        .skip(1)
        .filter_map(|line| line.split(' ').next())
        .filter(|name| !name.is_empty())
        .map(ToOwned::to_owned)
        .collect()
}

/// Where the product's code lies, without its tests.
fn product() -> impl Iterator<Item = (PathBuf, String)> {
    sources()
        .into_iter()
        .filter(|path| {
            let is_test = |part: &str| part == "tests" || part == "tests.rs" || part == "e2e";
            !path
                .components()
                .any(|part| is_test(part.as_os_str().to_str().unwrap()))
        })
        .map(|path| {
            let text = text(&path);
            // Tests stand last in a file.
            let code = text
                .split("#[cfg(test)]\nmod tests")
                .next()
                .unwrap()
                .to_owned();
            (path, code)
        })
}

fn is_in(path: &Path, places: &[&str]) -> bool {
    places.iter().any(|place| path.starts_with(place))
}

#[track_caller]
fn only_in(what: &[&str], allowed: &[&str]) {
    none_with(
        |line| what.iter().any(|what| line.contains(what)),
        |path| !is_in(path, allowed),
    );
}

/// No line of code of these files is such a one.
#[track_caller]
fn none_with(is_bad: impl Fn(&str) -> bool, is_meant: impl Fn(&Path) -> bool) {
    let files: Vec<_> = product().filter(|(path, _)| is_meant(path)).collect();
    assert!(!files.is_empty(), "nothing is looked at");
    let mut found = Vec::new();
    for (path, code) in files {
        let bad = code_lines(&code).filter(|(_, line)| is_bad(line));
        let bad = bad.map(|(number, line)| format!("{}:{number}: {}", path.display(), line.trim()));
        found.extend(bad);
    }
    assert!(found.is_empty(), "not allowed here:\n{}", found.join("\n"));
}

/// Lines with their numbers, without comments.
fn code_lines(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = (1..).zip(code.lines());
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether a line reaches for files: a module called `fs`, however it is imported, what opens them, or what
/// a path looks up on the disk.
fn calls_files(line: &str) -> bool {
    let openers = ["File::open", "File::create", "OpenOptions", "DirBuilder"];
    let look_ups = [
        "exists",
        "try_exists",
        "is_file",
        "is_dir",
        "is_symlink",
        "metadata",
        "symlink_metadata",
        "read_dir",
        "read_link",
        "canonicalize",
    ];
    let looks_up = |name: &&str| {
        line.contains(&format!(".{name}()")) || line.contains(&format!("Path::{name}"))
    };
    openers.iter().any(|opener| line.contains(opener))
        || look_ups.iter().any(looks_up)
        || has_word(line, "fs")
}

/// Whether this stands in the line as a word of its own; `fs` in `use std::{fs, io}` as in `fs::read`.
fn has_word(line: &str, word: &str) -> bool {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .any(|found| found == word)
}

#[test]
fn every_way_to_a_file_is_seen() {
    for line in [
        "use std::fs;",
        "use std::{fs, io};",
        "use std::{io, fs};",
        "    fs,",
        "use std::fs as files;",
        "use std::os::unix::fs::MetadataExt as _;",
        "    let text = tokio::fs::read_to_string(path).await?;",
        "    rustix::fs::unlink(path)",
        "    let file = File::open(path)?;",
        "    if path.exists() {",
        "    let is_there = path.try_exists()?;",
        "    paths.retain(|path| path.is_file() || path.is_dir());",
        "    let size = path.metadata()?.len();",
        "    match path.symlink_metadata() {",
        "    for entry in path.read_dir()? {",
        "    let target = path.read_link()?;",
        "    path.canonicalize()",
        "    paths.iter().all(|path| Path::is_symlink(path))",
    ] {
        assert!(calls_files(line), "{line}");
    }
    for line in [
        "let prefs = offs::read();",
        "Some(first) => {}",
        "fsync(file)",
        "flags.iter().any(|flag| flag.exists_in(set))",
        "let metadata = head.metadata;",
    ] {
        assert!(!calls_files(line), "{line}");
    }
}

#[test]
fn mail_files_are_touched_by_the_volume_alone() {
    // The pod reads documents, the operator reads YAML and writes documents, `crdgen` writes definitions:
    // none of them is mail.
    let others = [
        "mailaccess/store/src/volume",
        "mailaccess/src",
        "operator/src",
        "crds/src",
    ];
    none_with(calls_files, |path| !is_in(path, &others));
    // In the pod, whoever reads files reads documents or makes the volume.
    let pod = Path::new("mailaccess/src");
    let readers = ["mailaccess/src/documents", "mailaccess/src/init"];
    none_with(calls_files, |path| {
        path.starts_with(pod) && !is_in(path, &readers)
    });
}

/// What is accepted, what is built of it and what its status says comes of arguments alone: the same
/// offline, on a cluster and in a test.
#[test]
fn the_core_of_the_operator_is_pure_and_synchronous() {
    let impure = [
        "async",
        "await",
        "tokio",
        "futures",
        "getrandom",
        "rand",
        "fs",
        "env",
        "TcpStream",
        "UdpSocket",
        "ToSocketAddrs",
        "process",
        "thread",
        "SystemTime",
        "Instant",
        "kube_client",
        "Client",
    ];
    none_with(
        |line| impure.iter().any(|word| has_word(line, word)) || line.contains("::now"),
        |path| path.starts_with("operator/src/reconcile") || path == "operator/src/reconcile.rs",
    );
    // A key is an argument, too; who makes it is whoever calls.
    only_in(
        &["KeyPair::generate"],
        &["operator/src/reconcile/build/self_signed.rs"],
    );
    none_with(
        |line| line.contains("FreshKey::generate"),
        |path| path.starts_with("operator/src/reconcile"),
    );
}

/// The operator asks pods what they serve, and says how it is itself; to the API server it speaks by its
/// client.
#[test]
fn sockets_are_opened_by_the_pod_and_by_what_asks_it() {
    only_in(
        &[
            "TcpListener::bind",
            "TcpStream::connect",
            "UdpSocket",
            "UnixListener",
            "socket2::Socket",
        ],
        &[
            "mailaccess/src",
            "operator/src/local",
            "operator/src/pod_status.rs",
            "operator/src/cluster/health.rs",
        ],
    );
}

/// Everything else decides, reads or counts.
#[test]
fn four_modules_alone_write_to_the_api_server() {
    only_in(
        &[
            "PatchParams",
            "PostParams",
            "Recorder",
            ".patch(",
            ".patch_status(",
            ".patch_metadata(",
            ".delete_collection(",
            "DeleteParams",
            "http::Request::post",
            "http::Request::put",
            "http::Request::patch",
            "http::Request::delete",
            "api.create(",
            "api.replace(",
        ],
        &[
            "operator/src/cluster/apply.rs",
            "operator/src/cluster/update_status.rs",
            "operator/src/cluster/nudge.rs",
            "operator/src/cluster/events.rs",
        ],
    );
}

#[test]
fn protocols_and_mail_know_no_clock_and_hold_no_async() {
    let outside = ["operator", "mailaccess/src", "crds"];
    only_in(&["async fn", "async {", "async move"], &outside);
    // The lint stands in clippy.toml; these crates may not even silence it.
    let lists = text(Path::new("clippy.toml"));
    for banned in [
        "std::time::Instant::now",
        "std::time::SystemTime::now",
        "std::env::var",
        "std::env::vars",
        "std::env::var_os",
        "std::env::vars_os",
        "std::env::args",
        "std::env::args_os",
        "std::env::current_dir",
        "k8s_openapi::jiff::Timestamp::now",
    ] {
        assert!(lists.contains(&format!("path = \"{banned}\"")), "{banned}");
    }
    only_in(
        &["clippy::disallowed_methods"],
        &[
            "operator",
            "mailaccess/src",
            "crds",
            "mailaccess/store/src/volume",
        ],
    );
}

#[test]
fn protocols_are_no_std() {
    for package in ["imap", "pop3"] {
        let lib = text(Path::new(&format!("mailaccess/{package}/src/lib.rs")));
        assert!(lib.lines().any(|line| line == "#![no_std]"), "{package}");
        assert!(!lib.contains("#[cfg(not(test))]"), "{package}");
    }
}

#[test]
fn lints_are_those_of_the_workspace_everywhere() {
    for (package, manifest) in [
        "crds",
        "operator",
        "mailaccess",
        "mailaccess/config",
        "mailaccess/mail",
        "mailaccess/imap",
        "mailaccess/pop3",
        "mailaccess/store",
        "e2e",
    ]
    .map(|package| (package, text(Path::new(&format!("{package}/Cargo.toml")))))
    {
        assert!(manifest.contains("[lints]\nworkspace = true"), "{package}");
    }
    // A lint is silenced on an item, never for a file.
    only_in(&["#![allow"], &[]);
}
