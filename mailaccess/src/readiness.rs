//! Whether this process is ready: one complete set of documents was obeyed once, and the volume is there
//! with its marker now. Later lag of documents never makes it unready; a volume that is gone does, and so
//! does the end of the drain.

use crate::cause::Chain;
use crate::documents::{Effective, StatusCell};
use crate::server::Server;
use arc_swap::ArcSwap;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the volume is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The volume in `/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VolumeStatus {
    pub(crate) ready: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<VolumeFault>,
}

/// Why the volume is not ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct VolumeFault {
    pub(crate) text: String,
}

/// What readiness is made of.
pub(crate) struct Readiness {
    documents: Arc<StatusCell>,
    newest: watch::Receiver<Arc<Effective>>,
    obeyed: watch::Receiver<Arc<Effective>>,
    obeyed_once: AtomicBool,
    volume: ArcSwap<VolumeStatus>,
    ending: AtomicBool,
}

impl Readiness {
    /// `newest` is what the documents say, `obeyed` what of it is obeyed.
    pub(crate) fn new(
        documents: Arc<StatusCell>,
        newest: watch::Receiver<Arc<Effective>>,
        obeyed: watch::Receiver<Arc<Effective>>,
    ) -> Self {
        let not_looked = VolumeFault {
            text: "not looked at yet".to_owned(),
        };
        Self {
            documents,
            newest,
            obeyed,
            obeyed_once: AtomicBool::new(false),
            volume: ArcSwap::from_pointee(VolumeStatus {
                ready: false,
                error: Some(not_looked),
            }),
            ending: AtomicBool::new(false),
        }
    }

    /// Why this process is not ready; nothing when it is.
    pub(crate) fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        if self.ending.load(Ordering::Acquire) {
            missing.push("the process ends".to_owned());
        }
        if !self.documents.complete() {
            missing.push("not every document was loaded yet".to_owned());
        } else if !self.was_obeyed() {
            missing.push("the documents are not obeyed yet".to_owned());
        }
        if let Some(fault) = &self.volume.load().error {
            missing.push(format!("volume: {}", fault.text));
        }
        missing
    }

    /// Never ready again.
    pub(crate) fn end(&self) {
        self.ending.store(true, Ordering::Release);
    }

    pub(crate) fn volume(&self) -> Arc<VolumeStatus> {
        self.volume.load_full()
    }

    /// Whether a complete set was obeyed, down to its open ports.
    fn was_obeyed(&self) -> bool {
        let once = self.obeyed_once.load(Ordering::Acquire)
            || Arc::ptr_eq(&self.newest.borrow(), &self.obeyed.borrow());
        if once {
            self.obeyed_once.store(true, Ordering::Release);
        }
        once
    }

    fn set_volume(&self, status: &VolumeStatus) {
        let before = self.volume.swap(Arc::new(status.clone()));
        match (&before.error, &status.error) {
            (before, Some(fault)) if before.as_ref() != Some(fault) => {
                tracing::error!("volume: {}", fault.text);
            }
            (Some(_), None) => tracing::info!("volume ready"),
            _ => {}
        }
    }
}

/// Looks at the volume until the end.
pub(crate) async fn watch_volume(
    server: Arc<Server>,
    readiness: Arc<Readiness>,
    end: CancellationToken,
) {
    loop {
        let store = server.store.clone();
        let looked = tokio::task::spawn_blocking(move || store.check()).await;
        let error = match looked {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(Chain(&why).to_string()),
            Err(error) => Some(error.to_string()),
        };
        let status = VolumeStatus {
            ready: error.is_none(),
            error: error.map(|text| VolumeFault { text }),
        };
        server.metrics.set_volume_ready(i64::from(status.ready));
        readiness.set_volume(&status);
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, whole};

    #[tokio::test(start_paused = true)]
    async fn a_volume_that_is_lost_makes_unready_until_it_is_there_again() {
        let bench = Bench::new(whole(&["ann"]));
        let effective = bench.documents.subscribe();
        let documents = Arc::new(StatusCell::default());
        let readiness = Arc::new(Readiness::new(documents, effective.clone(), effective));
        let end = CancellationToken::new();
        let _end = end.clone().drop_guard();
        let server = Arc::clone(&bench.server);
        tokio::spawn(watch_volume(server, Arc::clone(&readiness), end));
        let marker = bench.volume.path().join(mailaccess_store::maildir::MARKER);
        let aside = bench.volume.path().join("aside");
        volume_turns(&readiness, true).await;
        std::fs::rename(&marker, &aside).unwrap();
        volume_turns(&readiness, false).await;
        std::fs::rename(&aside, &marker).unwrap();
        volume_turns(&readiness, true).await;
    }

    /// Waits until status and readiness say so; the clock runs by itself.
    async fn volume_turns(readiness: &Readiness, ready: bool) {
        let said = || {
            let missing = readiness.missing();
            let named = missing.iter().any(|why| why.contains("mailaccess.volume"));
            readiness.volume().ready == ready && named != ready
        };
        let limit = Duration::from_secs(3);
        let turned = tokio::time::timeout(limit, async {
            while !said() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        turned.await.unwrap();
    }
}
