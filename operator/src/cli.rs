//! The command line: what may be typed, and nothing of what it does.

use crate::local::port_offset::PortOffset;
use clap::{Args, Parser, Subcommand, ValueEnum};
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
    /// What to log, such as `info` or `mailaccess_operator=debug`. Default: `info` for `run`, else `warn`.
    #[arg(long, global = true, env = "RUST_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  mailaccess-operator run
      is the operator of a cluster
  mailaccess-operator local
      serves the quickstart on this machine, without a cluster
  mailaccess-operator render deploy/mail
      prints what the operator would write for these files
  mailaccess-operator hash-password ann@example.com
      makes a line for a users' Secret";

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line, for collectors.
    Json,
}

/// How pods are asked what they serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PodAccess {
    /// Inside the cluster at their address, from outside by the API server.
    Auto,
    /// At their address.
    Direct,
    /// By the API server's proxy; needs the right to get `pods/proxy`.
    Proxy,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run as the operator of a cluster.
    #[command(after_help = RUN_EXAMPLES)]
    Run(Run),
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

const RUN_EXAMPLES: &str = "Examples:
  mailaccess-operator run
      in a pod: as its service account, for its own namespace
  mailaccess-operator run --namespace mail --namespace mail-test
      for these namespaces; each needs a Role for the operator
  mailaccess-operator run --kubeconfig ~/.kube/config --namespace mail
      from outside the cluster; pods are asked by way of the API server

Served at --bind and --port: /livez, /readyz (everything was read once) and /metrics.";

const RENDER_EXAMPLES: &str = "Examples:
  mailaccess-operator render crds/examples/quickstart
      prints ConfigMaps, Secrets, Deployment, Service and all
  mailaccess-operator render deploy/mail > /dev/null
      only checks: the exit code is 1 and each error has its file, line and field
  mailaccess-operator render --now 2026-01-01T00:00:00Z deploy/mail > after.yaml
      gives equal output for equal files, to compare before and after a change

What is only missing among the files, such as a users' Secret, is a warning and no error, since it may be
on the cluster; the exit code stays 0.

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
what it would refuse changes nothing and is explained.

What the pod counts is at http://127.0.0.1:10143/metrics (9143 and the offset); what the operator
counts lies in operator.prom, in the folder of mail and state.";

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

/// `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// A namespace to watch; may be given several times. Default: the operator's own.
    #[arg(
        short,
        long = "namespace",
        env = "MAILACCESS_NAMESPACES",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    pub namespaces: Vec<String>,
    /// A kubeconfig. Default: inside a cluster the service account, else that of the home directory.
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig. Default: its current one.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// How pods are asked what they serve.
    #[arg(long, value_enum, default_value = "auto", value_name = "WAY")]
    pub pod_access: PodAccess,
    /// The address for health and metrics. Default: all, of IPv6 and IPv4.
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<IpAddr>,
    /// The port for health and metrics.
    #[arg(long, default_value_t = 8080, value_name = "PORT")]
    pub port: u16,
    /// How a line of the log looks.
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Who the events are from, where several operators may run.
    #[arg(long, env = "HOSTNAME", value_name = "NAME")]
    pub instance: Option<String>,
    /// The image of pods whose server names none.
    #[arg(long, env = "MAILACCESS_IMAGE", default_value = IMAGE, value_name = "IMAGE")]
    pub image: String,
    /// The last part of the names of Services.
    #[arg(
        long,
        env = "MAILACCESS_CLUSTER_DOMAIN",
        default_value = "cluster.local",
        value_name = "DOMAIN"
    )]
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
    /// Where mail and state stay, so that edits between two runs are judged like live ones. Default: a new
    /// folder that is removed at the end.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub bind: IpAddr,
    /// Added to every port, so that no privilege is needed; at most 56392.
    #[arg(long, default_value = "1000", value_name = "NUMBER")]
    pub port_offset: PortOffset,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn local(offset: &str) -> Result<Cli, String> {
        Cli::try_parse_from(["mailaccess-operator", "local", "--port-offset", offset])
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_offset_that_leaves_no_admin_port_is_refused_with_the_highest_one() {
        assert!(local("56392").is_ok());
        for offset in ["56393", "65535", "65536", "", "x"] {
            let said = local(offset).err().unwrap_or_default();
            assert!(
                said.contains("a whole number of at most 56392"),
                "{offset}: {said}"
            );
        }
    }
}
