//! The table before the API server's own code: a Go program that is built once and kept in the cache.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use mailaccess_crds::{admission::read_documents, definition_files};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::{Value, json};

use crate::{
    offline,
    table::{Case, cases, crate_dir, disagreement},
};

#[test]
fn the_api_servers_own_code_agrees_with_the_table_and_accepts_the_definitions() {
    let cases = cases();
    let answer = ask(&cases, &[]);
    for crd in answer["crds"].as_array().unwrap() {
        assert_eq!(crd["errors"], json!([]), "{} would be refused", crd["name"]);
    }
    let verdicts = answer["cases"].as_array().unwrap();
    assert_eq!(verdicts.len(), cases.len());
    let mut failures = Vec::new();
    for (case, verdict) in cases.iter().zip(verdicts) {
        assert_eq!(verdict["name"], case.name.as_str());
        let errors: Vec<_> = verdict["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(parts)
            .collect();
        if let Some(disagreement) = disagreement(&case.expected, &errors) {
            failures.push(format!("{}\n    {disagreement}", case.name));
        }
        // Where both refuse by a rule, they say the same words.
        let ours = offline::verdict(case);
        if case.expected.iter().any(|(_, _, text)| text.is_some())
            && sorted(&ours) != sorted(&errors)
        {
            failures.push(format!(
                "{}\n    offline {ours:?}\n    server  {errors:?}",
                case.name
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

fn sorted(errors: &[(String, String, String)]) -> Vec<(String, String, String)> {
    let mut errors = errors.to_vec();
    errors.sort();
    errors
}

fn parts(error: &Value) -> (String, String, String) {
    let text = |name: &str| error[name].as_str().unwrap().to_owned();
    // The check of the scale subresource writes a path with a leading dot.
    let field = text("field").trim_start_matches('.').to_owned();
    (field, text("cause"), text("detail"))
}

/// Scalars of every kind, and neighbours of them: a fixed seed makes the same ones each time.
#[test]
fn yaml_is_read_as_kubectl_reads_it() {
    let scalar = proptest::string::string_regex(
        "[-+]?(0[xobXOB]?)?[0-9a-f_]{0,4}([.][0-9_]{0,3})?([eE][-+]?[0-9]{0,2})?|[-+]?[.](inf|Inf|INF|nan|NaN|NAN|iNf)|[yYnNtTfFoO~][a-zA-Z]{0,4}|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|null|Null|NULL|true|True|TRUE|false|False|FALSE|[0-9]{17,21}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{1,2}:[0-9]{2}|[0-9]{1,3}(s|m|h|Gi)",
    )
    .unwrap();
    let mut runner = TestRunner::deterministic();
    let mut texts: Vec<String> = (0..4000)
        .map(|_| scalar.new_tree(&mut runner).unwrap().current())
        .map(|scalar| format!("a: {scalar}\nb: [{scalar}]\nc: '{scalar}'\n"))
        .collect();
    texts.extend(cases().into_iter().map(|case| case.new));
    let answer = ask(&[], &texts);
    let theirs = answer["texts"].as_array().unwrap();
    assert_eq!(theirs.len(), texts.len());
    let failures: Vec<String> = texts
        .iter()
        .zip(theirs)
        .filter_map(|(text, theirs)| {
            let theirs = theirs.as_str().unwrap();
            let ours = read_documents(text)
                .pop()
                .and_then(Result::ok)
                .map(|document| document.value);
            let theirs =
                (!theirs.is_empty()).then(|| serde_json::from_str::<Value>(theirs).unwrap());
            let same = match (&ours, &theirs) {
                (Some(ours), Some(theirs)) => same(ours, theirs),
                (ours, theirs) => ours == theirs,
            };
            (!same).then(|| format!("{text}    ours   {ours:?}\n    kubectl {theirs:?}"))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} texts:\n{}",
        failures.len(),
        texts.len(),
        failures[..failures.len().min(20)].join("\n")
    );
}

/// Equal, where what is no integer may differ in its last digit: JSON is read here without exact rounding.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= a.abs() * 1e-12
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// Hands the definitions and all cases to one process, and texts that are only to be read.
fn ask(cases: &[Case], texts: &[String]) -> Value {
    let request = json!({
        "crds": definition_files().into_iter().map(|(_, yaml)| yaml).collect::<Vec<_>>(),
        "cases": cases.iter().map(|case| json!({
            "name": case.name,
            "new": case.new,
            "old": case.old.as_ref().map(Value::to_string).unwrap_or_default(),
            "ofStatus": case.of_status,
        })).collect::<Vec<_>>(),
        "texts": texts,
    });
    let mut judge = Command::new(build())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = judge.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(request.to_string().as_bytes()));
    let output = judge.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(
        output.status.success(),
        "the judge ended with {}",
        output.status
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The judge's binary, built if the cache has none of these sources.
fn build() -> PathBuf {
    // Two tests ask at once; one builds, the other waits for it.
    static BUILDING: Mutex<()> = Mutex::new(());
    let _building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let sources = crate_dir().join("tests/judge");
    let binary = cache().join(format!("crd-judge-{:016x}", digest(&sources)));
    if binary.exists() {
        return binary;
    }
    fs::create_dir_all(cache()).unwrap();
    let building = binary.with_extension(std::process::id().to_string());
    let status = Command::new("go")
        .args(["build", "-trimpath", "-o"])
        .arg(&building)
        .arg(".")
        .current_dir(&sources)
        .env("CGO_ENABLED", "0")
        .status()
        .unwrap_or_else(|error| panic!("go 1.26 or newer is needed to build the judge: {error}"));
    assert!(status.success(), "go build ended with {status}");
    fs::rename(&building, &binary).unwrap();
    binary
}

fn digest(sources: &Path) -> u64 {
    let files: BTreeMap<String, Vec<u8>> = fs::read_dir(sources)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(path).unwrap(),
            )
        })
        .collect();
    let mut hasher = DefaultHasher::new();
    files.hash(&mut hasher);
    hasher.finish()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test finds the cache of built tools where every check does"
)]
fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from);
    let base = base.unwrap_or_else(|| {
        PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache")
    });
    base.join("mailaccess-e2e")
}
