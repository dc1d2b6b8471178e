//! Dovecot opens the Maildir that our processes have changed, shows the same, and changes it itself.

use super::SETTLED;
use crate::dovecot::Dovecot;
use crate::harness::{Imap, Maildir, eventually, figure};
use crate::session::{Session, differences, listing, message};
use crate::view::{FlagNames, Known};

/// Dovecot shows what is there and changes some of it; every process shows exactly that, in sessions that
/// were open before and in new ones.
pub(crate) fn dovecot_and_back(
    processes: &[&dyn Fn() -> Imap],
    maildir: &Maildir,
    inbox: &[Known],
) {
    let mut open: Vec<_> = processes
        .iter()
        .map(|log_on| Session::select(log_on(), "INBOX").unwrap())
        .collect();
    let ours = validity(&mut processes[0]());

    let dovecot = Dovecot::start(&maildir.0);
    assert_eq!(validity(&mut dovecot.imap()), ours);
    let shown = listing(dovecot.imap(), "INBOX");
    assert_eq!(differences(&shown, inbox), None, "shown by Dovecot");
    change(&dovecot, inbox);
    let changed = listing(dovecot.imap(), "INBOX");
    check_changes(&changed, inbox);

    for (log_on, session) in processes.iter().zip(&mut open) {
        eventually("an open session knows what Dovecot did", SETTLED, || {
            session.catch_up();
            (session.view.known().as_ref() == Some(&changed)).then_some(())
        });
        let seen = listing(log_on(), "INBOX");
        assert_eq!(
            differences(&seen, &changed),
            None,
            "shown after Dovecot's changes"
        );
        assert_eq!(validity(&mut log_on()), ours);
    }
    figure(
        "messages that Dovecot and every process show alike",
        changed.len(),
    );
}

fn validity(imap: &mut Imap) -> String {
    let line = imap.ok("EXAMINE INBOX").find("[UIDVALIDITY ");
    line.split([' ', ']']).nth(3).unwrap().to_owned()
}

/// Flags given and taken, a keyword that nobody knew, a message removed and one added.
fn change(dovecot: &Dovecot, inbox: &[Known]) {
    let mut imap = dovecot.imap();
    imap.ok("SELECT INBOX");
    for (message, change) in inbox.iter().zip([
        "-FLAGS (\\Answered \\Flagged \\Seen)",
        "+FLAGS (\\Draft c0k0 FromDovecot)",
        "FLAGS (c7k2)",
        "+FLAGS (\\Deleted)",
    ]) {
        imap.ok(&format!("UID STORE {} {change}", message.uid));
    }
    imap.ok(&format!("UID EXPUNGE {}", inbox[3].uid));
    let appended = imap
        .append("INBOX", "(\\Flagged FromDovecot)", &message("by-dovecot"))
        .unwrap();
    assert!(appended.is_ok(), "{}", appended.status);
}

/// Dovecot itself shows that it did so.
fn check_changes(changed: &[Known], inbox: &[Known]) {
    let mut expected = inbox.to_vec();
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
