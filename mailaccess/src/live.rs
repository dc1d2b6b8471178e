//! What one protocol's settings mean to its connections now: an immutable value that is replaced whole.

use crate::cause::Chain;
use crate::clock;
use crate::documents::{Effective, Fault};
use mailaccess_config::settings::{CertificateChoice, LoginType, ProtocolSettings};
use mailaccess_config::{Certificates, Protocol};
use mailaccess_mail::step;
use rustls::ServerConfig;
use std::sync::Arc;
use std::time::Duration;

/// The largest message that APPEND takes.
const APPEND_LIMIT: u64 = 128 << 20;

/// One protocol's settings.
#[derive(Debug)]
pub(crate) struct Live {
    /// As sessions see them.
    pub(crate) settings: step::Settings,
    pub(crate) timeouts: Timeouts,
    pub(crate) max_connections: usize,
    /// Nothing, and there is no TLS.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    certificates: Option<CertificateChoice>,
    /// Why the wanted certificates are not in force; the last ones are.
    pub(crate) tls_fault: Option<Fault>,
}

/// Makes a TLS configuration of these certificates.
pub(crate) type MakeTls =
    fn(&CertificateChoice, &Certificates) -> Result<Arc<ServerConfig>, rustls::Error>;

/// How long a connection may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timeouts {
    pub(crate) pre_authenticated: Duration,
    pub(crate) authenticated: Duration,
}

impl Default for Live {
    /// Before any settings were seen nothing listens, so nobody sees this.
    fn default() -> Self {
        Self {
            settings: step::Settings {
                banner: Arc::from(""),
                login_type: step::LoginType::SecureLogin,
                append_limit: APPEND_LIMIT,
            },
            timeouts: Timeouts {
                pre_authenticated: Duration::from_mins(1),
                authenticated: Duration::from_mins(30),
            },
            max_connections: 0,
            tls: None,
            certificates: None,
            tls_fault: None,
        }
    }
}

impl Live {
    /// What these documents say of a protocol, after what was said before. Where the certificates are the
    /// same, so is the TLS configuration, and clients can resume their sessions. Where no configuration
    /// comes about, the last one stays and everything else is obeyed.
    pub(crate) fn next(
        previous: &Self,
        effective: &Effective,
        protocol: Protocol,
        make_tls: MakeTls,
    ) -> Option<Self> {
        let settings = effective.settings()?;
        let ProtocolSettings {
            enabled: _,
            banner,
            login_type,
            unencrypted_or_tls_bindings: _,
            ssl_bindings: _,
            max_connections,
            pre_authenticated_connection_timeout_secs,
            authenticated_connection_timeout_secs,
            certificates,
        } = settings.protocol(protocol);
        let mut tls_fault = None;
        let (tls, certificates) = match certificates {
            None => (None, None),
            Some(_) if *certificates == previous.certificates => {
                (previous.tls.clone(), certificates.clone())
            }
            Some(choice) => match make_tls(choice, effective.certificates()) {
                Ok(tls) => (Some(tls), certificates.clone()),
                Err(error) => {
                    tls_fault = Some(Fault {
                        text: Chain(&error).to_string(),
                        at_unix_millis: clock::unix_millis(),
                    });
                    (previous.tls.clone(), previous.certificates.clone())
                }
            },
        };
        let secs = |secs: &u32| Duration::from_secs((*secs).into());
        Some(Self {
            settings: step::Settings {
                banner: banner.shared(),
                login_type: match login_type {
                    LoginType::PlainTextLogin => step::LoginType::PlainTextLogin,
                    LoginType::SecureLogin => step::LoginType::SecureLogin,
                },
                append_limit: APPEND_LIMIT,
            },
            timeouts: Timeouts {
                pre_authenticated: secs(pre_authenticated_connection_timeout_secs),
                authenticated: secs(authenticated_connection_timeout_secs),
            },
            max_connections: usize::try_from(*max_connections).unwrap_or(usize::MAX),
            tls,
            certificates,
            tls_fault,
        })
    }
}
