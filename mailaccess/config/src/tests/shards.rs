//! The `mailboxes` and `credentials` documents.

use super::{address, mutated};
use crate::{
    ContentError, Cost, Credentials, MailboxAddress, MailboxRow, Mailboxes, Right, Rights, Shard,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn mailbox(text: &str) -> MailboxAddress {
    text.parse().unwrap()
}

/// Addresses of one shard, in order.
fn neighbours(count: usize) -> (Shard, Vec<MailboxAddress>) {
    let shard = mailbox("ann@example.com").shard();
    let mut addresses: Vec<_> = (0..)
        .map(|i| mailbox(&format!("user{i}@example.com")))
        .filter(|address| address.shard() == shard)
        .take(count)
        .collect();
    addresses.sort();
    (shard, addresses)
}

fn mailboxes() -> (Shard, Mailboxes) {
    let (shard, addresses) = neighbours(3);
    let mut rows = BTreeMap::new();
    for (address, groups) in addresses
        .into_iter()
        .zip([vec![], vec!["A"], vec!["Ä, b", "a"]])
    {
        let row = MailboxRow {
            rights: Rights {
                imap: Some(Right::Allow),
                pop: groups.first().map(|_| Right::Deny),
            },
            groups: groups.iter().map(|name| name.parse().unwrap()).collect(),
        };
        rows.insert(address, row);
    }
    (shard, Mailboxes { rows })
}

fn credentials() -> (Shard, Credentials) {
    let (shard, addresses) = neighbours(3);
    let lines = [
        "{PLAIN}one",
        "{PLAIN}two:",
        "{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ];
    let rows = addresses
        .into_iter()
        .zip(lines.map(|line| line.parse().unwrap()))
        .collect();
    (shard, Credentials { rows })
}

#[test]
fn mailboxes_come_back_as_they_were() {
    let (shard, mailboxes) = mailboxes();
    let text = mailboxes.to_text().unwrap();
    assert_eq!(Mailboxes::from_text(shard, &text).unwrap(), mailboxes);
    assert_eq!(text.lines().count(), 3);
    assert_eq!(Mailboxes::default().to_text().unwrap(), "");
    assert_eq!(
        Mailboxes::from_text(shard, "").unwrap(),
        Mailboxes::default()
    );
}

#[test]
fn credentials_come_back_as_they_were_and_know_their_costs() {
    let (shard, credentials) = credentials();
    let text = credentials.to_text();
    assert_eq!(Credentials::from_text(shard, &text).unwrap(), credentials);
    assert_eq!(
        credentials.costs(),
        BTreeMap::from([(Cost::Plain, 2), (Cost::Sha512Crypt { rounds: 5000 }, 1)])
    );
}

#[test]
fn a_row_of_another_shard_or_out_of_order_refuses_the_document() {
    let (shard, credentials) = credentials();
    let text = credentials.to_text();
    let other = Shard::all().find(|other| *other != shard).unwrap();
    assert!(Credentials::from_text(other, &text).is_err());
    let backwards: Vec<_> = text.lines().rev().collect();
    let backwards = backwards.join("\n");
    let error = Credentials::from_text(shard, &backwards).unwrap_err();
    assert!(matches!(error, ContentError::Row { line: 2, .. }));
    let first = text.lines().next().unwrap();
    let twice = format!(
        "{first}
{first}
"
    );
    assert!(Credentials::from_text(shard, &twice).is_err());

    let (shard, mailboxes) = mailboxes();
    let text = mailboxes.to_text().unwrap();
    assert!(Mailboxes::from_text(other, &text).is_err());
    let backwards: Vec<_> = text.lines().rev().collect();
    let backwards = backwards.join("\n");
    assert!(Mailboxes::from_text(shard, &backwards).is_err());
}

#[test]
fn a_row_that_says_more_than_is_known_refuses_the_document() {
    let (shard, addresses) = neighbours(1);
    let address = &addresses[0];
    for bad in [
        format!(r#"{{"address":"{address}","smtp":"allow"}}"#),
        format!(r#"{{"address":"{address}","rights":{{"imap":"perhaps"}}}}"#),
        format!(r#"{{"address":"{address}","rights":{{"smtp":"allow"}}}}"#),
        format!(r#"{{"address":"{address}","address":"{address}"}}"#),
        r#"{"rights":{}}"#.to_owned(),
        "\n".to_owned(),
    ] {
        assert!(Mailboxes::from_text(shard, &bad).is_err(), "{bad}");
    }
    let good = format!(r#"{{"address":"{address}"}}"#);
    assert!(Mailboxes::from_text(shard, &good).is_ok());
}

#[test]
fn an_error_never_shows_a_password() {
    let (shard, addresses) = neighbours(1);
    let text = format!("{}:{{marked}}marked\n", addresses[0]);
    let error = Credentials::from_text(shard, &text).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("marked"));
    let error = Credentials::from_text(shard, "{PLAIN}marked").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("marked"));
}

proptest! {
    #[test]
    fn changed_documents_are_read_without_panic(
        rows in mutated(mailboxes().1.to_text().unwrap().into_bytes()),
        lines in mutated(credentials().1.to_text().into_bytes()),
    ) {
        let shard = mailboxes().0;
        if let Ok(read) = Mailboxes::from_text(shard, &String::from_utf8_lossy(&rows)) {
            let text = read.to_text().unwrap();
            prop_assert_eq!(Mailboxes::from_text(shard, &text).unwrap(), read);
        }
        if let Ok(read) = Credentials::from_text(shard, &String::from_utf8_lossy(&lines)) {
            prop_assert_eq!(Credentials::from_text(shard, &read.to_text()).unwrap(), read);
        }
    }

    #[test]
    fn every_address_has_one_shard_that_takes_it(address in address()) {
        let text = format!("{address}:{{PLAIN}}x\n");
        let takers: Vec<_> = Shard::all()
            .filter(|shard| Credentials::from_text(*shard, &text).is_ok())
            .collect();
        prop_assert_eq!(takers, vec![mailbox(&address).shard()]);
    }
}
