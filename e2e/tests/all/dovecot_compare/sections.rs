//! Every section that a BODYSTRUCTURE promises (RFC 3501, section 6.4.5), and some that it does not.

use super::structure::{count_parts, is};
use super::value::Value;
use std::collections::BTreeSet;

/// What is asked of every header.
const FIELDS: [&str; 4] = [
    "HEADER.FIELDS (SUBJECT FROM)",
    "HEADER.FIELDS (X-NOWHERE Content-Type received)",
    "HEADER.FIELDS.NOT (SUBJECT FROM TO)",
    "HEADER.FIELDS.NOT (X-NOWHERE)",
];

/// What no structure promises, parts of parts that have none, and what the grammar does not allow.
pub(super) const ABSENT: [&str; 10] = [
    "9", "1.9", "1.HEADER", "1.TEXT", "1.1", "1.1.1", "1.1.MIME", "0", "1.0", "MIME",
];

/// The sections of a message with this structure.
pub(super) fn of(structure: &Value) -> BTreeSet<String> {
    let mut sections = BTreeSet::from([String::new()]);
    message(structure, "", &mut sections);
    sections
}

/// A message whose header and text are asked for below `prefix`, which is empty or ends with a dot.
fn message(structure: &Value, prefix: &str, sections: &mut BTreeSet<String>) {
    for text in ["HEADER", "TEXT"].iter().chain(&FIELDS) {
        sections.insert(format!("{prefix}{text}"));
    }
    if count_parts(structure.list()) > 0 {
        multipart(structure, prefix, sections);
    } else {
        part(structure, &format!("{prefix}1"), sections);
    }
}

fn multipart(structure: &Value, prefix: &str, sections: &mut BTreeSet<String>) {
    let fields = structure.list();
    for (place, field) in fields[..count_parts(fields)].iter().enumerate() {
        part(field, &format!("{prefix}{}", place + 1), sections);
    }
}

fn part(structure: &Value, number: &str, sections: &mut BTreeSet<String>) {
    sections.insert(number.to_owned());
    sections.insert(format!("{number}.MIME"));
    let fields = structure.list();
    if count_parts(fields) > 0 {
        multipart(structure, &format!("{number}."), sections);
    } else if is(fields, b"message", Some(b"rfc822")) && fields.len() >= 10 {
        message(&fields[8], &format!("{number}."), sections);
    }
}
