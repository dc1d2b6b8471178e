//! Dovecot opens the Maildir that our processes have changed, shows the same, and changes it itself.

use super::SETTLED;
use crate::dovecot::Dovecot;
use crate::harness::{Imap, Maildir, eventually, figure};
use crate::session::{Session, differences, listing, message};
use crate::view::{FlagNames, Known};

/// Dovecot shows what is there in these mailboxes and changes some of it; every process shows exactly that, in
/// sessions that were open before and in new ones.
pub(crate) fn dovecot_and_back(
    processes: &[&dyn Fn() -> Imap],
    maildir: &Maildir,
    mailboxes: &[(&str, Vec<Known>)],
) {
    let mut before: Vec<_> = mailboxes
        .iter()
        .map(|(mailbox, _)| Before::look(processes, mailbox))
        .collect();
    let dovecot = Dovecot::start(&maildir.0);
    for ((mailbox, messages), before) in mailboxes.iter().zip(&mut before) {
        assert_eq!(validity(&mut dovecot.imap(), mailbox), before.validity);
        let shown = listing(dovecot.imap(), mailbox);
        let differs = differences(&shown, messages);
        assert_eq!(differs, None, "{mailbox}, shown by Dovecot");
        change(&dovecot, mailbox, messages);
        let changed = listing(dovecot.imap(), mailbox);
        check_changes(&changed, messages);
        before.compare(processes, mailbox, &changed);
        figure(
            &format!("messages in {mailbox} that Dovecot and every process show alike"),
            changed.len(),
        );
    }
}

/// What our processes know of a mailbox before Dovecot comes.
struct Before {
    validity: String,
    /// A session of each process.
    open: Vec<Session>,
}

impl Before {
    fn look(processes: &[&dyn Fn() -> Imap], mailbox: &str) -> Self {
        let select = |log_on: &&dyn Fn() -> Imap| Session::select(log_on(), mailbox).unwrap();
        Self {
            validity: validity(&mut processes[0](), mailbox),
            open: processes.iter().map(select).collect(),
        }
    }

    /// Every process shows what Dovecot has made of the mailbox.
    fn compare(&mut self, processes: &[&dyn Fn() -> Imap], mailbox: &str, changed: &[Known]) {
        for (log_on, session) in processes.iter().zip(&mut self.open) {
            eventually("an open session knows what Dovecot did", SETTLED, || {
                session.catch_up();
                (session.view.known().as_deref() == Some(changed)).then_some(())
            });
            let seen = listing(log_on(), mailbox);
            let differs = differences(&seen, changed);
            assert_eq!(differs, None, "{mailbox}, shown after Dovecot's changes");
            assert_eq!(validity(&mut log_on(), mailbox), self.validity);
        }
    }
}

fn validity(imap: &mut Imap, mailbox: &str) -> String {
    let line = imap.ok(&format!("EXAMINE {mailbox}")).find("[UIDVALIDITY ");
    line.split([' ', ']']).nth(3).unwrap().to_owned()
}

/// Flags given and taken, a keyword that nobody knew, a message removed and one added.
fn change(dovecot: &Dovecot, mailbox: &str, messages: &[Known]) {
    let mut imap = dovecot.imap();
    imap.ok(&format!("SELECT {mailbox}"));
    for (message, change) in messages.iter().zip([
        "-FLAGS (\\Answered \\Flagged \\Seen)",
        "+FLAGS (\\Draft c0k0 FromDovecot)",
        "FLAGS (c7k2)",
        "+FLAGS (\\Deleted)",
    ]) {
        imap.ok(&format!("UID STORE {} {change}", message.uid));
    }
    imap.ok(&format!("UID EXPUNGE {}", messages[3].uid));
    let appended = imap
        .append(mailbox, "(\\Flagged FromDovecot)", &message("by-dovecot"))
        .unwrap();
    assert!(appended.is_ok(), "{}", appended.status);
}

/// Dovecot itself shows that it did so.
fn check_changes(changed: &[Known], messages: &[Known]) {
    let mut expected = messages.to_vec();
    for flag in ["\\Answered", "\\Flagged", "\\Seen"] {
        expected[0].flags.remove(flag);
    }
    let given = ["\\Draft", "c0k0", "FromDovecot"].map(ToOwned::to_owned);
    expected[1].flags.extend(given);
    expected[2].flags = FlagNames::from(["c7k2".to_owned()]);
    expected.remove(3);
    expected.push(Known {
        uid: changed.last().unwrap().uid,
        token: "by-dovecot".to_owned(),
        flags: ["\\Flagged", "FromDovecot"].map(ToOwned::to_owned).into(),
    });
    assert_eq!(differences(changed, &expected), None, "changed by Dovecot");
}
