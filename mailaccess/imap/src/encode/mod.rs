//! How responses are written (RFC 3501 7).

pub(crate) mod body_structure;
pub(crate) mod envelope;
pub(crate) mod flags;
pub(crate) mod status;
pub(crate) mod string;
pub(crate) mod uid_set;

use core::fmt;
use mailaccess_mail::step::Output;

/// Writes a line with its end.
pub(crate) fn line(out: &mut Output, line: fmt::Arguments<'_>) {
    out.text(line);
    out.bytes(b"\r\n");
}

/// Writes the untagged response that ends a connection (RFC 3501 7.1.5), with or without a code.
pub(crate) fn bye(out: &mut Output, code: &str, text: &str) {
    let (open, close) = if code.is_empty() {
        ("", "")
    } else {
        ("[", "] ")
    };
    line(out, format_args!("* BYE {open}{code}{close}{text}"));
}
