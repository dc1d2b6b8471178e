//! The span of one connection: peer, protocol, and the user once somebody has logged on.

use crate::connection::Security;
use mailaccess_config::{MailboxAddress, Protocol};
use std::net::SocketAddr;
use tracing::field::{Empty, display};
use tracing::{Span, info_span};

/// A connection's span.
#[derive(Debug, Clone)]
pub(crate) struct UserSpan(Span);

impl UserSpan {
    pub(crate) fn new(protocol: Protocol, security: Security, peer: SocketAddr) -> Self {
        let tls = security == Security::Tls;
        // A dual-stack listener sees IPv4 clients as ::ffff:192.0.2.1.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        Self(info_span!("connection", %protocol, tls, %peer, user = Empty))
    }

    pub(crate) fn record_user(&self, person: &MailboxAddress) {
        self.0.record("user", display(person));
    }

    pub(crate) fn span(&self) -> &Span {
        &self.0
    }
}
