//! `run`: the operator of a cluster.
//!
//! ```text
//! watch ──▶ store ──▶ one reconciler a server ──▶ apply, nudge
//!  (one a kind       (indices: whom      │
//!   and namespace)    does it concern?)  └──▶ update_status ──▶ events
//! ```
//!
//! Only `apply`, `update_status`, `nudge` and `events` write. Everything that is decided is decided by
//! [`crate::reconcile`], the same as without a cluster.

pub mod apply;
pub mod backoff;
pub mod cache;
pub mod client;
pub mod conclusion;
pub mod dereference;
pub mod difference;
pub mod events;
pub mod health;
pub mod in_vain;
pub mod kind;
pub mod metrics;
pub mod nudge;
pub mod orphans;
pub mod pods;
pub mod reconciler;
pub mod row;
pub mod store;
pub mod update_status;
pub mod watch;

use crate::reconcile::dereference::Operator;
use anyhow::{Context as _, Result, bail};
use events::Transition;
use health::{Health, Heartbeat};
use kind::Kind;
use metrics::Metrics;
use pods::Route;
use reconciler::{Reconciler, Shared};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::{ServerKey, Store};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;
use update_status::{UpdateStatus, Wanted};

/// Reconciliations that work at a time.
const WORKERS: usize = 8;
/// Statuses that are written at a time, of all servers.
const STATUS_WRITES: usize = 16;
/// What has begun gets so long to end.
const STOP: Duration = Duration::from_secs(25);
/// Whether everything still runs is looked at so often.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What `run` was started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// A kubeconfig, from outside a cluster.
    pub kubeconfig: Option<PathBuf>,
    /// A context of it.
    pub context: Option<String>,
    /// The namespaces to watch; none is the operator's own.
    pub namespaces: Vec<String>,
    /// Whether pods are asked through the API server; unsaid, from outside the cluster they are.
    pub by_proxy: Option<bool>,
    /// Who writes events, if there may be several.
    pub instance: Option<String>,
    /// Where health and metrics are served; unsaid, on every address.
    pub bind: Option<IpAddr>,
    /// On which port.
    pub port: u16,
    /// What pods run, and more.
    pub operator: Operator,
}

/// Runs until somebody ends it.
pub async fn run(options: Options) -> Result<()> {
    // Before anything else, so that an early signal is not lost.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let metrics = Arc::new(Metrics::default());
    let access = client::access(options.kubeconfig.as_deref(), options.context.as_deref()).await?;
    let namespaces = if options.namespaces.is_empty() {
        vec![access.config.default_namespace.clone()]
    } else {
        options.namespaces.clone()
    };
    let by_proxy = options.by_proxy.unwrap_or(!access.is_inside);
    tracing::info!(
        server = %access.config.cluster_url,
        namespaces = namespaces.join(","),
        version = env!("CARGO_PKG_VERSION"),
        "start"
    );
    let impatient = client::impatient(access.config.clone(), &metrics)?;
    let client = client::client(access.config, &metrics)?;
    let shared = Arc::new(Shared {
        route: if by_proxy {
            Route::Proxy(impatient)
        } else {
            Route::Direct
        },
        client,
        store: Arc::new(Store::default()),
        operator: options.operator.clone(),
        workers: Semaphore::new(WORKERS),
        metrics,
    });
    let mut supervisor = Supervisor::start(shared, namespaces, &options);
    let result = tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        result = supervisor.watch_over() => result,
    };
    tracing::info!("stop: finish what has begun");
    supervisor.stop().await;
    result
}

/// Everything that runs.
struct Supervisor {
    shared: Arc<Shared>,
    namespaces: Arc<[String]>,
    heartbeat: Heartbeat,
    events: mpsc::Sender<Transition>,
    status_slots: Arc<Semaphore>,
    /// Reconciliations that run.
    servers: BTreeMap<ServerKey, tokio::task::AbortHandle>,
    /// Ends by itself once it is told to stop.
    workers: JoinSet<()>,
    /// Never ends by itself.
    watchers: JoinSet<Result<()>>,
    stop: CancellationToken,
}

impl Supervisor {
    fn start(shared: Arc<Shared>, namespaces: Vec<String>, options: &Options) -> Self {
        let (events, queue) = mpsc::channel(events::QUEUE);
        let mut supervisor = Self {
            namespaces: namespaces.into(),
            heartbeat: Heartbeat::default(),
            events,
            status_slots: Arc::new(Semaphore::new(STATUS_WRITES)),
            servers: BTreeMap::new(),
            workers: JoinSet::new(),
            watchers: JoinSet::new(),
            stop: CancellationToken::new(),
            shared,
        };
        let health = Health {
            store: Arc::clone(&supervisor.shared.store),
            metrics: Arc::clone(&supervisor.shared.metrics),
            namespaces: Arc::clone(&supervisor.namespaces),
            heartbeat: supervisor.heartbeat.clone(),
        };
        let stop = supervisor.stop.clone();
        supervisor
            .watchers
            .spawn(health::serve(options.bind, options.port, health, stop));
        let namespaces = Arc::clone(&supervisor.namespaces);
        for namespace in namespaces.iter() {
            supervisor.start_namespace(namespace);
        }
        let client = supervisor.shared.client.clone();
        let metrics = Arc::clone(&supervisor.shared.metrics);
        supervisor.workers.spawn(events::keep(
            client,
            options.instance.clone(),
            queue,
            metrics,
        ));
        supervisor
    }

    fn start_namespace(&mut self, namespace: &str) {
        for kind in Kind::ALL {
            let watch = watch::Watch {
                client: self.shared.client.clone(),
                namespace: namespace.to_owned(),
                kind,
                store: Arc::clone(&self.shared.store),
                metrics: Arc::clone(&self.shared.metrics),
            };
            self.watchers.spawn(async move {
                watch.keep().await;
                Ok(())
            });
        }
        let wanted = self.start_statuses(namespace);
        let store = Arc::clone(&self.shared.store);
        let metrics = Arc::clone(&self.shared.metrics);
        let stop = self.stop.clone();
        let namespace = namespace.to_owned();
        self.workers
            .spawn(orphans::keep(store, namespace, wanted, metrics, stop));
    }

    fn start_statuses(&mut self, namespace: &str) -> tokio::sync::watch::Sender<Wanted> {
        let (sender, receiver) = tokio::sync::watch::channel(Wanted::new());
        let statuses = UpdateStatus {
            client: self.shared.client.clone(),
            namespace: namespace.to_owned(),
            store: Arc::clone(&self.shared.store),
            slots: Arc::clone(&self.status_slots),
            events: self.events.clone(),
            metrics: Arc::clone(&self.shared.metrics),
        };
        self.workers
            .spawn(statuses.keep(receiver, self.stop.clone()));
        sender
    }

    /// Never returns but when something ended that must not.
    async fn watch_over(&mut self) -> Result<()> {
        let store = Arc::clone(&self.shared.store);
        let mut tick = interval(LOOK_EVERY);
        loop {
            let changed = store.changed();
            tokio::pin!(changed);
            changed.as_mut().enable();
            self.heartbeat.beat();
            self.start_servers();
            tokio::select! {
                () = changed => {}
                _ = tick.tick() => {}
                Some(ended) = self.watchers.join_next() => {
                    ended.context("a watch broke off")??;
                    bail!("a watch ended by itself");
                }
                Some(ended) = self.workers.join_next() => {
                    ended.context("a reconciliation broke off")?;
                }
            }
        }
    }

    fn start_servers(&mut self) {
        self.servers.retain(|_, task| !task.is_finished());
        for key in self.shared.store.servers() {
            if self.servers.contains_key(&key) || !self.shared.store.is_known(&key.namespace) {
                continue;
            }
            tracing::info!(server = %key, "reconcile");
            let wanted = self.start_statuses(&key.namespace);
            let events = self.events.clone();
            let reconciler = Reconciler::new(key.clone(), Arc::clone(&self.shared), wanted, events);
            let task = self.workers.spawn(reconciler.run(self.stop.clone()));
            self.servers.insert(key, task);
        }
    }

    async fn stop(mut self) {
        self.stop.cancel();
        // Without senders the last events are written and their task ends.
        drop(self.events);
        let all = async { while self.workers.join_next().await.is_some() {} };
        if timeout(STOP, all).await.is_err() {
            tracing::warn!("something did not end in time");
        }
        self.watchers.shutdown().await;
    }
}
