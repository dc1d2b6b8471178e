//! From a name and password to somebody's mail.

use crate::cause::Chain;
use crate::failures;
use crate::people::{Reason, Verdict};
use crate::server::Server;
use mailaccess_config::{MailPath, MailboxAddress};
use mailaccess_mail::step::{self, Granted, LogOn, LogOnAnswer, Mechanism, NoAccess, Refusal};
use mailaccess_mail::store::Account;
use mailaccess_store::maildir::AccountPath;
use std::sync::Arc;

/// Judges a name and password, and opens the mail of whoever is let in.
pub(crate) async fn decide(
    server: &Server,
    protocol: step::Protocol,
    log_on: LogOn,
) -> (Option<MailboxAddress>, LogOnAnswer) {
    let effective = server.effective();
    let mechanism = log_on.mechanism;
    let verdict = server.people.log_on(&effective, protocol, &log_on).await;
    // Wiped before anything else is waited for.
    drop(log_on);
    let refusal = match verdict {
        Verdict::Granted { address, path } => match open(server, &path).await {
            Ok(account) => {
                tracing::info!(user = %address, mechanism = name(mechanism), "logged on");
                server.metrics.log_on(protocol, name(mechanism), "granted");
                return (Some(address), LogOnAnswer::Granted(Granted { account }));
            }
            Err(cause) => {
                tracing::warn!(user = %address, cause, "the mailbox cannot be opened");
                Refusal::Unavailable
            }
        },
        Verdict::Refused(refusal, reason) => {
            log_refusal(&reason, mechanism);
            refusal
        }
    };
    server
        .metrics
        .log_on(protocol, name(mechanism), result(refusal));
    (None, LogOnAnswer::Refused(refusal))
}

/// Says why somebody was refused. A name that means nobody is not repeated: people type passwords there.
fn log_refusal(reason: &Reason, mechanism: Mechanism) {
    let mechanism = name(mechanism);
    match reason {
        Reason::Unknown(_) => {
            tracing::info!(reason = "nobody is called so", mechanism, "refused");
        }
        known => tracing::info!(reason = %known, mechanism, "refused"),
    }
}

/// Opens a mailbox on a thread that may block. The error is for the log.
async fn open(server: &Server, path: &MailPath) -> Result<Arc<dyn Account>, String> {
    let path = AccountPath::new(path.parts()).map_err(|error| error.to_string())?;
    let store = server.store.clone();
    let opened = server.tasks.spawn_blocking(move || store.account(&path));
    match opened.await {
        Ok(Ok(account)) => Ok(failures::watch(account, &server.metrics.failures)),
        Ok(Err(error)) => {
            server.metrics.failures.note(&error);
            Err(Chain(&error).to_string())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// What came of it, for the metrics.
fn result(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Credentials => "credentials",
        Refusal::AuthorizeAs => "authorize_as",
        Refusal::NoAccess(NoAccess::MailboxDisabled) => "disabled",
        Refusal::NoAccess(NoAccess::ProtocolDisabled) => "protocol_disabled",
        Refusal::NoAccess(NoAccess::DomainNotServed) => "domain_not_served",
        Refusal::NoAccess(NoAccess::PersonGone) => "person_gone",
        Refusal::NoAccess(NoAccess::NotLoaded) => "not_loaded",
        Refusal::Unavailable => "unavailable",
        Refusal::Busy => "busy",
    }
}

fn name(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Login => "LOGIN",
        Mechanism::SaslLogin => "AUTH=LOGIN",
        Mechanism::SaslPlain => "AUTH=PLAIN",
        Mechanism::UserPass => "USER/PASS",
    }
}
