//! The `settings` and `rules` documents.

use super::{SETTINGS, mutated, settings};
use crate::settings::{Banner, Binding, CertificateChoice};
use crate::{CertificateId, ContentError, GroupName, Right, Rights, Rules, Settings};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn id(digit: char) -> CertificateId {
    digit.to_string().repeat(64).try_into().unwrap()
}

fn choice() -> CertificateChoice {
    CertificateChoice {
        default: id('0'),
        names: BTreeMap::from([
            ("mail.example.com".to_owned(), id('1')),
            ("*.example.com".to_owned(), id('2')),
        ]),
    }
}

#[test]
fn settings_come_back_as_they_were() {
    let mut settings = settings();
    settings.imap.certificates = Some(choice());
    settings.imap.banner = "yes: no # 017".parse().unwrap();
    let text = settings.to_text().unwrap();
    let back = Settings::from_text(&text).unwrap();
    assert_eq!(back, settings);
    assert_eq!(back.to_text().unwrap(), text);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row a bound")]
fn every_bound_is_checked() {
    // What is replaced, by what, and what the error speaks of.
    for (from, to, field) in [
        ("port: 995", "port: 0", "pop.sslBindings"),
        ("port: 995", "port: 993", "pop.sslBindings"),
        ("port: 995", "port: 9143", "pop.sslBindings"),
        ("port: 143", "port: 65536", "yaml"),
        (
            "maxConnections: 2000",
            "maxConnections: 0",
            "imap.maxConnections",
        ),
        (
            "maxConnections: 2000",
            "maxConnections: 1000001",
            "imap.maxConnections",
        ),
        (
            "TimeoutSecs: 60",
            "TimeoutSecs: 9",
            "imap.preAuthenticatedConnectionTimeout",
        ),
        (
            "TimeoutSecs: 60",
            "TimeoutSecs: 3601",
            "imap.preAuthenticatedConnectionTimeout",
        ),
        (
            "TimeoutSecs: 1800",
            "TimeoutSecs: 29",
            "imap.authenticatedConnectionTimeout",
        ),
        (
            "TimeoutSecs: 1800",
            "TimeoutSecs: 86401",
            "imap.authenticatedConnectionTimeout",
        ),
        ("robichaux.net", "example.com", "domains"),
        ("netbiosName: Robichaux", "netbiosName: example", "domains"),
        (
            "netbiosName: Robichaux",
            "netbiosName: example.com",
            "domains",
        ),
        (
            "netbiosName: Robichaux",
            "netbiosName: MORETHAN15LETTERS",
            "domains",
        ),
        ("netbiosName: Robichaux", "netbiosName: a/b", "domains"),
        (
            "defaultDomain: example.com",
            "defaultDomain: example.org",
            "defaultDomain",
        ),
        ("{domain}/{local}/Maildir", "{local}/Maildir", "store.path"),
        ("{domain}/{local}/Maildir", "../{local}", "yaml"),
        ("SecureLogin", "PlainTextAuthentication", "yaml"),
        ("IMAP4 service ready", "<apop@example.com>", "yaml"),
        ("enabled: true", "enabled: true, unknown: 1", "yaml"),
        (
            "server: default/mail",
            "server: default/mail\nsurprise: 1",
            "yaml",
        ),
        (
            "server: default/mail",
            "server: default/mail\nserver: twice",
            "yaml",
        ),
        (
            "mailboxDefaults: {imapEnabled: false, popEnabled: false}",
            "mailboxDefaults: {imapEnabled: false}",
            "yaml",
        ),
    ] {
        let text = SETTINGS.replacen(from, to, 1);
        assert_ne!(text, SETTINGS, "{from}");
        let error = Settings::from_text(&text).unwrap_err().to_string();
        assert!(error.contains(field), "{to}: {error}");
    }
}

#[test]
fn at_most_16_bindings_stand_in_a_list() {
    let mut settings = settings();
    settings.imap.ssl_bindings = (1000..1016).map(|port| Binding { port }).collect();
    assert!(Settings::from_text(&settings.to_text().unwrap()).is_ok());
    settings.imap.ssl_bindings.push(Binding { port: 1016 });
    assert!(matches!(
        Settings::from_text(&settings.to_text().unwrap()),
        Err(ContentError::Field { .. })
    ));
}

#[test]
fn a_banner_is_printable_and_no_response_code() {
    for good in ["x", &"x".repeat(200), "ready [x] >"] {
        assert!(good.parse::<Banner>().is_ok(), "{good}");
    }
    for bad in [
        "",
        &"x".repeat(201),
        "a\r\nb",
        "tab\t",
        "é",
        "[CAPABILITY]",
        "<x@y>",
    ] {
        assert!(bad.parse::<Banner>().is_err(), "{bad}");
    }
}

#[test]
fn a_certificate_is_chosen_by_exact_name_then_wildcard_then_default() {
    let choice = choice();
    for (name, expected) in [
        (None, '0'),
        (Some("mail.example.com"), '1'),
        (Some("MAIL.Example.com."), '1'),
        (Some("imap.example.com"), '2'),
        (Some("a.b.example.com"), '0'),
        (Some("example.com"), '0'),
        (Some("localhost"), '0'),
        (Some(""), '0'),
    ] {
        assert_eq!(choice.choose(name), &id(expected), "{name:?}");
    }
}

#[test]
fn settings_name_all_their_certificates() {
    let mut settings = settings();
    assert!(settings.certificate_ids().is_empty());
    settings.pop.certificates = Some(choice());
    settings.imap.certificates = Some(CertificateChoice {
        default: id('3'),
        names: BTreeMap::new(),
    });
    let ids: Vec<_> = settings.certificate_ids().into_iter().cloned().collect();
    assert_eq!(ids, ['0', '1', '2', '3'].map(id));
}

#[test]
fn rules_come_back_as_they_were_and_groups_have_no_case() {
    let mut rules = Rules::default();
    for (name, imap, pop) in [
        ("Field Engineers", Some(Right::Allow), Some(Right::Deny)),
        ("yes", None, Some(Right::Invalid)),
        ("~", Some(Right::Deny), None),
    ] {
        let name: GroupName = name.parse().unwrap();
        rules.groups.insert(name, Rights { imap, pop });
    }
    let text = rules.to_text().unwrap();
    assert_eq!(Rules::from_text(&text).unwrap(), rules);
    assert_eq!(Rules::default().to_text().unwrap(), "groups: []\n");
    for bad in [
        "groups: [{name: A, rights: {}}, {name: a, rights: {}}]",
        "groups: [{name: A, rights: {imap: maybe}}]",
        "groups: [{name: A, rights: {imap: allow, smtp: allow}}]",
        "groups: [{name: A}]",
        "groups: [{name: '', rights: {}}]",
        "{}",
        "",
    ] {
        assert!(Rules::from_text(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn changed_settings_are_read_without_panic(bytes in mutated(SETTINGS.as_bytes().to_vec())) {
        let text = String::from_utf8_lossy(&bytes);
        if let Ok(settings) = Settings::from_text(&text) {
            let back = settings.to_text().unwrap();
            prop_assert_eq!(Settings::from_text(&back).unwrap(), settings);
        }
    }

    #[test]
    fn any_group_name_comes_back(name in "\\PC{1,20}", imap in 0..4_usize) {
        let Ok(group) = name.parse::<GroupName>() else { return Ok(()) };
        let imap = [None, Some(Right::Allow), Some(Right::Deny), Some(Right::Invalid)][imap];
        let mut rules = Rules::default();
        rules.groups.insert(group.clone(), Rights { imap, pop: None });
        let back = Rules::from_text(&rules.to_text().unwrap()).unwrap();
        prop_assert_eq!(&back, &rules);
        prop_assert_eq!(back.groups.keys().next().map(GroupName::as_str), Some(group.as_str()));
    }
}
