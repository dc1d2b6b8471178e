//! Every item of FETCH, and every section of every message in whole and in pieces.

use super::corpus::Corpus;
use super::differences::Differences;
use super::fetch_response::{Items, items};
use super::{Servers, sections};
use std::collections::BTreeSet;

/// What is there in every message.
const PLAIN: &str =
    "(UID FLAGS INTERNALDATE ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE RFC822.HEADER)";

/// The macros, and what sets `\Seen`: asked for last.
const MARKING: [&str; 6] = [
    "ALL",
    "FAST",
    "FULL",
    "RFC822.TEXT",
    "(BODY[1] FLAGS)",
    "RFC822",
];

/// The whole, and pieces from the start, from the middle, from behind the end.
const PARTIALS: [&str; 4] = ["", "<0.10>", "<3.7>", "<100000.5>"];

/// Messages that are asked for sections which they do not have: a message of one part, and one of several.
const ASKED_FOR_ABSENT: [&str; 2] = ["plain-crlf", "digest"];

/// Compares all messages.
pub(super) fn compare(servers: &mut Servers, corpus: &Corpus, differences: &mut Differences) {
    for number in 1..=corpus.len() {
        let name = corpus.name(number);
        let both = ask(servers, number, PLAIN, (name, differences));
        let mut wanted = BTreeSet::new();
        for structure in both.iter().filter_map(|items| items.get("BODYSTRUCTURE")) {
            wanted.append(&mut sections::of(structure));
        }
        if ASKED_FOR_ABSENT.contains(&name) {
            wanted.extend(sections::ABSENT.map(str::to_owned));
        }
        for section in wanted {
            let items = PARTIALS.map(|partial| format!("BODY.PEEK[{section}]{partial}"));
            ask(
                servers,
                number,
                &format!("({})", items.join(" ")),
                (name, differences),
            );
        }
    }
    for items in MARKING {
        for number in 1..=corpus.len() {
            ask(servers, number, items, (corpus.name(number), differences));
        }
    }
}

/// Asks both for these items and compares what they say.
fn ask(
    servers: &mut Servers,
    number: usize,
    wanted: &str,
    (name, differences): (&str, &mut Differences),
) -> [Items; 2] {
    let replies = servers.ask(&format!("FETCH {number} {wanted}"));
    let statuses = replies
        .each_ref()
        .map(|reply| reply.status.split(' ').next());
    differences.compare(name, &label(wanted), [&statuses[0], &statuses[1]]);
    let both = replies.each_ref().map(|reply| items(reply, number));
    let [ours, theirs] = &both;
    for item in ours
        .keys()
        .chain(theirs.keys().filter(|item| !ours.contains_key(*item)))
    {
        // Partials are listed with their section.
        let listed = item.split('<').next().unwrap();
        differences.compare(name, listed, [&ours.get(item), &theirs.get(item)]);
    }
    both
}

/// A command that asks for a section in pieces is known by that section.
fn label(wanted: &str) -> String {
    let first = wanted
        .trim_start_matches('(')
        .split_inclusive(']')
        .next()
        .unwrap();
    if first.starts_with("BODY.PEEK[") {
        first.replace(".PEEK", "").to_ascii_uppercase()
    } else {
        wanted.to_owned()
    }
}
