//! TLS as clients see it: a certificate chosen by the name they ask for.
//!
//! Every change of certificates makes a new [`ServerConfig`] with new ticket keys. With the old ones a
//! client could resume its session for hours and never see the new certificate.

mod resolver;

use mailaccess_config::Certificates;
use mailaccess_config::settings::CertificateChoice;
use resolver::Resolver;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::{self, Ticketer};
use rustls::version::{TLS12, TLS13};
use std::sync::Arc;

/// What handshakes are done with from now on. Clients without TLS 1.2 are not served.
pub(crate) fn server_config(
    choice: &CertificateChoice,
    certificates: &Certificates,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Resolver::new(choice, certificates)));
    // Tickets keep nothing here; one is enough for a client that comes back.
    config.ticketer = Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(Arc::new(config))
}
