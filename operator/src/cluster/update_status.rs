//! Writes statuses that differ from what is there. One of the four places that write to the API server.
//!
//! Runs beside the reconciliation, so that the statuses of thousands of mailboxes never stand before an edit
//! that has to be published.
//!
//! Merged and not applied: the API server applies nothing to an object that has a field of another type than its
//! schema says, and whoever left such an object behind has to be told above all.

use super::backoff::Backoff;
use super::events::{Transition, tell, worth};
use super::kind::Kind;
use super::metrics::Metrics;
use super::row::Item;
use super::store::Store;
use crate::reconcile::Observed;
use crate::reconcile::build::labels::MANAGER;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use kube::api::{Patch, PatchParams};
use kube::core::DynamicObject;
use kube::{Api, Client};
use mailaccess_crds::Condition;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

const ANSWER: Duration = Duration::from_secs(30);
/// What somebody else wrote over a status stays so long.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// Writes of one server at a time.
const AT_ONCE: usize = 8;

/// What the statuses of some objects have to be.
pub type Wanted = BTreeMap<(Kind, String), Value>;

/// Writes the statuses of some objects of one namespace.
pub struct UpdateStatus {
    /// How to ask.
    pub client: Client,
    /// Where.
    pub namespace: String,
    /// What is there.
    pub store: Arc<Store>,
    /// Limits the writes of all servers together.
    pub slots: Arc<Semaphore>,
    /// Where transitions go.
    pub events: mpsc::Sender<Transition>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// One status to write.
#[derive(Debug, Clone)]
struct Due {
    kind: Kind,
    name: String,
    uid: String,
    before: Vec<Condition>,
    status: Value,
    /// What makes that of the one that is there.
    change: Value,
    /// Those who had one before have been edited, and somebody waits for an answer.
    is_first: bool,
}

impl UpdateStatus {
    /// Follows what is wanted until it is told to stop; then only finishes what it has begun.
    pub async fn keep(self, mut wanted: watch::Receiver<Wanted>, stop: CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(10));
        let store = Arc::clone(&self.store);
        loop {
            // Before looking, so that nothing is missed.
            let meddled = store.statuses();
            tokio::pin!(meddled);
            meddled.as_mut().enable();
            let now = wanted.borrow_and_update().clone();
            let is_done = self.write_all(&now, &wanted, &stop).await;
            if is_done {
                backoff.reset();
            }
            let again = async {
                if is_done {
                    std::future::pending::<()>().await;
                }
                sleep(backoff.delay()).await;
            };
            // Mostly it was this operator itself, so many are looked at together, and nothing waits for that.
            let meddled = async {
                meddled.await;
                sleep(LOOK_AFTER).await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                changed = wanted.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = again => {}
                () = meddled => {}
            }
        }
    }

    /// Says whether everything is as wanted, or was overtaken.
    async fn write_all(
        &self,
        wanted: &Wanted,
        newer: &watch::Receiver<Wanted>,
        stop: &CancellationToken,
    ) -> bool {
        let mut due = self.due(wanted).into_iter();
        let mut running = FuturesUnordered::new();
        let mut is_done = true;
        loop {
            let is_overtaken = newer.has_changed().unwrap_or(true) || stop.is_cancelled();
            while running.len() < AT_ONCE && !is_overtaken {
                let Some(due) = due.next() else {
                    break;
                };
                running.push(self.write(due));
            }
            match running.next().await {
                Some(went_well) => is_done &= went_well,
                None => return is_done,
            }
        }
    }

    fn due(&self, wanted: &Wanted) -> Vec<Due> {
        let due = self.store.read(&self.namespace, |cache| {
            wanted
                .iter()
                .filter_map(|((kind, name), status)| {
                    let row = cache.get(*kind, name)?;
                    let there = status_of(&row.item);
                    (!is_same(&there, status)).then(|| Due {
                        kind: *kind,
                        name: name.clone(),
                        uid: row.uid.clone(),
                        before: conditions(&there),
                        change: change(&there, status),
                        is_first: there.is_null(),
                        status: status.clone(),
                    })
                })
                .collect::<Vec<_>>()
        });
        let mut due = due.unwrap_or_default();
        due.sort_by_key(|due| (due.is_first, due.kind));
        due
    }

    /// Says whether nothing is left to do for this object.
    async fn write(&self, due: Due) -> bool {
        let Ok(_slot) = self.slots.acquire().await else {
            return true;
        };
        let api: Api<DynamicObject> = Api::namespaced_with(
            self.client.clone(),
            &self.namespace,
            &due.kind.api_resource(),
        );
        let body = json!({
            "apiVersion": due.kind.api_version(),
            "kind": due.kind.as_str(),
            // Not that of another object which has its name by now.
            "metadata": {"name": due.name, "uid": due.uid},
            "status": due.change,
        });
        let params = PatchParams::apply(MANAGER);
        let patch = Patch::Merge(&body);
        match timeout(ANSWER, api.patch_status(&due.name, &params, &patch)).await {
            Ok(Ok(written)) => {
                self.metrics.status_written(due.kind);
                self.store.take(&self.namespace, due.kind, written);
                self.tell(&due);
                true
            }
            // It is gone, or another one by now, of which the watch will tell.
            Ok(Err(kube::Error::Api(status))) if status.is_not_found() || status.is_conflict() => {
                true
            }
            Ok(Err(error)) => {
                self.complain(&due, &error.to_string());
                false
            }
            Err(_) => {
                self.complain(&due, "no answer in time");
                false
            }
        }
    }

    fn complain(&self, due: &Due, why: &str) {
        tracing::warn!(
            namespace = self.namespace,
            kind = due.kind.as_str(),
            name = due.name,
            "cannot write the status: {why}"
        );
    }

    fn tell(&self, due: &Due) {
        let after = conditions(&due.status);
        let Some((is_warning, condition)) = worth(due.kind, &due.before, &after) else {
            return;
        };
        let transition = Transition {
            kind: due.kind,
            namespace: self.namespace.clone(),
            name: due.name.clone(),
            uid: due.uid.clone(),
            is_warning,
            reason: condition.reason,
            note: condition.message,
        };
        tell(&self.events, transition);
    }
}

/// Whether two statuses say the same. Since when is not compared: two operators would never agree on it.
fn is_same(there: &Value, wanted: &Value) -> bool {
    let timeless = |status: &Value| {
        let mut status = status.clone();
        let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
        for condition in conditions.into_iter().flatten() {
            if let Some(condition) = condition.as_object_mut() {
                condition.remove("lastTransitionTime");
            }
        }
        status
    };
    there == wanted || timeless(there) == timeless(wanted)
}

/// The status that an object has, as JSON.
fn status_of(item: &Item) -> Value {
    fn of<K, S: serde::Serialize>(object: &Observed<K>, status: impl Fn(&K) -> Option<S>) -> Value {
        match object {
            Observed::Valid(object) => status(object)
                .and_then(|status| serde_json::to_value(status).ok())
                .unwrap_or_default(),
            Observed::Invalid(object) => object.raw.get("status").cloned().unwrap_or_default(),
        }
    }
    match item {
        Item::Server(object) => of(object, |object| object.status.clone()),
        Item::Mailbox(object) => of(object, |object| object.status.clone()),
        Item::Binding(object) => of(object, |object| object.status.clone()),
        Item::Object(_) | Item::Pod(_) => Value::Null,
    }
}

/// The merge patch that makes one value of another: what is wanted no more is null.
fn change(there: &Value, wanted: &Value) -> Value {
    let (Some(there), Some(wanted)) = (there.as_object(), wanted.as_object()) else {
        return wanted.clone();
    };
    let gone = there.keys().filter(|key| !wanted.contains_key(*key));
    let kept = wanted.iter().map(|(key, value)| {
        let before = there.get(key).unwrap_or(&Value::Null);
        (key.clone(), change(before, value))
    });
    gone.map(|key| (key.clone(), Value::Null))
        .chain(kept)
        .collect()
}

fn conditions(status: &Value) -> Vec<Condition> {
    status
        .get("conditions")
        .and_then(|conditions| serde_json::from_value(conditions.clone()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_replaced_whole() {
        let there = json!({"thumbprint": "AB", "dnsNames": ["a", "b"], "deep": {"x": 1, "y": 2}});
        let wanted = json!({"dnsNames": ["c"], "deep": {"y": 3}, "podsWanted": 1});
        assert_eq!(
            change(&there, &wanted),
            json!({"thumbprint": null, "dnsNames": ["c"], "deep": {"x": null, "y": 3}, "podsWanted": 1})
        );
        assert_eq!(change(&Value::Null, &wanted), wanted);
    }
}
