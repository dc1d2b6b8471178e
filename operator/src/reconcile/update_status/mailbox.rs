//! The status of a CASMailbox. What was served once stays so: it is not rewritten because pods come and go.

use super::conditions::{Findings, Stamp, conditions};
use super::serving::{count, nobody_is_ready, outstanding};
use crate::reconcile::build::Built;
use crate::reconcile::dereference::World;
use crate::reconcile::finding::{Finding, Reason};
use crate::reconcile::validate::ValidatedMailbox;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use mailaccess_crds::{CASMailboxStatus, Condition, ConditionStatus};

/// What a CASMailbox's status is now.
pub fn status(
    world: &World,
    mailbox: &ValidatedMailbox,
    built: &Built,
    previous: &[Condition],
) -> CASMailboxStatus {
    let findings = Findings {
        accepted: mailbox.accepted.clone(),
        resolved: mailbox.resolved.clone(),
        programmed: programmed(world, mailbox, built, previous),
    };
    let stamp = Stamp {
        generation: mailbox.generation,
        previous,
        now: world.now,
    };
    CASMailboxStatus {
        observed_generation: mailbox.generation,
        conditions: conditions(&findings, stamp),
    }
}

fn programmed(
    world: &World,
    mailbox: &ValidatedMailbox,
    built: &Built,
    previous: &[Condition],
) -> Finding {
    if mailbox.documents.is_empty() {
        return Finding::no(
            mailbox.resolved.reason,
            "There is no target that could be allowed or denied anything.",
        );
    }
    let done = || Finding::yes(Reason::Programmed, "Served by every pod.");
    let made = world.server.metadata().creation_timestamp.as_ref();
    if is_latched(mailbox, previous, made) {
        return done();
    }
    if count(&world.pods, built, &mailbox.documents).is_complete() {
        return if nobody_is_ready(&world.pods).is_some() {
            Finding::unknown(Reason::NotReady, "No pod is ready yet.")
        } else {
            done()
        };
    }
    let mut finding = outstanding(&world.pods, built, &mailbox.documents);
    if finding.reason == Reason::Pending {
        // Without a count, which would rewrite the statuses of all mailboxes for every pod.
        "Not every pod serves it yet.".clone_into(&mut finding.message);
    }
    finding
}

/// Whether this generation was served by every pod of this server before, with the same conflict and validity, and
/// with a target that was there, or was not, as now: somebody who comes later is in documents that came later.
fn is_latched(mailbox: &ValidatedMailbox, previous: &[Condition], made: Option<&Time>) -> bool {
    let find = |name: &str| previous.iter().find(|condition| condition.type_ == name);
    let (Some(programmed), Some(accepted), Some(resolved)) =
        (find("Programmed"), find("Accepted"), find("ResolvedRefs"))
    else {
        return false;
    };
    programmed.status == ConditionStatus::True
        // An earlier server of that name is another matter.
        && made.is_none_or(|made| programmed.last_transition_time >= *made)
        && programmed.observed_generation == mailbox.generation
        && resolved.reason == mailbox.resolved.reason.to_string()
        && accepted.reason == mailbox.accepted.reason.to_string()
        && accepted.message == mailbox.accepted.message
}
