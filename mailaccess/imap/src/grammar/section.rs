//! Sections of a message: `BODY[1.2.HEADER.FIELDS (To)]<0.100>`.

use super::{Fault, Scanner, list};
use crate::encode::string;
use alloc::boxed::Box;
use alloc::vec::Vec;
use mailaccess_mail::mime::{Section, SectionText, Structure};
use mailaccess_mail::step::Output;

/// Most header fields in one section.
const MAX_FIELDS: usize = 256;

/// ```text
/// section         = "[" [section-spec] "]"
/// section-spec    = section-msgtext / (section-part ["." section-text])
/// section-part    = nz-number *("." nz-number)
/// section-text    = section-msgtext / "MIME"
/// ```
pub(crate) fn section(scanner: &mut Scanner<'_>) -> Result<Section, Fault> {
    scanner.byte(b'[', "a section in brackets")?;
    let mut path = Vec::new();
    let mut text = SectionText::Full;
    loop {
        match scanner.peek() {
            Some(b'0'..=b'9') => {
                if path.len() == Structure::MAX_DEPTH {
                    return Err(Fault::TooMany("levels of a part"));
                }
                path.push(scanner.nz_number()?.get());
                if scanner.eat(b'.') {
                    continue;
                }
            }
            Some(b']') if path.is_empty() => {}
            _ => text = section_text(scanner, &path)?,
        }
        break;
    }
    scanner.byte(b']', "the end of a section")?;
    Ok(Section { path, text })
}

/// ```text
/// section-msgtext = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT"
/// header-list     = "(" header-fld-name *(SP header-fld-name) ")"
/// header-fld-name = astring
/// ```
fn section_text(scanner: &mut Scanner<'_>, path: &[u32]) -> Result<SectionText, Fault> {
    let word = scanner.take_while(|byte| byte.is_ascii_alphabetic() || byte == b'.');
    let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
    if is("HEADER") {
        Ok(SectionText::Header)
    } else if is("TEXT") {
        Ok(SectionText::Text)
    } else if is("MIME") && !path.is_empty() {
        Ok(SectionText::Mime)
    } else if is("HEADER.FIELDS") {
        header_list(scanner).map(SectionText::HeaderFields)
    } else if is("HEADER.FIELDS.NOT") {
        header_list(scanner).map(SectionText::HeaderFieldsNot)
    } else {
        Err(scanner.fault("a section of a message"))
    }
}

fn header_list(scanner: &mut Scanner<'_>) -> Result<Vec<Box<[u8]>>, Fault> {
    scanner.space()?;
    list::some(scanner, MAX_FIELDS, |scanner| {
        let name = scanner.astring("the name of a header field")?;
        Ok(name.into_owned().into_boxed_slice())
    })
}

/// Writes a section as it was asked for.
pub(crate) fn write(out: &mut Output, section: &Section) {
    out.bytes(b"[");
    for (index, number) in section.path.iter().enumerate() {
        let before = if index == 0 { "" } else { "." };
        out.text(format_args!("{before}{number}"));
    }
    let (word, fields): (_, &[Box<[u8]>]) = match &section.text {
        SectionText::Full => ("", &[]),
        SectionText::Header => ("HEADER", &[]),
        SectionText::HeaderFields(fields) => ("HEADER.FIELDS", fields),
        SectionText::HeaderFieldsNot(fields) => ("HEADER.FIELDS.NOT", fields),
        SectionText::Text => ("TEXT", &[]),
        SectionText::Mime => ("MIME", &[]),
    };
    if !section.path.is_empty() && !word.is_empty() {
        out.bytes(b".");
    }
    out.bytes(word.as_bytes());
    for (index, field) in fields.iter().enumerate() {
        out.bytes(if index == 0 { b" (" } else { b" " });
        string::astring(out, field);
    }
    out.bytes(if fields.is_empty() { b"]" } else { b")]" });
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use mailaccess_mail::step::Pull;

    #[track_caller]
    fn check(input: &str, expect: Result<&str, Fault>) {
        let read = section(&mut Scanner::new(input.as_bytes())).map(|section| {
            let mut out = Output::new();
            write(&mut out, &section);
            let mut bytes = Vec::new();
            out.pull(&mut bytes, usize::MAX, Pull::Blocking).unwrap();
            String::from_utf8(bytes).unwrap()
        });
        assert_eq!(read.as_deref().map_err(|fault| *fault), expect, "{input}");
    }

    #[test]
    fn sections_are_read_and_written() {
        check("[]", Ok("[]"));
        check("[1.22.3]", Ok("[1.22.3]"));
        check("[text]", Ok("[TEXT]"));
        check("[4.2.MIME]", Ok("[4.2.MIME]"));
        check("[1.HEADER]", Ok("[1.HEADER]"));
        check(
            "[HEADER.FIELDS (DATE \"X-A B\")]",
            Ok("[HEADER.FIELDS (DATE \"X-A B\")]"),
        );
        check("[header.fields.not (to)]", Ok("[HEADER.FIELDS.NOT (to)]"));
        check("[", Err(Fault::Incomplete("a section of a message")));
        check("[1", Err(Fault::Incomplete("the end of a section")));
        check(
            "[HEADER.FIELDS (",
            Err(Fault::Incomplete("the name of a header field")),
        );
        check("[MIME]", Err(Fault::Expected("a section of a message")));
        check("[0]", Err(Fault::Expected("a number above zero")));
        check("[1.]", Err(Fault::Expected("a section of a message")));
        check(
            "[HEADER.FIELDS ()]",
            Err(Fault::Expected("an item in the list")),
        );
        check("[HEADERS]", Err(Fault::Expected("a section of a message")));
        let deep = alloc::format!("[{}]", alloc::vec!["1"; 101].join("."));
        check(&deep, Err(Fault::TooMany("levels of a part")));
    }
}
