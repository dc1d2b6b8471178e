//! The same questions about the same awkward messages to `mailaccess serve` and to Debian's Dovecot: their
//! answers mean the same, but for the differences of [`known`], each of which has its reason there.

mod corpus;
mod differences;
mod fetch;
mod fetch_response;
mod known;
mod search;
mod search_keys;
mod sections;
mod structure;
mod value;

use crate::dovecot::Dovecot;
use crate::harness::{Imap, Maildir, figure};
use crate::pod::{Site, log_on};
use corpus::Corpus;
use differences::Differences;

const ANN: &str = "ann@example.com";

/// A session with each server, in which INBOX is selected.
struct Servers {
    ours: Imap,
    dovecot: Imap,
}

impl Servers {
    /// Asks both the same.
    #[track_caller]
    fn ask(&mut self, command: &str) -> [crate::harness::Reply; 2] {
        [&mut self.ours, &mut self.dovecot].map(|imap| {
            imap.command(command)
                .unwrap_or_else(|error| panic!("{command}: {error}"))
        })
    }
}

#[test]
#[ignore = "needs Debian's Dovecot and a root user: run by e2e/run"]
fn answers_are_those_of_dovecot() {
    let corpus = Corpus::read();
    assert!(corpus.len() >= 25, "{} messages", corpus.len());

    // Dovecot gives the UIDs; both find the new messages by themselves.
    let folder = tempfile::tempdir().unwrap();
    let theirs = Maildir(folder.path().join("Maildir"));
    corpus.lay(&theirs);
    let dovecot = Dovecot::start(&theirs.0);
    dovecot.imap().ok("SELECT INBOX");
    let site = Site::of(ANN);
    let ours = site.maildir(ANN);
    corpus::copy(&theirs, &ours);
    corpus.deliver(&theirs);
    corpus.deliver(&ours);
    let pod = site.start(&[]);
    let mut servers = Servers {
        ours: log_on(&pod, ANN),
        dovecot: dovecot.imap(),
    };
    for reply in servers.ask("SELECT INBOX") {
        assert!(reply.is_ok(), "{}", reply.status);
    }
    assert_eq!(
        ours.uids(),
        theirs.uids(),
        "the same UIDs for the same files"
    );

    let mut differences = Differences::default();
    search::compare(&mut servers, &corpus, &mut differences);
    fetch::compare(&mut servers, &corpus, &mut differences);
    figure("messages compared with Dovecot", corpus.len());
    figure("answers compared with Dovecot", differences.compared());
    figure(
        "differences from Dovecot, each listed with its reason",
        differences.len(),
    );
    differences.check(known::DIFFERENCES);
}
