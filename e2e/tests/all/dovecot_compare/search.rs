//! Every key of SEARCH, asked of all messages at once.

use super::Servers;
use super::corpus::Corpus;
use super::differences::Differences;
use super::search_keys;
use crate::harness::Reply;
use std::collections::BTreeSet;

/// Compares which messages are found, message by message.
pub(super) fn compare(servers: &mut Servers, corpus: &Corpus, differences: &mut Differences) {
    for keys in search_keys::all() {
        let replies = servers.ask(&format!("SEARCH {keys}"));
        let item = format!("SEARCH {}", keys.replace("\r\n", " "));
        let statuses = replies.each_ref().map(status);
        differences.compare("*", &item, [&statuses[0], &statuses[1]]);
        let [ours, theirs] = replies.each_ref().map(found);
        for number in 1..=corpus.len() {
            let both = [&ours, &theirs].map(|found| found.contains(&number));
            differences.compare(corpus.name(number), &item, [&both[0], &both[1]]);
        }
    }
}

/// `OK`, `NO` or `BAD`, and a response code that says why.
fn status(reply: &Reply) -> String {
    let mut words = reply.status.split([' ', ']']);
    let status = words.next().unwrap();
    match words.next() {
        Some(code) if status != "OK" && code.starts_with('[') => format!("{status} {code}]"),
        _ => status.to_owned(),
    }
}

/// The numbers of `* SEARCH`.
fn found(reply: &Reply) -> BTreeSet<usize> {
    reply
        .lines()
        .iter()
        .filter_map(|line| line.strip_prefix("* SEARCH"))
        .flat_map(str::split_whitespace)
        .map(|number| number.parse().unwrap())
        .collect()
}
