//! The `CustomResourceDefinition`s: what the derive makes of the types, with what it cannot say put in.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResourceExt, Resource};
use serde_json::{Map, Value, json};

use crate::{CASMailbox, CertificateBinding, MailAccessServer, ProtocolSettings};

/// The definitions of all three kinds, in the order in which they are listed everywhere.
pub fn definitions() -> [CustomResourceDefinition; 3] {
    [
        definition::<MailAccessServer>(),
        definition::<CASMailbox>(),
        definition::<CertificateBinding>(),
    ]
}

/// The definition of one kind.
///
/// ```
/// let crd = mailaccess_crds::definition::<mailaccess_crds::CASMailbox>();
/// assert_eq!(crd.spec.names.plural, "casmailboxes");
/// ```
#[expect(
    clippy::missing_panics_doc,
    reason = "a schema that the derive made is JSON, and reads back as a schema"
)]
pub fn definition<K>() -> CustomResourceDefinition
where
    K: CustomResourceExt + Resource<DynamicType = ()>,
{
    let mut crd = K::crd();
    for version in &mut crd.spec.versions {
        let Some(validation) = &mut version.schema else {
            continue;
        };
        let Some(schema) = validation.open_api_v3_schema.take() else {
            continue;
        };
        let mut schema = serde_json::to_value(schema).expect("a schema is JSON");
        forbid_null(&mut schema);
        drop_number_formats(&mut schema);
        unfold_descriptions(&mut schema);
        schema["properties"]["status"]["default"] = json!({ "observedGeneration": -1 });
        if K::kind(&()) == MailAccessServer::kind(&()) {
            put_protocol_defaults(&mut schema["properties"]["spec"]["properties"]);
        }
        validation.open_api_v3_schema =
            Some(serde_json::from_value(schema).expect("a schema reads back as one"));
    }
    crd
}

/// The files that hold the definitions: name and content. The YAML reads the same by YAML 1.1 and 1.2.
#[expect(
    clippy::missing_panics_doc,
    reason = "a definition is plain data, which always serializes"
)]
pub fn definition_files() -> Vec<(String, String)> {
    definitions()
        .iter()
        .map(|crd| {
            let yaml = serde_saphyr::to_string(crd).expect("a definition is plain data");
            let header = "# Written by crdgen from the types of mailaccess-crds; do not edit.\n";
            (
                format!("{}.yaml", crd.spec.names.plural),
                format!("{header}{yaml}"),
            )
        })
        .collect()
}

/// `null` means "unset" everywhere: a nullable field would make `has()` true for it, and every rule would have to ask twice.
fn forbid_null(schema: &mut Value) {
    each_schema(schema, &mut |schema| {
        schema.remove("nullable");
    });
}

/// The derive writes Rust's widths as formats (`uint16`) that the API server does not know; bounds say the same.
fn drop_number_formats(schema: &mut Value) {
    each_schema(schema, &mut |schema| {
        if schema.get("type") == Some(&json!("integer"))
            && !matches!(
                schema.get("format").and_then(Value::as_str),
                Some("int32" | "int64")
            )
        {
            schema.remove("format");
        }
    });
}

/// Doc comments are broken into lines for the reader of the source; `kubectl explain` breaks lines by itself.
fn unfold_descriptions(schema: &mut Value) {
    each_schema(schema, &mut |schema| {
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = description
                .replace("\n\n", "\u{0}")
                .replace('\n', " ")
                .replace('\u{0}', "\n\n");
        }
    });
}

/// Banner and bindings have a default for each protocol, which one Rust type cannot carry.
fn put_protocol_defaults(spec: &mut Value) {
    for (name, settings) in [
        ("imap", ProtocolSettings::imap()),
        ("pop", ProtocolSettings::pop()),
    ] {
        let settings = serde_json::to_value(settings).expect("settings are JSON");
        let protocol = &mut spec[name];
        for field in ["banner", "unencryptedOrTLSBindings", "sslBindings"] {
            protocol["properties"][field]["default"] = settings[field].clone();
        }
        if let Some(required) = protocol.as_object_mut() {
            required.remove("required");
        }
    }
}

/// Visits every schema of the tree: properties, items and values of maps.
fn each_schema(schema: &mut Value, visit: &mut impl FnMut(&mut Map<String, Value>)) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    visit(schema);
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for property in properties.values_mut() {
            each_schema(property, visit);
        }
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get_mut(inner) {
            each_schema(inner, visit);
        }
    }
}
