//! Header fields: their names, and their values unfolded (RFC 5322 2.2).

/// The name of a field, from its first line (or the beginning of it): what stands before the colon,
/// blanks at its end not counted (RFC 5322 4.5.8 lets them stand there). `None` when there is no colon.
pub(crate) fn name(line: &[u8]) -> Option<&[u8]> {
    let colon = memchr::memchr(b':', line)?;
    Some(line[..colon].trim_ascii_end())
}

/// What stands behind the colon.
pub(crate) fn value(line: &[u8]) -> &[u8] {
    memchr::memchr(b':', line).map_or(line, |colon| &line[colon + 1..])
}

/// Unfolds a value: without blanks at its ends; line ends and the blanks that continue the value become
/// one space, and so does a carriage return alone. A NUL, which no IMAP string may hold, becomes U+FFFD.
pub(crate) fn unfold(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    for line in raw.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let blanks = line
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\t'))
            .unwrap_or(line.len());
        if blanks < line.len() && !out.is_empty() {
            out.push(b' ');
        }
        for &byte in &line[blanks..] {
            match byte {
                b'\r' => out.push(b' '),
                0 => out.extend_from_slice("\u{fffd}".as_bytes()),
                _ => out.push(byte),
            }
        }
    }
    let end = out.trim_ascii_end().len();
    out.truncate(end);
    out
}
