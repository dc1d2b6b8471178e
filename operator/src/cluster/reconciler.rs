//! One server's reconciliation, for as long as the server is there: the five steps, each time something
//! changed, and between them asking the pods until they serve what was published.

use super::apply::{Apply, ApplyError};
use super::backoff::Backoff;
use super::conclusion::{adopt, wanted};
use super::dereference::{answers, dereference};
use super::difference::{Write, difference};
use super::events::{self, Transition};
use super::in_vain::{InVain, Prospect};
use super::metrics::Metrics;
use super::nudge::{Nudges, nudge};
use super::pods::{Pods, Route};
use super::row::{Phase, PodRow};
use super::store::{ServerKey, Store};
use super::update_status::Wanted;
use crate::faults::{Faults, Found};
use crate::reconcile::Object;
use crate::reconcile::apply::is_document;
use crate::reconcile::build::self_signed::SelfSignedError;
use crate::reconcile::build::{self, Built, Moment, Unwritten};
use crate::reconcile::dereference::{Operator, World};
use crate::reconcile::update_status;
use crate::reconcile::validate::{Validated, validate};
use futures::future::join_all;
use kube::Client;
use mailaccess_config::DocumentName;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Documents of one server are written at most so often: the first change at once, later ones collected.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// After a publication kubelets are quick, so the first question comes early.
const ASK_SOON: Duration = Duration::from_millis(100);
/// How often pods are asked while something is outstanding ...
const ASK_EVERY: Duration = Duration::from_millis(250);
/// ... and how often when that has been so for a while.
const ASK_SELDOM: Duration = Duration::from_secs(2);
const A_WHILE: Duration = Duration::from_mins(2);
/// Certificates come of age while nobody edits anything.
const LOOK_EVERY: Duration = Duration::from_hours(1);
/// An edit does not wait for the next attempt at what was refused, but the attempts are not one behind the other.
const PAUSE: Duration = Duration::from_millis(200);
/// So many times in a row somebody else may be quicker before this counts as a failure.
const START_OVERS: u32 = 8;

/// What all reconciliations share.
pub struct Shared {
    /// How to ask the API server.
    pub client: Client,
    /// What is there.
    pub store: Arc<Store>,
    /// How pods are reached.
    pub route: Route,
    /// What the operator was started with.
    pub operator: Operator,
    /// Limits how many work at a time.
    pub workers: Semaphore,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// The reconciliation of one server.
pub struct Reconciler {
    key: ServerKey,
    shared: Arc<Shared>,
    waker: Arc<Notify>,
    wanted: watch::Sender<Wanted>,
    events: mpsc::Sender<Transition>,
    pods: Pods,
    nudges: Nudges,
    /// What was decided last.
    current: Option<Current>,
    epoch: u64,
    /// When documents were written last.
    published: Option<Instant>,
    /// Since when something has been outstanding.
    outstanding_since: Option<Instant>,
    /// Since when a publication is not served by everybody.
    unserved_since: Option<Instant>,
    in_vain: InVain,
    faults: Faults,
}

/// What a pass decided on.
struct Current {
    world: World,
    validated: Validated,
    built: Built,
}

/// What a pass is going to write.
#[derive(Default)]
struct Planned {
    writes: Vec<PlannedWrite>,
    /// What is left until then.
    left: Vec<(Object, Instant)>,
}

struct PlannedWrite {
    object: Object,
    write: Write,
    /// What it is noted by.
    seen: String,
}

/// What came of the writes of a pass.
#[derive(Default)]
struct Outcome {
    unwritten: Vec<Unwritten>,
    /// The first failure, after which the pass is made again.
    first: Option<ApplyError>,
}

/// How a pass ended.
enum Pass {
    /// Everything is written, but for what is left until then.
    Done(Option<Instant>),
    /// Documents have to wait until then.
    Later(Instant),
    /// The server is gone.
    Gone,
}

/// Why a pass did not come to its end.
#[derive(Debug, thiserror::Error)]
enum PassError {
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Key(#[from] SelfSignedError),
    #[error("the computation broke off")]
    Broken(#[from] tokio::task::JoinError),
}

impl PassError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Apply(ApplyError::Conflict { .. }))
    }
}

impl Reconciler {
    /// Prepares the reconciliation of a server.
    pub fn new(
        key: ServerKey,
        shared: Arc<Shared>,
        wanted: watch::Sender<Wanted>,
        events: mpsc::Sender<Transition>,
    ) -> Self {
        Self {
            waker: shared.store.waker(&key),
            key,
            shared,
            wanted,
            events,
            pods: Pods::default(),
            nudges: Nudges::default(),
            current: None,
            epoch: 0,
            published: None,
            outstanding_since: None,
            unserved_since: None,
            in_vain: InVain::default(),
            faults: Faults::default(),
        }
    }

    /// Runs until the server is gone or it is told to stop; then a pass that has begun is finished.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        let mut start_overs = 0;
        while !stop.is_cancelled() {
            let pass = self.counted_pass().await;
            let now = Instant::now();
            let (at, wake_from) = match pass {
                Ok(Pass::Gone) => break,
                // Later changes are collected until then.
                Ok(Pass::Later(at)) => (at, None),
                Ok(Pass::Done(left_until)) => {
                    backoff.reset();
                    start_overs = 0;
                    (left_until.unwrap_or(now + LOOK_EVERY), Some(now))
                }
                Err(error) if error.is_conflict() && start_overs < START_OVERS => {
                    tracing::info!(server = %self.key, "start over: {error}");
                    start_overs += 1;
                    continue;
                }
                Err(error) => {
                    start_overs = 0;
                    let delay = backoff.delay();
                    tracing::warn!(server = %self.key, failures = backoff.failures(), ?delay, "{error}");
                    // What collided wakes by itself.
                    let pause = if error.is_conflict() {
                        delay
                    } else {
                        delay.min(PAUSE)
                    };
                    (now + delay, Some(now + pause))
                }
            };
            self.wait(at, wake_from, &stop).await;
        }
        self.shared.store.forget(&self.key);
    }

    /// Waits for the next pass, until then or, from `wake_from` on, until something changes. Pods are asked meanwhile,
    /// if that is worth it: also of edits that are collected one behind the other each is said to be served
    /// when it is.
    async fn wait(&mut self, at: Instant, wake_from: Option<Instant>, stop: &CancellationToken) {
        let waker = Arc::clone(&self.waker);
        loop {
            let ask = self.ask_at();
            let woken = async {
                sleep_until(wake_from.unwrap_or(at)).await;
                waker.notified().await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep_until(at) => return,
                () = woken, if wake_from.is_some() => return,
                () = sleep_until(ask.unwrap_or(at)), if ask.is_some() => {
                    if self.look_at_pods().await {
                        return;
                    }
                }
            }
        }
    }

    /// When pods are to be asked next, if they are.
    fn ask_at(&self) -> Option<Instant> {
        let now = Instant::now();
        let since = self.outstanding_since?;
        let is_new = self
            .published
            .is_some_and(|published| now < published + ASK_EVERY);
        let every = if is_new {
            ASK_SOON
        } else if now < since + A_WHILE {
            ASK_EVERY
        } else {
            ASK_SELDOM
        };
        Some(now + every)
    }

    async fn counted_pass(&mut self) -> Result<Pass, PassError> {
        let shared = Arc::clone(&self.shared);
        // Never closed.
        let _worker = shared.workers.acquire().await.ok();
        let began = Instant::now();
        shared.metrics.begin();
        let result = self.pass().await;
        let word = match &result {
            Ok(Pass::Done(_) | Pass::Gone) => "success",
            Ok(Pass::Later(_)) => "requeue_after",
            Err(error) if error.is_conflict() => "requeue",
            Err(_) => "error",
        };
        shared.metrics.end(word, began.elapsed());
        result
    }

    /// Once through all five steps.
    async fn pass(&mut self) -> Result<Pass, PassError> {
        let Some((parts, epoch)) = self.shared.store.parts(&self.key) else {
            return Ok(Pass::Gone);
        };
        self.pods.update(parts.pods.clone());
        if epoch != self.epoch {
            // Objects may be of an earlier time than what pods said, so that has to be heard first.
            self.epoch = epoch;
            self.pods.forget();
            self.pods.ask(&self.shared.route, &self.key.namespace).await;
        }
        let mut world = dereference(parts, self.pods.reports(), &self.shared.operator)?;
        if let Some(current) = &self.current {
            world.remembered.clone_from(&current.built.carriers);
        }
        let mut current = tokio::task::spawn_blocking(move || decide(world)).await?;
        let found = Found::of(&current.validated);
        self.shared.metrics.judged(found, &mut self.faults);
        let Planned { writes, left } = self.plan(&current);
        let has_documents = writes.iter().any(|planned| is_document(&planned.object));
        if has_documents
            && let Some(published) = self.published
            && Instant::now() < published + PUBLISH_EVERY
        {
            return Ok(Pass::Later(published + PUBLISH_EVERY));
        }
        if has_documents {
            self.unserved_since.get_or_insert(Instant::now());
            // Another publication, another while.
            self.outstanding_since = None;
        }
        self.announce(&current, &writes);
        let has_workload = writes
            .iter()
            .any(|planned| matches!(planned.object, Object::Deployment(_)));
        let mut outcome = self.write(writes).await?;
        let left_until = left.iter().map(|(_, until)| *until).min();
        outcome
            .unwritten
            .extend(left.into_iter().map(|(object, _)| contested(&object)));
        current.built.unwritten = outcome.unwritten;
        if has_workload && let Some((parts, _)) = self.shared.store.parts(&self.key) {
            // The Deployment that was there before tells how far that one was rolled out.
            current.world.existing = parts.existing;
        }
        self.current = Some(current);
        if !has_documents || outcome.first.is_some() {
            self.pods.ask(&self.shared.route, &self.key.namespace).await;
        }
        self.nudge(has_documents).await;
        self.conclude();
        match outcome.first {
            Some(error) => Err(error.into()),
            None => Ok(Pass::Done(left_until)),
        }
    }

    /// Says that the server's own certificate is about to be another one: whoever trusts it as it is will be asked.
    fn announce(&self, current: &Current, writes: &[PlannedWrite]) {
        let is_written = writes
            .iter()
            .any(|planned| document(&planned.object) == Some(DocumentName::Certificates));
        let before = current.validated.published.self_signed();
        let (Some(before), Some(after), true) = (before, &current.built.self_signed, is_written)
        else {
            return;
        };
        if before.id() != after.id() {
            let uid = &current.built.server.uid;
            let transition = events::renewed(&self.key, uid, before.leaf(), after.leaf());
            events::tell(&self.events, transition);
        }
    }

    /// What differs from what is there, in the order in which it is written.
    fn plan(&mut self, current: &Current) -> Planned {
        let existing: BTreeMap<_, _> = current
            .world
            .existing
            .iter()
            .map(|object| (object.key(), object))
            .collect();
        let now = Instant::now();
        let mut planned = Planned::default();
        for object in current.built.objects() {
            let there = existing.get(&object.key()).copied();
            let Some(write) = difference(object, there) else {
                self.in_vain.settle(object);
                continue;
            };
            let object = object.clone();
            match self.in_vain.prospect(&object, &write, there, now) {
                Prospect::Fresh(seen) => planned.writes.push(PlannedWrite {
                    object,
                    write,
                    seen,
                }),
                Prospect::Left(until) => planned.left.push((object, until)),
            }
        }
        planned
    }

    /// Writes as much as can be: what pods mount comes before the pods, so that a document that is not written
    /// ends it, but nothing waits for anything else. What collided is begun again.
    async fn write(&mut self, writes: Vec<PlannedWrite>) -> Result<Outcome, ApplyError> {
        let began = Instant::now();
        let apply = Apply {
            client: self.shared.client.clone(),
            namespace: self.key.namespace.clone(),
            store: Arc::clone(&self.shared.store),
            metrics: Arc::clone(&self.shared.metrics),
        };
        let mut outcome = Outcome::default();
        for PlannedWrite {
            object,
            write,
            seen,
        } in writes
        {
            match apply.write(&object, write).await {
                Ok(()) => self.in_vain.note(&object, seen, began),
                Err(conflict @ ApplyError::Conflict { .. }) => return Err(conflict),
                Err(error) => {
                    outcome.unwritten.push(unwritten(&object, &error));
                    outcome.first.get_or_insert(error);
                    if is_document(&object) {
                        return Ok(outcome);
                    }
                    continue;
                }
            }
            // Only a document that was written makes the next publication wait.
            if is_document(&object) {
                self.published = Some(began);
            }
        }
        Ok(outcome)
    }

    /// Nudges every pod that is known not to serve what is wanted.
    async fn nudge(&mut self, just_published: bool) {
        let Some(current) = &self.current else {
            return;
        };
        let digest = current.built.wanted_digest().to_string();
        let now = Instant::now();
        let rows: Vec<PodRow> = self.pods.rows().cloned().collect();
        self.nudges.keep_only(&rows);
        let reports = self.pods.reports();
        let mut due = Vec::new();
        for (row, report) in rows.iter().zip(&reports) {
            let is_behind = if report.said.is_none() {
                just_published
            } else {
                !serves_all(report, &current.built)
            };
            if is_behind
                && answers(row)
                && row.phase == Phase::Running
                && let Some(value) = self.nudges.due(row, &digest, now)
            {
                due.push((row.name.clone(), value));
            }
        }
        let Shared {
            client, metrics, ..
        } = &*self.shared;
        let namespace = &self.key.namespace;
        join_all(
            due.iter()
                .map(|(pod, value)| nudge(client, namespace, pod, value, metrics)),
        )
        .await;
    }

    /// Asks the pods. Says whether a new pass is needed.
    async fn look_at_pods(&mut self) -> bool {
        self.pods.update(self.shared.store.pods(&self.key));
        let is_news = self.pods.ask(&self.shared.route, &self.key.namespace).await;
        if is_news && self.is_overtaken() {
            return true;
        }
        self.nudge(false).await;
        if is_news {
            self.conclude();
        }
        false
    }

    /// Whether a pod has seen a newer document than the published one, so that it will not take that.
    fn is_overtaken(&self) -> bool {
        let Some(current) = &self.current else {
            return false;
        };
        let documents = &current.built.documents;
        self.pods.reports().iter().any(|report| {
            documents.iter().any(|(name, document)| {
                report.loaded(*name).is_some_and(|loaded| {
                    loaded != document.header && loaded.sequence >= document.header.sequence
                })
            })
        })
    }

    /// Computes every status and hands over what has to be written.
    #[expect(
        clippy::disallowed_methods,
        reason = "the driver reads the clock; what it calls is told"
    )]
    fn conclude(&mut self) {
        let is_first = self.is_first_of_namespace();
        let Some(current) = &mut self.current else {
            return;
        };
        current.world.pods = self.pods.reports();
        current.world.now = k8s_openapi::jiff::Timestamp::now();
        let statuses = update_status::compute(&current.world, &current.validated, &current.built);
        let is_outstanding =
            statuses.is_outstanding() || self.pods.has_silent() || self.pods.has_unready();
        let now = Instant::now();
        self.outstanding_since = is_outstanding.then(|| self.outstanding_since.unwrap_or(now));
        let is_served = current
            .world
            .pods
            .iter()
            .all(|report| serves_all(report, &current.built));
        if is_served
            && !current.world.pods.is_empty()
            && let Some(since) = self.unserved_since.take()
        {
            self.shared.metrics.served_after(since.elapsed());
        }
        let wanted = wanted(&current.world, &statuses, is_first);
        adopt(&mut current.world, statuses);
        self.wanted.send_if_modified(|before| {
            let is_new = *before != wanted;
            *before = wanted;
            is_new
        });
    }

    /// Objects that may mean each server get their status from one of them.
    fn is_first_of_namespace(&self) -> bool {
        let first = self.shared.store.read(&self.key.namespace, |cache| {
            cache.servers().next().map(str::to_owned)
        });
        first.flatten().is_none_or(|first| first == self.key.name)
    }
}

/// Steps two and three.
fn decide(world: World) -> Current {
    let validated = validate(&world);
    let moment = Moment {
        now: world.now,
        fresh_key: &world.fresh_key,
        pods: &world.pods,
        cluster_domain: &world.operator.cluster_domain,
    };
    let built = build::build(&validated, &moment);
    Current {
        world,
        validated,
        built,
    }
}

/// Which document an object carries.
fn document(object: &Object) -> Option<DocumentName> {
    let (_, name) = object.key();
    DocumentName::all().find(|document| name.ends_with(&document.object_name("")))
}

fn unwritten(object: &Object, error: &ApplyError) -> Unwritten {
    Unwritten {
        document: document(object),
        text: error.to_string(),
        is_final: error.is_final(),
    }
}

/// Somebody else changes it back each time.
fn contested(object: &Object) -> Unwritten {
    let (kind, name) = object.key();
    tracing::warn!(
        kind,
        name,
        "somebody else changes it back each time; left for a while"
    );
    Unwritten {
        document: document(object),
        text: format!("{kind} {name}: somebody else changes it back each time"),
        is_final: true,
    }
}

fn serves_all(report: &crate::reconcile::report::PodReport, built: &Built) -> bool {
    built
        .documents
        .iter()
        .all(|(name, document)| report.serves(*name, &document.header))
}
