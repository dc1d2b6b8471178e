//! Every state that our objects in a namespace pass through: a watch on each kind, from the namespace's
//! beginning to its end.

use super::sandbox::Sandbox;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

const KINDS: [&str; 3] = ["mailaccessservers", "casmailboxes", "certificatebindings"];
/// A test may stop the API server; it is tried again so often.
const EVERY: Duration = Duration::from_millis(100);

/// What is seen. Ends without having been asked for it, too.
pub(super) struct States {
    sandbox: &'static Sandbox,
    shared: Arc<Shared>,
    watches: Vec<Watch>,
}

#[derive(Default)]
struct Shared {
    /// Each version of each object once, by uid and resourceVersion.
    seen: Mutex<BTreeMap<(String, String), Value>>,
    is_over: AtomicBool,
}

/// A thread that reads, and what it reads from.
struct Watch {
    path: String,
    connection: Arc<Mutex<Option<TcpStream>>>,
    thread: Option<JoinHandle<()>>,
}

impl States {
    /// Watches a namespace.
    pub(super) fn watch(sandbox: &'static Sandbox, namespace: &str) -> Self {
        let shared = Arc::new(Shared::default());
        let watches = KINDS.map(|plural| {
            let path = format!("/apis/mailaccess.dev/v1alpha1/namespaces/{namespace}/{plural}");
            let connection = Arc::default();
            let thread = thread::spawn({
                let (path, connection) = (path.clone(), Arc::clone(&connection));
                let shared = Arc::clone(&shared);
                move || shared.follow(sandbox, &path, &connection)
            });
            Watch {
                path,
                connection,
                thread: Some(thread),
            }
        });
        Self {
            sandbox,
            shared,
            watches: watches.into(),
        }
    }

    /// Ends the watches, and gives all states.
    pub(super) fn take(&mut self) -> Vec<Value> {
        self.end();
        // What the watches may not have seen yet.
        for watch in &self.watches {
            let list = self.sandbox.try_request("GET", &watch.path, None);
            let mut list = list.unwrap_or_default();
            let head = (list["apiVersion"].take(), list["kind"].take());
            let kind = head.1.as_str().and_then(|kind| kind.strip_suffix("List"));
            for item in list["items"].as_array_mut().into_iter().flatten() {
                item["apiVersion"] = head.0.clone();
                item["kind"] = kind.into();
                self.shared.record(item.take());
            }
        }
        std::mem::take(&mut *locked(&self.shared.seen))
            .into_values()
            .collect()
    }

    /// The states that were seen until now.
    pub(super) fn so_far(&self) -> Vec<Value> {
        locked(&self.shared.seen).values().cloned().collect()
    }

    /// Breaks the connections, as a network does now and then.
    pub(super) fn interrupt(&self) {
        for watch in &self.watches {
            if let Some(connection) = &*locked(&watch.connection) {
                let _ = connection.shutdown(Shutdown::Both);
            }
        }
    }

    fn end(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        self.interrupt();
        for watch in &mut self.watches {
            if let Some(thread) = watch.thread.take() {
                let _ = thread.join();
            }
        }
    }
}

impl Drop for States {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Watches a kind until it is over, also when the API server goes away or forgets meanwhile.
    fn follow(&self, sandbox: &Sandbox, path: &str, connection: &Mutex<Option<TcpStream>>) {
        // Without a version everything that is there is told first.
        let mut version = String::new();
        while !self.is_over() {
            let from = format!("{path}?watch=true&resourceVersion={version}");
            let lines = sandbox.stream(&from).and_then(|stream| {
                *locked(connection) = Some(stream.try_clone()?);
                Ok(BufReader::new(stream).lines())
            });
            // It may have been over just before there was a connection to shut down.
            if self.is_over() {
                return;
            }
            version = match lines {
                Ok(lines) => self.read(lines, version),
                Err(error) if is_refusal(&error) => String::new(),
                Err(_) => version,
            };
            if !self.is_over() {
                sleep(EVERY);
            }
        }
    }

    /// Reads events up to the end of a watch. Gives the version to go on from.
    fn read(&self, lines: impl Iterator<Item = io::Result<String>>, mut version: String) -> String {
        for line in lines.map_while(Result::ok) {
            let mut event: Value = serde_json::from_str(&line).unwrap_or_default();
            let object = event["object"].take();
            let seen = object["metadata"]["resourceVersion"].as_str();
            match (event["type"].as_str(), seen) {
                (Some("ADDED" | "MODIFIED"), Some(seen)) => {
                    seen.clone_into(&mut version);
                    self.record(object);
                }
                // The last state, with another version.
                (Some("DELETED"), Some(seen)) => seen.clone_into(&mut version),
                // The version is forgotten, or was never known: the store may have been set back.
                (Some("ERROR"), _) => return String::new(),
                // Cut off.
                _ => return version,
            }
        }
        version
    }

    fn record(&self, mut object: Value) {
        let metadata = &mut object["metadata"];
        let text = |name: &str| metadata[name].as_str().unwrap_or_default().to_owned();
        let key = (text("uid"), text("resourceVersion"));
        // As long as all the rest, and nobody asks for it.
        metadata["managedFields"].take();
        locked(&self.seen).insert(key, object);
    }
}

/// Whether the API server itself has something against a version; else it is only away.
fn is_refusal(error: &io::Error) -> bool {
    let said = error.to_string();
    let code = said
        .strip_prefix("HTTP/")
        .and_then(|said| said.split(' ').nth(1));
    code.is_some_and(|code| !["502", "503"].contains(&code))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
