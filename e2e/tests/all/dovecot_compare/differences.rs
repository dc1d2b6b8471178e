//! What was found to differ, against what is known to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};

/// Differences that have one reason: every item, of every message.
pub(super) struct Known {
    /// Names in the corpus; `*` where the difference is none of a message.
    pub(super) messages: &'static [&'static str],
    /// FETCH items without their partials, and SEARCH commands.
    pub(super) items: &'static [&'static str],
    /// Why it is so.
    pub(super) reason: &'static str,
}

/// The differences between two servers.
#[derive(Default)]
pub(super) struct Differences {
    compared: usize,
    found: BTreeMap<(String, String), String>,
}

impl Differences {
    /// Compares what both say.
    pub(super) fn compare<T: PartialEq + Debug>(
        &mut self,
        message: &str,
        item: &str,
        both: [&T; 2],
    ) {
        self.compared += 1;
        let [ours, theirs] = both;
        if ours != theirs {
            self.add(message, item, &format!("{ours:?}"), &format!("{theirs:?}"));
        }
    }

    fn add(&mut self, message: &str, item: &str, ours: &str, theirs: &str) {
        let same = ours
            .bytes()
            .zip(theirs.bytes())
            .take_while(|(one, other)| one == other)
            .count();
        let from = same.saturating_sub(60);
        let show = |text: &str| {
            let text = text.get(from..).unwrap_or(text);
            text.chars().take(300).collect::<String>()
        };
        self.found
            .entry((message.to_owned(), item.to_owned()))
            .or_insert_with(|| {
                format!(
                    "ours:    ...{}\n      Dovecot: ...{}",
                    show(ours),
                    show(theirs)
                )
            });
    }

    pub(super) fn compared(&self) -> usize {
        self.compared
    }

    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// Fails when a difference is not listed, or one that is listed is not there.
    #[track_caller]
    pub(super) fn check(&self, known: &[Known]) {
        let mut listed = BTreeSet::new();
        let mut report = String::new();
        for row in known {
            assert!(!row.reason.is_empty());
            for message in row.messages {
                for item in row.items {
                    let difference = ((*message).to_owned(), (*item).to_owned());
                    if !self.found.contains_key(&difference) {
                        writeln!(report, "listed, but not so: {message} {item}").unwrap();
                    }
                    if !listed.insert(difference) {
                        writeln!(report, "listed twice: {message} {item}").unwrap();
                    }
                }
            }
        }
        for (difference, detail) in &self.found {
            if !listed.contains(difference) {
                let (message, item) = difference;
                writeln!(report, "not listed: {message} {item}\n      {detail}").unwrap();
            }
        }
        assert!(report.is_empty(), "differences from Dovecot:\n{report}");
    }
}
