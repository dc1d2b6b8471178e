//! The operator's binary: reads the command line, starts what it asks for, and gives the exit code.

use anyhow::{Context as _, Result};
use clap::Parser as _;
use k8s_openapi::jiff::Timestamp;
use mailaccess_operator::cli::{self, Cli, Command, LogFormat, PodAccess};
use mailaccess_operator::cluster;
use mailaccess_operator::local::greeting::People;
use mailaccess_operator::local::{self, End, quickstart};
use mailaccess_operator::reconcile::dereference::Operator;
use mailaccess_operator::{hash_password, render};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let log = log(&cli);
    // Two providers in one tree would panic at the first handshake; this says which one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let result = match cli.command {
        Command::Run(arguments) => run_cluster(arguments),
        Command::Render(arguments) => run_render(arguments),
        Command::Local(arguments) => run_local(arguments, log),
        Command::HashPassword(arguments) => hash_password::run(&arguments.address)
            .map_err(Into::into)
            .and_then(|line| {
                writeln!(io::stdout(), "{line}")?;
                Ok(ExitCode::SUCCESS)
            }),
    };
    result.unwrap_or_else(|error| {
        let _ = writeln!(io::stderr(), "error: {error:#}");
        ExitCode::FAILURE
    })
}

/// Starts logging; gives the filter, which a pod gets, too.
fn log(cli: &Cli) -> String {
    let (default, format) = match &cli.command {
        // Requests that fail are told of with their object by whoever made them.
        Command::Run(run) => ("info,kube_client=off", run.log_format),
        _ => ("warn", LogFormat::Text),
    };
    let filter = cli.log.clone().unwrap_or_else(|| default.to_owned());
    let subscriber = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_env_filter(EnvFilter::new(&filter));
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().init(),
    }
    filter
}

fn run_cluster(arguments: cli::Run) -> Result<ExitCode> {
    let options = cluster::Options {
        kubeconfig: arguments.kubeconfig,
        context: arguments.context,
        namespaces: arguments.namespaces,
        by_proxy: match arguments.pod_access {
            PodAccess::Auto => None,
            PodAccess::Direct => Some(false),
            PodAccess::Proxy => Some(true),
        },
        instance: arguments.instance,
        bind: arguments.bind,
        port: arguments.port,
        operator: Operator {
            image: arguments.image,
            cluster_domain: arguments.cluster_domain,
        },
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(cluster::run(options))?;
    Ok(ExitCode::SUCCESS)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the driver reads the clock; what it calls is told"
)]
fn run_render(arguments: cli::Render) -> Result<ExitCode> {
    let options = render::Options {
        namespace: arguments.shared.namespace.clone(),
        operator: operator(arguments.shared),
        now: arguments.now.unwrap_or_else(Timestamp::now),
    };
    let rendered = render::render(&arguments.directory, &options)
        .with_context(|| format!("render {}", arguments.directory.display()))?;
    let mut stderr = io::stderr().lock();
    for (kind, lines) in [
        ("skipped", &rendered.skipped),
        ("warning", &rendered.warnings),
        ("error", &rendered.errors),
    ] {
        for line in lines {
            writeln!(stderr, "{kind}: {line}")?;
        }
    }
    io::stdout().write_all(rendered.yaml.as_bytes())?;
    Ok(if rendered.errors.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn operator(shared: cli::Shared) -> Operator {
    Operator {
        image: shared.image,
        cluster_domain: shared.cluster_domain,
    }
}

fn run_local(arguments: cli::Local, log: String) -> Result<ExitCode> {
    let temporary = match &arguments.data {
        Some(_) => None,
        None => Some(
            tempfile::Builder::new()
                .prefix("mailaccess-local-")
                .tempdir()
                .context("make a folder for mail and state")?,
        ),
    };
    let data = match (&temporary, arguments.data) {
        (Some(temporary), _) => temporary.path().to_owned(),
        (None, data) => data.unwrap_or_default(),
    };
    std::fs::create_dir_all(&data).with_context(|| format!("make {}", data.display()))?;
    let data = data.canonicalize()?;
    let (directory, people) = match arguments.directory {
        Some(directory) => (directory, People::Own),
        None => (quickstart_directory(&data)?, People::Quickstart),
    };
    let directory = directory
        .canonicalize()
        .with_context(|| format!("open {}", directory.display()))?;
    writeln!(io::stdout(), "files: {}", directory.display())?;
    writeln!(io::stdout(), "mail and state: {}", data.display())?;
    let binary = match arguments.mailaccess {
        Some(binary) => binary,
        None => local::pod::binary()?,
    };
    let options = local::Options {
        directory,
        people,
        data,
        namespace: arguments.shared.namespace.clone(),
        server: arguments.server,
        bind: arguments.bind,
        port_offset: arguments.port_offset,
        binary,
        log,
        operator: operator(arguments.shared),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let end = runtime.block_on(local::run(options, io::stdout()));
    runtime.shutdown_background();
    Ok(match end? {
        End::Asked => ExitCode::SUCCESS,
        End::PodDied => ExitCode::FAILURE,
    })
}

/// The checkout's own files, so that edits are seen, or those that the binary carries.
#[expect(
    clippy::disallowed_methods,
    reason = "a checkout is looked for from where the command is called"
)]
fn quickstart_directory(data: &std::path::Path) -> Result<PathBuf> {
    let starts: Vec<PathBuf> = [std::env::current_dir(), std::env::current_exe()]
        .into_iter()
        .flatten()
        .collect();
    if let Some(directory) = quickstart::in_checkout(&starts) {
        return Ok(directory);
    }
    let directory = data.join("quickstart");
    quickstart::unpack(&directory).context("unpack the quickstart")?;
    Ok(directory)
}
