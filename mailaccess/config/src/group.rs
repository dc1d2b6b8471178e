//! The `group` key of a users' Secret: `Name: address, address`, one group a line.
//!
//! Empty lines and lines that begin with `#` count as nothing. A group on several lines has the members of
//! all of them. A member that cannot be read is left out and reported.

use crate::address::InvalidAddress;
use crate::group_name::InvalidGroupName;
use crate::passwd::{is_blank, lines};
use crate::{GroupName, MailboxAddress};
use std::collections::{BTreeMap, BTreeSet};

/// What a `group` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Groups {
    /// Each group's members.
    pub members: BTreeMap<GroupName, BTreeSet<MailboxAddress>>,
    /// What its owner should know, in the order of the lines.
    pub problems: Vec<Problem>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Counted from one.
    pub line: usize,
    /// What it is.
    pub fault: Fault,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No `Name:` in front, or not UTF-8.
    #[error("a line is `Name: address, address` in UTF-8")]
    Form,
    /// What stands before the last colon is no name.
    #[error("{0}")]
    Name(InvalidGroupName),
    /// One member is no address; the others count.
    #[error("member {position} of {group}: {error}")]
    Member {
        /// Of which group.
        group: GroupName,
        /// Counted from one.
        position: usize,
        /// What is wrong.
        error: InvalidAddress,
    },
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.fault)
    }
}

impl Groups {
    /// The groups of each person: the same, turned round.
    pub fn by_member(&self) -> BTreeMap<MailboxAddress, BTreeSet<GroupName>> {
        let mut by_member: BTreeMap<MailboxAddress, BTreeSet<GroupName>> = BTreeMap::new();
        for (group, members) in &self.members {
            for member in members {
                by_member
                    .entry(member.clone())
                    .or_default()
                    .insert(group.clone());
            }
        }
        by_member
    }
}

/// Reads a `group`. Any bytes will do: what cannot be read is a problem.
pub fn parse(bytes: &[u8]) -> Groups {
    let mut groups = Groups::default();
    for (index, line) in lines(bytes).enumerate() {
        if is_blank(line) {
            continue;
        }
        if let Err(fault) = parse_line(line, index + 1, &mut groups) {
            groups.problems.push(Problem {
                line: index + 1,
                fault,
            });
        }
    }
    groups
}

fn parse_line(line: &[u8], number: usize, groups: &mut Groups) -> Result<(), Fault> {
    // No address has a colon, but a group's name may.
    let (name, members) = std::str::from_utf8(line)
        .ok()
        .and_then(|line| line.rsplit_once(':'))
        .ok_or(Fault::Form)?;
    let group: GroupName = name.parse().map_err(Fault::Name)?;
    let known = groups.members.entry(group.clone()).or_default();
    if members.trim().is_empty() {
        return Ok(());
    }
    for (index, member) in members.split(',').enumerate() {
        match member.trim().parse() {
            Ok(address) => {
                known.insert(address);
            }
            Err(error) => groups.problems.push(Problem {
                line: number,
                fault: Fault::Member {
                    group: group.clone(),
                    position: index + 1,
                    error,
                },
            }),
        }
    }
    Ok(())
}
