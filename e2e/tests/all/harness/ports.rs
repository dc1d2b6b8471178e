//! Ports of their own for each test, so that tests run side by side.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// What a client connects to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// 143.
    Imap,
    /// 993.
    Imaps,
    /// 110.
    Pop3,
    /// 995.
    Pop3s,
    /// 9143: health, metrics, status.
    Admin,
}

impl Service {
    const ALL: [Self; 5] = [
        Self::Imap,
        Self::Imaps,
        Self::Pop3,
        Self::Pop3s,
        Self::Admin,
    ];

    const fn port(self) -> u16 {
        match self {
            Self::Imap => 143,
            Self::Imaps => 993,
            Self::Pop3 => 110,
            Self::Pop3s => 995,
            Self::Admin => 9143,
        }
    }
}

/// A `--port-offset` at which every port was free.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports(pub(crate) u16);

/// Below the ports that the kernel hands out by itself, the admin port included.
const FIRST: u16 = 11_000;
const LAST: u16 = 19_000;
/// No service at one offset has the port of another service at another.
const STEP: u16 = 13;
/// Like the port of a service, of none.
const FLAG: u16 = 1;

impl Ports {
    /// An offset that nobody else has as long as this process runs, another run of the tests included.
    pub(crate) fn reserve() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        // Another run of the tests on this machine begins elsewhere, and where both meet, one port that
        // nobody serves says whose the offset is.
        let start = u16::try_from(std::process::id() % 700).unwrap_or_default();
        for _ in 0..(LAST - FIRST) / STEP {
            let turn = (start + NEXT.fetch_add(1, Ordering::Relaxed)) % ((LAST - FIRST) / STEP);
            let ports = Self(FIRST + turn * STEP);
            let Ok(flag) = TcpListener::bind((Ipv4Addr::LOCALHOST, ports.at(FLAG))) else {
                continue;
            };
            if Service::ALL
                .into_iter()
                .all(|service| is_free(ports.of(service)))
            {
                std::mem::forget(flag);
                return ports;
            }
        }
        panic!("no free ports");
    }

    /// The port on which a service answers.
    pub(crate) const fn of(self, service: Service) -> u16 {
        self.at(service.port())
    }

    /// Where a binding with this port answers.
    pub(crate) const fn at(self, binding: u16) -> u16 {
        binding + self.0
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_have_no_port_in_common() {
        let services = Service::ALL.map(Service::port);
        let mut ports: Vec<_> = services.into_iter().chain([FLAG]).collect();
        ports.sort_unstable();
        for (index, low) in ports.iter().enumerate() {
            for high in &ports[index + 1..] {
                assert_ne!((high - low) % STEP, 0, "{low} and {high}");
            }
        }
    }
}
