//! What `local` itself counts, as a file of the data folder: the operator of a cluster serves it at
//! `/metrics`, and the pod does so here, too; a second port for one counter would be one more that can be taken.
//! Programs that collect such files, as Prometheus's `node_exporter` does, read it as it is.

use crate::reconcile::validate::certificate::ValidatedBinding;
use crate::refused_certificates::{Refusals, RefusedCertificates};
use anyhow::{Context as _, Result};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::fs;
use std::path::PathBuf;

/// The file's name.
pub const NAME: &str = "operator.prom";

/// The file, and what is counted in it.
#[derive(Debug)]
pub struct FiguresFile {
    path: PathBuf,
    registry: Registry,
    refused: RefusedCertificates,
    refusals: Refusals,
    /// What lies there.
    written: Option<String>,
}

impl FiguresFile {
    /// Counts from zero, in this file.
    pub fn new(path: PathBuf) -> Self {
        let refused = RefusedCertificates::default();
        let mut registry = Registry::default();
        refused.register(&mut registry);
        Self {
            path,
            registry,
            refused,
            refusals: Refusals::default(),
            written: None,
        }
    }

    /// Counts what has become wrong with certificates, and writes the file, if it reads differently now.
    pub fn count(&mut self, bindings: &[ValidatedBinding]) -> Result<()> {
        self.refusals.count(bindings, &self.refused);
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
