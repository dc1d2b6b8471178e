//! Gives people mailboxes, which on a cluster is done by whoever provides the volume. Somebody who cannot get
//! one keeps nobody else from theirs, and is never a reason to end anything.

use super::pod::{self, Mailboxes};
use mailaccess_config::{MailboxAddress, PathTemplate};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// So many fit on a command line.
const PEOPLE_AT_ONCE: usize = 1000;
/// So many failures are told of each time, and how many more there are.
const LISTED: usize = 8;

/// Who has a mailbox, and what is known of those who have none.
#[derive(Debug)]
pub struct Provision {
    binary: PathBuf,
    volume: PathBuf,
    /// Whose mailboxes are there.
    made: BTreeSet<MailboxAddress>,
    /// For whom the last attempt was, if it failed for some and nothing has changed since.
    tried: Option<BTreeSet<MailboxAddress>>,
    /// What went wrong, as it was said last.
    said: BTreeSet<String>,
}

impl Provision {
    /// For a volume, by the pod's binary.
    pub fn new(binary: &Path, volume: PathBuf) -> Self {
        Self {
            binary: binary.to_owned(),
            volume,
            made: BTreeSet::new(),
            tried: None,
            said: BTreeSet::new(),
        }
    }

    /// Where the mail is.
    pub fn volume(&self) -> &Path {
        &self.volume
    }

    /// Something changed, so that what failed may succeed now.
    pub fn try_again(&mut self) {
        self.tried = None;
    }

    /// Makes the volume and the mailboxes that are missing; gives what people have to be told, each failure
    /// once.
    pub async fn provide(
        &mut self,
        path: &PathTemplate,
        people: &BTreeSet<MailboxAddress>,
    ) -> Vec<String> {
        let missing: BTreeSet<MailboxAddress> = people.difference(&self.made).cloned().collect();
        let tried = self.tried.as_ref();
        if missing.is_empty() && self.volume.exists()
            || tried.is_some_and(|tried| missing.is_subset(tried))
        {
            return Vec::new();
        }
        let missing: Vec<MailboxAddress> = missing.into_iter().collect();
        let mut failures = BTreeSet::new();
        let mut left = missing.as_slice();
        loop {
            // At first perhaps for nobody, since there has to be a volume.
            let (some, rest) = left.split_at(left.len().min(PEOPLE_AT_ONCE));
            match self.init(path, some).await {
                Ok(()) => self.made.extend(some.iter().cloned()),
                Err(error) => failures.extend(error.to_string().lines().map(str::to_owned)),
            }
            left = rest;
            if left.is_empty() {
                break;
            }
        }
        self.tried = (!failures.is_empty()).then(|| missing.into_iter().collect());
        self.news(failures)
    }

    async fn init(&self, path: &PathTemplate, people: &[MailboxAddress]) -> io::Result<()> {
        let mailboxes = Mailboxes {
            volume: &self.volume,
            path,
            people,
        };
        pod::init(&self.binary, &mailboxes).await
    }

    /// What was not said before.
    fn news(&mut self, failures: BTreeSet<String>) -> Vec<String> {
        let before = std::mem::replace(&mut self.said, failures);
        if self.said.is_empty() && !before.is_empty() {
            return vec!["mailboxes: every one is there now".to_owned()];
        }
        let all: Vec<&String> = self.said.difference(&before).collect();
        let mut news: Vec<String> = all
            .iter()
            .take(LISTED)
            .map(|failure| format!("mailboxes: {failure}"))
            .collect();
        if all.len() > LISTED {
            news.push(format!("mailboxes: and {} more", all.len() - LISTED));
        }
        news
    }
}
