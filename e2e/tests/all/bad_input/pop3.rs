//! What no POP3 client should send: it gets `-ERR`, nothing is done, and whoever goes on is shown the door.

use super::served_pod::{ANN, PASSWORD, Served, heard};
use super::{Metric, Row, Stage as _, check};
use crate::harness::{Pop3, Security, Service, Wire};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};

const CLOSED: Metric =
    Metric::Rises("mailaccess_connections_ended_total{protocol=\"pop\",reason=\"closed\"}");
const SYNTAX: Metric =
    Metric::Rises("mailaccess_refused_commands_total{protocol=\"pop\",reason=\"syntax\"}");
const STATE: Metric =
    Metric::Rises("mailaccess_refused_commands_total{protocol=\"pop\",reason=\"state\"}");
const LIMIT: Metric =
    Metric::Rises("mailaccess_refused_commands_total{protocol=\"pop\",reason=\"limit\"}");
const NUMBER: Metric =
    Metric::Rises("mailaccess_refused_commands_total{protocol=\"pop\",reason=\"message\"}");
const REFUSED: Metric = Metric::Rises(
    "mailaccess_log_ons_total{protocol=\"pop\",mechanism=\"USER/PASS\",result=\"credentials\"}",
);
const MESSAGE: &[u8] = b"From: a@example.com\r\nSubject: hello\r\n\r\nText.\r\n";

/// In the clear, before anybody has logged on.
fn say(stage: &mut Served, bytes: impl AsRef<[u8]>) {
    stage.say(Service::Pop3, Security::Plain, bytes.as_ref());
}

/// The same once ann has logged on.
fn logged_on(stage: &mut Served, commands: &str) {
    let log_on = format!("USER {ANN}\r\nPASS {PASSWORD}\r\n");
    say(stage, format!("{log_on}{commands}QUIT\r\n"));
}

/// A name, with the right password.
fn name(stage: &mut Served, name: &str) {
    say(stage, format!("USER {name}\r\nPASS {PASSWORD}\r\nQUIT\r\n"));
}

/// What is said before anybody has logged on.
const fn spoken(
    name: &'static str,
    fault: fn(&mut Served),
    wire: &'static [(super::Look<Served>, &'static str)],
    metric: Metric,
) -> Row<Served> {
    Row {
        name,
        fault,
        status: &[],
        wire,
        metric,
    }
}

/// A name that is nobody's.
const fn nobody(name: &'static str, fault: fn(&mut Served)) -> Row<Served> {
    Row {
        name,
        fault,
        status: &[],
        wire: &[(
            heard,
            "+OK Send the password. | -ERR [AUTH] Logon failure: unknown user name or bad password. | +OK POP3 server signing off.",
        )],
        metric: REFUSED,
    }
}

const LINES: [Row<Served>; 8] = [
    spoken(
        "a line that is too long",
        |stage| say(stage, format!("NOOP {}\r\nQUIT\r\n", "x".repeat(600))),
        &[(
            heard,
            "-ERR The line is too long. | +OK POP3 server signing off.",
        )],
        LIMIT,
    ),
    spoken(
        "a line that does not end",
        |stage| say(stage, "x".repeat(1 << 20)),
        &[(heard, "-ERR The line is too long.")],
        LIMIT,
    ),
    spoken(
        "a response to AUTH that is too long",
        |stage| {
            say(
                stage,
                format!("AUTH PLAIN\r\n{}\r\nQUIT\r\n", "A".repeat(16_000)),
            );
        },
        &[(
            heard,
            "+  | -ERR The line is too long. | +OK POP3 server signing off.",
        )],
        LIMIT,
    ),
    spoken(
        "a response to AUTH that is no base64",
        |stage| say(stage, "AUTH PLAIN\r\n?!?\r\nQUIT\r\n"),
        &[(
            heard,
            "+  | -ERR The response is not base64. | +OK POP3 server signing off.",
        )],
        SYNTAX,
    ),
    spoken(
        "bytes that are no command",
        |stage| say(stage, b"\0\0\xff\xfe\r\nQUIT\r\n"),
        &[(
            heard,
            "-ERR Unknown command. | +OK POP3 server signing off.",
        )],
        SYNTAX,
    ),
    spoken(
        "commands before anybody has logged on",
        |stage| say(stage, "STAT\r\nRETR 1\r\nQUIT\r\n"),
        &[(
            heard,
            "-ERR The command is not valid in this state. | \
             -ERR The command is not valid in this state. | +OK POP3 server signing off.",
        )],
        STATE,
    ),
    spoken(
        "a flood of bad commands",
        |stage| {
            say(stage, "XYZZY\r\n".repeat(1000));
            let lines: Vec<_> = stage.heard.split(" | ").collect();
            stage.heard = format!("{} lines, the last {}", lines.len(), lines[lines.len() - 1]);
        },
        &[(
            heard,
            "10 lines, the last -ERR Unknown command. Too many mistakes, closing.",
        )],
        SYNTAX,
    ),
    spoken(
        "numbers that are none",
        |stage| {
            logged_on(
                stage,
                "RETR 0\r\nLIST 2\r\nDELE 99999999999999999999\r\nTOP 1 -1\r\nSTAT\r\n",
            );
            let lines = stage
                .heard
                .split(" | ")
                .map(|line| line.split(' ').next().unwrap());
            stage.heard = lines.collect::<Vec<_>>().join(" ");
        },
        &[(heard, "+OK +OK -ERR -ERR -ERR -ERR +OK +OK")],
        NUMBER,
    ),
];

const NAMES: [Row<Served>; 8] = [
    nobody("a name with a path", |stage| {
        name(stage, "../../etc/passwd");
    }),
    nobody("a name with a path to somebody's mail", |stage| {
        name(stage, "x/../ann@example.com");
    }),
    nobody("a domain with a path", |stage| {
        name(stage, "ann@../example.com");
    }),
    nobody("a NetBIOS name with a path", |stage| name(stage, "..\\ann")),
    nobody("a name with a NUL", |stage| {
        name(stage, "ann@example.com\0");
    }),
    nobody("an absolute path", |stage| name(stage, "/example.com/ann")),
    nobody("a very long name", |stage| name(stage, &"x".repeat(400))),
    nobody("a folder of the store", |stage| {
        name(stage, ".@example.com");
    }),
];

const REST: [Row<Served>; 4] = [
    Row {
        name: "the third wrong password",
        fault: |stage| {
            say(stage, format!("USER {ANN}\r\nPASS wrong\r\n").repeat(9));
            stage.heard = stage.heard.matches("-ERR [AUTH]").count().to_string();
        },
        status: &[],
        wire: &[(heard, "3")],
        metric: REFUSED,
    },
    Row {
        name: "commands in the clear behind STLS",
        fault: |stage| say(stage, format!("STLS\r\nUSER {ANN}\r\nPASS {PASSWORD}\r\n")),
        status: &[],
        wire: &[(heard, "+OK Begin TLS negotiation.")],
        metric: Metric::Rises(
            "mailaccess_connections_ended_total{protocol=\"pop\",reason=\"injection\"}",
        ),
    },
    Row {
        name: "no TLS where TLS belongs",
        fault: |stage| {
            let port = stage.pod.ports().of(Service::Pop3s);
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            stream.write_all(b"USER ann@example.com\r\n").unwrap();
            let mut wire = Vec::new();
            std::io::Read::read_to_end(&mut stream, &mut wire).unwrap_or_default();
            let is_alert = wire.is_empty() || wire[0] == 21;
            stage.heard = format!("an alert or nothing: {is_alert}");
        },
        status: &[],
        wire: &[(heard, "an alert or nothing: true")],
        metric: Metric::Rises("mailaccess_handshakes_failed_total{protocol=\"pop\"}"),
    },
    Row {
        name: "a client that goes in the middle of a command",
        fault: |stage| {
            let port = stage.pod.ports().of(Service::Pop3);
            let mut wire = Wire::connect(port, Security::Plain).unwrap();
            wire.write(b"USER an").unwrap();
        },
        status: &[],
        wire: &[(super::served_pod::ann, "+OK")],
        metric: CLOSED,
    },
];

#[test]
fn what_no_pop3_client_should_send_is_refused() {
    let mut stage = Served::start(|_| {});
    stage.site.maildir(ANN).deliver(MESSAGE);
    for row in LINES.iter().chain(&NAMES).chain(&REST) {
        check(&mut stage, row);
    }
    stage.begin();
    // Nothing was done to the mail.
    let port = stage.pod.ports().of(Service::Pop3);
    let mut pop3 = Pop3::connect(port, Security::Plain).unwrap();
    pop3.log_on(ANN, PASSWORD).unwrap();
    assert_eq!(
        pop3.command("STAT").unwrap(),
        format!("1 {}", MESSAGE.len())
    );
}
