//! The log: on standard error, for people or one JSON object a line. What clients send is never logged.

use crate::cli::LogFormat;
use anyhow::{Context as _, Result, anyhow};
use std::io::{self, IsTerminal as _};
use std::panic;
use tracing_subscriber::EnvFilter;

/// Starts it.
pub fn init(filter: &str, format: LogFormat) -> Result<()> {
    let filter = EnvFilter::try_new(filter).context("read the log filter")?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    }
    .map_err(|error| anyhow!("start the log: {error}"))?;
    log_panics();
    Ok(())
}

/// A panic ends one task and is logged with its place, not with its words: they may quote what a client
/// sent.
fn log_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}
