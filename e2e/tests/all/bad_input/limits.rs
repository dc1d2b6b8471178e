//! Limits of connections: how many, and for how long somebody may stay who does not log on.

use super::served_pod::{Served, ann, heard};
use super::{Metric, Row, check};
use crate::harness::{Security, Service, Wire, now};
use std::thread::sleep;
use std::time::Duration;

/// The shortest `preAuthenticatedConnectionTimeout`.
const PATIENCE_SECS: u32 = 10;

/// Connects, and keeps the connection.
fn hold(stage: &mut Served) {
    let port = stage.pod.ports().of(Service::Pop3);
    let mut wire = Wire::connect(port, Security::Plain).unwrap();
    stage.heard = String::from_utf8(wire.line().unwrap()).unwrap();
    stage.held = Some(wire);
}

/// What one connection more is told.
fn one_more(stage: &mut Served) -> String {
    let port = stage.pod.ports().of(Service::Pop3);
    let mut wire = Wire::connect(port, Security::Plain).unwrap();
    String::from_utf8_lossy(&wire.rest()).trim_end().to_owned()
}

#[test]
fn one_connection_too_many_is_told_so() {
    let mut stage = Served::start(|settings| settings.pop.max_connections = 1);
    let row = Row {
        name: "one connection too many",
        fault: hold,
        status: &[],
        wire: &[
            (heard, "+OK POP3 service ready"),
            (
                one_more,
                "-ERR [SYS/TEMP] Too many connections, try again later.",
            ),
        ],
        metric: Metric::Rises("mailaccess_connections_refused_total{protocol=\"pop\"}"),
    };
    check(&mut stage, &row);
    assert_eq!(ann(&mut stage), "+OK", "there is room again");
}

/// Says nothing, and waits for what the server says to that.
fn say_nothing(stage: &mut Served) {
    let port = stage.pod.ports().of(Service::Pop3);
    let mut wire = Wire::connect(port, Security::Plain).unwrap();
    wire.line().unwrap();
    let begin = now();
    stage.heard = String::from_utf8_lossy(&wire.rest()).trim_end().to_owned();
    let waited = begin.elapsed().as_secs();
    assert!((9..20).contains(&waited), "{waited} s");
}

/// Asks every other second what the server can do, and never logs on.
fn talk_on(stage: &mut Served) {
    let port = stage.pod.ports().of(Service::Pop3);
    let mut wire = Wire::connect(port, Security::Plain).unwrap();
    wire.line().unwrap();
    let begin = now();
    let last = loop {
        if wire.write(b"CAPA\r\n").is_err() {
            break "closed without a word".to_owned();
        }
        let first = String::from_utf8(wire.line().unwrap()).unwrap();
        if !first.starts_with("+OK") {
            break first;
        }
        while wire.line().unwrap() != b"." {}
        assert!(begin.elapsed().as_secs() < 60, "it goes on for ever");
        sleep(Duration::from_secs(2));
    };
    stage.heard = last;
    let lived = begin.elapsed().as_secs();
    assert!((29..45).contains(&lived), "{lived} s");
}

#[test]
fn whoever_does_not_log_on_in_time_is_shown_the_door() {
    let mut stage = Served::start(|settings| {
        settings.pop.pre_authenticated_connection_timeout_secs = PATIENCE_SECS;
    });
    let row = Row {
        name: "a silent client",
        fault: say_nothing,
        status: &[],
        wire: &[(
            heard,
            "-ERR Closing after a long silence; nothing was deleted.",
        )],
        metric: Metric::Rises(
            "mailaccess_connections_ended_total{protocol=\"pop\",reason=\"idle_timeout\"}",
        ),
    };
    check(&mut stage, &row);
    let row = Row {
        name: "a client that talks on and never logs on",
        fault: talk_on,
        status: &[],
        wire: &[(heard, "-ERR Closing, nobody logged on in time.")],
        metric: Metric::Rises(
            "mailaccess_connections_ended_total{protocol=\"pop\",reason=\"log_on_timeout\"}",
        ),
    };
    check(&mut stage, &row);
}
