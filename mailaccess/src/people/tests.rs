//! Tests of who may come in, by which name, and what that costs.

use super::{Counts, Limits, People, Reason, Verdict, may_stay};
use crate::documents::{Effective, NotAllowed, Whole};
use mailaccess_config::{
    Certificates, Cost, Denied, DocumentName, MailboxAddress, MailboxRow, Right, Rights, Rules,
    Settings,
};
use mailaccess_mail::Secret;
use mailaccess_mail::step::{LogOn, Mechanism, NoAccess, Protocol, Refusal};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

const SETTINGS: &str = r#"
server: default/mail
imap:
  enabled: true
  banner: IMAP4
  loginType: SecureLogin
  unencryptedOrTlsBindings: [{port: 143}]
  sslBindings: []
  maxConnections: 2000
  preAuthenticatedConnectionTimeoutSecs: 60
  authenticatedConnectionTimeoutSecs: 1800
pop:
  enabled: true
  banner: POP3
  loginType: SecureLogin
  unencryptedOrTlsBindings: [{port: 110}]
  sslBindings: []
  maxConnections: 2000
  preAuthenticatedConnectionTimeoutSecs: 60
  authenticatedConnectionTimeoutSecs: 1800
mailboxDefaults: {imapEnabled: true, popEnabled: false}
domains: [{name: example.com, netbiosName: EXAMPLE}, {name: robichaux.net, netbiosName: Robichaux}]
defaultDomain: example.com
store: {path: "{domain}/{local}/Maildir", layout: MaildirPlusPlus, runAsUser: 5000, runAsGroup: 5000}
"#;

/// "correct horse", twice with the same small parameters, and once with others.
const USUAL: &str =
    "{ARGON2ID}$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$kunbXLUIdGdYO6YIhzAd9bJFmjpOR0O2";
const OTHER: &str = "{BLF-CRYPT}$2b$04$dW2rozOX/Dri4elnqkwdoedOusBFT4fIbcCHUEw4yuxc/pfqpEUnq";
const USUAL_COST: Cost = Cost::Argon2id {
    memory_kib: 256,
    passes: 2,
    lanes: 2,
};

fn whole() -> Whole {
    let people = [
        ("ann@example.com", USUAL),
        ("bob@example.com", USUAL),
        ("paulr@robichaux.net", OTHER),
        ("administrator@example.com", USUAL),
    ];
    Whole {
        settings: Settings::from_text(SETTINGS).unwrap(),
        certificates: Certificates::default(),
        rules: Rules::default(),
        mailboxes: BTreeMap::new(),
        credentials: people
            .into_iter()
            .map(|(address, line)| (address.parse().unwrap(), line.parse().unwrap()))
            .collect(),
    }
}

fn people() -> People {
    People::new(Limits::default()).unwrap()
}

fn log_on(name: &str, password: &str) -> LogOn {
    LogOn {
        name: name.to_owned(),
        authorize_as: String::new(),
        password: Secret::from(password.as_bytes().to_vec()),
        mechanism: Mechanism::Login,
    }
}

fn address(text: &str) -> MailboxAddress {
    text.parse().unwrap()
}

fn denied(text: &str, denied: Denied) -> Verdict {
    let reason = Reason::NotAllowed(address(text), NotAllowed::Denied(denied));
    Verdict::Refused(Refusal::NoAccess(NoAccess::MailboxDisabled), reason)
}

/// One login with nothing remembered.
async fn judge(whole: Whole, protocol: Protocol, name: &str, password: &str) -> Verdict {
    let effective = Effective::from(whole);
    people()
        .log_on(&effective, protocol, &log_on(name, password))
        .await
}

#[tokio::test]
async fn every_form_of_a_name_leads_to_the_same_mail() {
    for (name, whose, path) in [
        ("ann", "ann@example.com", "example.com/ann/Maildir"),
        (
            "Ann@Example.com",
            "ann@example.com",
            "example.com/ann/Maildir",
        ),
        ("example\\ANN", "ann@example.com", "example.com/ann/Maildir"),
        (
            "Robichaux\\paulr",
            "paulr@robichaux.net",
            "robichaux.net/paulr/Maildir",
        ),
    ] {
        let verdict = judge(whole(), Protocol::Imap, name, "correct horse").await;
        let Verdict::Granted {
            address: found,
            path: at,
        } = verdict
        else {
            panic!("{name}: {verdict:?}");
        };
        assert_eq!((found, at.as_str()), (address(whose), path));
    }
}

#[tokio::test]
async fn an_unknown_name_costs_one_usual_verification() {
    let effective = Effective::from(whole());
    for (name, reason) in [
        ("nobody", Reason::Unknown(address("nobody@example.com"))),
        ("ann@elsewhere.org", Reason::Name),
        ("EXAMPLE\\ann\\bob", Reason::Name),
        ("", Reason::Name),
    ] {
        let people = people();
        // Asked twice: it is never remembered.
        for round in 1..=2 {
            let verdict = people
                .log_on(&effective, Protocol::Imap, &log_on(name, "correct horse"))
                .await;
            assert_eq!(
                verdict,
                Verdict::Refused(Refusal::Credentials, reason.clone())
            );
            let counts = Counts {
                verified_nobody: round,
                ..Counts::default()
            };
            assert_eq!(people.counts(), counts, "{name}");
        }
        assert_eq!(*people.costs.lock().unwrap(), [USUAL_COST; 2], "{name}");
    }
}

#[tokio::test]
async fn a_wrong_password_costs_one_verification_of_its_own_kind() {
    let people = people();
    let effective = Effective::from(whole());
    for (round, (name, cost)) in [
        ("ann", USUAL_COST),
        ("Robichaux\\paulr", Cost::BlfCrypt { cost: 4 }),
    ]
    .into_iter()
    .enumerate()
    {
        let verdict = people
            .log_on(&effective, Protocol::Imap, &log_on(name, "wrong"))
            .await;
        assert!(matches!(
            verdict,
            Verdict::Refused(Refusal::Credentials, Reason::Password(_))
        ));
        assert_eq!(people.counts().verified, round as u64 + 1);
        assert_eq!(people.costs.lock().unwrap()[round], cost);
    }
}

#[tokio::test]
async fn a_refused_person_is_told_so_only_after_the_right_password() {
    let verdict = judge(whole(), Protocol::Pop3, "ann", "correct horse").await;
    assert_eq!(verdict, denied("ann@example.com", Denied::Default));
    let verdict = judge(whole(), Protocol::Pop3, "ann", "wrong").await;
    let reason = Reason::Password(address("ann@example.com"));
    assert_eq!(verdict, Verdict::Refused(Refusal::Credentials, reason));
}

#[tokio::test]
async fn a_protocol_that_is_off_is_told_only_after_the_right_password() {
    let off = || {
        let mut whole = whole();
        whole.settings.imap.enabled = false;
        whole
    };
    let verdict = judge(off(), Protocol::Imap, "ann", "correct horse").await;
    let who = address("ann@example.com");
    let reason = Reason::NotAllowed(who.clone(), NotAllowed::Denied(Denied::ProtocolDisabled));
    let refusal = Refusal::NoAccess(NoAccess::ProtocolDisabled);
    assert_eq!(verdict, Verdict::Refused(refusal, reason));
    let verdict = judge(off(), Protocol::Imap, "ann", "wrong").await;
    let reason = Reason::Password(who);
    assert_eq!(verdict, Verdict::Refused(Refusal::Credentials, reason));
}

#[tokio::test]
async fn the_administrator_is_blocked_with_the_right_password() {
    let mut whole = whole();
    let row = MailboxRow {
        rights: Rights {
            imap: Some(Right::Allow),
            pop: Some(Right::Allow),
        },
        ..MailboxRow::default()
    };
    let who = "administrator@example.com";
    whole.mailboxes.insert(address(who), row);
    let verdict = judge(whole, Protocol::Imap, "Administrator", "correct horse").await;
    assert_eq!(verdict, denied(who, Denied::BuiltInAccount));
}

#[tokio::test]
async fn a_group_opens_a_protocol_for_whoever_joins() {
    let group = "Field Engineers".parse().unwrap();
    let rights = Rights {
        imap: Some(Right::Allow),
        pop: Some(Right::Allow),
    };
    let with_rule = || {
        let mut whole = whole();
        whole
            .rules
            .groups
            .insert("Field Engineers".parse().unwrap(), rights);
        whole
    };
    let before = judge(with_rule(), Protocol::Pop3, "bob", "correct horse").await;
    assert_eq!(before, denied("bob@example.com", Denied::Default));
    let mut joined = with_rule();
    let row = MailboxRow {
        groups: [group].into(),
        ..MailboxRow::default()
    };
    joined.mailboxes.insert(address("bob@example.com"), row);
    let after = judge(joined, Protocol::Pop3, "bob", "correct horse").await;
    assert!(matches!(after, Verdict::Granted { .. }), "{after:?}");
}

#[tokio::test]
async fn nobody_acts_for_somebody_else() {
    let effective = Effective::from(whole());
    for (authorize_as, granted) in [
        ("ann", true),
        ("EXAMPLE\\ann", true),
        ("bob", false),
        ("ann@example.com\\bob", false),
        ("?", false),
    ] {
        let asked = LogOn {
            authorize_as: authorize_as.to_owned(),
            ..log_on("ann", "correct horse")
        };
        let verdict = people().log_on(&effective, Protocol::Imap, &asked).await;
        if granted {
            assert!(matches!(verdict, Verdict::Granted { .. }), "{authorize_as}");
        } else {
            let reason = Reason::AuthorizeAs(address("ann@example.com"));
            assert_eq!(verdict, Verdict::Refused(Refusal::AuthorizeAs, reason));
        }
    }
}

#[tokio::test]
async fn a_changed_line_is_verified_anew() {
    let people = people();
    let granted = async |whole: Whole, password: &str| {
        let effective = Effective::from(whole);
        let asked = log_on("ann", password);
        let verdict = people.log_on(&effective, Protocol::Imap, &asked).await;
        matches!(verdict, Verdict::Granted { .. })
    };
    assert!(granted(whole(), "correct horse").await);
    assert!(granted(whole(), "correct horse").await);
    assert_eq!(
        (people.counts().verified, people.counts().remembered),
        (1, 1)
    );
    let changed = |line: &str| {
        let mut whole = whole();
        whole
            .credentials
            .insert(address("ann@example.com"), line.parse().unwrap());
        whole
    };
    assert!(granted(changed(OTHER), "correct horse").await);
    assert_eq!(people.counts().verified, 2);
    assert!(!granted(changed("{PLAIN}new"), "correct horse").await);
    assert!(granted(changed("{PLAIN}new"), "new").await);
    // Somebody who is gone is not remembered either.
    let mut gone = whole();
    gone.credentials.remove(&address("ann@example.com"));
    assert!(!granted(gone, "correct horse").await);
}

#[tokio::test]
async fn a_remembered_person_loses_a_right_at_once() {
    let people = people();
    let open = Effective::from(whole());
    let asked = log_on("ann", "correct horse");
    let verdict = people.log_on(&open, Protocol::Imap, &asked).await;
    assert!(matches!(verdict, Verdict::Granted { .. }));
    let mut closed = whole();
    closed.settings.mailbox_defaults.imap_enabled = false;
    let closed = Effective::from(closed);
    let verdict = people.log_on(&closed, Protocol::Imap, &asked).await;
    assert_eq!(verdict, denied("ann@example.com", Denied::Default));
}

#[tokio::test]
async fn nobody_is_let_in_while_nothing_is_loaded() {
    let people = people();
    let asked = log_on("ann", "correct horse");
    let verdict = people
        .log_on(&Effective::default(), Protocol::Imap, &asked)
        .await;
    assert_eq!(
        verdict,
        Verdict::Refused(Refusal::NoAccess(NoAccess::NotLoaded), Reason::NotLoaded)
    );
    assert_eq!(people.counts(), Counts::default());
}

#[test]
fn who_is_in_stays_until_gone_or_denied() {
    let (who, protocol) = (address("ann@example.com"), Protocol::Imap);
    let stays = |whole: Whole| may_stay(&Effective::from(whole), &who, protocol);
    assert_eq!(stays(whole()), Ok(()));
    let mut changed = whole();
    changed
        .credentials
        .insert(who.clone(), "{PLAIN}new".parse().unwrap());
    assert_eq!(stays(changed), Ok(()));
    let mut gone = whole();
    gone.credentials.remove(&who);
    assert_eq!(stays(gone), Err(NoAccess::PersonGone));
    let mut denied = whole();
    let row = MailboxRow {
        rights: Rights::INVALID,
        ..MailboxRow::default()
    };
    denied.mailboxes.insert(who.clone(), row);
    assert_eq!(stays(denied), Err(NoAccess::MailboxDisabled));
    let mut off = whole();
    off.settings.imap.enabled = false;
    assert_eq!(stays(off), Err(NoAccess::ProtocolDisabled));
    let mut moved = whole();
    moved.settings.domains.remove(0);
    assert_eq!(stays(moved), Err(NoAccess::DomainNotServed));
    assert_eq!(
        may_stay(&Effective::default(), &who, protocol),
        Err(NoAccess::NotLoaded)
    );
    let unread = NotAllowed::NotLoaded(DocumentName::Rules);
    assert_eq!(unread.to_string(), "rules-v1 was never loaded");
}

/// Where a test's log goes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_password_is_logged_or_shown_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let mut whole = whole();
    let line = "{PLAIN}marked-secret".parse().unwrap();
    whole.credentials.insert(address("eve@example.com"), line);
    let effective = Effective::from(whole);
    let people = people();
    for name in ["eve", "ann", "nobody", "marked-secret", "marked-secret@x"] {
        let asked = log_on(name, "marked-secret");
        let verdict = people.log_on(&effective, Protocol::Imap, &asked).await;
        tracing::trace!(?verdict, ?people, ?effective, password = ?asked.password, "judged");
        // A name may be a password in the wrong field.
        let unresolved = !matches!(verdict, Verdict::Refused(_, Reason::Unknown(_)));
        if let Verdict::Refused(_, reason) = verdict
            && unresolved
        {
            assert!(!reason.to_string().contains("marked-secret"));
        }
    }
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("judged"));
    let shown = log.matches("marked-secret").count();
    let as_a_name = log.matches("marked-secret@example.com").count();
    assert_eq!(shown, as_a_name, "{log}");
}
