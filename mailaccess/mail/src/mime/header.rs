//! The fields of one header that an envelope or a body structure shows, gathered while it is read.

use super::content::{Content, Disposition};
use super::envelope::Envelope;
use super::field;
use super::lines::Segment;
use super::parameter::parameters;
use super::part::Structure;
use super::token::{Behind, Tokens};

/// Which field, where it is one that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Bcc,
    Cc,
    Date,
    From,
    InReplyTo,
    MessageId,
    ReplyTo,
    Sender,
    Subject,
    To,
    ContentDescription,
    ContentDisposition,
    ContentId,
    ContentLanguage,
    ContentLocation,
    ContentMd5,
    ContentTransferEncoding,
    ContentType,
}

const FIELDS: [(&str, Field); 18] = [
    ("Bcc", Field::Bcc),
    ("Cc", Field::Cc),
    ("Date", Field::Date),
    ("From", Field::From),
    ("In-Reply-To", Field::InReplyTo),
    ("Message-ID", Field::MessageId),
    ("Reply-To", Field::ReplyTo),
    ("Sender", Field::Sender),
    ("Subject", Field::Subject),
    ("To", Field::To),
    ("Content-Description", Field::ContentDescription),
    ("Content-Disposition", Field::ContentDisposition),
    ("Content-ID", Field::ContentId),
    ("Content-Language", Field::ContentLanguage),
    ("Content-Location", Field::ContentLocation),
    ("Content-MD5", Field::ContentMd5),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("Content-Type", Field::ContentType),
];

/// What a field costs besides its bytes: so that a million empty ones are not free.
const COST: usize = 64;

impl Field {
    fn of(name: &[u8]) -> Option<Self> {
        FIELDS
            .iter()
            .find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))
            .map(|(_, field)| *field)
    }

    fn is_content(self) -> bool {
        self as u8 >= Self::ContentDescription as u8
    }

    fn is_addresses(self) -> bool {
        use Field::{Bcc, Cc, From, ReplyTo, Sender, To};
        matches!(self, Bcc | Cc | From | ReplyTo | Sender | To)
    }
}

/// A field while it is read.
struct Value {
    field: Field,
    /// What stands behind the colon, as it lies in the message.
    raw: Vec<u8>,
    /// Whether some of that was left out.
    cut: bool,
}

/// A header while it is read.
pub(super) struct Header {
    /// The field that the last line belongs to.
    field: Option<Value>,
    content: Option<Content>,
    envelope: Option<Envelope>,
}

impl Header {
    /// A header at its beginning: of a message, or of a part that has no envelope.
    pub(super) fn new(of_message: bool) -> Self {
        Self {
            field: None,
            content: None,
            envelope: of_message.then(Envelope::default),
        }
    }

    /// Takes some of a line that is not blank.
    pub(super) fn add(&mut self, segment: &Segment<'_>, budget: &mut usize) {
        let continues = !segment.begins_line || matches!(segment.bytes.first(), Some(b' ' | b'\t'));
        if continues {
            self.keep(segment.bytes, *budget);
            return;
        }
        self.end_field(budget);
        let field = field::name(segment.bytes).and_then(Field::of);
        if let Some(field) = field
            && (field.is_content() || self.envelope.is_some())
        {
            self.field = Some(Value {
                field,
                raw: Vec::new(),
                cut: false,
            });
            self.keep(field::value(segment.bytes), *budget);
        }
    }

    /// What the header says, when it has ended: its content, if it says anything of that, and the
    /// envelope if it is a message's.
    pub(super) fn finish(mut self, budget: &mut usize) -> (Option<Content>, Option<Envelope>) {
        self.end_field(budget);
        (self.content, self.envelope)
    }

    fn keep(&mut self, bytes: &[u8], budget: usize) {
        if let Some(value) = &mut self.field {
            let room = Structure::MAX_FIELD
                .min(budget)
                .saturating_sub(value.raw.len());
            let take = bytes.len().min(room);
            value.raw.extend_from_slice(&bytes[..take]);
            value.cut |= take < bytes.len();
        }
    }

    fn end_field(&mut self, budget: &mut usize) {
        let Some(Value { field, raw, cut }) = self.field.take() else {
            return;
        };
        let cost = raw.len() + COST;
        if cost > *budget {
            *budget = 0;
            return;
        }
        *budget -= cost;
        let mut value = field::unfold(&raw);
        if cut && field.is_addresses() {
            let comma = memchr::memrchr(b',', &value).unwrap_or(0);
            value.truncate(comma);
        }
        if field.is_content() {
            set_content(
                self.content.get_or_insert_with(Content::default),
                field,
                value,
            );
        } else if let Some(envelope) = &mut self.envelope {
            set_envelope(envelope, field, value);
        }
    }
}

fn set_envelope(envelope: &mut Envelope, field: Field, value: Vec<u8>) {
    let list = match field {
        Field::Date => return envelope.date = Some(value.into()),
        Field::Subject => return envelope.subject = Some(value.into()),
        Field::InReplyTo => return envelope.in_reply_to = Some(value.into()),
        Field::MessageId => return envelope.message_id = Some(value.into()),
        Field::From => &mut envelope.from,
        Field::Sender => &mut envelope.sender,
        Field::ReplyTo => &mut envelope.reply_to,
        Field::To => &mut envelope.to,
        Field::Cc => &mut envelope.cc,
        Field::Bcc => &mut envelope.bcc,
        _ => return,
    };
    // Several fields of one name are one list, lest a client and whoever checked the message look at
    // different ones. No unfolded value has a line end, so that one tells them apart.
    if !list.is_empty() {
        list.push(b'\n');
    }
    list.extend_from_slice(&value);
}

/// Of two fields of one name the first counts.
fn set_content(content: &mut Content, field: Field, value: Vec<u8>) {
    let text = |place: &mut Option<Box<[u8]>>, value: Vec<u8>| {
        place.get_or_insert_with(|| value.into());
    };
    match field {
        Field::ContentDescription => text(&mut content.description, value),
        Field::ContentId => text(&mut content.id, value),
        Field::ContentLocation => text(&mut content.location, value),
        Field::ContentMd5 => text(&mut content.md5, value),
        Field::ContentType if content.media_type.is_none() => set_type(content, &value),
        Field::ContentDisposition if content.disposition.is_none() => {
            content.disposition = disposition(&value);
        }
        Field::ContentTransferEncoding if content.encoding.is_none() => {
            content.encoding = encoding(&value);
        }
        Field::ContentLanguage if content.languages.is_empty() => {
            content.languages = languages(&value);
        }
        _ => {}
    }
}

/// `content := "Content-Type" ":" type "/" subtype *(";" parameter)` (RFC 2045 5.1). A broken one says
/// as much as is there; without a type it says nothing.
fn set_type(content: &mut Content, value: &[u8]) {
    let mut tokens = Tokens::new(value);
    let (mut media_type, mut subtype) = (Vec::new(), Vec::new());
    let behind = tokens
        .skip()
        .and_then(|_| tokens.mime_token(&mut media_type));
    if media_type.is_empty() {
        return;
    }
    if behind == Ok(Behind::More) && tokens.take(b'/') && tokens.skip() == Ok(Behind::More) {
        // What follows a broken subtype are no parameters, and found to be none.
        let _ = tokens.mime_token(&mut subtype);
    }
    content.media_type = Some(media_type.into());
    content.subtype = Some(subtype)
        .filter(|subtype| !subtype.is_empty())
        .map(Into::into);
    content.parameters = parameters(&mut tokens);
}

/// `disposition := "Content-Disposition" ":" disposition-type *(";" disposition-parm)` (RFC 2183 2)
fn disposition(value: &[u8]) -> Option<Disposition> {
    let mut tokens = Tokens::new(value);
    let mut kind = Vec::new();
    tokens.skip().ok()?;
    tokens.mime_token(&mut kind).ok()?;
    Some(Disposition {
        kind: kind.into(),
        parameters: parameters(&mut tokens),
    })
}

/// `mechanism := token` (RFC 2045 6.1), and nothing behind it.
fn encoding(value: &[u8]) -> Option<Box<[u8]>> {
    let mut tokens = Tokens::new(value);
    let mut token = Vec::new();
    tokens.skip().ok()?;
    let behind = tokens.mime_token(&mut token).ok()?;
    (behind == Behind::End && !token.is_empty()).then(|| token.into())
}

/// `Language-List = Language-Tag [CFWS] *("," [CFWS] Language-Tag [CFWS])` (RFC 3282 2)
fn languages(value: &[u8]) -> Vec<Box<[u8]>> {
    const MAX_LANGUAGES: usize = 64;
    let mut tokens = Tokens::new(value);
    let mut languages = Vec::new();
    while languages.len() < MAX_LANGUAGES && tokens.skip().is_ok() {
        let mut tag = Vec::new();
        let behind = tokens.atom(&mut tag);
        if !tag.is_empty() {
            languages.push(tag.into());
        }
        if behind != Ok(Behind::More) || !tokens.take(b',') {
            break;
        }
    }
    languages
}
