//! What a client sends or fetches is streamed: the process does not grow with it.

use crate::harness::{Imap, Local, Pod, figure};
use std::fs;

const LARGE: usize = 64 * 1024 * 1024;
const GROWTH: u64 = 2 * 1024 * 1024;
const ANN: &str = "ann@example.com";

/// The most memory that a process has held since [`forget_peak`], and what it holds now, in bytes.
fn resident(id: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            * 1024
    };
    (field("VmHWM:"), field("VmRSS:"))
}

fn forget_peak(id: u32) {
    fs::write(format!("/proc/{id}/clear_refs"), "5").unwrap();
}

fn line(number: usize) -> Vec<u8> {
    let mut line = format!("{number:010} ").into_bytes();
    line.resize(1022, b'x');
    line.extend_from_slice(b"\r\n");
    line
}

/// Sends a message of so many bytes piece by piece.
fn append(imap: &mut Imap, len: usize) {
    let head = b"Subject: large\r\n\r\n";
    let tag = imap.begin(&format!("APPEND INBOX {{{len}}}")).unwrap();
    assert!(imap.response().unwrap().starts_with(b"+"));
    imap.wire().write(head).unwrap();
    let mut left = len - head.len();
    for number in 0.. {
        let line = line(number);
        if left < line.len() {
            break;
        }
        imap.wire().write(&line).unwrap();
        left -= line.len();
    }
    imap.wire().write(&vec![b'y'; left]).unwrap();
    imap.wire().write(b"\r\n").unwrap();
    let reply = imap.end(&tag).unwrap();
    assert!(reply.is_ok(), "{}", reply.status);
}

fn fetch(imap: &mut Imap, number: u32, len: usize) {
    let tag = imap.begin(&format!("FETCH {number} BODY.PEEK[]")).unwrap();
    let line = String::from_utf8(imap.wire().line().unwrap()).unwrap();
    assert!(line.ends_with(&format!("{{{len}}}")), "{line}");
    imap.wire().skip(len).unwrap();
    assert_eq!(imap.wire().line().unwrap(), b")");
    assert!(imap.end(&tag).unwrap().is_ok());
}

#[test]
fn a_large_message_passes_without_the_process_growing() {
    let local = Local::start("quickstart");
    let mut pod = Pod::start(
        &local.data().join("documents"),
        &local.data().join("mail"),
        &[],
    );
    let id = pod.process().id();
    let mut imap = pod.imap(ANN, "quickstart");
    // Threads, buffers and caches are there after a message that is large enough to need all of them.
    let warm = 4 * 1024 * 1024;
    imap.ok("SELECT INBOX");
    append(&mut imap, warm);
    let exists = imap.ok("SELECT INBOX").find(" EXISTS");
    let last: u32 = exists.split(' ').nth(1).unwrap().parse().unwrap();
    fetch(&mut imap, last, warm);

    for (what, number) in [("APPEND", None), ("FETCH", Some(last + 1))] {
        forget_peak(id);
        let (_, before) = resident(id);
        match number {
            None => append(&mut imap, LARGE),
            Some(number) => {
                imap.ok("NOOP");
                fetch(&mut imap, number, LARGE);
            }
        }
        let (peak, _) = resident(id);
        let growth = peak.saturating_sub(before);
        figure(
            &format!("growth in a 64 MiB {what}"),
            format!("{} KiB", growth / 1024),
        );
        assert!(growth < GROWTH, "{what}: {growth} bytes");
    }
}
