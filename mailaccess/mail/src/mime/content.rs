//! What the `Content-*` fields of a part say (RFC 2045, 2183, 3282, 2557), as written, not decoded.

use std::sync::LazyLock;

/// The content of a part. Fields that are not there have the defaults of RFC 2045 5.2 and 6.1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    pub(super) media_type: Option<Box<[u8]>>,
    pub(super) subtype: Option<Box<[u8]>>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) id: Option<Box<[u8]>>,
    pub(super) description: Option<Box<[u8]>>,
    pub(super) encoding: Option<Box<[u8]>>,
    pub(super) md5: Option<Box<[u8]>>,
    pub(super) disposition: Option<Disposition>,
    pub(super) languages: Vec<Box<[u8]>>,
    pub(super) location: Option<Box<[u8]>>,
    /// Whether it is a message that would have to be decoded before its parts could be found.
    pub(super) encoded_message: bool,
}

/// A parameter, `name=value`; the name as written (`filename*` of RFC 2231 keeps its star), the value
/// without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: Box<[u8]>,
    /// Its value.
    pub value: Box<[u8]>,
}

/// A `Content-Disposition` (RFC 2183).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disposition {
    /// `attachment`, `inline` or another.
    pub kind: Box<[u8]>,
    /// Its parameters in order.
    pub parameters: Vec<Parameter>,
}

impl Content {
    /// The content of a part that says nothing: `text/plain; charset=us-ascii`.
    pub(super) fn plain() -> &'static Self {
        static PLAIN: LazyLock<Content> = LazyLock::new(|| {
            let mut content = Content::default();
            content.complete();
            content
        });
        &PLAIN
    }

    /// Adds the parameter that text has when it names no charset.
    pub(super) fn complete(&mut self) {
        if self.is_text() && self.parameter("charset").is_none() {
            self.parameters.push(Parameter {
                name: (*b"charset").into(),
                value: (*b"us-ascii").into(),
            });
        }
    }

    /// The content of a part of a digest, which is a message if it names no type (RFC 2046 5.1.5).
    pub(super) fn or_message(mut self) -> Self {
        if self.media_type.is_none() {
            self.media_type = Some((*b"message").into());
            self.subtype = Some((*b"rfc822").into());
        }
        self
    }

    /// Makes it a type that nobody expects to have parts.
    pub(super) fn make_opaque(&mut self) {
        self.media_type = Some((*b"application").into());
        self.subtype = Some((*b"octet-stream").into());
    }

    /// The media type, such as `text`.
    pub fn media_type(&self) -> &[u8] {
        self.media_type.as_deref().unwrap_or(b"text")
    }

    /// The subtype, such as `plain`.
    pub fn subtype(&self) -> &[u8] {
        let unnamed: &[u8] = if self.media_type().eq_ignore_ascii_case(b"multipart") {
            b"x-unknown"
        } else if self.is_text() {
            b"plain"
        } else {
            b"unknown"
        };
        self.subtype.as_deref().unwrap_or(unnamed)
    }

    /// Whether this is `text/*`, of which BODYSTRUCTURE gives the lines.
    pub fn is_text(&self) -> bool {
        self.media_type().eq_ignore_ascii_case(b"text")
    }

    /// Whether this is `message/rfc822`.
    pub fn is_message(&self) -> bool {
        self.media_type().eq_ignore_ascii_case(b"message")
            && self.subtype().eq_ignore_ascii_case(b"rfc822")
    }

    /// Whether a person may read this: text, a report or the like, or a message in an encoding.
    pub(crate) fn is_readable(&self) -> bool {
        let report = self.media_type().eq_ignore_ascii_case(b"message");
        self.is_text() || report || self.encoded_message
    }

    /// The parameters of the type, in order.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The value of a parameter of the type.
    pub fn parameter(&self, name: &str) -> Option<&[u8]> {
        self.parameters
            .iter()
            .find(|parameter| parameter.name.eq_ignore_ascii_case(name.as_bytes()))
            .map(|parameter| &*parameter.value)
    }

    /// `Content-ID`.
    pub fn id(&self) -> Option<&[u8]> {
        self.id.as_deref()
    }

    /// `Content-Description`.
    pub fn description(&self) -> Option<&[u8]> {
        self.description.as_deref()
    }

    /// `Content-Transfer-Encoding`, by default `7bit`.
    pub fn encoding(&self) -> &[u8] {
        self.encoding.as_deref().unwrap_or(b"7bit")
    }

    /// `Content-MD5`.
    pub fn md5(&self) -> Option<&[u8]> {
        self.md5.as_deref()
    }

    /// `Content-Disposition`.
    pub fn disposition(&self) -> Option<&Disposition> {
        self.disposition.as_ref()
    }

    /// `Content-Language`: the tags in order, none when there is no such field.
    pub fn languages(&self) -> &[Box<[u8]>] {
        &self.languages
    }

    /// `Content-Location`.
    pub fn location(&self) -> Option<&[u8]> {
        self.location.as_deref()
    }
}
