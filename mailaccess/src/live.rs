//! What one protocol's settings mean to its connections now: an immutable value that is replaced whole.

use crate::documents::Effective;
use crate::tls;
use mailaccess_config::Protocol;
use mailaccess_config::settings::{CertificateChoice, LoginType, ProtocolSettings};
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
}

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
        }
    }
}

impl Live {
    /// What these documents say of a protocol, after what was said before. Where the certificates are the
    /// same, so is the TLS configuration, and clients can resume their sessions.
    pub(crate) fn next(
        previous: &Self,
        effective: &Effective,
        protocol: Protocol,
    ) -> Result<Option<Self>, rustls::Error> {
        let Some(settings) = effective.settings() else {
            return Ok(None);
        };
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
        let tls = match certificates {
            None => None,
            Some(_) if *certificates == previous.certificates => previous.tls.clone(),
            Some(choice) => Some(tls::server_config(choice, effective.certificates())?),
        };
        let secs = |secs: &u32| Duration::from_secs((*secs).into());
        Ok(Some(Self {
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
            certificates: certificates.clone(),
        }))
    }
}
