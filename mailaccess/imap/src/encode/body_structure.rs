//! BODY and BODYSTRUCTURE (RFC 3501 7.4.2).

use super::envelope::envelope;
use super::string::{nstring, string};
use mailaccess_mail::mime::{Content, Disposition, Kind, Parameter, Part};
use mailaccess_mail::step::Output;

/// How much is told of each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// `BODY`: what RFC 3501 calls basic fields.
    Basic,
    /// `BODYSTRUCTURE`: extension data as well.
    Extended,
}

/// A multipart without parts is shown with an empty text: the grammar wants at least one.
fn no_parts(out: &mut Output, detail: Detail) {
    out.bytes(b"(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 0 0");
    out.bytes(match detail {
        Detail::Basic => b")",
        Detail::Extended => b" NIL NIL NIL NIL)",
    });
}

/// ```text
/// body = "(" (body-type-1part / body-type-mpart) ")"
/// ```
/// Recursion goes as deep as [`mailaccess_mail::mime::Structure::MAX_DEPTH`].
pub(crate) fn body(out: &mut Output, part: Part<'_>, detail: Detail) {
    out.bytes(b"(");
    match part.kind() {
        Kind::Multipart => multipart(out, part, detail),
        Kind::Message | Kind::Leaf => single(out, part, detail),
    }
    out.bytes(b")");
}

/// ```text
/// body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
/// body-ext-mpart  = body-fld-param [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc ...]]]
/// ```
fn multipart(out: &mut Output, part: Part<'_>, detail: Detail) {
    let mut empty = true;
    for child in part.children() {
        body(out, child, detail);
        empty = false;
    }
    if empty {
        no_parts(out, detail);
    }
    let content = part.content();
    out.bytes(b" ");
    string(out, content.subtype());
    if detail == Detail::Extended {
        out.bytes(b" ");
        parameters(out, content.parameters());
        extension(out, content);
    }
}

/// ```text
/// body-type-1part = (body-type-basic / body-type-msg / body-type-text) [SP body-ext-1part]
/// body-fields     = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets
/// body-ext-1part  = body-fld-md5 [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc ...]]]
/// ```
fn single(out: &mut Output, part: Part<'_>, detail: Detail) {
    let content = part.content();
    string(out, content.media_type());
    out.bytes(b" ");
    string(out, content.subtype());
    out.bytes(b" ");
    parameters(out, content.parameters());
    out.bytes(b" ");
    nstring(out, content.id());
    out.bytes(b" ");
    nstring(out, content.description());
    out.bytes(b" ");
    string(out, content.encoding());
    let octets = part.body();
    out.text(format_args!(" {}", octets.end - octets.start));
    let message = part.children().next();
    if let Some((message, its_envelope)) = message.and_then(|m| Some((m, m.envelope()?))) {
        out.bytes(b" ");
        envelope(out, its_envelope);
        out.bytes(b" ");
        body(out, message, detail);
        out.text(format_args!(" {}", part.lines()));
    } else if content.is_text() {
        out.text(format_args!(" {}", part.lines()));
    }
    if detail == Detail::Extended {
        out.bytes(b" ");
        nstring(out, content.md5());
        extension(out, content);
    }
}

/// ```text
/// SP body-fld-dsp SP body-fld-lang SP body-fld-loc
/// ```
fn extension(out: &mut Output, content: &Content) {
    out.bytes(b" ");
    match content.disposition() {
        None => out.bytes(b"NIL"),
        Some(Disposition {
            kind,
            parameters: of_it,
        }) => {
            out.bytes(b"(");
            string(out, kind);
            out.bytes(b" ");
            parameters(out, of_it);
            out.bytes(b")");
        }
    }
    out.bytes(b" ");
    match content.languages() {
        [] => out.bytes(b"NIL"),
        [one] => string(out, one),
        many => {
            let mut before = &b"("[..];
            for language in many {
                out.bytes(before);
                string(out, language);
                before = b" ";
            }
            out.bytes(b")");
        }
    }
    out.bytes(b" ");
    nstring(out, content.location());
}

/// ```text
/// body-fld-param = "(" string SP string *(SP string SP string) ")" / nil
/// ```
fn parameters(out: &mut Output, parameters: &[Parameter]) {
    if parameters.is_empty() {
        out.bytes(b"NIL");
        return;
    }
    let mut before = &b"("[..];
    for Parameter { name, value } in parameters {
        out.bytes(before);
        string(out, name);
        out.bytes(b" ");
        string(out, value);
        before = b" ";
    }
    out.bytes(b")");
}
