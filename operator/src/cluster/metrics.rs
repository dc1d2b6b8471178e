//! What is counted, under the names that controllers have elsewhere where they fit.

use super::kind::Kind;
use crate::faults::{FaultCounter, Faults, Found};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::time::Duration;

/// How a reconciliation ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reconciled {
    controller: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Controller {
    controller: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    code: String,
    method: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

const CONTROLLER: Controller = Controller {
    controller: "mailaccessserver",
};

/// All counters of the operator.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    reconciled: Family<Reconciled, Counter>,
    reconcile_errors: Family<Controller, Counter>,
    reconcile_seconds: Histogram,
    active_workers: Family<Controller, Gauge>,
    requests: Family<Request, Counter>,
    watch_restarts: Family<OfKind, Counter>,
    published: Counter,
    nudges: Counter,
    statuses: Family<OfKind, Counter>,
    events: Counter,
    served_seconds: Histogram,
    cached: Gauge,
    servers: Gauge,
    faults: FaultCounter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            reconciled: Family::default(),
            reconcile_errors: Family::default(),
            reconcile_seconds: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            active_workers: Family::default(),
            requests: Family::default(),
            watch_restarts: Family::default(),
            published: Counter::default(),
            nudges: Counter::default(),
            statuses: Family::default(),
            events: Counter::default(),
            served_seconds: Histogram::new(exponential_buckets(0.05, 1.6, 16)),
            cached: Gauge::default(),
            servers: Gauge::default(),
            faults: FaultCounter::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "controller_runtime_reconcile",
            "Reconciliations by how they ended",
            self.reconciled.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_errors",
            "Reconciliations that failed",
            self.reconcile_errors.clone(),
        );
        registry.register(
            "controller_runtime_reconcile_time_seconds",
            "How long a reconciliation takes",
            self.reconcile_seconds.clone(),
        );
        registry.register(
            "controller_runtime_active_workers",
            "Reconciliations that run now",
            self.active_workers.clone(),
        );
        registry.register(
            "rest_client_requests",
            "Requests to the API server by method and status",
            self.requests.clone(),
        );
        registry.register(
            "mailaccess_operator_watch_restarts",
            "Watches and lists that had to be begun again",
            self.watch_restarts.clone(),
        );
        registry.register(
            "mailaccess_operator_documents_published",
            "Documents written",
            self.published.clone(),
        );
        registry.register(
            "mailaccess_operator_nudges",
            "Annotations that made a kubelet look again",
            self.nudges.clone(),
        );
        registry.register(
            "mailaccess_operator_statuses_written",
            "Statuses written",
            self.statuses.clone(),
        );
        registry.register(
            "mailaccess_operator_events",
            "Events written",
            self.events.clone(),
        );
        registry.register(
            "mailaccess_operator_served_seconds",
            "From the first write of a publication until every pod said that it serves it",
            self.served_seconds.clone(),
        );
        registry.register(
            "mailaccess_operator_cached_objects",
            "Objects that are kept in memory",
            self.cached.clone(),
        );
        registry.register(
            "mailaccess_operator_servers",
            "MailAccessServers that are reconciled",
            self.servers.clone(),
        );
        self.faults.register(registry);
    }

    /// A reconciliation begins.
    pub fn begin(&self) {
        self.active_workers.get_or_create(&CONTROLLER).inc();
    }

    /// It ended: `success`, `requeue` (somebody else wrote in between) or `error`.
    pub fn end(&self, result: &'static str, took: Duration) {
        self.active_workers.get_or_create(&CONTROLLER).dec();
        self.reconcile_seconds.observe(took.as_secs_f64());
        if result == "error" {
            self.reconcile_errors.get_or_create(&CONTROLLER).inc();
        }
        let labels = Reconciled {
            controller: CONTROLLER.controller,
            result,
        };
        self.reconciled.get_or_create(&labels).inc();
    }

    /// A request was answered, or was not, or not in time: `<error>`.
    pub fn requested(&self, method: &str, code: &str) {
        let labels = Request {
            code: code.to_owned(),
            method: method.to_owned(),
        };
        self.requests.get_or_create(&labels).inc();
    }

    /// A watch or a list was begun again.
    pub fn watch_restarted(&self, kind: Kind) {
        let labels = OfKind {
            kind: kind.as_str(),
        };
        self.watch_restarts.get_or_create(&labels).inc();
    }

    /// A document was written.
    pub fn published(&self) {
        self.published.inc();
    }

    /// A pod was nudged.
    pub fn nudged(&self) {
        self.nudges.inc();
    }

    /// A status was written.
    pub fn status_written(&self, kind: Kind) {
        let labels = OfKind {
            kind: kind.as_str(),
        };
        self.statuses.get_or_create(&labels).inc();
    }

    /// An event was written.
    pub fn event_written(&self) {
        self.events.inc();
    }

    /// Every pod serves what was published.
    pub fn served_after(&self, took: Duration) {
        self.served_seconds.observe(took.as_secs_f64());
    }

    /// Objects were judged.
    pub fn judged(&self, found: Found, faults: &mut Faults) {
        faults.count(found, &self.faults);
    }

    /// As text for a scrape.
    pub fn render(&self, cached: usize, servers: usize) -> String {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.cached.set(number(cached));
        self.servers.set(number(servers));
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}
