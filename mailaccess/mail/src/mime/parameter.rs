//! Parameters of `Content-Type` and `Content-Disposition` (RFC 2045 5.1) with the continuations of
//! RFC 2231 put together, which its section 3 asks of a server before BODYSTRUCTURE shows them.

use super::content::Parameter;
use super::token::{Behind, Broken, Tokens};

/// One piece of a value that is continued: `name*1*=text`.
struct Continuation {
    name: Vec<u8>,
    index: u32,
    /// Whether the text has percent signs that mean something.
    extended: bool,
    text: Vec<u8>,
}

/// At most so many parameters of one field are kept.
const MAX_PARAMETERS: usize = 256;

/// `*(";" parameter)`, skipping what is none.
pub(super) fn parameters(tokens: &mut Tokens<'_>) -> Vec<Parameter> {
    let mut whole = Vec::new();
    let mut continued = Vec::new();
    while tokens.peek().is_some() && whole.len() + continued.len() < MAX_PARAMETERS {
        if tokens.peek() != Some(b';') {
            tokens.bump();
            continue;
        }
        let Ok((name, text)) = parameter(tokens) else {
            continue;
        };
        match continuation(&name) {
            Some((len, index, extended)) => continued.push(Continuation {
                name: name[..len].to_vec(),
                index,
                extended,
                text,
            }),
            None => whole.push(Parameter {
                name: name.into(),
                value: text.into(),
            }),
        }
    }
    join(continued, &mut whole);
    whole
}

/// `parameter = attribute "=" value`, `value = token / quoted-string`
fn parameter(tokens: &mut Tokens<'_>) -> Result<(Vec<u8>, Vec<u8>), Broken> {
    if !tokens.take(b';') || tokens.skip()? == Behind::End {
        return Err(Broken);
    }
    let (mut name, mut value) = (Vec::new(), Vec::new());
    if tokens.mime_token(&mut name)? == Behind::End || name.is_empty() || !tokens.take(b'=') {
        return Err(Broken);
    }
    if tokens.skip()? == Behind::End {
        return Ok((name, value));
    }
    match tokens.peek() {
        Some(b'"') => {
            tokens.quoted_string(&mut value)?;
        }
        // Some write `name==?utf-8?B?...?=`, an encoded word where none is allowed.
        Some(b'=') => {
            while let Some(byte) = tokens.peek() {
                if matches!(byte, b';' | b' ' | b'\t' | b'\r' | b'\n') {
                    break;
                }
                value.push(byte);
                tokens.bump();
            }
            tokens.skip()?;
        }
        _ => {
            tokens.mime_token(&mut value)?;
        }
    }
    Ok((name, value))
}

/// Reads `*2*` at the end of a name: the length of the name before it, 2, and whether the text is
/// extended. `name*` alone is the extended piece 0.
fn continuation(name: &[u8]) -> Option<(usize, u32, bool)> {
    let star = memchr::memchr(b'*', name)?;
    let suffix = &name[star + 1..];
    let digits = suffix.iter().take_while(|b| b.is_ascii_digit()).count();
    let extended = match (digits, &suffix[digits..]) {
        (0, b"") | (1.., b"*") => true,
        (1.., b"") => false,
        _ => return None,
    };
    let index = suffix[..digits].iter().try_fold(0_u32, |index, digit| {
        index.checked_mul(10)?.checked_add(u32::from(digit - b'0'))
    })?;
    Some((star, index, extended))
}

/// Puts pieces of one name together. A value with a gap in its numbers is given piece by piece, as it
/// was written.
fn join(mut continued: Vec<Continuation>, whole: &mut Vec<Parameter>) {
    continued.sort_by(|a, b| {
        let folded = |piece: &Continuation| piece.name.to_ascii_lowercase();
        folded(a).cmp(&folded(b)).then(a.index.cmp(&b.index))
    });
    for pieces in continued.chunk_by(|a, b| a.name.eq_ignore_ascii_case(&b.name)) {
        let in_sequence = pieces
            .iter()
            .zip(0_u32..)
            .all(|(piece, index)| piece.index == index);
        if in_sequence {
            whole.push(joined(pieces));
        } else {
            whole.extend(pieces.iter().map(as_written));
        }
    }
}

fn joined(pieces: &[Continuation]) -> Parameter {
    let extended = pieces.iter().any(|piece| piece.extended);
    let mut name = pieces[0].name.clone();
    let mut value = Vec::new();
    if extended {
        name.push(b'*');
    }
    // Without a charset in front the text would not be an extended value.
    if extended && !pieces[0].extended {
        value.extend_from_slice(b"''");
    }
    for piece in pieces {
        if piece.extended || !extended {
            value.extend_from_slice(&piece.text);
        } else {
            escape(&piece.text, &mut value);
        }
    }
    Parameter {
        name: name.into(),
        value: value.into(),
    }
}

fn as_written(piece: &Continuation) -> Parameter {
    let mut name = piece.name.clone();
    name.extend_from_slice(format!("*{}", piece.index).as_bytes());
    if piece.extended {
        name.push(b'*');
    }
    Parameter {
        name: name.into(),
        value: piece.text.as_slice().into(),
    }
}

/// Percent signs for what an extended value may not have (RFC 2231 7 `attribute-char`).
fn escape(text: &[u8], into: &mut Vec<u8>) {
    for &byte in text {
        if byte <= b' ' || byte >= 0x7f || b"*'%()<>@,;:\\\"/[]?=".contains(&byte) {
            into.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            into.push(byte);
        }
    }
}
