//! One connection to a server, in the clear or under TLS, with a time-out on everything.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Nothing may take longer, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a connection begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    /// In the clear.
    Plain,
    /// With a handshake.
    Tls,
}

/// A connection.
pub(crate) struct Wire {
    stream: Option<Stream>,
    received: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    pub(crate) fn connect(port: u16, security: Security) -> io::Result<Self> {
        Self::connect_as(port, security, "localhost")
    }

    /// Connects and names the host that is wanted (SNI).
    pub(crate) fn connect_as(port: u16, security: Security, name: &str) -> io::Result<Self> {
        Self::connect_to((Ipv4Addr::LOCALHOST, port).into(), security, name)
    }

    /// The same at another address.
    pub(crate) fn connect_to(
        address: SocketAddr,
        security: Security,
        name: &str,
    ) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut wire = Self {
            stream: Some(Stream::Plain(stream)),
            received: Vec::new(),
        };
        if security == Security::Tls {
            wire.start_tls(name)?;
        }
        Ok(wire)
    }

    /// Does the handshake.
    pub(crate) fn start_tls(&mut self, name: &str) -> io::Result<()> {
        assert!(self.received.is_empty(), "bytes before the handshake");
        let Some(Stream::Plain(mut stream)) = self.stream.take() else {
            panic!("TLS within TLS");
        };
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let mut connection = ClientConnection::new(trusting(), name).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        self.stream = Some(Stream::Tls(Box::new(StreamOwned::new(connection, stream))));
        Ok(())
    }

    /// The certificate that the server showed.
    pub(crate) fn certificate(&self) -> Option<Vec<u8>> {
        match self.stream.as_ref()? {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => Some(stream.conn.peer_certificates()?.first()?.to_vec()),
        }
    }

    /// The port of this side.
    pub(crate) fn local_port(&self) -> u16 {
        self.tcp().local_addr().unwrap().port()
    }

    fn tcp(&self) -> &TcpStream {
        match self.stream.as_ref().unwrap() {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
        }
    }

    pub(crate) fn set_patience(&self, patience: Duration) {
        self.tcp().set_read_timeout(Some(patience)).unwrap();
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.stream.as_mut().unwrap() {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Reads one line, without its CRLF.
    pub(crate) fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            if let Some(lf) = self.received[searched..].iter().position(|b| *b == b'\n') {
                let mut line: Vec<u8> = self.received.drain(..=searched + lf).collect();
                line.truncate(line.len() - 1);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(line);
            }
            searched = self.received.len();
            self.more()?;
        }
    }

    /// Reads so many bytes.
    pub(crate) fn exactly(&mut self, len: usize) -> io::Result<Vec<u8>> {
        while self.received.len() < len {
            self.more()?;
        }
        Ok(self.received.drain(..len).collect())
    }

    /// Reads and throws away so many bytes, and says how many of them were no `x`.
    pub(crate) fn skip(&mut self, mut len: usize) -> io::Result<()> {
        while len > 0 {
            if self.received.is_empty() {
                self.more()?;
            }
            let take = len.min(self.received.len());
            self.received.drain(..take);
            len -= take;
        }
        Ok(())
    }

    /// Reads until the server closes.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.more().is_ok() {}
        std::mem::take(&mut self.received)
    }

    fn more(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        let got = match self.stream.as_mut().unwrap() {
            Stream::Plain(stream) => stream.read(&mut piece)?,
            Stream::Tls(stream) => stream.read(&mut piece)?,
        };
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.received.extend_from_slice(&piece[..got]);
        Ok(())
    }
}

/// Any certificate will do: tests look at it themselves.
fn trusting() -> Arc<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting(provider)))
        .with_no_client_auth();
    // A resumed session would show the certificate of the one before.
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

#[derive(Debug)]
struct Trusting(Arc<rustls::crypto::CryptoProvider>);

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
