//! What has no meaning in a value is made the same: the case of types, encodings and names of parameters in
//! BODYSTRUCTURE, the order of flags, a day of one digit.

use super::value::Value;

/// Makes equal what means the same.
pub(super) fn normalise(item: &str, value: &mut Value) {
    match (item, value) {
        ("BODY" | "BODYSTRUCTURE", value) => body(value),
        ("FLAGS", Value::List(flags)) => {
            flags.iter_mut().for_each(Value::make_lower_case);
            flags.sort();
        }
        // `date-day-fixed` may be a blank and a digit, or two digits.
        ("INTERNALDATE", Value::Text(date)) if date.first() == Some(&b'0') => date[0] = b' ',
        _ => {}
    }
}

/// `body` (RFC 3501, section 9).
fn body(value: &mut Value) {
    let Value::List(fields) = value else { return };
    let parts = count_parts(fields);
    if parts > 0 {
        fields[..parts].iter_mut().for_each(body);
        // Subtype, parameters, and what extends them.
        lower(fields, parts);
        parameters(fields, parts + 1);
        extension(fields, parts + 2);
        return;
    }
    let is_message = is(fields, b"message", Some(b"rfc822"));
    let is_text = is(fields, b"text", None);
    for place in [0, 1, 5] {
        lower(fields, place);
    }
    parameters(fields, 2);
    if is_message && fields.len() >= 10 {
        body(&mut fields[8]);
    }
    // The first extension is the MD5 of the content.
    extension(
        fields,
        if is_message {
            11
        } else if is_text {
            9
        } else {
            8
        },
    );
}

/// How many bodies a multipart begins with; 0 for anything else.
pub(super) fn count_parts(fields: &[Value]) -> usize {
    fields
        .iter()
        .take_while(|field| matches!(field, Value::List(_)))
        .count()
}

/// Whether the fields of a single part are of this type.
pub(super) fn is(fields: &[Value], media: &[u8], subtype: Option<&[u8]>) -> bool {
    let field = |place: usize| fields.get(place).map_or(&b""[..], Value::text);
    field(0).eq_ignore_ascii_case(media)
        && subtype.is_none_or(|subtype| field(1).eq_ignore_ascii_case(subtype))
}

/// Disposition, language, location.
fn extension(fields: &mut [Value], from: usize) {
    if let Some(Value::List(disposition)) = fields.get_mut(from) {
        lower(disposition, 0);
        parameters(disposition, 1);
    }
    if let Some(language) = fields.get_mut(from + 1) {
        // One language may stand without its parentheses.
        if let Value::Text(_) = language {
            *language = Value::List(vec![language.clone()]);
        }
        if let Value::List(languages) = language {
            languages.iter_mut().for_each(Value::make_lower_case);
        }
    }
}

/// Names of parameters; their values stay as they are.
fn parameters(fields: &mut [Value], place: usize) {
    if let Some(Value::List(list)) = fields.get_mut(place) {
        list.iter_mut().step_by(2).for_each(Value::make_lower_case);
    }
}

fn lower(fields: &mut [Value], place: usize) {
    if let Some(field) = fields.get_mut(place) {
        field.make_lower_case();
    }
}

#[test]
fn only_case_without_meaning_is_lost() {
    use super::value::Reader;
    let read = |text: &str| {
        let mut value = Reader::new(text.as_bytes()).value();
        normalise("BODYSTRUCTURE", &mut value);
        value
    };
    let one = r#"(("TEXT" "Plain" ("CHARSET" "X") NIL NIL "7BIT" 1 1 NIL ("INLINE" ("A" "b")) "DE" NIL) "Mixed")"#;
    let other = r#"(("text" "plain" ("charset" "X") NIL NIL "7bit" 1 1 NIL ("inline" ("a" "b")) ("de") NIL) "mixed")"#;
    assert_eq!(read(one), read(other));
    assert_ne!(read(one), read(&other.replace("\"X\"", "\"x\"")));
}
