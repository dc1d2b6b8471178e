//! Who may use what: every level, and which one wins.

use super::settings;
use crate::{Access, Denied, MailboxRow, Protocol, Right, Rights, Rules, Settings, decide};

struct Case {
    settings: Settings,
    rules: Rules,
    row: Option<MailboxRow>,
}

impl Case {
    fn new() -> Self {
        Self {
            settings: settings(),
            rules: Rules::default(),
            row: None,
        }
    }

    fn mailbox(mut self, imap: Option<Right>) -> Self {
        self.row.get_or_insert_default().rights = Rights { imap, pop: None };
        self
    }

    fn group(mut self, name: &str, imap: Right) -> Self {
        let group: crate::GroupName = name.parse().unwrap();
        let rights = Rights {
            imap: Some(imap),
            pop: None,
        };
        self.rules.groups.insert(group, rights);
        self
    }

    fn member(mut self, name: &str) -> Self {
        let groups = &mut self.row.get_or_insert_default().groups;
        groups.insert(name.parse().unwrap());
        self
    }

    fn open_to_all(mut self) -> Self {
        self.settings.mailbox_defaults.imap_enabled = true;
        self
    }

    fn decide(&self, address: &str) -> Access {
        let address = address.parse().unwrap();
        decide(
            &self.settings,
            &self.rules,
            self.row.as_ref(),
            Protocol::Imap,
            &address,
        )
    }

    #[track_caller]
    fn check(&self, expected: Result<(), Denied>) {
        let expected = expected.map_or_else(Access::Denied, |()| Access::Allowed);
        assert_eq!(self.decide("ann@example.com"), expected);
    }
}

fn group(name: &str, right: Right) -> Denied {
    Denied::Group(name.parse().unwrap(), right)
}

#[test]
fn the_servers_default_counts_where_nothing_is_said() {
    Case::new().check(Err(Denied::Default));
    Case::new().open_to_all().check(Ok(()));
    // A row that speaks of the other protocol only.
    let mut case = Case::new().open_to_all();
    case.row.get_or_insert_default().rights.pop = Some(Right::Deny);
    case.check(Ok(()));
}

#[test]
fn a_group_rule_beats_the_default_for_members_only() {
    let field = || Case::new().group("Field Engineers", Right::Allow);
    field().check(Err(Denied::Default));
    field().member("field engineers").check(Ok(()));
    field().member("Sales").check(Err(Denied::Default));
    Case::new()
        .open_to_all()
        .group("Leavers", Right::Deny)
        .member("Leavers")
        .check(Err(group("Leavers", Right::Deny)));
}

#[test]
fn of_two_groups_the_more_restrictive_wins() {
    Case::new()
        .group("A", Right::Allow)
        .group("B", Right::Deny)
        .group("C", Right::Allow)
        .member("A")
        .member("B")
        .member("C")
        .check(Err(group("B", Right::Deny)));
    Case::new()
        .group("A", Right::Deny)
        .group("B", Right::Invalid)
        .member("A")
        .member("B")
        .check(Err(group("B", Right::Invalid)));
}

#[test]
fn the_mailboxs_own_rule_beats_its_groups() {
    let denied_by_group = || Case::new().group("Leavers", Right::Deny).member("Leavers");
    denied_by_group().mailbox(Some(Right::Allow)).check(Ok(()));
    denied_by_group()
        .mailbox(None)
        .check(Err(group("Leavers", Right::Deny)));
    for right in [Right::Deny, Right::Invalid] {
        Case::new()
            .open_to_all()
            .group("A", Right::Allow)
            .member("A")
            .mailbox(Some(right))
            .check(Err(Denied::Mailbox(right)));
    }
}

#[test]
fn built_in_accounts_are_blocked_in_every_domain_whatever_is_said() {
    let case = Case::new().open_to_all().mailbox(Some(Right::Allow));
    for local in ["administrator", "Anonymous", "GUEST"] {
        for domain in ["example.com", "robichaux.net"] {
            assert_eq!(
                case.decide(&format!("{local}@{domain}")),
                Access::Denied(Denied::BuiltInAccount)
            );
        }
    }
    assert_eq!(case.decide("administrators@example.com"), Access::Allowed);
}

#[test]
fn a_domain_that_is_not_served_is_denied() {
    let case = Case::new().open_to_all().mailbox(Some(Right::Allow));
    assert_eq!(
        case.decide("ann@elsewhere.org"),
        Access::Denied(Denied::Domain)
    );
}

#[test]
fn a_protocol_that_is_off_is_denied() {
    let mut case = Case::new().open_to_all().mailbox(Some(Right::Allow));
    case.settings.imap.enabled = false;
    case.check(Err(Denied::ProtocolDisabled));
}

#[test]
fn two_rules_at_one_level_add_up_to_the_more_restrictive() {
    use Right::{Allow, Deny, Invalid};
    let rights = |imap, pop| Rights { imap, pop };
    for (a, b, both) in [
        (
            rights(Some(Allow), None),
            rights(None, Some(Deny)),
            rights(Some(Allow), Some(Deny)),
        ),
        (
            rights(Some(Allow), Some(Deny)),
            rights(Some(Deny), Some(Allow)),
            rights(Some(Deny), Some(Deny)),
        ),
        (
            rights(Some(Allow), None),
            Rights::INVALID,
            rights(Some(Invalid), Some(Invalid)),
        ),
        (Rights::default(), Rights::default(), Rights::default()),
    ] {
        assert_eq!(a.and(b), both);
        assert_eq!(b.and(a), both);
    }
}
