//! Keeps one kind of one namespace up to date, whatever happens to the connection.
//!
//! ```text
//! list, page by page ──▶ watch ──▶ its time is over ──▶ watch on from the last version
//!        ▲                 │
//!        │                 ├──▶ it ended before its time ──▶ wait, ask for the newest version:
//!        │                 │      not older than ours ──▶ watch on
//!        └── 410, an error, or a history that went back ◀─┘
//! ```
//!
//! The library's own watcher goes on from the last version after every break. A server whose store was
//! restored from a backup then says nothing until its versions have caught up, and the operator would sit on
//! a state that never comes back; hence the question after a break.

use super::backoff::Backoff;
use super::kind::Kind;
use super::metrics::Metrics;
use super::row::Row;
use super::store::Store;
use futures::{StreamExt as _, TryStreamExt as _};
use kube::api::{ListParams, WatchParams};
use kube::core::{DynamicObject, WatchEvent};
use kube::{Api, Client};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The server ends a watch after that.
const WATCH_SECONDS: u32 = 290;
/// One that lasted so long did not break.
const LASTED: Duration = Duration::from_secs(WATCH_SECONDS as u64 - 10);
/// One that lasted so long shows that the server is well.
const STEADY: Duration = Duration::from_secs(10);
/// A bookmark comes every minute, so a watch that says nothing for so long is dead.
const SILENCE: Duration = Duration::from_secs(150);
/// A page of a list, or the first word of a watch.
const ANSWER: Duration = Duration::from_secs(30);
/// Objects at a time.
const PAGE: u32 = 500;

/// A watch of one kind in one namespace.
pub struct Watch {
    /// How to ask.
    pub client: Client,
    /// Where.
    pub namespace: String,
    /// What.
    pub kind: Kind,
    /// Who wants to know.
    pub store: Arc<Store>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// Why a watch ended.
enum End {
    /// Its time was over.
    Over,
    /// What comes next is not known any more.
    Lost(String),
    /// The connection broke.
    Broken(String),
}

/// A request that had no answer in time.
#[derive(Debug, thiserror::Error)]
enum ListError {
    #[error("{0}")]
    Kube(#[from] kube::Error),
    #[error("no answer in {} s", ANSWER.as_secs())]
    Timeout(#[from] tokio::time::error::Elapsed),
}

impl Watch {
    /// Runs for ever.
    pub async fn keep(self) {
        let api: Api<DynamicObject> = Api::namespaced_with(
            self.client.clone(),
            &self.namespace,
            &self.kind.api_resource(),
        );
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
        loop {
            match self.list(&api).await {
                Ok(version) => {
                    let why = self.follow(&api, version, &mut backoff).await;
                    self.say_again("list again", &why);
                }
                Err(error) => self.say_again("list failed", &error.to_string()),
            }
            sleep(backoff.delay()).await;
        }
    }

    fn say_again(&self, what: &str, why: &str) {
        self.metrics.watch_restarted(self.kind);
        tracing::warn!(
            namespace = self.namespace,
            kind = self.kind.as_str(),
            "{what}: {why}"
        );
    }

    /// Reads everything; gives the version that it is the state of.
    async fn list(&self, api: &Api<DynamicObject>) -> Result<String, ListError> {
        let mut rows = Vec::new();
        let mut params = self.list_params().limit(PAGE);
        loop {
            let page = timeout(ANSWER, api.list(&params)).await??;
            let version = page.metadata.resource_version.unwrap_or_default();
            let items = page.items.into_iter();
            rows.extend(items.filter_map(|item| Row::of(self.kind, item)));
            let Some(token) = page.metadata.continue_.filter(|token| !token.is_empty()) else {
                self.store.replace(&self.namespace, self.kind, rows);
                return Ok(version);
            };
            params.continue_token = Some(token);
        }
    }

    fn list_params(&self) -> ListParams {
        ListParams {
            field_selector: self.kind.field_selector().map(str::to_owned),
            label_selector: self.kind.label_selector().map(str::to_owned),
            ..ListParams::default()
        }
    }

    /// Follows the changes from a version on, until they have to be listed again; says why.
    async fn follow(
        &self,
        api: &Api<DynamicObject>,
        mut version: String,
        backoff: &mut Backoff,
    ) -> String {
        loop {
            let began = Instant::now();
            let before = version.clone();
            let end = self.watch_once(api, &mut version).await;
            // It worked for a while, or told something.
            if began.elapsed() > STEADY || version != before {
                backoff.reset();
            }
            match end {
                End::Over => {}
                End::Lost(why) => return why,
                End::Broken(why) => {
                    self.say_again("watch broke", &why);
                    loop {
                        sleep(backoff.delay()).await;
                        match self.went_back(api, &version).await {
                            Ok(true) => return "the server's history went back".to_owned(),
                            Ok(false) => break,
                            Err(error) => self.say_again("no answer yet", &error.to_string()),
                        }
                    }
                }
            }
        }
    }

    async fn watch_once(&self, api: &Api<DynamicObject>, version: &mut String) -> End {
        let mut params = WatchParams::default().timeout(WATCH_SECONDS);
        params.field_selector = self.kind.field_selector().map(str::to_owned);
        params.label_selector = self.kind.label_selector().map(str::to_owned);
        params.bookmarks = true;
        let stream = match timeout(ANSWER, api.watch(&params, version)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(kube::Error::Api(status))) if status.code == 410 => {
                return End::Lost(status.message.clone());
            }
            Ok(Err(error)) => return End::Broken(error.to_string()),
            Err(_) => return End::Broken(format!("no answer in {} s", ANSWER.as_secs())),
        };
        let mut stream = stream.boxed();
        let began = Instant::now();
        loop {
            match timeout(SILENCE, stream.try_next()).await {
                Err(_) => return End::Broken("it went silent".to_owned()),
                Ok(Err(error)) => return End::Broken(error.to_string()),
                // The library says the same of a connection that was cut off.
                Ok(Ok(None)) if began.elapsed() < LASTED => {
                    return End::Broken("it ended before its time".to_owned());
                }
                Ok(Ok(None)) => return End::Over,
                Ok(Ok(Some(event))) => {
                    if let Some(end) = self.take(event, version) {
                        return end;
                    }
                }
            }
        }
    }

    fn take(&self, event: WatchEvent<DynamicObject>, version: &mut String) -> Option<End> {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                note(version, &object);
                self.store.take(&self.namespace, self.kind, object);
                None
            }
            WatchEvent::Deleted(object) => {
                note(version, &object);
                self.store.remove(
                    &self.namespace,
                    self.kind,
                    object.metadata.name.as_deref().unwrap_or_default(),
                    object.metadata.uid.as_deref().unwrap_or_default(),
                );
                None
            }
            WatchEvent::Bookmark(bookmark) => {
                *version = bookmark.metadata.resource_version;
                None
            }
            WatchEvent::Error(status) => Some(End::Lost(status.message.clone())),
        }
    }

    /// Whether the newest version is older than one that was seen. Versions that are no numbers are
    /// compared by nobody.
    async fn went_back(&self, api: &Api<DynamicObject>, seen: &str) -> Result<bool, ListError> {
        let page = timeout(ANSWER, api.list(&self.list_params().limit(1))).await??;
        let newest = page.metadata.resource_version.unwrap_or_default();
        Ok(match (newest.parse::<u64>(), seen.parse::<u64>()) {
            (Ok(newest), Ok(seen)) => newest < seen,
            _ => false,
        })
    }
}

fn note(version: &mut String, object: &DynamicObject) {
    if let Some(new) = &object.metadata.resource_version {
        version.clone_from(new);
    }
}
