//! The example folders: everything in them would be accepted, and fits together.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use k8s_openapi::api::core::v1::Secret;
use mailaccess_crds::{
    CASMailbox, MailAccessServer,
    admission::{Kind, Object, read_documents},
};

use crate::table::crate_dir;

const RECIPES: [&str; 7] = [
    "access",
    "banner",
    "certificate",
    "connection-limits",
    "logon-type",
    "ports",
    "quickstart",
];

fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(crate_dir().join("examples")).unwrap();
    let mut folders: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// Every object of a folder that is ours to judge, accepted. The API server alone judges the rest.
fn objects(folder: &Path) -> Vec<Object> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "yaml")
    });
    paths.sort();
    let mut objects = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("PRIVATE KEY"), "{}", path.display());
        for document in read_documents(&text) {
            let document = document.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            if document.kind() == Kind::Foreign {
                continue;
            }
            match document.judge(None) {
                Ok(accepted) => objects.push(accepted.object),
                Err(errors) => panic!("{}: {errors:?}", path.display()),
            }
        }
    }
    assert!(!objects.is_empty(), "{}", folder.display());
    objects
}

fn only<T>(mut found: Vec<T>) -> T {
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn server(objects: &[Object]) -> MailAccessServer {
    only(
        objects
            .iter()
            .filter_map(|object| match object {
                Object::MailAccessServer(server) => Some((**server).clone()),
                _ => None,
            })
            .collect(),
    )
}

fn rules(objects: &[Object]) -> BTreeMap<String, CASMailbox> {
    objects
        .iter()
        .filter_map(|object| match object {
            Object::CASMailbox(rule) => {
                Some((rule.metadata.name.clone().unwrap(), (**rule).clone()))
            }
            _ => None,
        })
        .collect()
}

/// The lines of a key of the only Secret.
fn lines(objects: &[Object], key: &str) -> Vec<String> {
    let secret: Secret = only(
        objects
            .iter()
            .filter_map(|object| match object {
                Object::Secret(secret) => Some((**secret).clone()),
                _ => None,
            })
            .collect(),
    );
    let bytes = secret.data.unwrap()[key].0.clone();
    String::from_utf8(bytes)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn people(objects: &[Object]) -> BTreeSet<String> {
    let lines = lines(objects, "passwd");
    let person = |line: &String| {
        let (address, hash) = line.split_once(':').unwrap();
        assert!(hash.starts_with("{ARGON2ID}$argon2id$v=19$"), "{line}");
        address.to_owned()
    };
    lines.iter().map(person).collect()
}

#[test]
fn every_recipe_has_a_folder_whose_objects_are_accepted() {
    let names: Vec<String> = folders()
        .iter()
        .map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, RECIPES);
    for folder in folders() {
        objects(&folder);
    }
}

#[test]
fn the_quickstart_serves_both_protocols_to_two_people() {
    let objects = objects(&crate_dir().join("examples/quickstart"));
    let server = server(&objects);
    assert!(server.spec.imap.enabled && server.spec.pop.enabled);
    assert_eq!(
        server.spec.domains[0].netbios_name.as_deref(),
        Some("EXAMPLE")
    );
    assert_eq!(
        people(&objects),
        ["ann@example.com", "bob@example.com"]
            .map(str::to_owned)
            .into()
    );
    let rules = rules(&objects);
    assert_eq!(
        rules["ann"].spec.mailbox.as_deref(),
        Some("ann@example.com")
    );
    assert_eq!(
        rules["field-engineers"].spec.distribution_group.as_deref(),
        Some("Field Engineers")
    );
    assert_eq!(
        lines(&objects, "group"),
        ["Field Engineers: bob@example.com"]
    );
    assert!(
        objects
            .iter()
            .any(|object| matches!(object, Object::PersistentVolumeClaim(_)))
    );
}

#[test]
fn the_access_recipe_rules_a_group_and_a_person() {
    let objects = objects(&crate_dir().join("examples/access"));
    let rules = rules(&objects);
    let group = &rules["field-engineers"].spec;
    assert_eq!(
        (group.imap_enabled, group.pop_enabled),
        (Some(true), Some(false))
    );
    let person = &rules["paulr"].spec;
    assert_eq!(person.mailbox.as_deref(), Some("Robichaux\\paulr"));
    let domain = server(&objects).spec.domains.into_iter().find(|domain| {
        domain
            .netbios_name
            .as_deref()
            .is_some_and(|name| name.eq_ignore_ascii_case("Robichaux"))
    });
    assert!(people(&objects).contains(&format!("paulr@{}", domain.unwrap().name)));
    assert!(people(&objects).contains("administrator@example.com"));
}

#[test]
fn each_change_of_the_quickstart_changes_only_what_its_recipe_is_about() {
    let quickstart = server(&objects(&crate_dir().join("examples/quickstart")));
    for recipe in ["banner", "connection-limits", "logon-type", "ports"] {
        let mut changed = server(&objects(&crate_dir().join("examples").join(recipe)));
        assert_ne!(changed.spec, quickstart.spec, "{recipe}");
        changed.spec.imap = quickstart.spec.imap.clone();
        changed.spec.pop = quickstart.spec.pop.clone();
        assert_eq!(changed.spec, quickstart.spec, "{recipe}");
    }
}

#[test]
fn the_index_names_every_recipe() {
    let index = fs::read_to_string(crate_dir().join("examples/README.md")).unwrap();
    for recipe in RECIPES {
        assert!(index.contains(&format!("| `{recipe}` |")), "{recipe}");
    }
}
