//! The command line.

use crate::parse_duration;
use clap::{Args, Parser, Subcommand, ValueEnum};
use mailaccess_config::MailboxAddress;
use mailaccess_config::settings::ADMIN_PORT;
use mailaccess_store::fault::Fault;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Serves mail by IMAP4 and POP3 from a Maildir volume, and obeys its documents live.
#[derive(Debug, Parser)]
#[command(name = "mailaccess", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until told to end
    Serve(Serve),
    /// Make a directory a volume for mail
    Init(Init),
}

/// Serve until told to end.
///
/// SIGTERM ends the process gently: it goes on serving for the drain delay, then says goodbye to its
/// clients. SIGINT does the same without delay. A second signal ends it at once.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailaccess serve --documents /etc/mailaccess/documents --volume /var/lib/mailaccess
      as a pod does

  mailaccess serve --documents ./documents --volume ./mail --bind 127.0.0.1 --port-offset 1000
      on this machine only, port 143 as 1143; status at http://127.0.0.1:9143/status

  mailaccess serve --documents ./documents --volume ./mail --log debug --log-format json
      says more, one JSON object a line")]
pub struct Serve {
    /// Directory of documents, as a kubelet mounts them
    #[arg(long, value_name = "DIR")]
    pub documents: PathBuf,
    /// Root of the mail store
    #[arg(long, value_name = "DIR")]
    pub volume: PathBuf,
    /// Address to listen on [default: every address of this machine]
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<IpAddr>,
    /// Added to the port of each binding
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub port_offset: u16,
    /// Address of health, metrics and status [default: that of --bind]
    #[arg(long, value_name = "ADDRESS")]
    pub admin_bind: Option<IpAddr>,
    /// Port of health, metrics and status
    #[arg(long, value_name = "PORT", default_value_t = ADMIN_PORT)]
    pub admin_port: u16,
    /// How long to go on accepting after SIGTERM
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    pub drain_delay: Duration,
    /// How long after SIGTERM everything ends, whatever still runs
    #[arg(long, value_name = "TIME", default_value = "50s", value_parser = parse_duration)]
    pub grace: Duration,
    /// What to log, such as `info` or `mailaccess=debug`
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "info")]
    pub log: String,
    /// How to log
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// End when standard input is closed, that is with whoever started this
    #[arg(long)]
    pub until_stdin_closes: bool,
    /// Die at a named place, the first or the n-th time, to test what comes after
    #[arg(long, value_name = "NAME[:TIME]", hide = true)]
    pub fault_point: Option<Fault>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Make a directory a volume for mail: write the marker without which nothing is served from it.
///
/// Doing it again changes nothing, and mail that is there is never touched.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  mailaccess init /var/lib/mailaccess
      the marker only

  mailaccess init ./mail --demo
      mailboxes with a few messages for ann@example.com and bob@example.com

  mailaccess init ./mail --user carol@example.com
      an empty mailbox

  mailaccess init /srv/mail --demo --uid 5000 --gid 5000
      as root, for pods that run as user 5000")]
pub struct Init {
    /// Root of the mail store; made if it is not there
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// Put demo messages into the mailboxes
    #[arg(long)]
    pub demo: bool,
    /// Make a mailbox [default with --demo: ann@example.com and bob@example.com]
    #[arg(long, value_name = "ADDRESS")]
    pub user: Vec<MailboxAddress>,
    /// Path of a mailbox below the root
    #[arg(
        long,
        value_name = "TEMPLATE",
        default_value = "{domain}/{local}/Maildir"
    )]
    pub path: mailaccess_config::PathTemplate,
    /// Give everything that was made to this user (as root)
    #[arg(long, value_name = "NUMBER")]
    pub uid: Option<u32>,
    /// Give everything that was made to this group (as root)
    #[arg(long, value_name = "NUMBER")]
    pub gid: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_subcommand_has_examples() {
        for name in ["serve", "init"] {
            let mut cli = Cli::command();
            let help = cli
                .find_subcommand_mut(name)
                .map(|command| command.render_long_help().to_string())
                .unwrap_or_default();
            assert!(help.contains("Examples:\n  mailaccess "), "{help}");
        }
    }

    #[test]
    fn a_pod_is_started_with_two_directories() {
        let cli = Cli::parse_from(["mailaccess", "serve", "--documents", "/d", "--volume", "/v"]);
        let Command::Serve(serve) = cli.command else {
            panic!("another command");
        };
        assert_eq!(serve.drain_delay, Duration::from_secs(5));
        assert_eq!(serve.grace, Duration::from_secs(50));
        assert_eq!((serve.port_offset, serve.admin_port), (0, 9143));
    }

    #[test]
    fn an_unknown_fault_point_is_refused() {
        let arguments = ["mailaccess", "serve", "--documents", "/d", "--volume", "/v"];
        for wrong in ["nowhere", "list-written:0"] {
            let wrong = arguments.into_iter().chain(["--fault-point", wrong]);
            assert!(Cli::try_parse_from(wrong).is_err());
        }
    }
}
