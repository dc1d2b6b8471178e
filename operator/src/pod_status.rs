//! Asks a pod for its `/status`, at its address.

use crate::reconcile::report::PodStatus;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// A pod answers at once or not at all.
const TIMEOUT: Duration = Duration::from_secs(1);
/// More than any status has.
const LIMIT: u64 = 4 << 20;

/// What the pod says, or nothing if it cannot be understood.
pub async fn status(admin: SocketAddr) -> Option<PodStatus> {
    match timeout(TIMEOUT, get(admin)).await {
        Ok(Ok(answer)) => parse(&answer)
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

/// Whether nobody is there, perhaps after a moment: the pod of a killed operator ends by itself.
pub async fn falls_silent(admin: SocketAddr) -> bool {
    let silence = timeout(TIMEOUT, async {
        while TcpStream::connect(admin).await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    });
    silence.await.is_ok()
}

/// HTTP/1.0, so that the end of the answer is the end of the connection.
async fn get(admin: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(admin).await?;
    let request = format!("GET /status HTTP/1.0\r\nHost: {admin}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LIMIT).read_to_end(&mut answer).await?;
    Ok(answer)
}

/// Why an answer says nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it is no HTTP answer with status 200")]
    Http,
    #[error("read its body")]
    Json(#[from] serde_json::Error),
}

/// What a whole HTTP answer says.
pub(crate) fn parse(answer: &[u8]) -> Result<PodStatus, Unreadable> {
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .ok_or(Unreadable::Http)?;
    let is_good = |start: &[u8]| answer.starts_with(start);
    if !is_good(b"HTTP/1.0 200 ") && !is_good(b"HTTP/1.1 200 ") {
        return Err(Unreadable::Http);
    }
    Ok(serde_json::from_slice(&answer[end + 4..])?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\
        {\"documents\":{\"rules-v1\":{\"format\":1,\"sequence\":7,\"digest\":\
        \"0000000000000000000000000000000000000000000000000000000000000000\"}},\"new\":1}";

    #[test]
    fn an_answer_is_read_and_what_is_new_in_it_is_left_out() {
        let status = parse(ANSWER.as_bytes()).unwrap();
        assert_eq!(status.documents["rules-v1"].sequence, Some(7));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for answer in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 503 No\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\n\r\n",
        ] {
            assert!(parse(answer.as_bytes()).is_err(), "{answer:?}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_is_a_panic(position in 0..ANSWER.len(), bytes in proptest::collection::vec(any::<u8>(), 0..4)) {
            let mut answer = ANSWER.as_bytes().to_vec();
            let end = (position + bytes.len()).min(answer.len());
            answer.splice(position..end, bytes);
            let _ = parse(&answer);
        }
    }
}
