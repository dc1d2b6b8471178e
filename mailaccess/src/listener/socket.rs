//! Sockets as mail clients need them: dual stack, with a backlog, and with an end for peers that vanished.

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Connections that the system keeps until they are accepted; it has a limit of its own.
const BACKLOG: i32 = 4096;
/// A phone's network forgets silent connections after a few minutes.
const KEEPALIVE_AFTER: Duration = Duration::from_mins(4);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_PROBES: u32 = 4;
/// How long bytes may stay without acknowledgement.
const USER_TIMEOUT: Duration = Duration::from_secs(90);
/// Bytes that the system takes beyond what the network carries: little, so that a client that reads
/// slowly is seen to read, and holds little memory.
const NOT_SENT_LOW_WATER: u32 = 128 * 1024;

/// Listens on a port.
pub(super) fn listen(address: Option<IpAddr>, port: u16) -> io::Result<TcpListener> {
    let Some(address) = address else {
        // Both families through one socket, where there are both.
        return match open(Ipv6Addr::UNSPECIFIED.into(), port) {
            Err(error) if error.raw_os_error() == Some(AF_NOT_SUPPORTED) => {
                open(Ipv4Addr::UNSPECIFIED.into(), port)
            }
            result => result,
        };
    };
    open(address, port)
}

/// EAFNOSUPPORT: the kernel was built or booted without IPv6.
const AF_NOT_SUPPORTED: i32 = rustix::io::Errno::AFNOSUPPORT.raw_os_error();

fn open(address: IpAddr, port: u16) -> io::Result<TcpListener> {
    let address = SocketAddr::new(address, port);
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // A restart must not wait for old connections to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Prepares an accepted connection.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    socket.set_tcp_notsent_lowat(NOT_SENT_LOW_WATER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_an_address_both_families_are_served() {
        let listener = listen(None, 0).unwrap();
        let port = listener.local_addr().unwrap().port();
        let old = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        let (connected, accepted) = tokio::join!(old, listener.accept());
        let (stream, peer) = accepted.unwrap();
        prepare(&stream).unwrap();
        assert!(peer.ip().to_canonical().is_ipv4());
        assert!(connected.is_ok());
        if listener.local_addr().unwrap().is_ipv6() {
            let new = TcpStream::connect((Ipv6Addr::LOCALHOST, port));
            let (connected, accepted) = tokio::join!(new, listener.accept());
            assert!(connected.is_ok() && accepted.is_ok());
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_an_error() {
        let first = listen(Some(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
        let port = first.local_addr().unwrap().port();
        let second = listen(Some(Ipv4Addr::LOCALHOST.into()), port);
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
