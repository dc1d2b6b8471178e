//! Step four: which objects have to be written. Writing itself is for whoever holds a client or a
//! directory.

use super::Object;
use super::build::Built;
use std::collections::BTreeMap;

/// The objects that differ from what is there, in the order in which they have to be written: what pods
/// mount comes before the pods. Empty when nothing changed.
pub fn changes<'a>(built: &'a Built, existing: &[Object]) -> Vec<&'a Object> {
    let existing: BTreeMap<_, _> = existing
        .iter()
        .map(|object| (object.key(), object))
        .collect();
    built
        .objects()
        .filter(|object| existing.get(&object.key()) != Some(object))
        .collect()
}

/// Whether an object carries a document. Those have a history, so they are written over exactly what was
/// read; of everything else only our fields matter.
pub fn is_document(object: &Object) -> bool {
    matches!(object, Object::ConfigMap(_) | Object::Secret(_))
}
