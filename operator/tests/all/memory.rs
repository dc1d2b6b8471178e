//! What is kept between two runs: edits that were made in between are judged as live ones, and memory that
//! cannot be used is said and left aside.

use crate::cluster::{Cluster, SERVER, USERS, cas_mailbox, yaml};
use mailaccess_config::Digest;
use mailaccess_operator::files::{Ledger, Notice, SourceFile};

const MAIL: &str = "MailAccessServer/mail";
const ANN: &str = "ann@example.com";

fn deny() -> String {
    cas_mailbox("ann", "mailbox: ann@example.com, popEnabled: false")
}

fn moved() -> String {
    SERVER.replace(
        "{claimName: mail}}",
        "{claimName: mail}, path: '{local}/{domain}'}",
    )
}

/// A cluster that has served these files and starts anew.
fn restarted(files: &[&str]) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(files));
    cluster.settle();
    cluster.restart();
    cluster
}

fn said(notices: &[Notice]) -> Vec<String> {
    notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::Refused { fault, instead } => Some(format!("{fault}; {instead}")),
            Notice::Deleted { id } => Some(format!("{id} deleted")),
            Notice::Accepted { id, .. } if id.kind == "Secret" => None,
            Notice::Accepted { id, generation } => Some(format!("{id} accepted as {generation}")),
            Notice::Skipped { id, .. } => Some(format!("{id} skipped")),
        })
        .collect()
}

/// Memory whose objects are others than the ones that were kept.
pub(crate) fn forged(memory: &str, what: &str, by: &str) -> String {
    let (_, body) = memory.split_once('\n').unwrap();
    let forged = body.replace(what, by);
    assert_ne!(forged, body);
    let digest = Digest::of(forged.as_bytes());
    format!("{{\"format\":2,\"digest\":\"{digest}\"}}\n{forged}")
}

/// An edit between two runs of what may not change; the fault, and what stays in force.
struct Edit {
    what: &'static str,
    from: String,
    to: String,
    says: &'static str,
}

fn edits() -> Vec<Edit> {
    let users_of = |server: &str| deny().replace("{name: mail}", &format!("{{name: {server}}}"));
    let group = || cas_mailbox("ann", "distributionGroup: Field Engineers");
    vec![
        Edit {
            what: "where mailboxes lie",
            from: SERVER.to_owned(),
            to: moved(),
            says: "mail.yaml:14: MailAccessServer/mail: spec.store.maildir.path: Invalid value: \"string\": cannot change: everybody would see an empty mailbox; its last accepted version stays in force",
        },
        Edit {
            what: "a CASMailbox's server",
            from: deny(),
            to: users_of("other"),
            says: "mail.yaml:4: CASMailbox/ann: spec.serverRef: Invalid value: \"object\": cannot change: make another CASMailbox; its last accepted version stays in force",
        },
        Edit {
            what: "a CASMailbox's mailbox",
            from: deny(),
            to: deny().replace(ANN, "bob@example.com"),
            says: "mail.yaml:4: CASMailbox/ann: spec: Invalid value: \"object\": mailbox and distributionGroup cannot change: make another CASMailbox; its last accepted version stays in force",
        },
        Edit {
            what: "a CASMailbox's kind of target",
            from: deny(),
            to: group(),
            says: "mail.yaml:4: CASMailbox/ann: spec: Invalid value: \"object\": mailbox and distributionGroup cannot change: make another CASMailbox; its last accepted version stays in force",
        },
    ]
}

#[test]
fn what_may_not_change_may_not_change_between_two_runs_either() {
    for Edit {
        what,
        from,
        to,
        says,
    } in edits()
    {
        let apply = |cluster: &mut Cluster, yaml: &str| said(&cluster.apply(yaml));
        let mut live = Cluster::new();
        apply(&mut live, &from);
        assert_eq!(apply(&mut live, &to), [says], "{what}, live");

        let mut cluster = Cluster::new();
        apply(&mut cluster, &from);
        cluster.restart();
        assert_eq!(apply(&mut cluster, &to), [says], "{what}");
        // Also after one more run in which it was refused.
        cluster.restart();
        assert_eq!(apply(&mut cluster, &to), [says], "{what}, again");
        assert_eq!(apply(&mut cluster, &from), [""; 0], "{what}, taken back");
    }
}

#[test]
fn a_refused_edit_between_two_runs_leaves_everything_as_it_was() {
    let mut cluster = restarted(&[SERVER, USERS, &deny()]);
    cluster.apply(&yaml(&[&moved(), USERS, &deny()]));
    let outcome = cluster.settle();
    assert_eq!(outcome.written, 0);
    outcome.expect(MAIL, "Accepted", "True Accepted");
    outcome.expect(MAIL, "Ready", "True Programmed");
    assert!(cluster.row(ANN).contains(r#""pop":"deny""#));
}

#[test]
fn an_edit_between_two_runs_that_may_be_made_is_the_next_generation() {
    let mut cluster = restarted(&[SERVER, USERS]);
    let edited = SERVER.replace("pop: {enabled: true}", "pop: {enabled: false}");
    let notices = cluster.apply(&yaml(&[&edited, USERS]));
    assert_eq!(said(&notices), ["MailAccessServer/mail accepted as 2"]);
}

#[test]
fn what_no_longer_fits_after_an_edit_between_two_runs_is_refused_as_a_live_edit_is() {
    let mut cluster = restarted(&[SERVER, USERS, &deny()]);
    let bad = SERVER.replace("pop: {enabled: true}", "pop: {maxConnections: 0}");
    cluster.apply(&yaml(&[&bad, USERS, &deny()]));
    let outcome = cluster.settle();
    assert_eq!(outcome.written, 0);
    outcome.expect(MAIL, "Ready", "True Programmed");
}

#[test]
fn what_was_removed_between_two_runs_may_come_back_as_another() {
    let mut cluster = restarted(&[SERVER, USERS, &deny()]);
    assert_eq!(
        said(&cluster.apply(USERS)),
        ["CASMailbox/ann deleted", "MailAccessServer/mail deleted"]
    );
    cluster.restart();
    let other = deny().replace(ANN, "bob@example.com");
    let notices = cluster.apply(&yaml(&[&moved(), USERS, &other]));
    assert_eq!(
        said(&notices),
        [
            "MailAccessServer/mail accepted as 1",
            "CASMailbox/ann accepted as 1"
        ]
    );
}

#[test]
fn what_was_removed_in_one_run_may_come_back_as_another_in_the_next() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS]));
    cluster.apply(USERS);
    cluster.restart();
    let notices = cluster.apply(&yaml(&[&moved(), USERS]));
    assert_eq!(said(&notices), ["MailAccessServer/mail accepted as 1"]);
}

#[test]
fn a_file_that_cannot_be_read_at_the_start_keeps_what_it_said_but_secrets() {
    let mut cluster = restarted(&[SERVER, USERS, &deny()]);
    let notices = said(&cluster.apply("a: ["));
    assert_eq!(
        notices,
        [
            "mail.yaml:1: error parsing YAML: unclosed bracket '['; what this file said before stays in force"
        ]
    );
    let outcome = cluster.settle();
    outcome.expect(MAIL, "ResolvedRefs", "False SecretNotFound");
    assert!(!cluster.has_password(ANN));
    assert!(cluster.row(ANN).contains(r#""pop":"deny""#));
}

#[test]
fn a_target_that_was_denied_is_denied_in_the_next_run_too() {
    let bad = deny().replace("popEnabled: false", "popEnabled: maybe");
    let twice = deny().replace("popEnabled: false", "imapEnabled: false, imapEnabled: true");
    for never_accepted in [bad, twice] {
        let mut cluster = restarted(&[SERVER, USERS, &never_accepted]);
        let before = cluster.row(ANN);
        assert!(before.contains(r#""imap":"invalid""#), "{before}");
        // A file that says nothing any more does not say that the person may.
        cluster.apply("a: [");
        cluster.settle();
        assert!(
            cluster.row(ANN).contains(r#""imap":"invalid""#),
            "{}",
            cluster.row(ANN)
        );
    }
}

#[test]
fn an_object_that_was_accepted_under_a_looser_schema_is_reported_and_compared_with() {
    let mut cluster = restarted(&[SERVER, USERS, &deny()]);
    let memory = cluster.ledger.to_memory().unwrap();
    let looser = forged(&memory, "\"popEnabled\":false", "\"popEnabled\":\"off\"");
    cluster.ledger = Ledger::new("default");
    cluster.ledger.remember(&looser).unwrap();
    let bad = deny().replace("false", "\"off\"");
    let notices = said(&cluster.apply(&yaml(&[SERVER, USERS, &bad])));
    assert!(
        notices[0].ends_with(
            "; its last accepted version no longer fits, so whatever it is about is denied"
        ),
        "{notices:?}"
    );
    let outcome = cluster.settle();
    outcome.expect(
        "CASMailbox/ann",
        "Accepted",
        "False Invalid: spec.popEnabled",
    );
    assert!(cluster.row(ANN).contains(r#""imap":"invalid""#));

    let other = deny().replace(ANN, "bob@example.com");
    let notices = said(&cluster.apply(&yaml(&[SERVER, USERS, &other])));
    assert!(
        notices[0].contains("mailbox and distributionGroup cannot change"),
        "{notices:?}"
    );
    let notices = said(&cluster.apply(&yaml(&[SERVER, USERS, &deny()])));
    // The digest that goes with the generation is that of this spec.
    assert_eq!(notices, ["CASMailbox/ann accepted as 1"]);
    cluster.settle().expect(MAIL, "Ready", "True Programmed");
}

#[test]
fn nothing_of_a_secret_is_kept() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS, &deny()]));
    cluster.settle();
    let memory = cluster.ledger.to_memory().unwrap();
    for secret in ["saltstring", "passwd", "\"Secret\"", "stringData"] {
        assert!(!memory.contains(secret), "{secret} stands in {memory}");
    }
    assert!(memory.contains("popEnabled"), "{memory}");
}

#[test]
fn memory_that_cannot_be_used_is_said_and_counts_as_none() {
    let mut cluster = Cluster::new();
    cluster.apply(&yaml(&[SERVER, USERS, &deny()]));
    let good = cluster.ledger.to_memory().unwrap();
    let newer = good.replacen("\"format\":2", "\"format\":3", 1);
    let secret = forged(&good, "\"CASMailbox\"", "\"Secret\"");
    let of_another = forged(
        &good,
        "\"metadata\":{\"name\":\"ann\"",
        "\"metadata\":{\"name\":\"bob\"",
    );
    for (memory, reason) in [
        ("", "it is damaged: it does not begin with its format"),
        ("\u{0}", "it is damaged: it does not begin with its format"),
        (
            &good[..good.len() - 1],
            "it is damaged: its digest is another",
        ),
        (
            &good.replace("popEnabled\":false", "popEnabled\":true"),
            "it is damaged: its digest is another",
        ),
        ("[]", "it has format 1, and this release reads 2"),
        ("[\n  {\n", "it has format 1, and this release reads 2"),
        (&newer, "it has format 3, and this release reads 2"),
        (
            &secret,
            "it is damaged: Secret/ann is of no kind that is kept",
        ),
        (
            &of_another,
            "it is damaged: CASMailbox/ann is kept as another object",
        ),
    ] {
        let mut ledger = Ledger::new("default");
        let error = ledger.remember(memory).unwrap_err().to_string();
        assert!(error.starts_with(reason), "{memory}: {error}");
        let file = SourceFile {
            path: "mail.yaml".into(),
            text: Ok(yaml(&[&moved(), USERS, &deny()])),
        };
        let notices = ledger.apply(&[file], cluster.now);
        assert_eq!(
            said(&notices),
            [
                "MailAccessServer/mail accepted as 1",
                "CASMailbox/ann accepted as 1"
            ],
            "{memory}"
        );
    }
}

/// Whatever stands in the file of memory: no panic, and it is taken whole or not at all.
mod whatever_is_remembered {
    use super::*;
    use proptest::prelude::*;

    fn good() -> String {
        let mut cluster = Cluster::new();
        cluster.apply(&yaml(&[SERVER, USERS, &deny()]));
        cluster.ledger.to_memory().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn is_read_without_a_panic(position in 0..good().len(), text in "\\PC{0,3}", cut in 0..6_usize) {
            let good = good();
            let mut bytes = good.clone().into_bytes();
            let end = (position + cut).min(bytes.len());
            bytes.splice(position..end, text.into_bytes());
            let mutated = String::from_utf8_lossy(&bytes);
            let mut ledger = Ledger::new("default");
            if ledger.remember(&mutated).is_err() {
                prop_assert_eq!(ledger.entries().count(), 0);
            }
        }

        #[test]
        fn is_read_without_a_panic_even_with_a_right_digest(position in 0..good().len(), text in "\\PC{0,3}", cut in 0..6_usize) {
            let good = good();
            let (_, body) = good.split_once('\n').unwrap();
            let mut bytes = body.as_bytes().to_vec();
            let start = position.min(bytes.len());
            let end = (start + cut).min(bytes.len());
            bytes.splice(start..end, text.into_bytes());
            let body = String::from_utf8_lossy(&bytes);
            let digest = Digest::of(body.as_bytes());
            let memory = format!("{{\"format\":2,\"digest\":\"{digest}\"}}\n{body}");
            let mut ledger = Ledger::new("default");
            let _ = ledger.remember(&memory);
            let file = SourceFile { path: "mail.yaml".into(), text: Ok(SERVER.to_owned()) };
            ledger.apply(&[file], crate::cluster::now());
        }
    }
}
