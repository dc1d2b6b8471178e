//! One server's reconciliation, for as long as the server is there: the five steps, each time something
//! changed, and between them asking the pods until they serve what was published.

use super::apply::{Apply, ApplyError};
use super::backoff::Backoff;
use super::dereference::{answers, dereference};
use super::difference::{Write, difference};
use super::kind::Kind;
use super::metrics::Metrics;
use super::nudge::{Nudges, nudge};
use super::pods::{Pods, Route};
use super::row::{Phase, PodRow};
use super::store::{ServerKey, Store};
use super::update_status::Wanted;
use crate::reconcile::apply::is_document;
use crate::reconcile::build::self_signed::SelfSignedError;
use crate::reconcile::build::{self, Built, Moment};
use crate::reconcile::dereference::{Operator, ServerRef as _, World};
use crate::reconcile::update_status::{self, Statuses};
use crate::reconcile::validate::{Validated, validate};
use crate::reconcile::{Object, Observed};
use futures::future::join_all;
use kube::Client;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};
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
/// So many times in a row somebody else may be quicker before this counts as a failure.
const START_OVERS: u32 = 8;

/// A write that changed nothing so often is left for a while: something else changes it back.
const IN_VAIN: u32 = 3;
const IN_VAIN_FOR: Duration = Duration::from_mins(5);

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
    /// What was written over what, so that it is not written for ever in vain.
    repeated: BTreeMap<(&'static str, String), Repeated>,
}

/// The same write, several times.
struct Repeated {
    seen: String,
    times: u32,
    last: Instant,
}

impl Repeated {
    fn is_in_vain(&self, seen: &str, now: Instant) -> bool {
        self.seen == seen && self.times >= IN_VAIN && now < self.last + IN_VAIN_FOR
    }
}

/// What a pass decided on.
struct Current {
    world: World,
    validated: Validated,
    built: Built,
}

/// How a pass ended.
enum Pass {
    /// Everything is written.
    Done,
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
    pub fn new(key: ServerKey, shared: Arc<Shared>, wanted: watch::Sender<Wanted>) -> Self {
        Self {
            waker: shared.store.waker(&key),
            key,
            shared,
            wanted,
            pods: Pods::default(),
            nudges: Nudges::default(),
            current: None,
            epoch: 0,
            published: None,
            outstanding_since: None,
            unserved_since: None,
            repeated: BTreeMap::new(),
        }
    }

    /// Runs until the server is gone or it is told to stop; then a pass that has begun is finished.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        let mut start_overs = 0;
        while !stop.is_cancelled() {
            let next = match self.counted_pass().await {
                Ok(Pass::Gone) => break,
                Ok(Pass::Later(at)) => {
                    // Later changes are collected until then.
                    tokio::select! {
                        () = stop.cancelled() => break,
                        () = sleep_until(at) => continue,
                    }
                }
                Ok(Pass::Done) => {
                    backoff.reset();
                    start_overs = 0;
                    None
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
                    Some(Instant::now() + delay)
                }
            };
            self.wait(next, &stop).await;
        }
        self.shared.store.forget(&self.key);
    }

    /// Waits for the next pass; asks the pods meanwhile, if that is worth it.
    async fn wait(&mut self, retry: Option<Instant>, stop: &CancellationToken) {
        let look_again = retry.unwrap_or(Instant::now() + LOOK_EVERY);
        let waker = Arc::clone(&self.waker);
        loop {
            let ask = self.ask_at();
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep_until(look_again) => return,
                // After a failure not before its time, whatever comes in.
                () = waker.notified(), if retry.is_none() => return,
                () = sleep_until(ask.unwrap_or(look_again)), if ask.is_some() => {
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
            Ok(Pass::Done | Pass::Gone) => "success",
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
        let world = dereference(parts, self.pods.reports(), &self.shared.operator)?;
        let current = tokio::task::spawn_blocking(move || decide(world)).await?;
        let writes = self.writes(&current);
        let has_documents = writes.iter().any(|(object, _)| is_document(object));
        if has_documents
            && let Some(published) = self.published
            && Instant::now() < published + PUBLISH_EVERY
        {
            return Ok(Pass::Later(published + PUBLISH_EVERY));
        }
        if has_documents {
            self.unserved_since.get_or_insert(Instant::now());
            // What a pod said before this publication says nothing about it.
            self.pods.forget();
        }
        self.write(writes).await?;
        self.current = Some(current);
        if !has_documents {
            self.pods.ask(&self.shared.route, &self.key.namespace).await;
        }
        self.nudge(has_documents).await;
        self.conclude();
        Ok(Pass::Done)
    }

    /// What differs from what is there, in the order in which it is written.
    fn writes(&mut self, current: &Current) -> Vec<(Object, Write)> {
        let existing: BTreeMap<_, _> = current
            .world
            .existing
            .iter()
            .map(|object| (object.key(), object))
            .collect();
        let now = Instant::now();
        let mut writes = Vec::new();
        for object in current.built.objects() {
            let (kind, name) = object.key();
            let there = existing.get(&(kind, name)).copied();
            let key = (kind, name.to_owned());
            let Some(write) = difference(object, there) else {
                self.repeated.remove(&key);
                continue;
            };
            let seen = seen(&write, there);
            let times = match self.repeated.get(&key) {
                Some(before) if before.is_in_vain(&seen, now) => continue,
                Some(before) if before.seen == seen => before.times + 1,
                _ => 1,
            };
            let last = now;
            self.repeated.insert(key, Repeated { seen, times, last });
            writes.push((object.clone(), write));
        }
        writes
    }

    /// Only a document that was written makes the next publication wait, not one that was refused.
    async fn write(&mut self, writes: Vec<(Object, Write)>) -> Result<(), ApplyError> {
        let began = Instant::now();
        let apply = Apply {
            client: self.shared.client.clone(),
            namespace: self.key.namespace.clone(),
            store: Arc::clone(&self.shared.store),
            metrics: Arc::clone(&self.shared.metrics),
        };
        for (object, write) in writes {
            apply.write(&object, write).await?;
            if is_document(&object) {
                self.published = Some(began);
            }
        }
        Ok(())
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
    fn conclude(&mut self) {
        let is_first = self.is_first_of_namespace();
        let Some(current) = &mut self.current else {
            return;
        };
        current.world.pods = self.pods.reports();
        current.world.now = k8s_openapi::jiff::Timestamp::now();
        let statuses = update_status::compute(&current.world, &current.validated, &current.built);
        let is_outstanding = statuses.is_outstanding() || self.pods.has_silent();
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

/// What would be written over what.
fn seen(write: &Write, there: Option<&Object>) -> String {
    let (Write::Create(value) | Write::Replace(value) | Write::Apply(value)) = write;
    let mut there = there
        .and_then(|there| serde_json::to_value(there).ok())
        .unwrap_or_default();
    let mut value = value.clone();
    for value in [&mut there, &mut value] {
        if let Some(metadata) = value
            .pointer_mut("/metadata")
            .and_then(|it| it.as_object_mut())
        {
            metadata.remove("resourceVersion");
            metadata.remove("generation");
        }
    }
    mailaccess_config::Digest::of(format!("{there}\n{value}").as_bytes()).to_string()
}

fn serves_all(report: &crate::reconcile::report::PodReport, built: &Built) -> bool {
    built
        .documents
        .iter()
        .all(|(name, document)| report.serves(*name, &document.header))
}

/// The statuses as what is written.
fn wanted(world: &World, statuses: &Statuses, is_first: bool) -> Wanted {
    let json = |status: serde_json::Result<serde_json::Value>| status.unwrap_or_default();
    let mut wanted = Wanted::new();
    wanted.insert(
        (Kind::MailAccessServer, world.server.name().to_owned()),
        json(serde_json::to_value(&statuses.server)),
    );
    for object in &world.mailboxes {
        if let Some(status) = statuses.mailboxes.get(object.name())
            && (is_first || object.server_name().is_some())
        {
            wanted.insert(
                (Kind::CASMailbox, object.name().to_owned()),
                json(serde_json::to_value(status)),
            );
        }
    }
    for object in &world.bindings {
        if let Some(status) = statuses.bindings.get(object.name())
            && (is_first || object.server_name().is_some())
        {
            wanted.insert(
                (Kind::CertificateBinding, object.name().to_owned()),
                json(serde_json::to_value(status)),
            );
        }
    }
    wanted
}

/// The statuses become what the next ones are compared with.
fn adopt(world: &mut World, statuses: Statuses) {
    let Statuses {
        server,
        mut mailboxes,
        mut bindings,
    } = statuses;
    match &mut world.server {
        Observed::Valid(object) => object.status = Some(server),
        Observed::Invalid(object) => put_status(&mut object.raw, &server),
    }
    for object in &mut world.mailboxes {
        let Some(status) = mailboxes.remove(object.name()) else {
            continue;
        };
        match object {
            Observed::Valid(object) => object.status = Some(status),
            Observed::Invalid(object) => put_status(&mut object.raw, &status),
        }
    }
    for object in &mut world.bindings {
        let Some(status) = bindings.remove(object.name()) else {
            continue;
        };
        match object {
            Observed::Valid(object) => object.status = Some(status),
            Observed::Invalid(object) => put_status(&mut object.raw, &status),
        }
    }
}

fn put_status(raw: &mut serde_json::Value, status: &impl serde::Serialize) {
    if let (Some(raw), Ok(status)) = (raw.as_object_mut(), serde_json::to_value(status)) {
        raw.insert("status".to_owned(), status);
    }
}
