//! Reading files: documents, lines, and bytes that are no YAML.

use std::fmt::Write;

use mailaccess_crds::admission::{Cause, Kind, judge, kind_of, read_documents};
use proptest::prelude::*;
use serde_json::json;

use crate::table::{crate_dir, table};

#[test]
fn documents_are_separated_empty_ones_skipped_and_a_bad_one_hides_no_other() {
    let text = "# first\n---\nkind: A\n---\n\n---\n- a list\n---\nkind: [\n--- # comment\nkind: B\n---\nkind: C\n--- kind: D\n";
    let read = read_documents(text);
    let shown: Vec<String> = read
        .iter()
        .map(|document| match document {
            Ok(document) => format!("{} {}", document.line, document.value["kind"]),
            Err(unreadable) => unreadable.line.to_string(),
        })
        .collect();
    assert_eq!(shown, ["3 \"A\"", "7", "9", "11 \"B\"", "13 \"C\"", "14"]);
}

#[test]
fn a_list_gives_its_items_with_their_own_lines() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: mailaccess.dev/v1alpha1\n  kind: CASMailbox\n  metadata: {name: a}\n  spec:\n    serverRef: {name: mail}\n    mailbox: a@b\n    imap: true\n    popEnabled: true\n    popEnabled: false\n- apiVersion: v1\n  kind: Namespace\n";
    let read = read_documents(text);
    assert_eq!(read.len(), 2);
    let first = read[0].as_ref().unwrap();
    assert_eq!(
        (first.line, first.kind(), first.name()),
        (4, Kind::CASMailbox, "a")
    );
    let errors = first.judge(None).unwrap_err();
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "line 12: duplicate field \"spec.popEnabled\"",
            "line 10: unknown field \"spec.imap\""
        ]
    );
    assert_eq!(read[1].as_ref().unwrap().kind(), Kind::Foreign);
}

#[test]
fn an_error_names_the_line_of_its_field_or_of_what_is_around_it() {
    let text = "apiVersion: mailaccess.dev/v1alpha1\nkind: MailAccessServer\nmetadata:\n  name: mail\nspec:\n  imap:\n    sslBindings:\n      - port: 993\n      - port: 0\n  mailboxDefaults:\n    imapEnabled: true\n  store: {}\n";
    let document = read_documents(text).remove(0).unwrap();
    let errors = document.judge(None).unwrap_err();
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "line 9: spec.imap.sslBindings[1].port: Invalid value: 0: spec.imap.sslBindings[1].port in body should be greater than or equal to 1",
            "line 10: spec.mailboxDefaults.popEnabled: Required value",
            "line 1: Invalid value: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation",
        ]
    );
}

#[test]
fn kinds_are_told_apart() {
    for (version, kind, expected) in [
        (
            "mailaccess.dev/v1alpha1",
            "MailAccessServer",
            Kind::MailAccessServer,
        ),
        ("mailaccess.dev/v1alpha1", "CASMailbox", Kind::CASMailbox),
        (
            "mailaccess.dev/v1alpha1",
            "CertificateBinding",
            Kind::CertificateBinding,
        ),
        ("mailaccess.dev/v1alpha1", "Mailbox", Kind::Unmatched),
        ("mailaccess.dev/v1", "CASMailbox", Kind::Unmatched),
        ("v1", "Secret", Kind::Secret),
        ("v1", "PersistentVolumeClaim", Kind::PersistentVolumeClaim),
        ("v1", "ConfigMap", Kind::Foreign),
        ("apps/v1", "Deployment", Kind::Foreign),
        ("", "CASMailbox", Kind::Unmatched),
    ] {
        assert_eq!(
            kind_of(&json!({"apiVersion": version, "kind": kind})),
            expected,
            "{version} {kind}"
        );
    }
    let errors = judge(json!({"kind": "CASMailbox"}), None).unwrap_err();
    assert_eq!(
        (errors[0].field.as_str(), errors[0].cause),
        ("apiVersion", Cause::Required)
    );
}

#[test]
fn an_accepted_object_is_whole_and_judged_again_it_is_the_same() {
    for kind in crate::table::KINDS {
        let accepted = judge(table(kind).base, None).unwrap();
        assert!(accepted.value.get("status").is_none());
        let again = judge(accepted.value.clone(), Some(&accepted.value)).unwrap();
        assert_eq!(again.value, accepted.value);
    }
    let server = judge(table("MailAccessServer").base, None).unwrap();
    assert_eq!(
        server.value["spec"]["imap"]["banner"],
        "IMAP4 service ready"
    );
    assert_eq!(server.value["spec"]["pop"]["banner"], "POP3 service ready");
    assert_eq!(server.value["spec"]["replicas"], 2);
}

#[test]
fn a_name_cannot_change() {
    let stored = judge(table("CASMailbox").base, None).unwrap().value;
    let mut renamed = stored.clone();
    renamed["metadata"]["name"] = json!("other");
    let errors = judge(renamed, Some(&stored)).unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "metadata.name: Invalid value: field is immutable"
    );
}

#[test]
fn a_few_lines_of_aliases_cannot_fill_the_memory() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        writeln!(text, "a{level}: &a{level} [{before}]").unwrap();
    }
    let error = read_documents(&text).remove(0).unwrap_err();
    assert!(error.message.contains("too many values"), "{error}");
}

#[test]
fn deep_nesting_is_refused() {
    let error = read_documents(&"[".repeat(10_000)).remove(0).unwrap_err();
    assert!(
        error.message.contains("deep") || error.message.contains("recursion"),
        "{error}"
    );
    let error = read_documents(&"a: {".repeat(70)).remove(0).unwrap_err();
    assert!(!error.message.is_empty());
}

/// A valid file with some of its bytes changed: most get past the grammar, into what comes after it.
fn mutated() -> impl Strategy<Value = String> {
    let quickstart =
        std::fs::read_to_string(crate_dir().join("examples/quickstart/casmailboxes.yaml")).unwrap();
    let server =
        std::fs::read_to_string(crate_dir().join("examples/ports/mailaccessserver.yaml")).unwrap();
    let users =
        std::fs::read_to_string(crate_dir().join("examples/quickstart/users.yaml")).unwrap();
    let anchors = std::fs::read_to_string(
        crate_dir().join("tests/examples/documents/anchors-and-merges.yaml"),
    )
    .unwrap();
    let piece = prop_oneof![
        "[ -~\n\t]{0,3}",
        Just("<<: *protocol".to_owned()),
        Just("&a ".to_owned()),
        Just("!!binary ".to_owned()),
        Just("null".to_owned()),
        Just("\n---\n".to_owned()),
        Just("- ".to_owned()),
        Just("{".to_owned()),
        Just("é".to_owned()),
        Just("1e999".to_owned()),
    ];
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, piece), 1..6);
    (
        prop::sample::select(vec![quickstart, server, users, anchors]),
        edits,
    )
        .prop_map(|(text, edits)| {
            let mut text: Vec<char> = text.chars().collect();
            for (at, removed, piece) in edits {
                let at = at.index(text.len() + 1);
                let end = (at + removed).min(text.len());
                text.splice(at..end, piece.chars());
            }
            text.into_iter().collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_that_is_read_panics(text in r"(?s).{0,200}") {
        for document in read_documents(&text).into_iter().flatten() {
            let _ = document.judge(None);
        }
    }

    #[test]
    fn no_change_of_a_valid_file_panics(text in mutated()) {
        for document in read_documents(&text).into_iter().flatten() {
            let judged = document.judge(None);
            if let Ok(accepted) = judged {
                prop_assert!(judge(accepted.value.clone(), Some(&accepted.value)).is_ok());
            }
        }
    }
}
