//! A TCP connection in the clear or under TLS, with one property that memory depends on: waiting for bytes
//! needs no buffer.
//!
//! What is tried here is tried whatever the runtime's budget for this task says: where it is used up, `None`
//! would not mean that waiting helps. So whoever tries in a loop spends the budget itself.

use futures::FutureExt as _;
use rustls::ServerConfig;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What bytes go through.
#[derive(Debug)]
pub(super) enum Transport {
    Plain(TcpStream),
    /// Boxed: most of it is there for the handshake.
    Tls(Box<TlsStream<TcpStream>>),
    /// Nothing any more, or a handshake that failed.
    Gone,
}

impl Transport {
    /// Does the server's side of a handshake. What is left after a failure is [`Transport::Gone`].
    pub(super) async fn start_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        match std::mem::replace(self, Self::Gone) {
            Self::Plain(socket) => {
                let tls = TlsAcceptor::from(config).accept(socket).await?;
                *self = Self::Tls(Box::new(tls));
                Ok(())
            }
            Self::Tls(_) | Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Reads what is there into the room that `buffer` has; `None` where that would mean waiting. Zero is
    /// the end.
    pub(super) fn try_read(&mut self, buffer: &mut Vec<u8>) -> Option<io::Result<usize>> {
        match unconstrained(self.read_buf(buffer)).now_or_never()? {
            // A client that goes away without its close_notify has no more to say, either.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Some(Ok(0)),
            result => Some(result),
        }
    }

    /// Waits until [`Transport::try_read`] is worth a try, after it said `None`. May be cancelled.
    pub(super) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.readable().await,
            Self::Tls(tls) => tls.get_ref().0.readable().await,
            Self::Gone => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Writes as much as fits without waiting; `None` when nothing does.
    pub(super) fn try_write(&mut self, bytes: &[u8]) -> Option<io::Result<usize>> {
        unconstrained(self.write(bytes)).now_or_never()
    }

    /// Sends what TLS holds back; `None` when that means waiting.
    pub(super) fn try_flush(&mut self) -> Option<io::Result<()>> {
        unconstrained(self.flush()).now_or_never()
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, bytes),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}
