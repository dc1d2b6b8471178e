//! What the pods of a server said last, and asking them again.

use super::dereference::answers;
use super::row::{Phase, PodRow};
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

/// So many answers in a row may fail to come before what a pod said last counts no more. One that was started
/// again has said nothing.
const MISSES: u32 = 3;

/// What pods said, and in which state of theirs.
#[derive(Debug, Default)]
pub struct Pods {
    by_name: BTreeMap<String, Pod>,
}

#[derive(Debug)]
struct Pod {
    row: PodRow,
    said: Option<PodStatus>,
    /// Answers that did not come, in a row.
    misses: u32,
}

impl Pod {
    /// Takes an answer; says whether it is news.
    fn hear(&mut self, answer: Option<PodStatus>) -> bool {
        if answer.is_none() && self.said.is_some() && answers(&self.row) {
            self.misses += 1;
            if self.misses < MISSES {
                return false;
            }
        } else {
            self.misses = 0;
        }
        let is_news = self.said != answer;
        self.said = answer;
        is_news
    }
}

impl Pods {
    /// Takes over which pods there are. What one said before it was started again counts no more.
    pub fn update(&mut self, rows: Vec<PodRow>) {
        let mut before = std::mem::take(&mut self.by_name);
        for row in rows {
            let pod = match before.remove(&row.name) {
                Some(pod) if pod.row.restarts == row.restarts && pod.row.ip == row.ip => {
                    Pod { row, ..pod }
                }
                _ => Pod {
                    row,
                    said: None,
                    misses: 0,
                },
            };
            self.by_name.insert(pod.row.name.clone(), pod);
        }
    }

    /// What pods said is of another time.
    pub fn forget(&mut self) {
        for pod in self.by_name.values_mut() {
            pod.said = None;
        }
    }

    /// For `validate`, `build` and the statuses.
    pub fn reports(&self) -> Vec<PodReport> {
        self.by_name
            .iter()
            .map(|(name, pod)| PodReport {
                pod: name.clone(),
                said: pod.said.clone(),
                is_ending: pod.row.phase == Phase::Ending,
                hindrance: pod.row.hindrance.clone(),
            })
            .collect()
    }

    /// All pods.
    pub fn rows(&self) -> impl Iterator<Item = &PodRow> {
        self.by_name.values().map(|pod| &pod.row)
    }

    /// Whether some pod could answer and has not said anything.
    pub fn has_silent(&self) -> bool {
        self.by_name
            .values()
            .any(|pod| answers(&pod.row) && (pod.said.is_none() || pod.misses > 0))
    }

    /// Whether some pod is not ready, or its kubelet does not know yet that it is: what it says next may come without
    /// a sign of the kubelet's.
    pub fn has_unready(&self) -> bool {
        self.by_name.values().any(|pod| {
            let says_ready = pod
                .said
                .as_ref()
                .is_some_and(|said| said.not_ready.is_empty());
            pod.row.phase == Phase::Running && !(says_ready && pod.row.is_ready)
        })
    }

    /// Asks all pods at once. Says whether anything is news.
    pub async fn ask(&mut self, route: &Route, namespace: &str) -> bool {
        let asked = self.by_name.values().map(|pod| async {
            let said = ask(route, namespace, &pod.row).await;
            (pod.row.name.clone(), said)
        });
        let answers = join_all(asked).await;
        let mut is_news = false;
        for (name, said) in answers {
            if let Some(pod) = self.by_name.get_mut(&name) {
                is_news |= pod.hear(said);
            }
        }
        is_news
    }
}

/// An address may be another pod's by now, of another server.
async fn ask(route: &Route, namespace: &str, pod: &PodRow) -> Option<PodStatus> {
    let said = ask_whoever_is_there(route, namespace, pod).await?;
    let server = format!("{namespace}/{}", pod.server);
    (said.server.is_none() || said.server == Some(server)).then_some(said)
}

async fn ask_whoever_is_there(route: &Route, namespace: &str, pod: &PodRow) -> Option<PodStatus> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn row(restarts: i64) -> PodRow {
        PodRow {
            name: "mail-1".to_owned(),
            server: "mail".to_owned(),
            ip: Some("192.0.2.1".to_owned()),
            phase: Phase::Running,
            restarts,
            wanted: None,
            hindrance: None,
            is_ready: true,
        }
    }

    fn said(pods: &Pods) -> bool {
        pods.reports()[0].said.is_some()
    }

    fn hear(pods: &mut Pods, answer: Option<PodStatus>) -> bool {
        pods.by_name.get_mut("mail-1").unwrap().hear(answer)
    }

    #[test]
    fn two_answers_that_do_not_come_change_nothing() {
        let mut pods = Pods::default();
        pods.update(vec![row(0)]);
        assert!(!hear(&mut pods, None));
        assert!(hear(&mut pods, Some(PodStatus::default())));
        assert!(!pods.has_silent());
        for _ in 0..2 {
            assert!(!hear(&mut pods, None));
            assert!(said(&pods) && pods.has_silent());
        }
        assert!(hear(&mut pods, None));
        assert!(!said(&pods));
    }

    #[test]
    fn one_is_asked_again_until_its_kubelet_knows_what_it_says() {
        let mut pods = Pods::default();
        let with = |is_ready| PodRow { is_ready, ..row(0) };
        for (is_ready, not_ready, expected) in [
            (false, vec![], true),
            (true, vec!["no volume".to_owned()], true),
            (true, vec![], false),
        ] {
            pods.update(vec![with(is_ready)]);
            let said = PodStatus {
                not_ready,
                ..PodStatus::default()
            };
            hear(&mut pods, Some(said));
            assert_eq!(pods.has_unready(), expected, "{is_ready}");
        }
    }

    #[test]
    fn one_that_was_started_again_has_said_nothing() {
        let mut pods = Pods::default();
        pods.update(vec![row(0)]);
        hear(&mut pods, Some(PodStatus::default()));
        pods.update(vec![row(0)]);
        assert!(said(&pods));
        pods.update(vec![row(1)]);
        assert!(!said(&pods));
    }
}
