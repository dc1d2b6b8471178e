//! The pod's binary: reads the command line and starts what it asks for.

use anyhow::{Context as _, Result, anyhow};
use clap::Parser as _;
use mailaccess::cli::{Cli, Command};
use mailaccess::{init, log, serve};
use rustls::crypto::aws_lc_rs;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

/// How long blocking calls that nobody waits for may hold up the end.
const LAST_CALLS: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            tell(&error);
            ExitCode::FAILURE
        }
    }
}

fn tell(error: &anyhow::Error) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "error: {error:#}");
}

fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Serve(arguments) => {
            aws_lc_rs::default_provider()
                .install_default()
                .map_err(|_| anyhow!("TLS has a provider already"))?;
            log::init(&arguments.log, arguments.log_format)?;
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .context("start the runtime")?;
            let result = runtime.block_on(serve::serve(arguments));
            runtime.shutdown_timeout(LAST_CALLS);
            result.map(|()| ExitCode::SUCCESS)
        }
        Command::Init(arguments) => {
            let done = init::init(&arguments)?;
            for line in &done.said {
                writeln!(io::stdout(), "{line}")?;
            }
            done.failures.iter().for_each(tell);
            Ok(if done.failures.is_empty() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            })
        }
    }
}
