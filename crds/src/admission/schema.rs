//! The schemas of our kinds, read once from their definitions into a shape that is quick to walk.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use kube::{
    CustomResourceExt, Resource,
    core::cel::{CompiledSchema, compile_schema},
};
use regex::Regex;
use serde_json::Value;

use crate::{CASMailbox, CertificateBinding, MailAccessServer, definition};

/// `apiVersion` of our kinds.
pub(super) const API_VERSION: &str = "mailaccess.dev/v1alpha1";

pub(super) static MAIL_ACCESS_SERVER: LazyLock<KindSchema> =
    LazyLock::new(KindSchema::of::<MailAccessServer>);
pub(super) static CAS_MAILBOX: LazyLock<KindSchema> = LazyLock::new(KindSchema::of::<CASMailbox>);
pub(super) static CERTIFICATE_BINDING: LazyLock<KindSchema> =
    LazyLock::new(KindSchema::of::<CertificateBinding>);

/// What is known of one kind.
pub(super) struct KindSchema {
    pub(super) schema: Schema,
    pub(super) rules: CompiledSchema,
}

/// A node of a structural schema.
#[derive(Default)]
pub(super) struct Schema {
    pub(super) type_: String,
    pub(super) properties: BTreeMap<String, Schema>,
    pub(super) required: BTreeSet<String>,
    pub(super) items: Option<Box<Schema>>,
    /// Schema of the values of a map.
    pub(super) values: Option<Box<Schema>>,
    pub(super) default: Option<Value>,
    pub(super) enumeration: Vec<Value>,
    pub(super) pattern: Option<Regex>,
    pub(super) format: String,
    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,
    pub(super) min_items: Option<usize>,
    pub(super) max_items: Option<usize>,
    pub(super) max_properties: Option<usize>,
    pub(super) list: List,
}

/// What makes an entry of a list the same as another.
#[derive(Default)]
pub(super) enum List {
    /// Nothing: it is one value.
    #[default]
    Atomic,
    /// The whole entry.
    Set,
    /// These fields of it.
    Map(Vec<String>),
}

impl KindSchema {
    fn of<K>() -> Self
    where
        K: CustomResourceExt + Resource<DynamicType = ()>,
    {
        let crd = serde_json::to_value(definition::<K>()).unwrap_or_default();
        let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        Self {
            schema: Schema::read(schema),
            rules: compile_schema(schema),
        }
    }
}

impl Schema {
    fn read(schema: &Value) -> Self {
        let size = |keyword: &str| {
            let size = schema.get(keyword)?.as_u64()?;
            usize::try_from(size).ok()
        };
        let text = |keyword: &str| {
            schema
                .get(keyword)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let list = |keyword: &str| {
            schema
                .get(keyword)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let strings = |keyword: &str| {
            list(keyword)
                .into_iter()
                .filter_map(|value| value.as_str().map(str::to_owned))
        };
        let inner = |keyword: &str| {
            let inner = schema.get(keyword).filter(|inner| inner.is_object())?;
            Some(Box::new(Self::read(inner)))
        };
        Self {
            type_: text("type").to_owned(),
            properties: schema
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .map(|(name, property)| (name.clone(), Self::read(property)))
                .collect(),
            required: strings("required").collect(),
            items: inner("items"),
            values: inner("additionalProperties"),
            default: schema.get("default").cloned(),
            enumeration: list("enum"),
            // A pattern that does not compile is caught by a test of this crate.
            pattern: schema
                .get("pattern")
                .and_then(Value::as_str)
                .and_then(|pattern| Regex::new(pattern).ok()),
            format: text("format").to_owned(),
            minimum: schema.get("minimum").and_then(Value::as_f64),
            maximum: schema.get("maximum").and_then(Value::as_f64),
            min_length: size("minLength"),
            max_length: size("maxLength"),
            min_items: size("minItems"),
            max_items: size("maxItems"),
            max_properties: size("maxProperties"),
            list: match text("x-kubernetes-list-type") {
                "set" => List::Set,
                "map" => List::Map(strings("x-kubernetes-list-map-keys").collect()),
                _ => List::Atomic,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn each(schema: &Value, visit: &mut impl FnMut(&Value)) {
        visit(schema);
        for property in schema["properties"]
            .as_object()
            .into_iter()
            .flat_map(|map| map.values())
        {
            each(property, visit);
        }
        for inner in ["items", "additionalProperties"] {
            if schema[inner].is_object() {
                each(&schema[inner], visit);
            }
        }
    }

    #[test]
    fn every_keyword_of_the_schemas_is_one_that_is_checked() {
        let known = [
            "additionalProperties",
            "default",
            "description",
            "enum",
            "format",
            "items",
            "maxItems",
            "maxLength",
            "maxProperties",
            "maximum",
            "minItems",
            "minLength",
            "minimum",
            "pattern",
            "properties",
            "required",
            "title",
            "type",
            "x-kubernetes-list-map-keys",
            "x-kubernetes-list-type",
            "x-kubernetes-map-type",
            "x-kubernetes-validations",
        ];
        for crd in crate::definitions() {
            let crd = serde_json::to_value(crd).unwrap();
            each(
                &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"],
                &mut |schema| {
                    for keyword in schema.as_object().unwrap().keys() {
                        assert!(known.contains(&keyword.as_str()), "{keyword} is not judged");
                    }
                    if let Some(pattern) = schema["pattern"].as_str() {
                        assert!(Regex::new(pattern).is_ok(), "{pattern}");
                        for class in [r"\s", r"\w", r"\d", r"\b"] {
                            assert!(
                                !pattern.contains(class),
                                "{pattern}: Go reads {class} otherwise"
                            );
                        }
                    }
                    if let Some(format) = schema["format"].as_str() {
                        assert!(
                            ["date-time", "int32", "int64"].contains(&format),
                            "{format}"
                        );
                    }
                },
            );
        }
    }

    #[test]
    fn every_rule_compiles() {
        fn check(compiled: &CompiledSchema) {
            assert!(
                !compiled.has_errors(),
                "{:?}",
                compiled.compilation_errors()
            );
            compiled.properties.values().for_each(check);
            compiled.items.as_deref().into_iter().for_each(check);
            compiled
                .additional_properties
                .as_deref()
                .into_iter()
                .for_each(check);
        }
        for kind in [&MAIL_ACCESS_SERVER, &CAS_MAILBOX, &CERTIFICATE_BINDING] {
            check(&kind.rules);
        }
    }
}
