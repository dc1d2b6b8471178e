//! Floods, in bounded memory.

use crate::documents::PASSWORD;
use crate::pod::Pod;
use std::io::{ErrorKind, Write as _};
use std::net::{Shutdown, TcpStream};

/// How much more memory any flood here may take, in KiB.
const GROWTH_KIB: u64 = 8 * 1024;
const FLOOD: usize = 32 << 20;

/// Sends so much or until the pod has had enough.
fn flood(mut socket: TcpStream, piece: &[u8]) {
    // What is judged and answered line by line takes its time.
    let size = if piece.ends_with(b"\n") {
        FLOOD / 16
    } else {
        FLOOD
    };
    let chunk: Vec<u8> = piece.iter().copied().cycle().take(64 * 1024).collect();
    for _ in 0..size / chunk.len() {
        match socket.write_all(&chunk) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("the pod hangs"),
            Err(_) => return,
        }
    }
    // The other half reads on, so this must be said. The pod may have closed.
    let _ = socket.shutdown(Shutdown::Write);
}

#[track_caller]
fn check(port: fn(&Pod) -> u16, begin: &[u8], piece: &[u8]) {
    let pod = Pod::start();
    // Once, so that what every connection needs is there.
    pod.imap().line().unwrap();
    pod.reset_peak();
    let before = pod.memory_kib("VmHWM:");
    for _ in 0..4 {
        let mut socket = crate::wire::socket(port(&pod));
        let mut reader = socket.try_clone().unwrap();
        // Answers are thrown away; who does not read gets no more of them.
        let sink = std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        if socket.write_all(begin).is_ok() {
            flood(socket, piece);
        }
        let _ = sink.join();
    }
    let peak = pod.memory_kib("VmHWM:");
    let sent = String::from_utf8_lossy(&piece[..piece.len().min(20)]);
    println!("figure: peak in a flood of {sent:?}: {peak} KiB, before {before} KiB");
    assert!(
        peak < before + GROWTH_KIB,
        "{before} KiB grew to {peak} KiB"
    );
    pod.imap().line().unwrap();
}

fn imap(pod: &Pod) -> u16 {
    pod.documents.imap_port()
}

fn pop(pod: &Pod) -> u16 {
    pod.documents.pop_port()
}

#[test]
fn a_line_without_end_by_imap() {
    check(imap, b"", b"x");
}

#[test]
fn a_line_without_end_by_pop() {
    check(pop, b"", b"x");
}

#[test]
fn literals_before_logging_on() {
    check(imap, b"", b"a LOGIN {16000+}\r\n");
}

#[test]
fn nesting_without_end() {
    check(imap, b"a SEARCH ", b"(");
}

#[test]
fn commands_without_pause_by_imap() {
    check(imap, b"", b"a NOOP\r\n");
}

#[test]
fn commands_without_pause_by_pop() {
    check(pop, b"", b"CAPA\r\n");
}

#[test]
fn a_client_that_asks_for_everything_and_reads_nothing() {
    let pod = Pod::start();
    let mut greedy = pod.imap();
    greedy.line().unwrap();
    greedy.imap_ok(&format!("LOGIN ann {PASSWORD}"));
    greedy.imap_ok("SELECT INBOX");
    pod.reset_peak();
    let before = pod.memory_kib("VmHWM:");
    let command = b"a FETCH 1:* BODY.PEEK[]\r\n".repeat(1000);
    let mut sent = 0;
    // Until the pod takes no more, since it has not got rid of its answers.
    let socket = greedy.into_plain();
    socket
        .set_write_timeout(Some(std::time::Duration::from_millis(500)))
        .unwrap();
    let mut socket = socket;
    while sent < FLOOD {
        match socket.write(&command) {
            Ok(written) => sent += written,
            Err(_) => break,
        }
    }
    assert!(sent < FLOOD, "the pod takes commands without end");
    let peak = pod.memory_kib("VmHWM:");
    println!(
        "figure: peak while answers to {sent} bytes of commands are not read: {peak} KiB, before {before} KiB"
    );
    assert!(
        peak < before + GROWTH_KIB,
        "{before} KiB grew to {peak} KiB"
    );
    // Others are served meanwhile.
    let mut other = pod.imap();
    other.line().unwrap();
    other.imap_ok(&format!("LOGIN bob {PASSWORD}"));
}
