//! The definitions: the files that are applied, and what `kubectl` makes of them.

use std::{fmt::Write, fs, process::Command};

use mailaccess_crds::{GROUP, VERSION, admission::read_documents, definition_files, definitions};
use serde_json::Value;

use crate::table::crate_dir;

/// `kubectl apply` keeps the whole object in an annotation, which holds this many bytes.
const MAX_BYTES: usize = 262_144;

#[test]
fn the_files_are_what_the_types_say() {
    for (name, yaml) in definition_files() {
        let path = crate_dir().join(&name);
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == yaml,
            "{} differs from the types: run `cargo run --bin crdgen`",
            path.display()
        );
    }
}

#[test]
fn the_files_read_the_same_by_yaml_1_1() {
    for (crd, (name, yaml)) in definitions().iter().zip(definition_files()) {
        let read = read_documents(&yaml).remove(0).unwrap();
        // Through text, so that 1 and 1.0 are one number.
        let wanted = serde_json::to_value(crd).unwrap();
        assert_eq!(normal(&read.value), normal(&wanted), "{name}");
    }
}

fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::from(number.as_f64().unwrap()),
        Value::Array(entries) => entries.iter().map(normal).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| (name.clone(), normal(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

#[test]
fn each_definition_fits_into_an_annotation_and_names_group_and_version() {
    for crd in definitions() {
        let bytes = serde_json::to_vec(&crd).unwrap().len();
        assert!(
            bytes < MAX_BYTES,
            "{:?} has {bytes} bytes",
            crd.metadata.name
        );
        assert_eq!(crd.spec.group, GROUP);
        assert_eq!(crd.spec.versions.len(), 1);
        assert_eq!(crd.spec.versions[0].name, VERSION);
    }
}

#[test]
fn a_status_that_nobody_wrote_is_older_than_its_object() {
    for crd in definitions() {
        let crd = serde_json::to_value(crd).unwrap();
        let status =
            &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"];
        assert_eq!(status["default"]["observedGeneration"], -1);
        assert_eq!(status["properties"]["observedGeneration"]["default"], -1);
        assert_eq!(
            status["properties"]["conditions"]["x-kubernetes-list-map-keys"][0],
            "type"
        );
    }
}

fn crdgen(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_crdgen"))
        .args(arguments)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn crdgen_writes_one_file_a_kind_into_a_directory_that_it_makes() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("new/crds");
    let (code, _) = crdgen(&[target.to_str().unwrap()]);
    assert_eq!(code, Some(0));
    let mut written: Vec<_> = fs::read_dir(&target)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    written.sort();
    let mut wanted: Vec<_> = definition_files()
        .into_iter()
        .map(|(name, _)| target.join(name))
        .collect();
    wanted.sort();
    assert_eq!(written, wanted);
    for (name, yaml) in definition_files() {
        assert_eq!(fs::read_to_string(target.join(name)).unwrap(), yaml);
    }
}

#[test]
fn crdgen_prints_one_stream_and_explains_itself() {
    let (code, printed) = crdgen(&["-"]);
    assert_eq!((code, read_documents(&printed).len()), (Some(0), 3));
    let (code, help) = crdgen(&["--help"]);
    assert_eq!(
        (code, help.contains("Examples:\n  crdgen ")),
        (Some(0), true)
    );
    assert_eq!(crdgen(&["--wrong"]), (Some(2), help));
    let (code, error) = crdgen(&["/dev/null/crds"]);
    assert_eq!(
        (code, error.starts_with("crdgen: write /dev/null/crds: ")),
        (Some(1), true),
        "{error}"
    );
}

/// `UPDATE=1` rewrites the file.
#[test]
fn columns_names_selectable_fields_and_scale_are_those_of_the_golden_file() {
    let mut text = String::new();
    for crd in definitions() {
        let names = &crd.spec.names;
        let version = &crd.spec.versions[0];
        let scope = &crd.spec.scope;
        writeln!(text, "{} ({}.{GROUP}, {scope})", names.kind, names.plural).unwrap();
        writeln!(
            text,
            "  short names: {}",
            names.short_names.clone().unwrap_or_default().join(", ")
        )
        .unwrap();
        writeln!(
            text,
            "  categories:  {}",
            names.categories.clone().unwrap_or_default().join(", ")
        )
        .unwrap();
        writeln!(text, "  columns:").unwrap();
        for column in version.additional_printer_columns.iter().flatten() {
            let wide = if column.priority.unwrap_or(0) > 0 {
                " (wide)"
            } else {
                ""
            };
            writeln!(
                text,
                "    {:<11}{:<8} {}{wide}",
                column.name, column.type_, column.json_path
            )
            .unwrap();
        }
        writeln!(text, "  selectable:").unwrap();
        for field in version.selectable_fields.iter().flatten() {
            writeln!(text, "    {}", field.json_path).unwrap();
        }
        let subresources = version.subresources.clone().unwrap();
        assert!(subresources.status.is_some());
        if let Some(scale) = subresources.scale {
            let selector = scale.label_selector_path.unwrap_or_default();
            writeln!(
                text,
                "  scale:       {} {} {selector}",
                scale.spec_replicas_path, scale.status_replicas_path
            )
            .unwrap();
        }
    }
    let path = crate_dir().join("tests/golden/kubectl.txt");
    if update() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap_or_default(), text);
}

#[expect(
    clippy::disallowed_methods,
    reason = "UPDATE=1 is how every golden file is rewritten"
)]
fn update() -> bool {
    std::env::var_os("UPDATE").is_some()
}
