//! Requests to the API server, quicker than kubectl starts: by the proxy that the sandbox keeps, over one
//! connection each.

use super::sandbox::{Place, Sandbox};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
/// Where the API server is reached without a certificate, on the first node.
const PROXY: u16 = 8001;
/// Where its store is.
const STORE: u16 = 2379;

impl Sandbox {
    /// A request that has to succeed; gives the object.
    #[track_caller]
    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        match self.try_request(method, path, body) {
            Ok(value) => value,
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    /// A request; an error has the status and what was said.
    pub(crate) fn try_request(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Refused> {
        self.try_request_as("", method, path, body)
    }

    /// The same in the name of somebody else, if one is named.
    pub(crate) fn try_request_as(
        &self,
        user: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Refused> {
        let user = match user {
            "" => String::new(),
            user => format!("Impersonate-User: {user}\r\n"),
        };
        let body = body.map(Value::to_string).unwrap_or_default();
        let kind = if method == "PATCH" {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let headers = format!("{user}Content-Type: {kind}\r\n");
        self.try_exchange(method, path, &headers, &body)
    }

    /// The same with a body of any kind.
    pub(crate) fn try_send(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: &str,
    ) -> Result<Value, Refused> {
        self.try_exchange(method, path, &format!("Content-Type: {kind}\r\n"), body)
    }

    fn try_exchange(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> Result<Value, Refused> {
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = self
            .within(Place::Node1, || exchange(PROXY, &request))
            .map_err(|error| Refused {
                code: 0,
                text: error.to_string(),
                details: Value::Null,
            })?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let code = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap_or_default();
        if (200..300).contains(&code) {
            Ok(serde_json::from_str(body).unwrap_or_else(|_| Value::from(body)))
        } else {
            let status: Value = serde_json::from_str(body).unwrap_or_default();
            let text = status["message"].as_str().unwrap_or(body).to_owned();
            let details = status["details"].clone();
            Err(Refused {
                code,
                text,
                details,
            })
        }
    }

    /// An answer that goes on: what follows its head, as it comes. Fails if the head is no success.
    pub(crate) fn stream(&self, path: &str) -> io::Result<TcpStream> {
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
        let mut stream = self.within(Place::Node1, || TcpStream::connect(("127.0.0.1", PROXY)))?;
        stream.write_all(request.as_bytes())?;
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let line = String::from_utf8_lossy(&head);
        if line.split(' ').nth(1) == Some("200") {
            Ok(stream)
        } else {
            Err(io::Error::other(line.lines().next().unwrap_or_default()))
        }
    }

    /// Stores an object as the API server does, but without asking it: nobody judges what is written.
    #[track_caller]
    pub(crate) fn store_unseen(&self, key: &str, object: &Value) {
        let body = json!({
            "key": BASE64.encode(key),
            "value": BASE64.encode(object.to_string()),
        })
        .to_string();
        let request = format!(
            "POST /v3/kv/put HTTP/1.0\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = self.within(Place::Node1, || exchange(STORE, &request));
        let answer = answer.unwrap();
        assert!(answer.contains(" 200 OK"), "{key}: {answer}");
    }
}

impl Sandbox {
    /// What operators have written in a namespace, as the API server's audit log has it: verb and object.
    pub(crate) fn audited_writes(&self, namespace: &str) -> Vec<String> {
        let mut all = self.audited(namespace, "ResponseComplete");
        all.retain(|request| {
            !["get ", "list ", "watch "]
                .iter()
                .any(|verb| request.starts_with(verb))
        });
        all
    }

    /// What operators have begun to watch there, by resource.
    pub(crate) fn audited_watches(&self, namespace: &str) -> Vec<String> {
        let mut all = self.audited(namespace, "ResponseStarted");
        all.retain(|request| request.starts_with("watch "));
        all
    }

    fn audited(&self, namespace: &str, stage: &str) -> Vec<String> {
        let log = fs::read_to_string(self.folder().join("log/audit")).unwrap();
        let entries = log
            .lines()
            .filter(|line| line.contains("\"mailaccess-operator/"))
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        entries
            .filter(|entry| entry["objectRef"]["namespace"] == namespace)
            .filter(|entry| entry["stage"] == stage)
            .map(|entry| {
                let object = &entry["objectRef"];
                let [verb, resource, name] =
                    [&entry["verb"], &object["resource"], &object["name"]].map(text);
                format!("{verb} {resource} {name}")
            })
            .collect()
    }
}

/// What the API server said against a request.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) code: u16,
    pub(crate) text: String,
    /// Its causes, among others; null where it gave none.
    pub(crate) details: Value,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}

fn exchange(port: u16, request: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
