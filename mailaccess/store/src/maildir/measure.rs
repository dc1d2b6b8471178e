//! The length of a file as it goes over the wire, where every line ends with CRLF, and where in the file
//! a byte of the wire is. Offsets are kept sparsely: one mark for each 64 KiB.

use crate::volume::{Errno, File};

const CHUNK: usize = 64 * 1024;

/// A place in the file: what is before it is so long on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark {
    wire: u64,
    disk: u64,
    /// Whether the byte before is a CR, which makes a following LF no bare one.
    after_cr: bool,
}

/// A file that was read once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) disk: u64,
    pub(super) wire: u64,
    pub(super) marks: Box<[Mark]>,
}

impl Measured {
    /// Reads a file to its end.
    pub(super) fn read(file: &File) -> Result<Self, Errno> {
        let mut buffer = vec![0; CHUNK];
        let (mut at, mut marks) = (Mark::default(), Vec::new());
        loop {
            let read = file.read_at(at.disk, &mut buffer)?;
            if read == 0 {
                break;
            }
            marks.push(at);
            at = after(at, &buffer[..read]);
        }
        Ok(Self {
            disk: at.disk,
            wire: at.wire,
            marks: marks.into(),
        })
    }
}

/// The place behind these bytes.
fn after(at: Mark, bytes: &[u8]) -> Mark {
    let mut bare = 0;
    for lf in memchr::memchr_iter(b'\n', bytes) {
        let cr = if lf == 0 {
            at.after_cr
        } else {
            bytes[lf - 1] == b'\r'
        };
        bare += u64::from(!cr);
    }
    Mark {
        wire: at.wire + bytes.len() as u64 + bare,
        disk: at.disk + bytes.len() as u64,
        after_cr: bytes.last() == Some(&b'\r'),
    }
}

/// Counts bare line ends in bytes that come in pieces.
#[derive(Debug, Default)]
pub(super) struct Counter(Mark);

impl Counter {
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.0 = after(self.0, bytes);
        }
    }

    pub(super) fn on_disk(&self) -> u64 {
        self.0.disk
    }

    pub(super) fn on_wire(&self) -> u64 {
        self.0.wire
    }
}

/// Reads bytes of the wire from a file with bare line ends. `read` reads the file at an offset and says
/// `None` where it would block.
pub(super) fn read_wire(
    marks: &[Mark],
    offset: u64,
    buffer: &mut [u8],
    mut read: impl FnMut(u64, &mut [u8]) -> Result<Option<usize>, Errno>,
) -> Result<Option<usize>, Errno> {
    let before = marks.partition_point(|mark| mark.wire <= offset);
    let Some(mark) = before.checked_sub(1).and_then(|at| marks.get(at)) else {
        return Ok(Some(0));
    };
    let mut at = *mark;
    let mut skip = offset - at.wire;
    let mut filled = 0;
    let mut piece = [0; 8 * 1024];
    while filled < buffer.len() {
        let read = match read(at.disk, &mut piece)? {
            // What was gathered is enough for now.
            None if filled > 0 => break,
            None => return Ok(None),
            Some(0) => break,
            Some(read) => read,
        };
        for &byte in &piece[..read] {
            if byte == b'\n' && !at.after_cr {
                put(b'\r', &mut skip, buffer, &mut filled);
            }
            put(byte, &mut skip, buffer, &mut filled);
            at.after_cr = byte == b'\r';
        }
        at.disk += read as u64;
    }
    Ok(Some(filled))
}

fn put(byte: u8, skip: &mut u64, buffer: &mut [u8], filled: &mut usize) {
    if *skip > 0 {
        *skip -= 1;
    } else if let Some(slot) = buffer.get_mut(*filled) {
        *slot = byte;
        *filled += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for (at, byte) in text.iter().enumerate() {
            if *byte == b'\n' && (at == 0 || text[at - 1] != b'\r') {
                out.push(b'\r');
            }
            out.push(*byte);
        }
        out
    }

    fn file(text: &[u8]) -> (tempfile::TempDir, File) {
        let temp = tempfile::tempdir().unwrap();
        let dir = crate::volume::Volume::new(temp.path(), None)
            .open_root()
            .unwrap();
        let mut file = dir.create_new(b"m").unwrap();
        file.write_all(text).unwrap();
        (temp, file)
    }

    #[track_caller]
    fn check(text: &[u8], offsets: impl IntoIterator<Item = usize>) {
        let (_temp, file) = file(text);
        let measured = Measured::read(&file).unwrap();
        let expected = wire(text);
        assert_eq!(
            (measured.disk, measured.wire),
            (text.len() as u64, expected.len() as u64)
        );
        for offset in offsets {
            for len in [1, 7, 9000] {
                let mut buffer = vec![0; len];
                let read = read_wire(&measured.marks, offset as u64, &mut buffer, |at, buffer| {
                    file.read_at(at, buffer).map(Some)
                });
                let read = read.unwrap().unwrap();
                let from = offset.min(expected.len());
                let until = (from + len).min(expected.len());
                assert_eq!(&buffer[..read], &expected[from..until], "{offset} {len}");
            }
        }
    }

    #[test]
    fn every_offset_of_a_small_file_is_found() {
        for text in ["", "\n", "\r\n", "a\n\nb\r\nc\r", "\r\r\n\n\r"] {
            check(text.as_bytes(), 0..12);
        }
    }

    #[test]
    fn offsets_around_the_marks_of_a_large_file_are_found() {
        let mut text = Vec::new();
        while text.len() < 3 * CHUNK {
            text.extend_from_slice(if text.len() % 7 == 0 {
                b"abc\r\n"
            } else {
                b"line\n"
            });
        }
        // A CRLF that two chunks share, and a bare LF that begins one.
        text[CHUNK - 1] = b'\r';
        text[CHUNK] = b'\n';
        text[2 * CHUNK - 1] = b'x';
        text[2 * CHUNK] = b'\n';
        let marks: Vec<usize> = {
            let (_temp, file) = file(&text);
            let measured = Measured::read(&file).unwrap();
            measured
                .marks
                .iter()
                .map(|mark| usize::try_from(mark.wire).unwrap())
                .collect()
        };
        assert_eq!(marks.len(), text.len().div_ceil(CHUNK));
        check(
            &text,
            marks
                .into_iter()
                .flat_map(|at| at.saturating_sub(3)..at + 3),
        );
    }

    proptest! {
        #[test]
        fn counting_in_pieces_is_counting_at_once(pieces in prop::collection::vec("[a\r\n]{0,5}", 0..8)) {
            let mut counter = Counter::default();
            for piece in &pieces {
                counter.take(piece.as_bytes());
            }
            let text = pieces.concat();
            prop_assert_eq!(counter.on_disk(), text.len() as u64);
            prop_assert_eq!(counter.on_wire(), wire(text.as_bytes()).len() as u64);
        }
    }
}
