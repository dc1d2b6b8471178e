//! The ports: opened and closed as the settings say, while everything else goes on.
//!
//! A port that cannot be opened is reported and tried again. A port that is closed takes no more
//! connections; those that came through it stay.

mod accept;
#[cfg(test)]
mod size_tests;
mod socket;

use crate::connection::Security;
use crate::documents::Effective;
use crate::server::Server;
use accept::Role;
use arc_swap::ArcSwap;
use mailaccess_config::Protocol;
use mailaccess_config::settings::Binding;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Where ports are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bind {
    /// Nothing is every address.
    pub(crate) address: Option<IpAddr>,
    /// Added to the port of each binding.
    pub(crate) port_offset: u16,
}

/// One port in `/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortStatus {
    /// As in the settings.
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
    /// Whether it begins with TLS.
    pub(crate) tls: bool,
    /// Where it is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<SocketAddr>,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<PortFault>,
}

/// Why a port is not open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct PortFault {
    pub(crate) text: String,
}

/// Opens the admin port.
pub(crate) fn bind_admin(address: Option<IpAddr>, port: u16) -> io::Result<TcpListener> {
    socket::listen(address, port)
}

/// All ports of this process.
pub(crate) struct Listeners {
    server: Arc<Server>,
    bind: Bind,
    ports: BTreeMap<u16, Port>,
    status: Arc<ArcSwap<Vec<PortStatus>>>,
    /// For ever.
    closed: bool,
}

struct Port {
    role: Role,
    state: State,
}

enum State {
    Open(Open),
    Failed(String),
}

struct Open {
    address: SocketAddr,
    /// Read by the accepting task at each connection, so that a port changes its protocol without closing.
    role: Arc<ArcSwap<Role>>,
    close: CancellationToken,
    task: JoinHandle<()>,
}

impl Listeners {
    pub(crate) fn new(server: Arc<Server>, bind: Bind) -> Self {
        Self {
            server,
            bind,
            ports: BTreeMap::new(),
            status: Arc::default(),
            closed: false,
        }
    }

    /// Where the newest status lies.
    pub(crate) fn status(&self) -> Arc<ArcSwap<Vec<PortStatus>>> {
        Arc::clone(&self.status)
    }

    /// Opens what is wanted and closes what is not.
    pub(crate) async fn obey(&mut self, effective: &Effective) {
        let wanted = wanted(effective);
        let unwanted: Vec<u16> = self
            .ports
            .keys()
            .copied()
            .filter(|port| !wanted.contains_key(port))
            .collect();
        for port in unwanted {
            self.close(port).await;
        }
        for (port, role) in wanted {
            match self.ports.get_mut(&port) {
                Some(Port {
                    role: current,
                    state: State::Open(open),
                }) => {
                    if *current != role {
                        tracing::info!(port, %role, "port serves another protocol");
                    }
                    *current = role;
                    open.role.store(Arc::new(role));
                }
                _ => self.open(port, role),
            }
        }
        self.publish();
    }

    /// Tries again to open what could not be opened.
    pub(crate) fn retry(&mut self) {
        let failed: Vec<(u16, Role)> = self
            .ports
            .iter()
            .filter(|(_, port)| matches!(port.state, State::Failed(_)))
            .map(|(number, port)| (*number, port.role))
            .collect();
        for (number, role) in failed {
            self.open(number, role);
        }
        self.publish();
    }

    /// Whether there is anything to try again.
    pub(crate) fn has_failed(&self) -> bool {
        self.ports
            .values()
            .any(|port| matches!(port.state, State::Failed(_)))
    }

    /// Whether all ports were closed for ever.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Closes all ports for ever.
    pub(crate) async fn close_all(&mut self) {
        self.closed = true;
        let ports: Vec<u16> = self.ports.keys().copied().collect();
        for port in ports {
            self.close(port).await;
        }
        self.publish();
    }

    fn open(&mut self, number: u16, role: Role) {
        let opened = number
            .checked_add(self.bind.port_offset)
            .ok_or_else(|| "the port and its offset are more than 65535".to_owned())
            .and_then(|port| {
                let listener = socket::listen(self.bind.address, port)
                    .map_err(|error| format!("listen on port {port}: {error}"))?;
                let address = listener
                    .local_addr()
                    .map_err(|error| format!("listen on port {port}: {error}"))?;
                Ok((listener, address))
            });
        let state = match opened {
            Ok((listener, address)) => {
                tracing::info!(port = number, %address, %role, "port open");
                let close = CancellationToken::new();
                let shared = Arc::new(ArcSwap::from_pointee(role));
                let door = accept::Door {
                    port: number,
                    role: Arc::clone(&shared),
                    close: close.clone(),
                };
                let task = tokio::spawn(accept::run(Arc::clone(&self.server), listener, door));
                State::Open(Open {
                    address,
                    role: shared,
                    close,
                    task,
                })
            }
            Err(text) => {
                let known = self.ports.get(&number).is_some_and(
                    |port| matches!(&port.state, State::Failed(before) if *before == text),
                );
                if !known {
                    tracing::error!(port = number, %role, "{text}");
                }
                State::Failed(text)
            }
        };
        self.ports.insert(number, Port { role, state });
    }

    async fn close(&mut self, number: u16) {
        if let Some(port) = self.ports.remove(&number)
            && let State::Open(open) = port.state
        {
            open.close.cancel();
            // Until then the port is taken. The task only accepts; it cannot fail.
            let _ = open.task.await;
            tracing::info!(port = number, role = %port.role, "port closed");
        }
    }

    fn publish(&self) {
        let status = self.ports.iter().map(|(number, port)| {
            let (address, error) = match &port.state {
                State::Open(open) => (Some(open.address), None),
                State::Failed(text) => (None, Some(PortFault { text: text.clone() })),
            };
            PortStatus {
                port: *number,
                protocol: port.role.protocol,
                tls: port.role.security == Security::Tls,
                address,
                error,
            }
        });
        self.status.store(Arc::new(status.collect()));
    }
}

/// The ports of the protocols that run.
fn wanted(effective: &Effective) -> BTreeMap<u16, Role> {
    let mut wanted = BTreeMap::new();
    let Some(settings) = effective.settings() else {
        return wanted;
    };
    for protocol in Protocol::ALL {
        let part = settings.protocol(protocol);
        if !part.enabled {
            continue;
        }
        let lists = [
            (Security::Plain, &part.unencrypted_or_tls_bindings),
            (Security::Tls, &part.ssl_bindings),
        ];
        for (security, bindings) in lists {
            for Binding { port } in bindings {
                wanted.insert(*port, Role { protocol, security });
            }
        }
    }
    wanted
}
