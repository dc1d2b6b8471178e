//! What `local` itself counts, as a file of the data folder: the operator of a cluster serves it at
//! `/metrics`, and the pod does so here, too; a second port for two counters would be one more that can be taken.
//! Programs that collect such files, as Prometheus's `node_exporter` does, read it as it is.

use crate::faults::{FaultCounter, Faults, Found};
use crate::files;
use anyhow::{Context as _, Result};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::fs;
use std::path::PathBuf;

/// The file's name.
pub const NAME: &str = "operator.prom";
/// The kind of what cannot be read so far that its kind is known.
const UNKNOWN: &str = "unknown";

/// An edit as it is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Edited {
    kind: String,
}

/// The file, and what is counted in it.
#[derive(Debug)]
pub struct FiguresFile {
    path: PathBuf,
    registry: Registry,
    counter: FaultCounter,
    faults: Faults,
    refused: Family<Edited, Counter>,
    /// What lies there.
    written: Option<String>,
}

impl FiguresFile {
    /// Counts from zero, in this file.
    pub fn new(path: PathBuf) -> Self {
        let counter = FaultCounter::default();
        let refused = Family::<Edited, Counter>::default();
        let mut registry = Registry::default();
        counter.register(&mut registry);
        registry.register(
            "mailaccess_operator_edits_refused",
            "Edits that the API server would have refused, by the kind of object; unknown where no kind can be read",
            refused.clone(),
        );
        Self {
            path,
            registry,
            counter,
            faults: Faults::default(),
            refused,
            written: None,
        }
    }

    /// An edit was refused.
    pub fn refused(&self, fault: &files::Fault) {
        let kind = fault.id.as_ref().map_or(UNKNOWN, |id| &id.kind);
        let labels = Edited {
            kind: kind.to_owned(),
        };
        self.refused.get_or_create(&labels).inc();
    }

    /// Objects were judged.
    pub fn judged(&mut self, found: Found) {
        self.faults.count(found, &self.counter);
    }

    /// Writes the file, if it reads differently now.
    pub fn write(&mut self) -> Result<()> {
        let mut text = String::new();
        encode(&mut text, &self.registry).context("write figures as text")?;
        if self.written.as_ref() == Some(&text) {
            return Ok(());
        }
        let next = self.path.with_extension("next");
        fs::write(&next, &text)
            .and_then(|()| fs::rename(&next, &self.path))
            .with_context(|| format!("write {}", self.path.display()))?;
        self.written = Some(text);
        Ok(())
    }
}
