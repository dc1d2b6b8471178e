//! The table before the offline judge.

use mailaccess_crds::admission::{FieldError, judge_status, read_documents};
use serde_json::Value;

use crate::table::{Case, cases, disagreement, documents::UNREADABLE};

/// What the offline judge says of a case: field, cause and text of each error.
pub(crate) fn verdict(case: &Case) -> Vec<(String, String, String)> {
    let mut documents = read_documents(&case.new);
    assert_eq!(documents.len(), 1, "{}", case.name);
    let document = match documents.remove(0) {
        Ok(document) => document,
        Err(unreadable) => {
            return vec![(String::new(), UNREADABLE.to_owned(), unreadable.message)];
        }
    };
    let old = case.old.as_ref().map(|old| accepted(old, &case.name));
    let errors = if case.of_status {
        let stored = old.expect("a status belongs to something stored");
        judge_status(document.value, &stored).err()
    } else {
        document.judge(old.as_ref()).err()
    };
    let errors = errors.unwrap_or_default();
    errors.into_iter().map(parts).collect()
}

fn accepted(old: &Value, name: &str) -> Value {
    match mailaccess_crds::admission::judge(old.clone(), None) {
        Ok(accepted) => accepted.value,
        Err(errors) => panic!("{name}: what is stored would not have been accepted: {errors:?}"),
    }
}

fn parts(error: FieldError) -> (String, String, String) {
    (error.field, error.cause.as_str().to_owned(), error.detail)
}

#[test]
fn the_offline_judge_agrees_with_the_table() {
    let cases = cases();
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let disagreement = disagreement(&case.expected, &verdict(case))?;
            Some(format!("{}\n    {disagreement}", case.name))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}
