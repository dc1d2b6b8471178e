//! Says of every object whose MailAccessServer is not there that it waits for one.

use super::cache::Cache;
use super::kind::Kind;
use super::metrics::Metrics;
use super::row::Item;
use super::store::Store;
use super::update_status::Wanted;
use crate::faults::{Faults, Found};
use crate::reconcile::dereference::ServerRef as _;
use crate::reconcile::update_status::orphan::orphan;
use k8s_openapi::jiff::Timestamp;
use mailaccess_crds::{CASMailboxStatus, CertificateBindingStatus};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Follows a namespace until it is told to stop.
#[expect(
    clippy::disallowed_methods,
    reason = "the driver reads the clock; what it calls is told"
)]
pub async fn keep(
    store: Arc<Store>,
    namespace: String,
    wanted: watch::Sender<Wanted>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let mut faults = Faults::default();
    loop {
        let changed = store.changed();
        tokio::pin!(changed);
        // Before looking, so that nothing happens unseen in between.
        changed.as_mut().enable();
        if store.is_known(&namespace) {
            let now = Timestamp::now();
            let read = store.read(&namespace, |cache| statuses(cache, now));
            let (orphans, found) = read.unwrap_or_default();
            metrics.judged(found, &mut faults);
            wanted.send_if_modified(|before| {
                let is_new = *before != orphans;
                *before = orphans;
                is_new
            });
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = changed => {}
        }
    }
}

/// Their statuses, and what is wrong with them.
fn statuses(cache: &Cache, now: Timestamp) -> (Wanted, Found) {
    let mut wanted = Wanted::new();
    let mut found = Found::default();
    for kind in [Kind::CASMailbox, Kind::CertificateBinding] {
        for row in cache.of_kind(kind) {
            let status = match &row.item {
                Item::Mailbox(mailbox) if is_orphan(cache, mailbox.server_name()) => {
                    let conditions = orphan(mailbox, now);
                    found.add_orphan(kind.as_str(), &row.name, &conditions);
                    serde_json::to_value(CASMailboxStatus {
                        observed_generation: mailbox.generation(),
                        conditions,
                    })
                }
                Item::Binding(binding) if is_orphan(cache, binding.server_name()) => {
                    let conditions = orphan(binding, now);
                    found.add_orphan(kind.as_str(), &row.name, &conditions);
                    serde_json::to_value(CertificateBindingStatus {
                        observed_generation: binding.generation(),
                        conditions,
                        ..CertificateBindingStatus::default()
                    })
                }
                _ => continue,
            };
            let status: Value = status.unwrap_or_default();
            wanted.insert((kind, row.name.clone()), status);
        }
    }
    (wanted, found)
}

/// Whether there is no server that an object names, or could mean.
fn is_orphan(cache: &Cache, server: Option<&str>) -> bool {
    !cache
        .servers()
        .any(|name| server.is_none_or(|server| server == name))
}
