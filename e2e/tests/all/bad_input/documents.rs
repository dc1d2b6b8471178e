//! Documents that cannot be used: the last good one of each stays in force; `/status` and the metrics say
//! which and why.

use super::served_pod::{PUBLISHED, Served, ann, certificate, greeting};
use super::{Metric, Row, check};
use mailaccess_config::{DocumentName, MailboxAddress};
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Newer than what is in force.
const NEWER: u64 = PUBLISHED + 1_000;
const SERVED: &str = "+OK POP3 service ready";

/// Settings that would be seen if they were obeyed.
fn other_settings(stage: &Served) -> String {
    let mut settings = stage.settings();
    settings.pop.banner = "Obeyed".parse().unwrap();
    settings.to_text().unwrap()
}

/// The shard of ann's password.
fn credentials() -> DocumentName {
    let ann: MailboxAddress = super::served_pod::ANN.parse().unwrap();
    DocumentName::Credentials(ann.shard())
}

const fn refused(
    name: &'static str,
    fault: fn(&mut Served),
    status: &'static [&'static str],
) -> Row<Served> {
    Row {
        name,
        fault,
        status,
        wire: &[
            (greeting, SERVED),
            (ann, "+OK"),
            (certificate, "the last good"),
        ],
        metric: Metric::Rises("mailaccess_document_failures_total"),
    }
}

/// A gzip stream of so many zeros.
fn zeros(count: usize) -> Vec<u8> {
    let mut gzip = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = gzip.stdin.take().unwrap();
    let writer = std::thread::spawn(move || pipe.write_all(&vec![0; count]));
    let output = gzip.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    output.stdout
}

/// Files whose envelope is wrong.
const ENVELOPES: [Row<Served>; 11] = [
    refused(
        "a file that was emptied",
        |stage| stage.put(DocumentName::Settings, ""),
        &["settings-v1 Refused: the file does not begin with a header line"],
    ),
    refused(
        "bytes that mean nothing",
        |stage| stage.put(DocumentName::Rules, [0xff; 4096]),
        &["rules-v1 Refused: "],
    ),
    refused(
        "a content that does not fit its digest",
        |stage| {
            let mut file = stage.document(DocumentName::Settings).to_vec();
            let text = String::from_utf8(file).unwrap();
            file = text.replace("POP3 service ready", "Obeyed").into_bytes();
            stage.put(DocumentName::Settings, file);
        },
        &["settings-v1 Refused: the content's digest is "],
    ),
    refused(
        "a file that was cut off",
        |stage| {
            let file = stage.document(DocumentName::Certificates);
            let half = file[..file.len() / 2].to_vec();
            stage.put(DocumentName::Certificates, half);
        },
        &["certificates-v1 Refused: the content's digest is "],
    ),
    refused(
        "a gzip stream that was cut off",
        |stage| {
            let file = stage.document(credentials());
            let short = file[..file.len() - 9].to_vec();
            stage.put(credentials(), short);
        },
        &["Refused: unpack the content"],
    ),
    refused(
        "a gzip stream of another tool that unpacks to too much",
        |stage| {
            let file = stage.document(credentials());
            let end = file.iter().position(|byte| *byte == b'\n').unwrap();
            let mut bomb = file[..=end].to_vec();
            bomb.extend(zeros(20 << 20));
            stage.put(credentials(), bomb);
        },
        &["Refused: the content is larger than 16777216 bytes"],
    ),
    refused(
        "a file that no object can hold",
        |stage| stage.put(DocumentName::Rules, vec![b'a'; (1 << 20) + 1]),
        &["rules-v1 Refused: the file is larger than 1048576 bytes"],
    ),
    refused(
        "another format than its name says",
        |stage| {
            let file = String::from_utf8(stage.document(DocumentName::Settings).to_vec());
            let file = file.unwrap().replacen("settings-v1", "settings-v2", 1);
            stage.put(DocumentName::Settings, file);
        },
        &["settings-v1 Refused: the header names settings-v2, expected settings-v1"],
    ),
    refused(
        "another document in its place",
        |stage| {
            let file = stage.document(DocumentName::Rules).to_vec();
            stage.put(DocumentName::Settings, file);
        },
        &["settings-v1 Refused: the header names rules-v1, expected settings-v1"],
    ),
    refused(
        "a sequence that no clock has made",
        |stage| {
            let file = String::from_utf8(stage.document(DocumentName::Settings).to_vec());
            let file = file
                .unwrap()
                .replacen(&PUBLISHED.to_string(), "99999999999999999999", 1);
            stage.put(DocumentName::Settings, file);
        },
        &["settings-v1 Refused: the header's sequence"],
    ),
    refused(
        "another content of the same sequence",
        |stage| {
            let other = other_settings(stage);
            stage.publish(DocumentName::Settings, &other, PUBLISHED);
        },
        &["settings-v1 Refused: its sequence is that of the loaded one, its content is another"],
    ),
];

/// Files whose content or moment is wrong.
const CONTENTS: [Row<Served>; 6] = [
    Row {
        name: "an older sequence: a kubelet went back in time",
        fault: |stage| {
            let other = other_settings(stage);
            stage.publish(DocumentName::Settings, &other, PUBLISHED - 1);
        },
        status: &["settings-v1 Older: "],
        wire: &[(greeting, SERVED), (ann, "+OK")],
        metric: Metric::Stays("mailaccess_document_sequence{document=\"settings-v1\"}"),
    },
    refused(
        "settings that mean nothing",
        |stage| {
            let other = other_settings(stage).replace("banner: Obeyed", "banner: '<Obeyed>'");
            stage.publish(DocumentName::Settings, &other, NEWER);
        },
        &["settings-v1 Refused: ", "banner"],
    ),
    refused(
        "settings of a later release",
        |stage| {
            let other = format!("{}colour: red\n", other_settings(stage));
            stage.publish(DocumentName::Settings, &other, NEWER);
        },
        &["settings-v1 Refused: ", "colour"],
    ),
    refused(
        "a shard with somebody of another shard",
        |stage| {
            let ann = super::served_pod::ANN;
            let shards: Vec<_> = mailaccess_config::Shard::all().collect();
            let own = ann.parse::<MailboxAddress>().unwrap().shard();
            let other = *shards.iter().find(|shard| **shard != own).unwrap();
            let name = DocumentName::Credentials(other);
            stage.publish(name, &format!("{ann}:{{PLAIN}}other\n"), NEWER);
        },
        &["belongs to shard 01, not 00"],
    ),
    Row {
        metric: Metric::Rises("mailaccess_document_failures_total{document=\"certificates-v1\"}"),
        ..refused(
            "a certificate with the key of another",
            |stage| {
                let file = String::from_utf8(stage.document(DocumentName::Certificates).to_vec());
                let made = rcgen::generate_simple_self_signed(Vec::new()).unwrap();
                let text = file.unwrap().split_once('\n').unwrap().1.to_owned();
                let key = text.find("-----BEGIN PRIVATE KEY").unwrap();
                let pem = made.signing_key.serialize_pem();
                let content = format!("{}{}", &text[..key], pem.trim_end().replace('\n', "\n    "));
                stage.publish(DocumentName::Certificates, &content, NEWER);
            },
            &[
                "certificates-v1 Refused: certificates[",
                "the key does not belong to the first certificate",
            ],
        )
    },
    Row {
        name: "settings that name a certificate which is not there",
        fault: |stage| {
            let id = stage
                .settings()
                .pop
                .certificates
                .unwrap()
                .default
                .to_string();
            let other = other_settings(stage).replace(&id, &"0".repeat(id.len()));
            stage.publish(DocumentName::Settings, &other, NEWER);
        },
        status: &["settings-v1 Waiting: "],
        wire: &[(greeting, SERVED), (certificate, "the last good")],
        metric: Metric::Stays("mailaccess_document_sequence{document=\"settings-v1\"}"),
    },
];

/// Something else where a file should be.
const FILES: [Row<Served>; 4] = [
    Row {
        name: "a document that is gone",
        fault: |stage| {
            let file = stage.directory().join(credentials().file_name());
            fs::remove_file(file).unwrap();
        },
        status: &["Missing: "],
        wire: &[(greeting, SERVED), (ann, "+OK")],
        metric: Metric::Stays("mailaccess_document_sequence{document=\"settings-v1\"}"),
    },
    refused(
        "a directory in the place of a file",
        |stage| {
            let file = stage.directory().join(DocumentName::Rules.file_name());
            fs::remove_file(&file).unwrap();
            fs::create_dir(file).unwrap();
        },
        &["rules-v1 Refused: no regular file"],
    ),
    refused(
        "a FIFO in the place of a file, which nobody waits for",
        |stage| {
            let file = stage.directory().join(DocumentName::Rules.file_name());
            fs::remove_file(&file).unwrap();
            crate::harness::run(Command::new("mkfifo").arg(file));
        },
        &["rules-v1 Refused: no regular file"],
    ),
    Row {
        name: "files that are nobody's",
        fault: |stage| {
            fs::write(
                stage.directory().join("settings-v2"),
                "mailaccess settings-v2",
            )
            .unwrap();
            fs::write(stage.directory().join(".swp"), [0; 16]).unwrap();
        },
        status: &[],
        wire: &[(greeting, SERVED), (ann, "+OK")],
        metric: Metric::Stays("mailaccess_document_loads_total"),
    },
];

#[test]
fn a_bad_document_leaves_the_last_good_one_in_force() {
    let mut stage = Served::start(|_| {});
    for row in ENVELOPES.iter().chain(&CONTENTS).chain(&FILES) {
        check(&mut stage, row);
    }
    // A good one is still obeyed.
    let other = other_settings(&stage);
    stage.publish(DocumentName::Settings, &other, NEWER + 1);
    super::settles("a good document", "+OK Obeyed", || {
        let seen = greeting(&mut stage);
        (seen == "+OK Obeyed", seen)
    });
}
