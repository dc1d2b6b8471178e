//! One event for each transition that people care about. One of the four places that write to the API
//! server.

use super::kind::Kind;
use super::metrics::Metrics;
use super::store::ServerKey;
use crate::reconcile::build::labels::MANAGER;
use crate::reconcile::validate::certificate::date;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use mailaccess_config::certificates::Leaf;
use mailaccess_crds::{Condition, ConditionStatus};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// More waiting ones are dropped: an event explains, a status tells.
pub const QUEUE: usize = 256;
const ANSWER: Duration = Duration::from_secs(10);
/// What the API server takes.
const NOTE_LIMIT: usize = 1024;

/// A transition of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// Of which kind.
    pub kind: Kind,
    /// In which namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which one of that name.
    pub uid: String,
    /// Whether somebody should look.
    pub is_warning: bool,
    /// Why.
    pub reason: String,
    /// The same as a sentence.
    pub note: String,
}

/// What is worth an event about `Ready`: that it is lost, that its reason changed while it is lost, that it
/// is back; and of a server or certificate also that it is there for the first time.
pub fn worth(kind: Kind, before: &[Condition], after: &[Condition]) -> Option<(bool, Condition)> {
    let ready = |conditions: &[Condition]| {
        conditions
            .iter()
            .find(|condition| condition.type_ == "Ready")
            .cloned()
    };
    let (before, after) = (ready(before), ready(after)?);
    match after.status {
        ConditionStatus::False => {
            let is_known = before.is_some_and(|before| {
                before.status == ConditionStatus::False && before.reason == after.reason
            });
            (!is_known).then_some((true, after))
        }
        ConditionStatus::True => {
            let was_lost = before
                .as_ref()
                .is_some_and(|before| before.status == ConditionStatus::False);
            let is_first = before.is_none_or(|before| before.status == ConditionStatus::Unknown);
            let is_news = was_lost || (is_first && kind != Kind::CASMailbox);
            is_news.then_some((false, after))
        }
        ConditionStatus::Unknown => None,
    }
}

/// A server's own certificate is about to be another one: whoever trusts it as it is will be asked.
pub fn renewed(server: &ServerKey, uid: &str, before: &Leaf, after: &Leaf) -> Transition {
    Transition {
        kind: Kind::MailAccessServer,
        namespace: server.namespace.clone(),
        name: server.name.clone(),
        uid: uid.to_owned(),
        is_warning: false,
        reason: "SelfSignedCertificateRenewed".to_owned(),
        note: format!(
            "The self-signed certificate {}, valid until {}, is replaced by {}, valid until {}. Clients that were \
             told to trust it ask again.",
            before.thumbprint,
            date(before.not_after),
            after.thumbprint,
            date(after.not_after),
        ),
    }
}

/// Hands an event over to be written. Of too many one is left out.
pub fn tell(events: &mpsc::Sender<Transition>, transition: Transition) {
    if let Err(error) = events.try_send(transition) {
        let Transition {
            namespace, name, ..
        } = error.into_inner();
        tracing::debug!(namespace, name, "too many events wait; one is left out");
    }
}

/// Writes events until nobody can send any more.
pub async fn keep(
    client: Client,
    instance: Option<String>,
    mut queue: mpsc::Receiver<Transition>,
    metrics: Arc<Metrics>,
) {
    let reporter = Reporter {
        controller: format!("{}/{MANAGER}", mailaccess_crds::GROUP),
        instance,
    };
    // One for all: it joins repeated events to series.
    let recorder = Recorder::new(client, reporter);
    while let Some(transition) = queue.recv().await {
        let reference = reference(&transition);
        let event = event(&transition);
        match timeout(ANSWER, recorder.publish(&event, &reference)).await {
            Ok(Ok(())) => metrics.event_written(),
            Ok(Err(error)) => {
                tracing::warn!(%error, name = transition.name, "cannot write an event");
            }
            Err(_) => tracing::warn!(name = transition.name, "cannot write an event in time"),
        }
    }
}

fn reference(transition: &Transition) -> ObjectReference {
    ObjectReference {
        api_version: Some(transition.kind.api_version()),
        kind: Some(transition.kind.as_str().to_owned()),
        namespace: Some(transition.namespace.clone()),
        name: Some(transition.name.clone()),
        uid: Some(transition.uid.clone()),
        ..ObjectReference::default()
    }
}

fn event(transition: &Transition) -> Event {
    let mut note = transition.note.clone();
    while note.len() > NOTE_LIMIT {
        note.pop();
    }
    Event {
        type_: if transition.is_warning {
            EventType::Warning
        } else {
            EventType::Normal
        },
        reason: transition.reason.clone(),
        note: Some(note),
        action: "Reconcile".to_owned(),
        secondary: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;

    fn ready(status: ConditionStatus, reason: &str) -> Vec<Condition> {
        vec![Condition {
            type_: "Ready".to_owned(),
            status,
            observed_generation: 1,
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
            reason: reason.to_owned(),
            message: "A sentence.".to_owned(),
        }]
    }

    #[test]
    fn one_event_a_transition() {
        use ConditionStatus::{False, True, Unknown};
        let lost = || ready(False, "SecretNotFound");
        for (kind, before, after, is_warning) in [
            (Kind::CASMailbox, vec![], lost(), Some(true)),
            (Kind::CASMailbox, lost(), lost(), None),
            (
                Kind::CASMailbox,
                lost(),
                ready(False, "Invalid"),
                Some(true),
            ),
            (
                Kind::CASMailbox,
                lost(),
                ready(True, "Programmed"),
                Some(false),
            ),
            (Kind::CASMailbox, vec![], ready(True, "Programmed"), None),
            (
                Kind::CASMailbox,
                ready(Unknown, "Pending"),
                ready(True, "Programmed"),
                None,
            ),
            (
                Kind::MailAccessServer,
                vec![],
                ready(Unknown, "Pending"),
                None,
            ),
            (
                Kind::MailAccessServer,
                ready(Unknown, "Pending"),
                ready(True, "Programmed"),
                Some(false),
            ),
            (
                Kind::MailAccessServer,
                ready(True, "Programmed"),
                ready(True, "Programmed"),
                None,
            ),
            (
                Kind::CertificateBinding,
                ready(True, "Loaded"),
                lost(),
                Some(true),
            ),
        ] {
            let found = worth(kind, &before, &after).map(|(is_warning, _)| is_warning);
            assert_eq!(found, is_warning, "{kind:?} {before:?} {after:?}");
        }
    }
}
