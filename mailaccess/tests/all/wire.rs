//! A client that speaks in lines, in the clear or under TLS.

use crate::pod::PATIENCE;
use mailaccess_config::Certificate;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// A connection to a pod.
pub(crate) struct Client {
    stream: Stream,
    buffer: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// A client's view of TLS that trusts this certificate only.
pub(crate) fn trust(certificate: &Certificate) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let pem = certificate.chain_pem();
    roots
        .add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

pub(crate) fn socket(port: u16) -> TcpStream {
    let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

impl Client {
    pub(crate) fn connect(port: u16) -> Self {
        Self {
            stream: Stream::Plain(socket(port)),
            buffer: Vec::new(),
        }
    }

    /// Connects and does a handshake for this name.
    pub(crate) fn connect_tls(
        port: u16,
        config: &Arc<ClientConfig>,
        name: &str,
    ) -> io::Result<Self> {
        Self::connect(port).start_tls(config, name)
    }

    pub(crate) fn start_tls(self, config: &Arc<ClientConfig>, name: &str) -> io::Result<Self> {
        let Stream::Plain(socket) = self.stream else {
            panic!("under TLS already");
        };
        assert!(self.buffer.is_empty(), "bytes before the handshake");
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connection =
            ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self {
            stream: Stream::Tls(Box::new(stream)),
            buffer: Vec::new(),
        })
    }

    /// What the pod showed in the handshake.
    pub(crate) fn shown(&self) -> CertificateDer<'static> {
        let Stream::Tls(stream) = &self.stream else {
            panic!("in the clear");
        };
        stream.conn.peer_certificates().unwrap()[0]
            .clone()
            .into_owned()
    }

    pub(crate) fn handshake_kind(&self) -> Option<rustls::HandshakeKind> {
        match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => stream.conn.handshake_kind(),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).unwrap();
    }

    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)?;
        self.flush()
    }

    /// Receives more into the buffer.
    fn receive(&mut self) -> io::Result<usize> {
        let mut more = [0; 16 * 1024];
        let read = match &mut self.stream {
            Stream::Plain(socket) => socket.read(&mut more),
            Stream::Tls(stream) => stream.read(&mut more),
        }?;
        self.buffer.extend_from_slice(&more[..read]);
        Ok(read)
    }

    /// The next line without its CRLF; nothing at the end of the connection.
    pub(crate) fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buffer.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = line.strip_suffix(b"\r\n").expect("lines end with CRLF");
                return Some(String::from_utf8_lossy(line).into_owned());
            }
            match self.receive() {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if gone(&error) => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Reads up to the line that begins so, which is the last of the result.
    #[track_caller]
    pub(crate) fn until(&mut self, begin: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let Some(line) = self.line() else {
                panic!("the connection ended before {begin:?}: {lines:?}");
            };
            let last = line.starts_with(begin);
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    /// Sends an IMAP command and reads up to its tagged answer.
    #[track_caller]
    pub(crate) fn imap(&mut self, command: &str) -> Vec<String> {
        self.send(format!("t {command}\r\n").as_bytes());
        self.until("t ")
    }

    /// The same, and the answer must be OK.
    #[track_caller]
    pub(crate) fn imap_ok(&mut self, command: &str) -> Vec<String> {
        let lines = self.imap(command);
        let last = lines.last().map(String::as_str).unwrap_or_default();
        assert!(last.starts_with("t OK"), "{command}: {lines:?}");
        lines
    }

    /// Sends a POP3 command; the first line of its answer.
    #[track_caller]
    pub(crate) fn pop(&mut self, command: &str) -> String {
        self.send(format!("{command}\r\n").as_bytes());
        self.line().expect("an answer")
    }

    /// Whether nothing more comes.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.line().is_none()
    }

    /// Reads up to a line with this in it.
    #[track_caller]
    pub(crate) fn until_with(&mut self, word: &str) -> String {
        loop {
            let line = self.line().expect("a line");
            if line.contains(word) {
                return line;
            }
        }
    }

    /// The socket of a connection in the clear.
    pub(crate) fn into_plain(self) -> TcpStream {
        match self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(_) => panic!("under TLS"),
        }
    }
}

/// Whether an error is only another kind of end.
fn gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe
    )
}

impl Read for Client {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.buffer.is_empty() {
            let take = buffer.len().min(self.buffer.len());
            buffer[..take].copy_from_slice(&self.buffer[..take]);
            self.buffer.drain(..take);
            return Ok(take);
        }
        match &mut self.stream {
            Stream::Plain(socket) => socket.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Client {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Plain(socket) => socket.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(socket) => socket.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}
