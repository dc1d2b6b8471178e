//! The command line: what may be typed, and nothing of what it does.

use clap::{Args, Parser, Subcommand};
use k8s_openapi::jiff::Timestamp;
use mailaccess_config::MailboxAddress;
use std::net::IpAddr;
use std::path::PathBuf;

/// The image of pods when nobody names another one.
const IMAGE: &str = concat!("mailaccess:", env!("CARGO_PKG_VERSION"));

/// Gives people POP3 and IMAP4 access to their mail, by three Kubernetes resources.
#[derive(Debug, Parser)]
#[command(name = "mailaccess-operator", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to log, such as `info` or `mailaccess_operator=debug`.
    #[arg(
        long,
        global = true,
        env = "RUST_LOG",
        default_value = "warn",
        value_name = "FILTER"
    )]
    pub log: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  mailaccess-operator local
      serves the quickstart on this machine, without a cluster
  mailaccess-operator render deploy/mail
      prints what the operator would write for these files
  mailaccess-operator hash-password ann@example.com
      makes a line for a users' Secret";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print what the operator would write for a directory of YAML files, or what is wrong with them.
    #[command(after_help = RENDER_EXAMPLES)]
    Render(Render),
    /// Serve a directory of YAML files on this machine, without a cluster, and obey every edit at once.
    #[command(after_help = LOCAL_EXAMPLES)]
    Local(Local),
    /// Make a line for the `passwd` key of a users' Secret; the password comes from standard input.
    #[command(after_help = HASH_PASSWORD_EXAMPLES)]
    HashPassword(HashPassword),
}

const RENDER_EXAMPLES: &str = "Examples:
  mailaccess-operator render crds/examples/quickstart
      prints ConfigMaps, Secrets, Deployment, Service and all
  mailaccess-operator render deploy/mail > /dev/null
      only checks: the exit code is 1 and each error has its file, line and field
  mailaccess-operator render --now 2026-01-01T00:00:00Z deploy/mail > after.yaml
      gives equal output for equal files, to compare before and after a change

Keys and password hashes are not printed: <hidden> stands for them, and <generated> for
the self-signed certificate, which is made anew each time.";

const LOCAL_EXAMPLES: &str = "Examples:
  mailaccess-operator local
      the quickstart, on ports 1143, 1993, 1110 and 1995 of this machine
  mailaccess-operator local deploy/mail --data /var/tmp/mail
      your own files; mail and state stay when it ends
  mailaccess-operator local deploy/mail --bind 0.0.0.0 --port-offset 0
      on the real ports and for the whole network

Edit a file while it runs: what the API server would accept is served within two seconds,
what it would refuse changes nothing and is explained.";

const HASH_PASSWORD_EXAMPLES: &str = "Examples:
  mailaccess-operator hash-password ann@example.com
      asks for the password twice, without showing it
  pass show mail/ann | mailaccess-operator hash-password ann@example.com >> passwd
      takes the first line; then: kubectl create secret generic users --from-file=passwd";

/// What both offline commands take.
#[derive(Debug, Args)]
pub struct Shared {
    /// The namespace of objects that name none.
    #[arg(short, long, default_value = "default", value_name = "NAME")]
    pub namespace: String,
    /// The image of pods whose server names none.
    #[arg(long, env = "MAILACCESS_IMAGE", default_value = IMAGE, value_name = "IMAGE")]
    pub image: String,
    /// The last part of the names of Services.
    #[arg(long, default_value = "cluster.local", value_name = "DOMAIN")]
    pub cluster_domain: String,
}

/// `render`.
#[derive(Debug, Args)]
pub struct Render {
    /// The directory with the files.
    pub directory: PathBuf,
    /// What both offline commands take.
    #[command(flatten)]
    pub shared: Shared,
    /// The time to assume; sequences are made of it, and certificates expire by it. Default: now.
    #[arg(long, value_name = "TIME")]
    pub now: Option<Timestamp>,
}

/// `local`.
#[derive(Debug, Args)]
pub struct Local {
    /// The directory with the files. Default: the quickstart.
    pub directory: Option<PathBuf>,
    /// Where mail and state stay. Default: a new folder that is removed at the end.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub bind: IpAddr,
    /// Added to every port, so that no privilege is needed.
    #[arg(long, default_value_t = 1000, value_name = "NUMBER")]
    pub port_offset: u16,
    /// The MailAccessServer to serve, if the files have several.
    #[arg(long, value_name = "NAME")]
    pub server: Option<String>,
    /// The pod's binary. Default: `mailaccess` beside this one.
    #[arg(long, value_name = "FILE")]
    pub mailaccess: Option<PathBuf>,
    /// What both offline commands take.
    #[command(flatten)]
    pub shared: Shared,
}

/// `hash-password`.
#[derive(Debug, Args)]
pub struct HashPassword {
    /// Whose password it is.
    pub address: MailboxAddress,
}
