//! Floods: what a process holds in memory stays bounded whatever clients send before they log on.

use super::Stage as _;
use super::served_pod::{Served, ann};
use crate::harness::{Security, Service, Wire, figure};
use std::fs;
use std::thread;
use std::time::Duration;

const CLIENTS: usize = 50;
/// How much each client sends, and how much the process may grow for all of them.
const SENT: usize = 4 << 20;
const GROWTH: u64 = 4 << 20;

/// The most memory that a process ever had.
fn peak(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

/// What every client sends: first once, then again and again.
struct Flood {
    what: &'static str,
    service: Service,
    first: fn() -> Vec<u8>,
    again: fn() -> Vec<u8>,
}

/// What the first connections make for all that follow is no growth.
const WARM_UP: [Flood; 2] = [
    Flood {
        what: "two POP3 commands",
        service: Service::Pop3,
        first: || b"CA".to_vec(),
        again: || b"PA\r\nQUIT\r\n".to_vec(),
    },
    Flood {
        what: "two IMAP commands",
        service: Service::Imap,
        first: || b"a NO".to_vec(),
        again: || b"OP\r\na LOGOUT\r\n".to_vec(),
    },
];

const FLOODS: [Flood; 6] = [
    Flood {
        what: "POP3 lines without an end",
        service: Service::Pop3,
        first: || vec![b'x'; 500],
        again: || vec![b'x'; 16_384],
    },
    Flood {
        what: "POP3 responses to AUTH without an end",
        service: Service::Pop3,
        first: || [b"AUTH PLAIN\r\n".to_vec(), vec![b'A'; 12_000]].concat(),
        again: || vec![b'A'; 16_384],
    },
    Flood {
        what: "POP3 commands that are none",
        service: Service::Pop3,
        first: || b"XYZ".to_vec(),
        again: || b"ZY\r\nXYZ".repeat(2_048),
    },
    Flood {
        what: "IMAP lines without an end",
        service: Service::Imap,
        first: || [b"a NOOP ".to_vec(), vec![b'x'; 8_000]].concat(),
        again: || vec![b'x'; 16_384],
    },
    Flood {
        what: "IMAP literals behind each other",
        service: Service::Imap,
        first: || [b"a LOGIN {7000+}\r\n".to_vec(), vec![b'x'; 6_000]].concat(),
        again: || {
            [
                vec![b'x'; 1_000],
                b" {7000+}\r\n".to_vec(),
                vec![b'x'; 6_000],
            ]
            .concat()
        },
    },
    Flood {
        what: "IMAP commands that are none",
        service: Service::Imap,
        first: || b"a XYZ".to_vec(),
        again: || b"ZY\r\na XYZ".repeat(2_048),
    },
];

/// All clients are there at once, hold what the server keeps of their beginning, and send the same again
/// and again until they are thrown out.
fn flood(stage: &Served, flood: &Flood) {
    let port = stage.pod.ports().of(flood.service);
    let (first, again) = ((flood.first)(), (flood.again)());
    let wires: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut wire = Wire::connect(port, Security::Plain).unwrap();
            wire.line().unwrap();
            wire.write(&first).unwrap();
            wire
        })
        .collect();
    thread::scope(|scope| {
        for mut wire in wires {
            let again = &again;
            scope.spawn(move || {
                let mut sent = 0;
                while sent < SENT && wire.write(again).is_ok() {
                    sent += again.len();
                }
                // Whoever was not thrown out is not waited for.
                wire.set_patience(Duration::from_millis(500));
                wire.rest();
            });
        }
    });
}

#[test]
fn floods_are_answered_in_bounded_memory() {
    let mut stage = Served::start(|_| {});
    for warm_up in &WARM_UP {
        flood(&stage, warm_up);
    }
    let id = stage.pod.process().id();
    for one in &FLOODS {
        let what = one.what;
        let count = stage.figure("mailaccess_received_bytes_total");
        let before = peak(id);
        flood(&stage, one);
        // The kernel counts by thread and adds up late, so that a peak may be a little less than one before.
        let growth = peak(id).saturating_sub(before);
        figure(
            &format!("growth while {CLIENTS} clients send {what}"),
            format_args!("{} KiB", growth / 1024),
        );
        assert!(growth < GROWTH, "{what}: {growth}");
        // They were there, and each held something.
        let received = stage.figure("mailaccess_received_bytes_total") - count;
        assert!(received > 50.0 * 3.0, "{what}: {received}");
        assert_eq!(ann(&mut stage), "+OK", "{what}: it serves as before");
    }
}
