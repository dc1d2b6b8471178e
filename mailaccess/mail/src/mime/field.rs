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

/// Unfolds a value: without blanks in front, without its line end; a line end and the blanks that
/// continue it become one space.
pub(crate) fn unfold(raw: &[u8]) -> Vec<u8> {
    let raw = raw.strip_suffix(b"\n").unwrap_or(raw);
    let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
    let mut out = Vec::with_capacity(raw.len());
    for (number, line) in raw.split(|byte| *byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = match line.iter().position(|byte| !matches!(byte, b' ' | b'\t')) {
            Some(at) => &line[at..],
            None => b"",
        };
        if number > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(line);
    }
    out
}
