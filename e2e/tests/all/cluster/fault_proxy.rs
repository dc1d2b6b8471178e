//! A small proxy between the operator and the API server, which does to a request what a test says.

use super::sandbox::{Place, Sandbox};
use serde_json::json;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, sleep};
use std::time::Duration;

/// Where the sandbox's own proxy listens.
const API: u16 = 8001;
/// More than a request of the operator ever has.
const MOST: u64 = 8 << 20;

/// A request, as far as tests decide by it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
}

impl Asked {
    /// Whether it changes something.
    pub(crate) fn is_write(&self) -> bool {
        self.method != "GET"
    }

    /// Whether the answer goes on until somebody ends it.
    pub(crate) fn is_watch(&self) -> bool {
        self.path.contains("watch=true")
    }

    /// Whether it asks for all objects of a kind.
    pub(crate) fn is_list(&self) -> bool {
        self.path.contains("limit=") && !self.is_watch()
    }
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It is answered with this status, and does not come through.
    Refuse(u16),
    /// It waits before it comes through.
    Slow(Duration),
    /// The connection ends, and it did not come through.
    CutBefore,
    /// It came through, and the connection ends before the answer.
    CutAfter,
    /// The answer is cut off after so long.
    CutWithin(Duration),
    /// It came through, and there is never an answer.
    Silence,
    /// It does not come through, and there is never an answer.
    Lost,
    /// It comes through once [`FaultProxy::release`] is called.
    Hold,
}

type Rule = Box<dyn FnMut(&Asked) -> Fault + Send>;

struct Shared {
    rule: Mutex<Rule>,
    /// What came through and was answered by the API server.
    done: Mutex<Vec<Asked>>,
    /// Watches that go on.
    watches: Mutex<Vec<TcpStream>>,
    is_released: (Mutex<bool>, Condvar),
}

/// The proxy; it is there as long as the process.
pub(crate) struct FaultProxy {
    shared: Arc<Shared>,
    port: u16,
    folder: PathBuf,
}

impl FaultProxy {
    /// Starts one that does nothing to anything.
    pub(crate) fn start(sandbox: &'static Sandbox) -> Self {
        let listener = sandbox.within(Place::Node1, || {
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
        });
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            rule: Mutex::new(Box::new(|_| Fault::None)),
            done: Mutex::default(),
            watches: Mutex::default(),
            is_released: (Mutex::new(false), Condvar::new()),
        });
        let _ = sandbox.spawn(Place::Node1, {
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming().flatten() {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || {
                        // Whoever closes early is not to be helped.
                        let _ = serve(stream, &shared);
                    });
                }
            }
        });
        Self {
            shared,
            port,
            folder: sandbox.folder().to_owned(),
        }
    }

    /// What happens to requests from now on.
    pub(crate) fn rule(&self, rule: impl FnMut(&Asked) -> Fault + Send + 'static) {
        *self.shared.rule.lock().unwrap() = Box::new(rule);
    }

    /// What came through since it was asked last, in the order of the answers.
    pub(crate) fn take_done(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shared.done.lock().unwrap())
    }

    /// How many that change something came through since.
    pub(crate) fn writes(&self) -> usize {
        let done = self.shared.done.lock().unwrap();
        done.iter().filter(|asked| asked.is_write()).count()
    }

    /// Cuts off every watch.
    pub(crate) fn cut_watches(&self) {
        for watch in self.shared.watches.lock().unwrap().drain(..) {
            let _ = watch.shutdown(Shutdown::Both);
        }
    }

    /// Lets through what is held.
    pub(crate) fn release(&self) {
        let (is_released, changed) = &self.shared.is_released;
        *is_released.lock().unwrap() = true;
        changed.notify_all();
    }

    /// A kubeconfig that leads here.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        let path = self.folder.join(format!("proxy-{}.kubeconfig", self.port));
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": {"server": format!("http://127.0.0.1:{}", self.port)}}],
            "users": [{"name": "e2e", "user": {}}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": "e2e"}}],
            "current-context": "e2e",
        });
        fs::write(&path, config.to_string()).unwrap();
        path
    }
}

/// One request: its head without `Connection`, and its body. Nothing when there is none.
fn read(reader: &mut BufReader<TcpStream>) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
        if line == "\r\n" {
            break;
        }
        if !lower.starts_with("connection:") {
            head.push_str(&line);
        }
    }
    assert!(length < MOST, "{head}");
    let mut body = vec![0; usize::try_from(length).unwrap()];
    reader.read_exact(&mut body)?;
    Ok(Some((head, body)))
}

/// A connection, for one request.
fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let Some((head, body)) = read(&mut reader)? else {
        return Ok(());
    };
    let mut words = head.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let asked = Asked {
        method: word(),
        path: word(),
    };
    let fault = (shared.rule.lock().unwrap())(&asked);
    match fault {
        Fault::Refuse(code) => return refuse(stream, code),
        Fault::CutBefore => return stream.shutdown(Shutdown::Both),
        Fault::Lost => return until_closed(reader),
        Fault::Slow(delay) => sleep(delay),
        Fault::Hold => {
            let (is_released, changed) = &shared.is_released;
            let guard = is_released.lock().unwrap();
            drop(changed.wait_while(guard, |released| !*released).unwrap());
        }
        Fault::None | Fault::CutAfter | Fault::CutWithin(_) | Fault::Silence => {}
    }
    let mut api = TcpStream::connect((Ipv4Addr::LOCALHOST, API))?;
    api.set_nodelay(true)?;
    api.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
    api.write_all(&body)?;
    if asked.is_watch() {
        shared.watches.lock().unwrap().push(api.try_clone()?);
    }
    match fault {
        Fault::CutAfter | Fault::Silence => {
            api.read_to_end(&mut Vec::new())?;
            shared.done.lock().unwrap().push(asked);
            if fault == Fault::Silence {
                return until_closed(reader);
            }
            stream.shutdown(Shutdown::Both)
        }
        Fault::CutWithin(limit) => {
            let cut = api.try_clone()?;
            thread::spawn(move || {
                sleep(limit);
                let _ = cut.shutdown(Shutdown::Both);
            });
            relay(&mut api, &stream)
        }
        _ => {
            relay(&mut api, &stream)?;
            shared.done.lock().unwrap().push(asked);
            Ok(())
        }
    }
}

/// Passes on every part of an answer as it comes, and ends with it.
fn relay(from: &mut TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let mut part = [0; 16 << 10];
    loop {
        let size = from.read(&mut part)?;
        if size == 0 {
            return to.shutdown(Shutdown::Both);
        }
        to.write_all(&part[..size])?;
    }
}

fn until_closed(mut reader: BufReader<TcpStream>) -> io::Result<()> {
    io::copy(&mut reader, &mut io::sink()).map(drop)
}

/// As the API server says it.
fn refuse(mut stream: TcpStream, code: u16) -> io::Result<()> {
    let reason = match code {
        403 => "Forbidden",
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        _ => "InternalError",
    };
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("{reason} by the test"), "reason": reason, "code": code,
    });
    let body = body.to_string();
    let retry = if code == 429 {
        "Retry-After: 1\r\n"
    } else {
        ""
    };
    write!(
        stream,
        "HTTP/1.1 {code} {reason}\r\nContent-Type: application/json\r\n{retry}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    stream.shutdown(Shutdown::Write)
}
