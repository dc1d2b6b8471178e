//! The `passwd` and `group` keys of a users' Secret.

use super::{address, mutated};
use crate::address::InvalidAddress;
use crate::password::PasswordError;
use crate::{group, passwd};
use proptest::prelude::*;

const PASSWD: &[u8] = b"# people\r\n\
\n\
Ann@Example.com:{SHA256-CRYPT}$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5\r\n\
bob@example.com:{PLAIN}pass:word \n\
carol@example.com:{MD5}x\n\
carol@example.com:{PLAIN}second\n\
dave\n\
d/ve@example.com:{PLAIN}x\n\
erin@example.com:{PLAIN}\xff\n\
   \n\
frank@example.com:{PLAIN}last";

#[test]
fn a_bad_line_denies_that_person_only() {
    let passwd = passwd::parse(PASSWD);
    let people: Vec<_> = passwd
        .people
        .iter()
        .map(|(address, hash)| (address.as_str(), hash.is_some()))
        .collect();
    assert_eq!(
        people,
        [
            ("ann@example.com", true),
            ("bob@example.com", true),
            ("carol@example.com", false),
            ("erin@example.com", false),
            ("frank@example.com", true),
        ]
    );
    let verify = |address: &str, password: &[u8]| {
        let hash = passwd.people[&address.parse().unwrap()].as_ref();
        hash.unwrap().verify(password)
    };
    assert!(verify("ann@example.com", b"Hello world!"));
    assert!(verify("bob@example.com", b"pass:word "));
    assert!(verify("frank@example.com", b"last"));
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_without_its_secret() {
    use passwd::Fault;
    let passwd = passwd::parse(PASSWD);
    let problems: Vec<_> = passwd
        .problems
        .iter()
        .map(|problem| (problem.line, problem.fault.clone()))
        .collect();
    assert_eq!(
        problems,
        [
            (4, Fault::PlainText),
            (5, Fault::Password(PasswordError::Scheme)),
            (6, Fault::Duplicate { first: 5 }),
            (7, Fault::Form),
            (8, Fault::Address(InvalidAddress::LocalCharacter)),
            (9, Fault::Form),
            (11, Fault::PlainText),
        ]
    );
    let warnings = passwd.problems.iter().filter(|p| p.fault.is_warning());
    assert_eq!(warnings.count(), 2);
    let text: Vec<_> = passwd.problems.iter().map(ToString::to_string).collect();
    let text = text.join(
        "
",
    );
    assert!(text.starts_with("line 4 (bob@example.com): "), "{text}");
    for secret in ["pass:word", "second", "last"] {
        assert!(!text.contains(secret), "{text}");
    }
}

const GROUP: &[u8] = "# groups
Field Engineers: ann@example.com, Bob@Example.com
field engineers: carol@example.com
Empty:
Team: Berlin: ann@example.com
Broken: ann@example.com, b b@example.com,
no colon
: ann@example.com
"
.as_bytes();

#[test]
fn groups_have_the_members_of_all_their_lines() {
    let groups = group::parse(GROUP);
    let members: Vec<_> = groups
        .members
        .iter()
        .map(|(name, members)| (name.as_str(), members.len()))
        .collect();
    assert_eq!(
        members,
        [
            ("Broken", 1),
            ("Empty", 0),
            ("Field Engineers", 3),
            ("Team: Berlin", 1),
        ]
    );
    let problems: Vec<_> = groups.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems[0].starts_with("line 6: member 2 of Broken: "));
    assert!(problems[1].starts_with("line 6: member 3 of Broken: "));
    assert!(problems[2].starts_with("line 7: "));
    assert!(problems[3].starts_with("line 8: "));
}

#[test]
fn members_know_their_groups() {
    let by_member = group::parse(GROUP).by_member();
    let ann: Vec<_> = by_member[&"ann@example.com".parse().unwrap()]
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(ann, ["Broken", "Field Engineers", "Team: Berlin"]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        passwd::parse(&bytes);
        group::parse(&bytes);
    }

    #[test]
    fn changed_files_are_read_and_every_line_counts_or_is_reported(
        passwd in mutated(PASSWD.to_vec()),
        group in mutated(GROUP.to_vec()),
    ) {
        let passwd_lines = passwd.split(|&b| b == b'\n').count();
        let read = passwd::parse(&passwd);
        prop_assert!(read.people.len() <= passwd_lines);
        for (address, hash) in &read.people {
            let reported = read.problems.iter().any(|p| p.address.as_ref() == Some(address));
            prop_assert!(hash.is_some() || reported);
        }
        group::parse(&group);
    }

    #[test]
    fn a_good_line_between_bad_ones_counts(
        address in address(),
        before in "[^\\n]{0,20}",
        after in "[^\\n]{0,20}",
    ) {
        let file = format!("x{before}\n{address}:{{PLAIN}}secret\n{after}");
        let read = passwd::parse(file.as_bytes());
        // The line before may be of the same person only with a colon.
        prop_assume!(!before.contains(':') && !address.starts_with('#'));
        let hash = read.people[&address.parse().unwrap()].as_ref();
        prop_assert!(hash.is_some_and(|hash| hash.verify(b"secret")));
    }
}
