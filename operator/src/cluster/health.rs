//! `/livez`, `/readyz` and `/metrics`. It only reads.

use super::metrics::Metrics;
use super::store::Store;
use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The supervisor looks every few seconds; when it has not for so long, something hangs.
const STUCK: Duration = Duration::from_mins(1);

/// What is asked for.
#[derive(Clone)]
pub struct Health {
    /// What is there.
    pub store: Arc<Store>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Which namespaces have to be known.
    pub namespaces: Arc<[String]>,
    /// When the supervisor was last seen.
    pub heartbeat: Heartbeat,
}

/// When somebody was last seen at work.
#[derive(Clone, Default)]
pub struct Heartbeat(Arc<AtomicU64>);

impl Heartbeat {
    /// Still here.
    pub fn beat(&self) {
        self.0.store(millis(), Ordering::Relaxed);
    }

    fn age(&self) -> Duration {
        Duration::from_millis(millis().saturating_sub(self.0.load(Ordering::Relaxed)))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a driver: it measures whether time passes without work"
)]
fn millis() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let since = START.get_or_init(Instant::now).elapsed().as_millis();
    u64::try_from(since).unwrap_or(u64::MAX)
}

/// Serves until it is told to stop.
pub async fn serve(
    bind: Option<IpAddr>,
    port: u16,
    health: Health,
    stop: CancellationToken,
) -> Result<()> {
    // Both families through one socket, where there are both.
    let address = bind.unwrap_or(Ipv6Addr::UNSPECIFIED.into());
    let mut listener = TcpListener::bind((address, port)).await;
    if bind.is_none() && listener.is_err() {
        listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await;
    }
    let listener = listener
        .with_context(|| format!("listen on {address}, port {port}: try --bind or --port"))?;
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health);
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .context("serve health and metrics")
}

async fn livez(State(health): State<Health>) -> impl IntoResponse {
    let age = health.heartbeat.age();
    if age < STUCK {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        let text = format!("nothing has moved for {} s\n", age.as_secs());
        (StatusCode::INTERNAL_SERVER_ERROR, text)
    }
}

async fn readyz(State(health): State<Health>) -> impl IntoResponse {
    let unknown: Vec<&str> = health
        .namespaces
        .iter()
        .filter(|namespace| !health.store.is_known(namespace))
        .map(String::as_str)
        .collect();
    if unknown.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        let text = format!("not read yet: {}\n", unknown.join(", "));
        (StatusCode::SERVICE_UNAVAILABLE, text)
    }
}

async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    let cached = health.store.sizes().iter().map(|(_, size)| size).sum();
    let servers = health.store.servers().len();
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    (
        [(http::header::CONTENT_TYPE, kind)],
        health.metrics.render(cached, servers),
    )
}
