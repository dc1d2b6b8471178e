//! The chart as Helm renders it: strict values, the definitions as `crdgen` wrote them, an operator that the
//! restricted standard admits and that may do nothing beyond its work.

use crate::harness::{binary, capture, checkout, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;

/// A program of the test cluster's tools, which this builds where they are not there yet.
fn tool(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = run(&mut Command::new(checkout().join("e2e/cluster/tools")));
            PathBuf::from(folder.trim()).join("bin")
        })
        .join(name)
}

fn helm(arguments: &[&str]) -> Output {
    capture(
        Command::new(tool("helm"))
            .args(arguments)
            .current_dir(checkout()),
    )
}

/// What `helm template` prints in the namespace `ops`, as text.
#[track_caller]
fn rendered(more: &[&str]) -> String {
    let mut arguments = vec!["template", "mailaccess", "charts/mailaccess", "-n", "ops"];
    arguments.extend(more);
    let output = helm(&arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The objects of a stream of YAML.
fn objects(yaml: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(yaml)
        .map(|document| serde::Deserialize::deserialize(document).unwrap())
        .filter(|object: &Value| !object.is_null())
        .collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects
        .iter()
        .filter(|object| object["kind"] == kind)
        .collect()
}

fn texts(list: &Value) -> BTreeSet<&str> {
    let list = list.as_array().unwrap();
    list.iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
#[ignore = "needs helm, which e2e/cluster/tools builds: e2e/run"]
fn helm_finds_nothing_to_say_against_the_chart() {
    let output = helm(&["lint", "--strict", "charts/mailaccess"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
}

#[test]
#[ignore = "needs helm, which e2e/cluster/tools builds: e2e/run"]
fn a_value_that_there_is_not_is_refused() {
    for (set, cause) in [
        ("nonsense=1", "nonsense"),
        ("image.registry=x", "registry"),
        ("crds.enabled=perhaps", "boolean"),
        ("log.format=xml", "format"),
        ("watchNamespaces={Upper}", "pattern"),
        ("watchNamespaces={a,a}", "watchNamespaces"),
    ] {
        let output = helm(&["template", "m", "charts/mailaccess", "--set", set]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{set} was accepted");
        assert!(said.contains(cause), "{set}: {said}");
    }
}

#[test]
#[ignore = "needs helm, which e2e/cluster/tools builds: e2e/run"]
fn the_definitions_are_those_of_crdgen() {
    let all = objects(&rendered(&[]));
    let mut definitions = of_kind(&all, "CustomResourceDefinition");
    assert_eq!(definitions.len(), 3);
    for entry in fs::read_dir(checkout().join("crds")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let wanted = objects(&fs::read_to_string(&path).unwrap()).remove(0);
        let name = &wanted["metadata"]["name"];
        let place = definitions
            .iter()
            .position(|definition| definition["metadata"]["name"] == *name)
            .unwrap();
        let mut definition = definitions.remove(place).clone();
        let metadata = definition["metadata"].as_object_mut().unwrap();
        let annotations = metadata.remove("annotations").unwrap();
        assert_eq!(
            annotations,
            serde_json::json!({"helm.sh/resource-policy": "keep"})
        );
        assert!(
            definition == wanted,
            "{} differs: cp crds/*.yaml charts/mailaccess/files/crds/",
            path.display()
        );
    }
    assert!(definitions.is_empty());
    let none = objects(&rendered(&["--set", "crds.enabled=false"]));
    assert!(of_kind(&none, "CustomResourceDefinition").is_empty());
    assert!(!rendered(&["--set", "crds.keep=false"]).contains("resource-policy"));
}

#[test]
#[ignore = "needs helm, which e2e/cluster/tools builds: e2e/run"]
fn the_operator_may_do_its_work_and_nothing_else() {
    let all = objects(&rendered(&["--set", "watchNamespaces={mail,mail-test}"]));
    assert!(of_kind(&all, "ClusterRole").is_empty());
    assert!(of_kind(&all, "ClusterRoleBinding").is_empty());
    for kind in ["Role", "RoleBinding"] {
        let there: Vec<_> = of_kind(&all, kind)
            .iter()
            .map(|role| role["metadata"]["namespace"].as_str().unwrap())
            .collect();
        assert_eq!(there, ["mail", "mail-test"], "{kind}");
    }
    for role in of_kind(&all, "Role") {
        for rule in role["rules"].as_array().unwrap() {
            let verbs = texts(&rule["verbs"]);
            for forbidden in [
                "*",
                "delete",
                "deletecollection",
                "escalate",
                "bind",
                "impersonate",
            ] {
                assert!(!verbs.contains(forbidden), "{rule}");
            }
            for resource in texts(&rule["resources"]) {
                let is_expected = !resource.contains('*')
                    && (!resource.contains('/') || resource.ends_with("/status"));
                assert!(is_expected, "{rule}");
            }
        }
    }
    for binding in of_kind(&all, "RoleBinding") {
        assert_eq!(binding["subjects"][0]["namespace"], "ops");
    }
}

#[test]
#[ignore = "needs helm, which e2e/cluster/tools builds: e2e/run"]
fn the_restricted_standard_admits_the_operator() {
    let all = objects(&rendered(&["--set", "watchNamespaces={mail}"]));
    let deployment = of_kind(&all, "Deployment")[0];
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    let container = &pod["containers"][0];
    let security = &container["securityContext"];
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["capabilities"]["drop"], serde_json::json!(["ALL"]));
    assert!(texts(&container["args"]).contains("--namespace=mail"));
    for place in ["hostNetwork", "hostPID", "hostIPC", "volumes"] {
        assert!(pod[place].is_null(), "{place}");
    }
}

#[test]
fn chart_image_example_and_operator_are_of_one_version() {
    let version = env!("CARGO_PKG_VERSION");
    let image = format!("mailaccess:{version}");
    let read = |file: &str| fs::read_to_string(checkout().join(file)).unwrap();
    let chart = objects(&read("charts/mailaccess/Chart.yaml")).remove(0);
    assert_eq!(chart["appVersion"], version);
    assert_eq!(chart["version"], version);
    // By default the chart names its appVersion.
    let values = objects(&read("charts/mailaccess/values.yaml")).remove(0);
    assert_eq!(values["image"]["repository"], "mailaccess");
    assert_eq!(values["image"]["tag"], "");
    let job = objects(&read("crds/examples/quickstart/init.yaml")).remove(0);
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], image);
    let label = format!("org.opencontainers.image.version=\"{version}\"");
    for (file, text) in [
        ("Dockerfile", &label),
        ("Dockerfile", &image),
        ("README.md", &image),
        ("e2e/image", &image),
    ] {
        assert!(read(file).contains(text), "{file} does not name {text}");
    }
    let output = capture(
        Command::new(binary("mailaccess-operator"))
            .args(["render", "crds/examples/quickstart"])
            .env_remove("MAILACCESS_IMAGE")
            .current_dir(checkout()),
    );
    let rendered = String::from_utf8_lossy(&output.stdout);
    assert!(
        rendered.contains(&format!("image: {image}\n")),
        "{rendered}"
    );
    for command in ["run", "render"] {
        let help = run(Command::new(binary("mailaccess-operator"))
            .args([command, "--help"])
            .env_remove("MAILACCESS_IMAGE"));
        assert!(help.contains(&format!("[default: {image}]")), "{help}");
    }
}

/// What Helm renders, as a file. The definitions are compared with those of `crdgen` already.
#[track_caller]
fn check_rendered(name: &str, more: &[&str]) {
    let mut arguments = vec!["--set", "crds.enabled=false"];
    arguments.extend(more);
    let actual = rendered(&arguments);
    let golden = checkout().join("e2e/tests/golden").join(name);
    #[expect(
        clippy::disallowed_methods,
        reason = "asks whether to rewrite the file"
    )]
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &actual).unwrap();
    }
    let expected = fs::read_to_string(&golden).unwrap_or_default();
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
#[ignore = "needs helm, which e2e/cluster/tools builds: e2e/run"]
fn the_manifests_of_the_defaults_are_these() {
    check_rendered("chart-defaults.rendered", &[]);
}

#[test]
#[ignore = "needs helm, which e2e/cluster/tools builds: e2e/run"]
fn the_manifests_for_two_namespaces_are_these() {
    check_rendered(
        "chart-two-namespaces.rendered",
        &["--set", "watchNamespaces={mail,mail-test}"],
    );
}
