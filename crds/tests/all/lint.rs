//! What holds of every field: it has bounds, the table shows both sides of each, its list has a type, its text says
//! what an edit costs.

use std::collections::{BTreeMap, BTreeSet};

use mailaccess_crds::definitions;
use serde_json::{Value, json};

use crate::table::{
    KINDS, Table,
    generator::{changed, expand},
    table,
};

/// Every schema of a kind by its path: `spec.domains[0].name`, `spec.service.annotations.annotation`.
fn schemas(kind: &str) -> BTreeMap<String, Value> {
    fn walk(path: &str, schema: &Value, found: &mut BTreeMap<String, Value>) {
        found.insert(path.to_owned(), schema.clone());
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            walk(&path, property, found);
        }
        if schema["items"].is_object() {
            walk(&format!("{path}[0]"), &schema["items"], found);
        }
        if schema["additionalProperties"].is_object() {
            walk(
                &format!("{path}.annotation"),
                &schema["additionalProperties"],
                found,
            );
        }
    }
    let mut found = BTreeMap::new();
    for crd in definitions()
        .iter()
        .filter(|crd| crd.spec.names.kind == kind)
    {
        let crd = serde_json::to_value(crd).unwrap();
        walk(
            "",
            &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"],
            &mut found,
        );
    }
    assert!(found.len() > 5, "{kind}");
    found
}

fn is_leaf(schema: &Value) -> bool {
    schema["type"] != "object" || schema["additionalProperties"].is_object()
}

#[test]
fn every_field_has_bounds() {
    for kind in KINDS {
        for (path, schema) in schemas(kind) {
            let has = |keyword: &str| !schema[keyword].is_null();
            let bounded = match schema["type"].as_str().unwrap() {
                "string" => has("maxLength") || has("enum") || schema["format"] == "date-time",
                "integer" => has("minimum") && (has("maximum") || path.starts_with("status.")),
                "array" => has("maxItems") && has("x-kubernetes-list-type"),
                "object" if schema["additionalProperties"].is_object() => {
                    has("maxProperties") && has("x-kubernetes-map-type")
                }
                "boolean" | "object" => true,
                other => panic!("{kind}: {path} is of type {other}"),
            };
            assert!(bounded, "{kind}: {path} has no bound: {schema}");
            assert!(!has("nullable"), "{kind}: {path}");
            for word in schema["enum"].as_array().into_iter().flatten() {
                let word = word.as_str().unwrap().to_lowercase();
                assert!(
                    !["on", "off", "yes", "no", "y", "n"].contains(&word.as_str()),
                    "{kind}: {path}"
                );
            }
        }
    }
}

#[test]
fn every_field_says_what_an_edit_costs() {
    for kind in KINDS {
        for (path, schema) in schemas(kind) {
            // An entry of a list and a value of a map are described by their list or map, the root by the kind.
            let own = !path.ends_with("[0]") && !path.ends_with(".annotation");
            if !own || !path.contains('.') || path.starts_with("status.") {
                continue;
            }
            let text = schema["description"].as_str().unwrap_or_default();
            assert!(
                text.ends_with(". hot") || text.ends_with(". rolls the pods"),
                "{kind}: {path}: {text}"
            );
        }
    }
}

#[test]
fn defaults_of_objects_are_written_out_whole() {
    for kind in KINDS {
        let schemas = schemas(kind);
        for (path, schema) in schemas
            .iter()
            .filter(|(path, schema)| path.starts_with("spec") && schema["default"].is_object())
        {
            for (name, property) in schema["properties"].as_object().into_iter().flatten() {
                if !property["default"].is_null() {
                    assert_eq!(
                        schema["default"][name], property["default"],
                        "{kind}: {path}.{name}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_field_has_examples_on_both_sides_of_each_bound() {
    let mut faults = Vec::new();
    for kind in KINDS {
        let table = table(kind);
        let schemas = schemas(kind);
        for field in table.fields.keys() {
            assert!(
                schemas.contains_key(field),
                "{kind}: the table names {field}, which does not exist"
            );
        }
        for (path, schema) in schemas
            .iter()
            .filter(|(path, schema)| path.contains('.') && is_leaf(schema))
        {
            match table.fields.get(path) {
                None => faults.push(format!("{kind}: {path} has no example")),
                Some(entry) => {
                    let missing = missing_examples(schema, entry);
                    faults.extend(
                        missing
                            .into_iter()
                            .map(|what| format!("{kind}: {path}: {what}")),
                    );
                }
            }
            if is_required(&schemas, path) && !refused(&table.fields[path]).contains(&Value::Null) {
                faults.push(format!(
                    "{kind}: {path} is required, and no example leaves it out"
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn is_required(schemas: &BTreeMap<String, Value>, path: &str) -> bool {
    let Some((parent, name)) = path.rsplit_once('.') else {
        return false;
    };
    let required = schemas[parent]["required"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    required.contains(&json!(name))
}

fn accepted(entry: &Value) -> Vec<Value> {
    entry["accepts"]
        .as_array()
        .unwrap()
        .iter()
        .map(expand)
        .collect()
}

fn refused(entry: &Value) -> Vec<Value> {
    let lists = entry["refuses"].as_object().unwrap().values();
    lists
        .flat_map(|values| values.as_array().unwrap())
        .map(expand)
        .collect()
}

/// Which sides of which bounds no example of the field stands at.
fn missing_examples(schema: &Value, entry: &Value) -> Vec<String> {
    let (accepted, refused) = (accepted(entry), refused(entry));
    let mut missing = Vec::new();
    let mut bound = |keyword: &str, outside: i64, measure: fn(&Value) -> Option<i64>| {
        #[expect(clippy::cast_possible_truncation, reason = "bounds are whole numbers")]
        let Some(limit) = schema[keyword].as_f64().map(|limit| limit as i64) else {
            return;
        };
        let reachable = entry["unreachable"][keyword].is_null();
        if reachable && !accepted.iter().any(|value| measure(value) == Some(limit)) {
            missing.push(format!("nothing accepted at {keyword} {limit}"));
        }
        if limit + outside >= 0
            && !refused
                .iter()
                .any(|value| measure(value) == Some(limit + outside))
        {
            missing.push(format!("nothing refused beyond {keyword} {limit}"));
        }
    };
    bound("minimum", -1, Value::as_i64);
    bound("maximum", 1, Value::as_i64);
    bound("minLength", -1, text_length);
    bound("maxLength", 1, text_length);
    bound("minItems", -1, list_length);
    bound("maxItems", 1, list_length);
    bound("maxProperties", 1, map_length);
    for word in schema["enum"].as_array().into_iter().flatten() {
        if !accepted.contains(word) {
            missing.push(format!("{word} is not accepted"));
        }
    }
    if !schema["enum"].is_null() && refused.is_empty() {
        missing.push("no other word is refused".to_owned());
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        let pattern = regex::Regex::new(pattern).unwrap();
        let long = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
        let by_pattern = |value: &Value| {
            value.as_str().is_some_and(|text| {
                !text.is_empty() && text.chars().count() as u64 <= long && !pattern.is_match(text)
            })
        };
        if !refused.iter().any(by_pattern) {
            missing.push("nothing refused by the pattern".to_owned());
        }
    }
    if schema["type"] == "boolean"
        && !(accepted.contains(&json!(true)) && accepted.contains(&json!(false)))
    {
        missing.push("true and false are not both accepted".to_owned());
    }
    if refused.is_empty() {
        missing.push("nothing is refused".to_owned());
    }
    missing
}

fn text_length(value: &Value) -> Option<i64> {
    i64::try_from(value.as_str()?.chars().count()).ok()
}

fn list_length(value: &Value) -> Option<i64> {
    i64::try_from(value.as_array()?.len()).ok()
}

fn map_length(value: &Value) -> Option<i64> {
    i64::try_from(value.as_object()?.len()).ok()
}

#[test]
fn every_rule_has_an_accepted_and_a_refused_example() {
    for kind in KINDS {
        let Table { rules, base, .. } = table(kind);
        let mut shown = BTreeSet::new();
        for entry in &rules {
            let count = |side: &str| entry[side].as_array().unwrap().len();
            assert!(count("accepts") > 0, "{kind}: {}", entry["rule"]);
            assert!(
                count("refuses") > 0 || entry["unreachable"].is_string(),
                "{kind}: {}",
                entry["rule"]
            );
            for changes in entry["accepts"]
                .as_array()
                .unwrap()
                .iter()
                .chain(entry["refuses"].as_array().unwrap())
            {
                changed(&base, changes.as_object().unwrap());
            }
            shown.insert((
                entry["field"].as_str().unwrap().to_owned(),
                entry["rule"].as_str().unwrap().to_owned(),
            ));
        }
        let mut written = BTreeSet::new();
        for (path, schema) in schemas(kind) {
            for rule in schema["x-kubernetes-validations"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let message = rule["message"]
                    .as_str()
                    .unwrap_or_else(|| panic!("{kind}: {path}: a rule without a message"));
                assert!(
                    written.insert((path.clone(), message.to_owned())),
                    "{kind}: {path}: {message} twice"
                );
            }
        }
        assert_eq!(shown, written, "{kind}");
    }
}

#[test]
fn long_values_are_written_out() {
    assert_eq!(
        expand(&json!({"repeat": "ab", "times": 3})),
        json!("ababab")
    );
    assert_eq!(
        expand(&json!({"repeat": {"port": "#10", "name": "s#"}, "times": 2})),
        json!([{"port": 10, "name": "s0"}, {"port": 11, "name": "s1"}])
    );
    assert_eq!(
        expand(&json!({"keys": "k#", "value": "v", "times": 2})),
        json!({"k0": "v", "k1": "v"})
    );
    assert_eq!(
        expand(&json!({"join": ["a", {"repeat": "b", "times": 2}]})),
        json!("abb")
    );
}
