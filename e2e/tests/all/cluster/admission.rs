//! The table of examples before a real API server: every case gets the verdict that it gets offline, and the
//! rules speak the same words.

#[path = "../../../../crds/tests/all/table/mod.rs"]
mod table;

use self::table::documents::UNREADABLE;
use self::table::{Case, KINDS, cases, disagreement};
use super::api::Refused;
use super::tenant::Tenant;
use crate::harness::{figure, now};
use mailaccess_crds::admission::{Cause, FieldError, judge, read_documents};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::Stdio;

/// Field, cause and text.
type Fault = (String, String, String);

/// Nothing is stored but what an update starts from.
const QUERY: &str = "dryRun=All&fieldValidation=Strict";

/// Puts cases to the API server.
struct Judge {
    tenant: Tenant,
    /// What updates start from, as it was stored, by what was handed in.
    stored: BTreeMap<String, Value>,
    by_kubectl: usize,
}

impl Judge {
    /// What the API server has against a case, with the whole text of each cause.
    fn ask(&mut self, case: &Case) -> Vec<Fault> {
        let kind = KINDS.into_iter().find(|kind| case.new.contains(kind));
        // A kind that is none has no path. And of a key that is merged in and then set anew the API server says
        // that it stands twice; kubectl, which alone sends what people write, has merged it before.
        let Some(kind) = kind.filter(|_| !case.new.contains("<<:")) else {
            self.by_kubectl += 1;
            return self.ask_kubectl(case);
        };
        let plural = match kind {
            "MailAccessServer" => "mailaccessservers",
            "CASMailbox" => "casmailboxes",
            _ => "certificatebindings",
        };
        let path = format!(
            "/apis/mailaccess.dev/v1alpha1/namespaces/{}/{plural}",
            self.tenant.name
        );
        let sandbox = self.tenant.sandbox;
        let answer = if let Some(old) = &case.old {
            let there = self.store(&path, old);
            let name = there["metadata"]["name"].as_str().unwrap();
            let mut new: Value = serde_json::from_str(&case.new).unwrap();
            assert_eq!(new["metadata"], old["metadata"], "{}", case.name);
            new["metadata"]["name"] = name.into();
            new["metadata"]["resourceVersion"] = there["metadata"]["resourceVersion"].clone();
            let subresource = if case.of_status { "/status" } else { "" };
            let path = format!("{path}/{name}{subresource}?{QUERY}");
            sandbox.try_request("PUT", &path, Some(&new))
        } else {
            // The API server reads YAML by the code that kubectl reads it by.
            let kind = if case.new.starts_with('{') {
                "application/json"
            } else {
                "application/yaml"
            };
            sandbox.try_send("POST", &format!("{path}?{QUERY}"), kind, &case.new)
        };
        answer.map_or_else(|refused| faults(&refused, case), |_| Vec::new())
    }

    /// An object that updates start from, under a name of its own.
    fn store(&mut self, path: &str, old: &Value) -> Value {
        let number = self.stored.len();
        let sandbox = self.tenant.sandbox;
        let stored = self.stored.entry(old.to_string()).or_insert_with(|| {
            let mut old = old.clone();
            old["metadata"]["name"] = format!("stored-{number}").into();
            sandbox.request("POST", path, Some(&old))
        });
        stored.clone()
    }

    fn ask_kubectl(&self, case: &Case) -> Vec<Fault> {
        let arguments = "create --validate=strict --dry-run=server -f -".split(' ');
        let mut kubectl = self
            .tenant
            .sandbox
            .kubectl_command(["-n", &self.tenant.name].into_iter().chain(arguments))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = kubectl.stdin.take().unwrap();
        stdin.write_all(case.new.as_bytes()).unwrap();
        drop(stdin);
        let output = kubectl.wait_with_output().unwrap();
        if output.status.success() {
            return Vec::new();
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let (field, reason) = if said.contains("no matches for kind") {
            ("kind", Cause::NotSupported.as_str())
        } else {
            ("", "kubectl")
        };
        vec![(field.to_owned(), reason.to_owned(), said)]
    }
}

fn faults(refused: &Refused, case: &Case) -> Vec<Fault> {
    if let Some((_, said)) = refused.text.split_once("strict decoding error: ") {
        return strict_faults(said, case);
    }
    let causes = refused.details["causes"].as_array();
    match (refused.code, causes) {
        (422, Some(causes)) => causes.iter().map(fault).collect(),
        (400, _) => vec![(String::new(), UNREADABLE.to_owned(), refused.text.clone())],
        (code, _) => vec![(String::new(), format!("HTTP {code}"), refused.text.clone())],
    }
}

fn fault(cause: &Value) -> Fault {
    let text = |name: &str| cause[name].as_str().unwrap_or_default();
    let field = match text("field") {
        "<nil>" => "",
        // The check of the scale subresource writes a path with a leading dot.
        field => field.trim_start_matches('.'),
    };
    (
        field.to_owned(),
        text("reason").to_owned(),
        text("message").to_owned(),
    )
}

/// `unknown field "spec.a", duplicate field "spec.b"`, or of YAML `line 3: key "b" already set in map`.
fn strict_faults(said: &str, case: &Case) -> Vec<Fault> {
    if let Some(lines) = said.strip_prefix("yaml: unmarshal errors:\n") {
        return lines.lines().map(|line| doubled(line, case)).collect();
    }
    said.split(", ")
        .map(|one| {
            let named = |phrase: &str| one.strip_prefix(phrase)?.strip_suffix('"');
            let (field, reason) = if let Some(field) = named("unknown field \"") {
                (field, Cause::UnknownField)
            } else if let Some(field) = named("duplicate field \"") {
                (field, Cause::DuplicateField)
            } else {
                return (String::new(), UNREADABLE.to_owned(), one.to_owned());
            };
            (field.to_owned(), reason.as_str().to_owned(), String::new())
        })
        .collect()
}

/// The line and the key are all that is said of a key that stands twice in YAML: the offline judge has to mean
/// that one, and says its path.
fn doubled(said: &str, case: &Case) -> Fault {
    let meant = offline(case).into_iter().find(|error| {
        let key = error.field.rsplit('.').next().unwrap_or_default();
        let line = error.line.unwrap_or_default();
        error.cause == Cause::DuplicateField
            && said.trim() == format!("line {line}: key \"{key}\" already set in map")
    });
    let field = meant.map(|error| error.field).unwrap_or_default();
    let reason = Cause::DuplicateField.as_str();
    (field, reason.to_owned(), said.to_owned())
}

/// What the offline judge has against a case that can be read.
fn offline(case: &Case) -> Vec<FieldError> {
    let old = case.old.clone().map(|old| judge(old, None).unwrap().value);
    let document = read_documents(&case.new).remove(0).unwrap();
    document.judge(old.as_ref()).err().unwrap_or_default()
}

/// The same with the words that the API server has for it.
fn offline_words(case: &Case) -> Vec<Fault> {
    let mut faults: Vec<Fault> = offline(case)
        .into_iter()
        .map(|error| {
            let field = error.field.clone();
            let reason = error.cause.as_str().to_owned();
            let text = FieldError {
                field: String::new(),
                line: None,
                ..error
            };
            (field, reason, text.to_string())
        })
        .collect();
    faults.sort();
    faults
}

/// `Invalid value: VALUE: DETAIL`, where rules name a type as the value.
fn without_value((field, cause, text): &Fault) -> Fault {
    let detail = text
        .strip_prefix("Invalid value: ")
        .and_then(|rest| rest.split_once(": "))
        .map_or(text.as_str(), |(_, detail)| detail);
    (field.clone(), cause.clone(), detail.to_owned())
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn the_api_server_agrees_with_the_table_in_the_words_of_the_offline_judge() {
    let mut judge = Judge {
        tenant: Tenant::new("admission"),
        stored: BTreeMap::new(),
        by_kubectl: 0,
    };
    let cases = cases();
    let begin = now();
    let mut failures = Vec::new();
    for case in &cases {
        let mut faults = judge.ask(case);
        let found: Vec<Fault> = faults.iter().map(without_value).collect();
        if let Some(disagreement) = disagreement(&case.expected, &found) {
            failures.push(format!("{}\n    {disagreement}", case.name));
        }
        if case.expected.iter().any(|(_, _, text)| text.is_some()) {
            faults.sort();
            let offline = offline_words(case);
            if faults != offline {
                failures.push(format!(
                    "{}\n    offline {offline:?}\n    server  {faults:?}",
                    case.name
                ));
            }
        }
    }
    let statuses = cases.iter().filter(|case| case.of_status).count();
    let updates = cases.iter().filter(|case| case.old.is_some()).count() - statuses;
    figure("cases before the API server", cases.len());
    figure("of them updates", updates);
    figure("of them statuses", statuses);
    figure("of them through kubectl", judge.by_kubectl);
    figure("all verdicts after", format!("{:.1?}", begin.elapsed()));
    assert!(
        failures.is_empty(),
        "{} of {} cases:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}
