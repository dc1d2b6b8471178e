//! The table of examples: what it says, case by case. Judged here by code, and by a real API server in the end-to-end
//! tests, which include this folder.

pub(crate) mod documents;
pub(crate) mod generator;

use std::{collections::BTreeSet, fs, path::PathBuf};

use mailaccess_crds::admission::read_documents;
use serde_json::{Map, Value};

use self::generator::changed;

pub(crate) const KINDS: [&str; 3] = ["MailAccessServer", "CASMailbox", "CertificateBinding"];

/// One object before a judge.
pub(crate) struct Case {
    /// Where it stands in the table, so that a failure can be found.
    pub(crate) name: String,
    /// The text that is handed in.
    pub(crate) new: String,
    /// What is stored, as JSON.
    pub(crate) old: Option<Value>,
    /// Only its status is written, to the subresource.
    pub(crate) of_status: bool,
    pub(crate) expected: Verdict,
}

/// Field and cause of each error, and its text where the text is ours; nothing means accepted.
pub(crate) type Verdict = BTreeSet<(String, String, Option<String>)>;

/// The table of one kind, as it is written.
pub(crate) struct Table {
    pub(crate) base: Value,
    /// What `base` gets as its status.
    pub(crate) status: Value,
    pub(crate) fields: Map<String, Value>,
    pub(crate) rules: Vec<Value>,
}

/// The folder of this crate, also for a neighbour that includes this file.
pub(crate) fn crate_dir() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../crds"))
}

pub(crate) fn table(kind: &str) -> Table {
    let path = crate_dir().join(format!("tests/examples/{kind}.yaml"));
    let text = fs::read_to_string(&path).unwrap();
    let mut documents = read_documents(&text);
    assert_eq!(documents.len(), 1, "{}", path.display());
    let value = documents.remove(0).unwrap().value;
    Table {
        base: value["base"].clone(),
        status: value["status"].clone(),
        fields: value["fields"].as_object().unwrap().clone(),
        rules: value["rules"].as_array().unwrap().clone(),
    }
}

impl Table {
    /// The base, and its status.
    fn with_status(&self) -> Value {
        let mut object = self.base.clone();
        object["status"] = self.status.clone();
        object
    }
}

/// Every case of the table and of the documents.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in KINDS {
        let table = table(kind);
        cases.push(Case {
            name: format!("{kind}: base"),
            new: table.base.to_string(),
            old: None,
            of_status: false,
            expected: Verdict::new(),
        });
        cases.push(Case {
            name: format!("{kind}: status"),
            new: table.with_status().to_string(),
            old: Some(table.base.clone()),
            of_status: true,
            expected: Verdict::new(),
        });
        for (field, entry) in &table.fields {
            field_cases(kind, &table, field, entry, &mut cases);
        }
        for entry in &table.rules {
            rule_cases(kind, &table.base, entry, &mut cases);
        }
    }
    cases.extend(documents::cases());
    cases
}

/// The examples of one field; `with` changes the base first.
fn field_cases(kind: &str, table: &Table, field: &str, entry: &Value, cases: &mut Vec<Case>) {
    let with = entry["with"].as_object().cloned().unwrap_or_default();
    let of_status = field.starts_with("status.");
    let base = if of_status {
        table.with_status()
    } else {
        table.base.clone()
    };
    let base = changed(&base, &with);
    let field = field.replace("annotations.annotation", "annotations.a");
    let mut case = |value: &Value, expected: Verdict| {
        let changes = [(field.clone(), value.clone())].into_iter().collect();
        cases.push(Case {
            name: format!("{kind}: {field} = {}", shown(value)),
            new: changed(&base, &changes).to_string(),
            old: of_status.then(|| table.base.clone()),
            of_status,
            expected,
        });
    };
    for value in entry["accepts"].as_array().unwrap() {
        case(value, Verdict::new());
    }
    for (causes, values) in entry["refuses"].as_object().unwrap() {
        let expected: Verdict = causes
            .split('+')
            .map(|cause| match cause.split_once(' ') {
                Some((why, named)) => (named.to_owned(), why.to_owned(), None),
                None => (field.clone(), cause.to_owned(), None),
            })
            .collect();
        for value in values.as_array().unwrap() {
            case(value, expected.clone());
        }
    }
}

/// The examples of one rule; `old` makes them updates.
fn rule_cases(kind: &str, base: &Value, entry: &Value, cases: &mut Vec<Case>) {
    let message = entry["rule"].as_str().unwrap();
    let field = entry["field"].as_str().unwrap();
    let old = entry["old"]
        .as_object()
        .map(|changes| changed(base, changes));
    let mut case = |changes: &Value, expected: Verdict| {
        cases.push(Case {
            name: format!("{kind}: {field}: {message}: {}", shown(changes)),
            new: changed(base, changes.as_object().unwrap()).to_string(),
            old: old.clone(),
            of_status: false,
            expected,
        });
    };
    for changes in entry["accepts"].as_array().unwrap() {
        case(changes, Verdict::new());
    }
    let also = entry["also"].as_array().cloned().unwrap_or_default();
    let messages = also
        .iter()
        .map(|text| text.as_str().unwrap())
        .chain([message]);
    let expected: Verdict = messages
        .map(|text| {
            (
                field.to_owned(),
                "FieldValueInvalid".to_owned(),
                Some(text.to_owned()),
            )
        })
        .collect();
    for changes in entry["refuses"].as_array().unwrap() {
        case(changes, expected.clone());
    }
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(120).collect()
}

/// Whether a judge's errors are those that are expected; the hint that rules were skipped is nobody's fault.
pub(crate) fn disagreement(
    expected: &Verdict,
    errors: &[(String, String, String)],
) -> Option<String> {
    let found: BTreeSet<_> = errors
        .iter()
        .filter(|(_, _, detail)| !detail.starts_with("some validation rules were not checked"))
        .collect();
    let is = |expected: &(String, String, Option<String>), found: &(String, String, String)| {
        expected.0 == found.0
            && expected.1 == found.1
            && expected.2.as_ref().is_none_or(|text| *text == found.2)
    };
    let all_found = expected
        .iter()
        .all(|expected| found.iter().any(|found| is(expected, found)));
    let all_expected = found
        .iter()
        .all(|found| expected.iter().any(|expected| is(expected, found)));
    (!all_found || !all_expected).then(|| format!("expected {expected:?}\n    found    {found:?}"))
}
