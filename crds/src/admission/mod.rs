//! The API server's verdict without an API server: what `kubectl apply` with Strict field validation would answer.
//!
//! [`read_documents`] reads YAML as `kubectl` does; [`judge`] fills in defaults, checks the object against its schema and
//! its rules, and hands back either the whole typed object or every reason against it, in the API server's words.
//!
//! Not judged, because it needs the cluster: quotas, other admission plugins, whether the namespace exists. On an update
//! every field is judged anew; the API server lets a bad field pass that the update does not touch.

mod bounds;
mod core_kind;
mod defaults;
mod document;
mod error;
mod lists;
mod metadata;
mod rules;
mod scalar;
mod schema;
mod secret;
mod unknown;
mod yaml;

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Secret};
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::{error::Errors, schema::KindSchema};
use crate::{CASMailbox, CertificateBinding, GROUP, MailAccessServer};

pub use self::{
    document::{Document, Unreadable, read_documents},
    error::{Cause, FieldError},
};

/// The kinds that are judged, and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A mail access service.
    MailAccessServer,
    /// Protocol access of a mailbox or a group.
    CASMailbox,
    /// A certificate for services.
    CertificateBinding,
    /// People, certificates and keys.
    Secret,
    /// The volume with the mail.
    PersistentVolumeClaim,
    /// Somebody else's kind: to be named and skipped.
    Foreign,
    /// No kind at all, or one of our group that does not exist: [`judge`] says what is wrong.
    Unmatched,
}

/// An object that was accepted, as it would be stored: defaults filled in, no status.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// The object as JSON. Hand it back as `old` when its successor is judged.
    pub value: Value,
    /// The object as its type.
    pub object: Object,
}

/// An accepted object as its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// A mail access service.
    MailAccessServer(Box<MailAccessServer>),
    /// Protocol access of a mailbox or a group.
    CASMailbox(Box<CASMailbox>),
    /// A certificate for services.
    CertificateBinding(Box<CertificateBinding>),
    /// People, certificates and keys.
    Secret(Box<Secret>),
    /// The volume with the mail.
    PersistentVolumeClaim(Box<PersistentVolumeClaim>),
}

/// The kind of an object, by its `apiVersion` and `kind`.
pub fn kind_of(value: &Value) -> Kind {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    match (text("apiVersion"), text("kind")) {
        ("", _) | (_, "") => Kind::Unmatched,
        ("v1", "Secret") => Kind::Secret,
        ("v1", "PersistentVolumeClaim") => Kind::PersistentVolumeClaim,
        (version, kind) if version.split('/').next() == Some(GROUP) => {
            if version != schema::API_VERSION {
                return Kind::Unmatched;
            }
            match kind {
                "MailAccessServer" => Kind::MailAccessServer,
                "CASMailbox" => Kind::CASMailbox,
                "CertificateBinding" => Kind::CertificateBinding,
                _ => Kind::Unmatched,
            }
        }
        _ => Kind::Foreign,
    }
}

/// Judges an object: `old` is what is stored under its name, if anything is (a value that was accepted before).
///
/// ```
/// use mailaccess_crds::admission::{judge, read_documents};
///
/// let yaml = "
/// apiVersion: mailaccess.dev/v1alpha1
/// kind: CASMailbox
/// metadata: {name: ann}
/// spec: {serverRef: {name: mail}, mailbox: ann@example.com, imapEnable: yes}
/// ";
/// let document = read_documents(yaml).remove(0)?;
/// let errors = document.judge(None).unwrap_err();
/// assert_eq!(errors[0].to_string(), "line 5: unknown field \"spec.imapEnable\"");
/// # Ok::<(), mailaccess_crds::admission::Unreadable>(())
/// ```
pub fn judge(value: Value, old: Option<&Value>) -> Result<Accepted, Vec<FieldError>> {
    match kind_of(&value) {
        Kind::MailAccessServer => judge_own(value, old, &schema::MAIL_ACCESS_SERVER, |typed| {
            Object::MailAccessServer(Box::new(typed))
        }),
        Kind::CASMailbox => judge_own(value, old, &schema::CAS_MAILBOX, |typed| {
            Object::CASMailbox(Box::new(typed))
        }),
        Kind::CertificateBinding => judge_own(value, old, &schema::CERTIFICATE_BINDING, |typed| {
            Object::CertificateBinding(Box::new(typed))
        }),
        Kind::Secret => secret::judge(value, old),
        Kind::PersistentVolumeClaim => core_kind::judge_claim(value),
        Kind::Foreign | Kind::Unmatched => Err(vec![no_match(&value)]),
    }
}

fn own_schema(kind: Kind) -> Option<&'static KindSchema> {
    match kind {
        Kind::MailAccessServer => Some(&*schema::MAIL_ACCESS_SERVER),
        Kind::CASMailbox => Some(&*schema::CAS_MAILBOX),
        Kind::CertificateBinding => Some(&*schema::CERTIFICATE_BINDING),
        Kind::Secret | Kind::PersistentVolumeClaim | Kind::Foreign | Kind::Unmatched => None,
    }
}

/// Judges a status as it is written to the subresource `status` of an object of ours: `stored` is that object (a value
/// that was accepted before), and of `value` nothing else is looked at. Hands back the object with the new status.
pub fn judge_status(mut value: Value, stored: &Value) -> Result<Value, Vec<FieldError>> {
    let Some(kind) = own_schema(kind_of(&value)) else {
        return Err(vec![no_match(&value)]);
    };
    let mut errors = Errors::default();
    unknown::find(&value, &kind.schema, &mut errors);
    errors.into_result()?;

    let status = value
        .as_object_mut()
        .and_then(|value| value.remove("status"));
    let mut value = stored.clone();
    if let (Some(object), Some(status)) = (value.as_object_mut(), status) {
        object.insert("status".to_owned(), status);
    }
    defaults::drop_nulls(&mut value, &kind.schema);
    defaults::fill(&mut value, &kind.schema);
    check(&value, Some(stored), kind, Errors::default())?;
    Ok(value)
}

/// The API server's order: unknown fields, nulls, defaults, metadata, schema, lists, rules.
fn judge_own<K: DeserializeOwned>(
    mut value: Value,
    old: Option<&Value>,
    kind: &KindSchema,
    wrap: impl Fn(K) -> Object,
) -> Result<Accepted, Vec<FieldError>> {
    let mut errors = Errors::default();
    unknown::find(&value, &kind.schema, &mut errors);
    metadata::decode(&value, &mut errors);
    errors.into_result()?;

    defaults::drop_nulls(&mut value, &kind.schema);
    // A client writes no status: the status of what is stored stays.
    if let Some(object) = value.as_object_mut() {
        object.remove("status");
    }
    defaults::fill(&mut value, &kind.schema);
    let old = old.map(|old| {
        let mut old = old.clone();
        defaults::drop_nulls(&mut old, &kind.schema);
        defaults::fill(&mut old, &kind.schema);
        old
    });

    let mut errors = Errors::default();
    metadata::check(&value, old.as_ref(), &mut errors);
    check(&value, old.as_ref(), kind, errors)?;

    if let Some(object) = value.as_object_mut() {
        object.remove("status");
    }
    match serde_json::from_value(value.clone()) {
        Ok(typed) => Ok(Accepted {
            value,
            object: wrap(typed),
        }),
        Err(error) => Err(vec![FieldError::new(
            "",
            Cause::Invalid,
            &error.to_string(),
        )]),
    }
}

/// Schema, lists and rules, behind what was found before.
fn check(
    value: &Value,
    old: Option<&Value>,
    kind: &KindSchema,
    mut errors: Errors,
) -> Result<(), Vec<FieldError>> {
    bounds::check(value, &kind.schema, &mut errors);
    lists::check(value, &kind.schema, &mut errors);
    if errors.hide_values_from_rules() {
        errors.push(FieldError::new("", Cause::Invalid, rules::NOT_CHECKED));
    } else {
        rules::check(value, old, kind, &mut errors);
    }
    errors.into_result()
}

fn no_match(value: &Value) -> FieldError {
    for field in ["apiVersion", "kind"] {
        match value.get(field) {
            Some(Value::String(text)) if !text.is_empty() => {}
            Some(Value::Null | Value::String(_)) | None => {
                return FieldError::new(field, Cause::Required, "");
            }
            Some(_) => return FieldError::new(field, Cause::TypeInvalid, "must be a string"),
        }
    }
    let detail = format!(
        "no matches for kind {} in version {}; known are MailAccessServer, CASMailbox and CertificateBinding of {}",
        value["kind"],
        value["apiVersion"],
        schema::API_VERSION
    );
    FieldError::new("kind", Cause::NotSupported, &detail)
}
