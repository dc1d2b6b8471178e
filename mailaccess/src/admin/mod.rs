//! The admin port: health, metrics and status by HTTP. It only reads.

mod door;
mod status;

use crate::documents::{Effective, StatusCell};
use crate::listener::PortStatus;
use crate::metrics::Observed;
use crate::readiness::Readiness;
use crate::server::Server;
use arc_swap::ArcSwap;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

/// How long `/status` waits until what it tells of is obeyed, too.
const OBEYED_WAIT: Duration = Duration::from_secs(1);

/// What the admin port shows.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) server: Arc<Server>,
    pub(crate) documents: Arc<StatusCell>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) ports: Arc<ArcSwap<Vec<PortStatus>>>,
    pub(crate) obeyed: watch::Receiver<Arc<Effective>>,
}

/// Answers until the process ends.
pub(crate) async fn serve(listener: TcpListener, admin: Admin) -> std::io::Result<()> {
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/status", get(status))
        .with_state(admin);
    axum::serve(door::Door::new(listener), router).await
}

/// That an answer comes at all is the answer: the runtime turns.
async fn livez() -> &'static str {
    "ok\n"
}

async fn readyz(State(admin): State<Admin>) -> Response {
    let missing = admin.readiness.missing();
    if missing.is_empty() {
        "ok\n".into_response()
    } else {
        let text = missing.join("\n") + "\n";
        (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    let rendered = admin.server.metrics.render(&Observed {
        documents: &admin.documents.snapshot(),
        effective: &admin.server.effective(),
        ports: &admin.ports.load(),
        verifications: admin.server.people.counts(),
        store: &admin.server.store,
    });
    match rendered {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn status(State(mut admin): State<Admin>) -> Response {
    // Whoever reads a digest here may rely on its being obeyed.
    let documents = admin.documents.snapshot();
    let effective = admin.server.effective();
    let obeyed = admin
        .obeyed
        .wait_for(|obeyed| Arc::ptr_eq(obeyed, &effective) || newer(&admin.server, &effective));
    let in_time = timeout(OBEYED_WAIT, async { obeyed.await.is_ok() }).await;
    if in_time != Ok(true) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    Json(status::Status::new(&admin, &documents, &effective)).into_response()
}

/// Whether something newer than this is in force, which then is obeyed instead.
fn newer(server: &Server, effective: &Arc<Effective>) -> bool {
    !Arc::ptr_eq(&server.effective(), effective)
}
