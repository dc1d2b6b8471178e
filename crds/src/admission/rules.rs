//! The CEL rules of the schema, evaluated as the API server would.

use kube::core::cel::{ErrorKind, ValidationError, Validator};
use serde_json::Value;

use super::{
    error::{Cause, Errors, FieldError},
    schema::KindSchema,
};

/// Said when other errors keep the rules from being run.
pub(super) const NOT_CHECKED: &str = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

/// Runs every rule; those that compare with the stored object only when there is one.
pub(super) fn check(value: &Value, old: Option<&Value>, kind: &KindSchema, errors: &mut Errors) {
    let Err(refused) = Validator::new().validate_compiled(&kind.rules, value, old) else {
        return;
    };
    for error in refused.as_slice() {
        errors.push(field_error(error, value));
    }
}

fn field_error(error: &ValidationError, object: &Value) -> FieldError {
    let found = at(object, &error.field_path);
    let detail = match error.kind {
        ErrorKind::ValidationFailure => error.message.clone(),
        // A rule that cannot be evaluated refuses: nothing passes unread.
        _ => format!(
            "rule {:?} cannot be evaluated: {}",
            error.rule, error.message
        ),
    };
    FieldError::new(&error.field_path, Cause::Invalid, &detail).with_type(found)
}

/// The value at a path such as `spec.domains[0].name`.
fn at<'value>(object: &'value Value, path: &str) -> Option<&'value Value> {
    if path.is_empty() {
        return Some(object);
    }
    path.split('.').try_fold(object, |value, part| {
        let mut parts = part.split('[');
        let field = value.get(parts.next()?)?;
        parts.try_fold(field, |list, index| {
            list.get(index.trim_end_matches(']').parse::<usize>().ok()?)
        })
    })
}
