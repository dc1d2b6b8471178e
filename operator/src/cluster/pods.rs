//! What the pods of a server said last, and asking them again.

use super::dereference::answers;
use super::row::PodRow;
use crate::pod_status;
use crate::reconcile::report::{PodReport, PodStatus};
use futures::future::join_all;
use kube::Client;
use mailaccess_config::settings::ADMIN_PORT;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::timeout;

/// By way of the API server it takes a little longer.
const ANSWER: Duration = Duration::from_secs(2);

/// How pods are reached.
#[derive(Clone)]
pub enum Route {
    /// At their address.
    Direct,
    /// Through the API server, from outside the cluster.
    Proxy(Client),
}

/// What pods said, and in which state of theirs.
#[derive(Debug, Default)]
pub struct Pods {
    by_name: BTreeMap<String, (PodRow, Option<PodStatus>)>,
}

impl Pods {
    /// Takes over which pods there are. What one said before it was started again counts no more.
    pub fn update(&mut self, rows: Vec<PodRow>) {
        let mut before = std::mem::take(&mut self.by_name);
        for row in rows {
            let said = match before.remove(&row.name) {
                Some((old, said)) if old.restarts == row.restarts && old.ip == row.ip => said,
                _ => None,
            };
            self.by_name.insert(row.name.clone(), (row, said));
        }
    }

    /// What pods said is of another time.
    pub fn forget(&mut self) {
        for (_, said) in self.by_name.values_mut() {
            *said = None;
        }
    }

    /// For `validate`, `build` and the statuses.
    pub fn reports(&self) -> Vec<PodReport> {
        self.by_name
            .iter()
            .map(|(name, (_, said))| PodReport {
                pod: name.clone(),
                said: said.clone(),
            })
            .collect()
    }

    /// All pods.
    pub fn rows(&self) -> impl Iterator<Item = &PodRow> {
        self.by_name.values().map(|(row, _)| row)
    }

    /// Whether some pod could answer and has not said anything.
    pub fn has_silent(&self) -> bool {
        self.by_name
            .values()
            .any(|(row, said)| said.is_none() && answers(row))
    }

    /// Asks all pods at once. Says whether anything is news.
    pub async fn ask(&mut self, route: &Route, namespace: &str) -> bool {
        let asked = self.by_name.values().map(|(row, _)| async {
            let said = ask(route, namespace, row).await;
            (row.name.clone(), said)
        });
        let answers = join_all(asked).await;
        let mut is_news = false;
        for (name, said) in answers {
            if let Some((_, before)) = self.by_name.get_mut(&name)
                && *before != said
            {
                *before = said;
                is_news = true;
            }
        }
        is_news
    }
}

async fn ask(route: &Route, namespace: &str, pod: &PodRow) -> Option<PodStatus> {
    if !answers(pod) {
        return None;
    }
    match route {
        Route::Direct => {
            let ip: IpAddr = pod.ip.as_deref()?.parse().ok()?;
            pod_status::status(SocketAddr::new(ip, ADMIN_PORT)).await
        }
        Route::Proxy(client) => {
            let path = format!(
                "/api/v1/namespaces/{namespace}/pods/{}:{ADMIN_PORT}/proxy/status",
                pod.name
            );
            let request = http::Request::get(path).body(Vec::new()).ok()?;
            match timeout(ANSWER, client.request_text(request)).await {
                Ok(Ok(text)) => serde_json::from_str(&text)
                    .inspect_err(
                        |error| tracing::warn!(pod = pod.name, %error, "its status cannot be read"),
                    )
                    .ok(),
                Ok(Err(error)) => {
                    tracing::debug!(pod = pod.name, %error, "the pod does not answer");
                    None
                }
                Err(_) => None,
            }
        }
    }
}
