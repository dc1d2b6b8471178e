//! 64 MiB in and out, in a process that grows by less than 2 MiB.

use crate::documents::PASSWORD;
use crate::pod::Pod;
use std::io::Read as _;

const SIZE: usize = 64 << 20;
const GROWTH_KIB: u64 = 2 * 1024;

#[test]
fn append_and_fetch_stream() {
    let pod = Pod::start();
    let mut imap = pod.imap();
    imap.line().unwrap();
    imap.imap_ok(&format!("LOGIN ann {PASSWORD}"));
    imap.imap_ok("SELECT INBOX");
    // Everything once in small, so that threads and buffers are there.
    append(&mut imap, 64 * 1024);
    fetch(&mut imap, 64 * 1024);
    pod.reset_peak();
    let before = pod.memory_kib("VmHWM:");
    append(&mut imap, SIZE);
    let appended = pod.memory_kib("VmHWM:");
    println!("figure: peak of APPEND of {SIZE} bytes: {before} KiB grew to {appended} KiB");
    assert!(
        appended < before + GROWTH_KIB,
        "{before} KiB grew to {appended} KiB"
    );
    fetch(&mut imap, SIZE);
    let fetched = pod.memory_kib("VmHWM:");
    println!("figure: peak of FETCH of {SIZE} bytes: {before} KiB grew to {fetched} KiB");
    assert!(
        fetched < before + GROWTH_KIB,
        "{before} KiB grew to {fetched} KiB"
    );
}

const HEAD: &[u8] = b"Subject: large\r\n\r\n";
const LINE: &[u8] = b"0123456789012345678901234567890123456789012345678901234567890123\r\n";

/// The byte of the message at this place.
fn piece(from: usize, len: usize) -> Vec<u8> {
    (from..from + len)
        .map(|at| match HEAD.get(at) {
            Some(byte) => *byte,
            None => LINE[(at - HEAD.len()) % LINE.len()],
        })
        .collect()
}

#[track_caller]
fn append(imap: &mut crate::wire::Client, size: usize) {
    imap.send(format!("a APPEND INBOX {{{size}}}\r\n").as_bytes());
    imap.until("+ ");
    let mut at = 0;
    while at < size {
        let len = (size - at).min(64 * 1024);
        imap.send(&piece(at, len));
        at += len;
    }
    imap.send(b"\r\n");
    let answer = imap.until("a ");
    assert!(answer.last().unwrap().starts_with("a OK"), "{answer:?}");
}

#[track_caller]
fn fetch(imap: &mut crate::wire::Client, size: usize) {
    imap.send(b"f FETCH * BODY.PEEK[]\r\n");
    let line = imap.until("* ").pop().unwrap();
    let line = if line.contains("FETCH") {
        line
    } else {
        imap.until_with("FETCH")
    };
    assert!(line.ends_with(&format!("{{{size}}}")), "{line}");
    let mut at = 0;
    let mut chunk = vec![0; 64 * 1024];
    while at < size {
        let len = (size - at).min(chunk.len());
        imap.read_exact(&mut chunk[..len]).unwrap();
        assert!(chunk[..len] == piece(at, len), "other bytes near {at}");
        at += len;
    }
    imap.until("f OK");
}
