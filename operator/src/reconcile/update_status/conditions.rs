//! From findings to the conditions of a status, the same way for every kind.

use crate::reconcile::finding::{Finding, Reason, Truth};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use mailaccess_crds::{Condition, ConditionStatus};

/// What an object's conditions are made of.
#[derive(Debug, Clone)]
pub struct Findings {
    /// Whether it is obeyed as it is.
    pub accepted: Finding,
    /// Whether everything that it points at is there.
    pub resolved: Finding,
    /// Whether pods serve it.
    pub programmed: Finding,
}

/// Everything that a condition carries beside its finding.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// The generation that was looked at.
    pub generation: i64,
    /// The conditions so far: a status that stays keeps its time.
    pub previous: &'a [Condition],
    /// The time.
    pub now: Timestamp,
}

/// A text that what others wrote went into, as long as it may be. A longer one would have the whole status
/// refused.
pub(super) fn at_most(limit: usize, mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(limit) {
        text.truncate(end);
    }
    text
}

/// All conditions of an object, in a fixed order.
pub fn conditions(findings: &Findings, stamp: Stamp<'_>) -> Vec<Condition> {
    let ready = ready(findings);
    let reconciling = reconciling(&ready, &findings.programmed);
    let stalled = stalled(&ready);
    let mut all = vec![
        ("Accepted", findings.accepted.clone()),
        ("ResolvedRefs", findings.resolved.clone()),
        ("Programmed", findings.programmed.clone()),
        ("Ready", ready),
        ("Reconciling", reconciling),
        ("Stalled", stalled),
    ];
    if findings.accepted.reason == Reason::Conflicted {
        let message = findings.accepted.message.clone();
        all.push(("Conflicted", Finding::yes(Reason::Conflicted, message)));
    }
    all.into_iter()
        .map(|(name, finding)| condition(name, finding, stamp))
        .collect()
}

/// The first that is not so, else the first that is not known, else all is well.
fn ready(findings: &Findings) -> Finding {
    let all = [&findings.accepted, &findings.resolved, &findings.programmed];
    for truth in [Truth::False, Truth::Unknown] {
        if let Some(finding) = all.iter().find(|finding| finding.truth == truth) {
            return (*finding).clone();
        }
    }
    findings.programmed.clone()
}

/// Work goes on while it is not known whether pods serve it, and while another object is waited for: tools that
/// apply many at once would else give up on the first one. Never beside `Stalled`: they would see the work and
/// not that it leads nowhere.
fn reconciling(ready: &Finding, programmed: &Finding) -> Finding {
    match (ready.truth, programmed.truth) {
        (Truth::False, _) if ready.reason.passes() => {
            Finding::yes(ready.reason, ready.message.clone())
        }
        (Truth::False, _) => Finding::no(Reason::Idle, "What is wrong has to be changed first."),
        (_, Truth::Unknown) => Finding::yes(programmed.reason, programmed.message.clone()),
        (_, Truth::True | Truth::False) => Finding::no(Reason::Idle, "Nothing is outstanding."),
    }
}

/// What is not so will stay so until somebody changes something.
fn stalled(ready: &Finding) -> Finding {
    match ready.truth {
        Truth::False if !ready.reason.passes() => Finding::yes(ready.reason, ready.message.clone()),
        Truth::True | Truth::False | Truth::Unknown => {
            Finding::no(Reason::Idle, "Nothing stands in the way.")
        }
    }
}

/// The most characters of a message that the API server takes.
const MESSAGE_LIMIT: usize = 32_768;

fn condition(name: &str, finding: Finding, stamp: Stamp<'_>) -> Condition {
    let status = match finding.truth {
        Truth::True => ConditionStatus::True,
        Truth::False => ConditionStatus::False,
        Truth::Unknown => ConditionStatus::Unknown,
    };
    let since = stamp
        .previous
        .iter()
        .find(|previous| previous.type_ == name && previous.status == status)
        .map_or(Time(stamp.now), |previous| {
            previous.last_transition_time.clone()
        });
    Condition {
        type_: name.to_owned(),
        status,
        observed_generation: stamp.generation,
        last_transition_time: since,
        reason: finding.reason.to_string(),
        message: at_most(MESSAGE_LIMIT, finding.message),
    }
}
