//! `* 3 FETCH (...)` taken apart (RFC 3501, section 7.4.2).

use super::structure;
use super::value::{Reader, Value};
use crate::harness::Reply;
use std::collections::BTreeMap;

/// The items of one message, each with its value in a form that can be compared.
pub(super) type Items = BTreeMap<String, Value>;

/// What a reply says of one message. Responses about others are none of its business.
#[track_caller]
pub(super) fn items(reply: &Reply, number: usize) -> Items {
    let mut items = Items::new();
    let begin = format!("* {number} FETCH (");
    for response in &reply.untagged {
        let mut reader = Reader::new(response);
        if reader.have(begin.as_bytes()) {
            while !reader.have(b")") {
                let (item, mut value) = item(&mut reader);
                structure::normalise(&item, &mut value);
                items.insert(item, value);
                reader.have(b" ");
            }
            assert!(reader.rest().is_empty());
        }
    }
    items
}

/// `BODY[HEADER.FIELDS (SUBJECT)]<0> "..."`: the name, in which case and quotes have no meaning, and the value.
#[track_caller]
fn item(reader: &mut Reader<'_>) -> (String, Value) {
    let mut name = reader.until(b" [").to_vec();
    if reader.have(b"[") {
        name.push(b'[');
        name.extend_from_slice(reader.until(b"]"));
        name.extend_from_slice(reader.until(b" "));
    }
    reader.expect(b" ");
    let value = reader.value();
    let name = String::from_utf8(name).unwrap();
    (name.to_ascii_uppercase().replace('"', ""), value)
}
