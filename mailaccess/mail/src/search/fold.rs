//! i;unicode-casemap (RFC 5051): every character in title case, then decomposed, then as UTF-8.

use icu_casemap::{CaseMapper, CaseMapperBorrowed};
use unicode_normalization::char::decompose_compatible;

const MAPPER: CaseMapperBorrowed<'static> = CaseMapper::new();

/// Appends the folded text.
pub(super) fn fold(text: &str, into: &mut Vec<u8>) {
    let mut rest = text;
    while !rest.is_empty() {
        let ascii = rest
            .bytes()
            .position(|byte| !byte.is_ascii())
            .unwrap_or(rest.len());
        into.extend(rest.bytes().take(ascii).map(|b| b.to_ascii_uppercase()));
        rest = &rest[ascii..];
        let mut chars = rest.chars();
        if let Some(c) = chars.next() {
            rest = chars.as_str();
            decompose_compatible(MAPPER.simple_titlecase(c), |part| {
                into.extend_from_slice(part.encode_utf8(&mut [0; 4]).as_bytes());
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str) {
        let folded = |text| {
            let mut into = Vec::new();
            fold(text, &mut into);
            into
        };
        assert_eq!(folded(one), folded(other), "{one} {other}");
    }

    #[test]
    fn what_differs_in_case_or_form_is_equal() {
        check("straße", "STRAßE");
        check("Ünï", "u\u{308}NI\u{308}");
        check("ǆ", "Ǆ");
        check("ΣΊΣΥΦΟΣ", "σίσυφος");
        check("привет", "ПРИВЕТ");
        check("Å", "\u{212b}");
    }
}
