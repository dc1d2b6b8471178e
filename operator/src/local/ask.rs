//! Asks the pod for its `/status`, as the operator of a cluster does.

use crate::reconcile::report::PodStatus;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A pod on this machine answers at once or not at all.
const TIMEOUT: Duration = Duration::from_secs(1);
/// More than any status has.
const LIMIT: u64 = 4 << 20;

/// What the pod says, or nothing if it cannot be understood.
pub async fn status(admin: SocketAddr) -> Option<PodStatus> {
    match timeout(TIMEOUT, get(admin)).await {
        Ok(Ok(body)) => parse(&body)
            .inspect_err(|error| tracing::warn!(%error, "the pod's status cannot be read"))
            .ok(),
        Ok(Err(error)) => {
            tracing::debug!(%error, "the pod does not answer");
            None
        }
        Err(_) => {
            tracing::debug!("the pod does not answer in time");
            None
        }
    }
}

/// HTTP/1.0, so that the end of the answer is the end of the connection.
async fn get(admin: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(admin).await?;
    let request = format!("GET /status HTTP/1.0\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LIMIT).read_to_end(&mut answer).await?;
    let head = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or_else(|| io::Error::other("no HTTP answer"))?;
    if !answer.starts_with(b"HTTP/1.0 200 ") && !answer.starts_with(b"HTTP/1.1 200 ") {
        return Err(io::Error::other("the answer is not 200"));
    }
    Ok(answer.split_off(head + 4))
}

fn parse(body: &[u8]) -> serde_json::Result<PodStatus> {
    serde_json::from_slice(body)
}
