//! Wakes kubelets: a pod whose own annotation changes gets its volumes looked at, at once instead of within
//! a minute. One of the four places that write to the API server.
//!
//! A value that stays wakes nobody, and a kubelet may look before it has the new ConfigMap itself, so the
//! annotation carries the number of the attempt.

use super::metrics::Metrics;
use super::row::{PodRow, WANTED_ANNOTATION};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How much of the digest the annotation carries.
const SHOWN: usize = 16;
/// After the first attempt; twice as long after each further one ...
const FIRST: Duration = Duration::from_millis(500);
/// ... up to this: a kubelet whose API server was away takes up to a minute to watch again, and then somebody
/// should wake it soon.
const LONGEST: Duration = Duration::from_secs(8);
/// After so many, about two minutes, nobody is in a hurry any more.
const MANY: u32 = 18;
const SELDOM: Duration = Duration::from_mins(1);
/// The next attempt comes soon enough.
const ANSWER: Duration = Duration::from_secs(2);

/// What each pod was nudged with.
#[derive(Debug, Default)]
pub struct Nudges {
    by_pod: BTreeMap<String, Attempt>,
}

#[derive(Debug)]
struct Attempt {
    digest: String,
    /// An earlier operator's attempts count.
    number: u32,
    /// Those of this operator.
    tries: u32,
    next: Instant,
}

impl Nudges {
    /// The annotation for a pod that does not serve what is wanted, if it is time for one.
    pub fn due(&mut self, pod: &PodRow, wanted: &str, now: Instant) -> Option<String> {
        let digest = wanted.get(..SHOWN).unwrap_or(wanted);
        let number = match self.by_pod.get(&pod.name) {
            Some(attempt) if attempt.digest == digest => {
                if now < attempt.next {
                    return None;
                }
                attempt.number + 1
            }
            _ => shown(pod, digest).map_or(1, |number| number + 1),
        };
        let tries = match self.by_pod.get(&pod.name) {
            Some(attempt) if attempt.digest == digest => attempt.tries + 1,
            _ => 1,
        };
        let delay = match tries {
            MANY.. => SELDOM,
            _ => FIRST.saturating_mul(1 << (tries - 1)).min(LONGEST),
        };
        let attempt = Attempt {
            digest: digest.to_owned(),
            number,
            tries,
            next: now + delay,
        };
        self.by_pod.insert(pod.name.clone(), attempt);
        Some(format!("{digest}.{number}"))
    }

    /// Forgets pods that are gone.
    pub fn keep_only(&mut self, pods: &[PodRow]) {
        self.by_pod
            .retain(|name, _| pods.iter().any(|pod| pod.name == *name));
    }
}

/// The number of the attempt that a pod's annotation shows for this digest.
fn shown(pod: &PodRow, digest: &str) -> Option<u32> {
    let (shown, number) = pod.wanted.as_deref()?.rsplit_once('.')?;
    (shown == digest).then(|| number.parse().ok())?
}

/// Sets the annotation. A failure is only logged, since the next attempt follows.
pub async fn nudge(client: &Client, namespace: &str, pod: &str, value: &str, metrics: &Metrics) {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let patch = json!({"metadata": {"annotations": {WANTED_ANNOTATION: value}}});
    let params = PatchParams::default();
    let patch = Patch::Merge(&patch);
    match timeout(ANSWER, api.patch_metadata(pod, &params, &patch)).await {
        Ok(Ok(_)) => metrics.nudged(),
        Ok(Err(kube::Error::Api(status))) if status.is_not_found() => {}
        Ok(Err(error)) => tracing::warn!(namespace, pod, %error, "cannot nudge the pod"),
        Err(_) => tracing::warn!(namespace, pod, "cannot nudge the pod: no answer in time"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::row::Phase;

    const WANTED: &str = "0123456789abcdef0123456789abcdef";

    fn pod(wanted: Option<&str>) -> PodRow {
        PodRow {
            name: "mail-1".to_owned(),
            server: "mail".to_owned(),
            ip: Some("192.0.2.1".to_owned()),
            phase: Phase::Running,
            restarts: 0,
            wanted: wanted.map(str::to_owned),
            hindrance: None,
            is_ready: true,
        }
    }

    #[test]
    fn attempts_come_after_half_a_second_then_one_then_two() {
        let mut nudges = Nudges::default();
        let start = Instant::now();
        let mut seen = Vec::new();
        for tenths in 0..80 {
            let now = start + Duration::from_millis(100 * tenths);
            if let Some(value) = nudges.due(&pod(None), WANTED, now) {
                seen.push((tenths, value));
            }
        }
        let expected: Vec<(u64, String)> = [(0, 1), (5, 2), (15, 3), (35, 4), (75, 5)]
            .map(|(tenths, number)| (tenths, format!("0123456789abcdef.{number}")))
            .into();
        assert_eq!(seen, expected);
    }

    #[test]
    fn after_two_minutes_there_is_an_attempt_a_minute() {
        let mut nudges = Nudges::default();
        let start = Instant::now();
        let mut seen = Vec::new();
        for second in 0..600 {
            let now = start + Duration::from_secs(second);
            if nudges.due(&pod(None), WANTED, now).is_some() {
                seen.push(second);
            }
        }
        let gaps: Vec<u64> = seen.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(gaps[..6], [1, 1, 2, 4, 8, 8]);
        assert!(gaps[6..15].iter().all(|gap| *gap == 8), "{gaps:?}");
        assert!((100..140).contains(&seen[17]), "{seen:?}");
        assert!(gaps[17..].iter().all(|gap| *gap == 60), "{gaps:?}");
    }

    #[test]
    fn another_digest_is_tried_at_once() {
        let mut nudges = Nudges::default();
        let now = Instant::now();
        assert!(nudges.due(&pod(None), WANTED, now).is_some());
        let other = "fedcba98765432100000";
        assert_eq!(
            nudges.due(&pod(None), other, now).as_deref(),
            Some("fedcba9876543210.1")
        );
    }

    #[test]
    fn the_attempt_of_an_earlier_operator_is_not_repeated() {
        let mut nudges = Nudges::default();
        let pod = pod(Some("0123456789abcdef.4"));
        assert_eq!(
            nudges.due(&pod, WANTED, Instant::now()).as_deref(),
            Some("0123456789abcdef.5")
        );
    }
}
