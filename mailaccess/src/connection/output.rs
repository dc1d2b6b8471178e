//! What is still to be sent on one connection. Bytes are pulled in chunks of at most 64 KiB; a last, small
//! chunk is held back so that the answers of several commands leave in one piece.

use super::Ended;
use super::pool::{Pool, WRITE_SIZE};
use super::transport::Transport;
use mailaccess_mail::step::{Output, Pull, Pulled};
use mailaccess_mail::store::BodyLost;
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::task::coop::consume_budget;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// How long a client may take nothing of what is written to it.
const STALL: Duration = Duration::from_mins(1);

/// The queue of one connection. Empty, it holds no memory.
#[derive(Default)]
pub(super) struct Queue {
    output: Output,
    chunk: Vec<u8>,
    sent: usize,
}

impl Queue {
    pub(super) fn push(&mut self, output: Output) {
        self.output.append(output);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.output.is_empty() && self.sent == self.chunk.len()
    }

    /// Sends until less than a chunk is left; gives the number of bytes sent.
    pub(super) async fn send_most(
        &mut self,
        transport: &mut Transport,
        pool: &Pool,
        tasks: &TaskTracker,
    ) -> Result<u64, Ended> {
        let mut sent = 0;
        loop {
            if self.chunk.capacity() == 0 {
                self.chunk = pool.borrow_writing();
            }
            let pulled = self
                .output
                .pull(&mut self.chunk, WRITE_SIZE, Pull::NonBlocking);
            match pulled.map_err(Ended::BodyLost)? {
                Pulled::Finished => return Ok(sent),
                Pulled::Full => sent += self.send_chunk(transport).await?,
                Pulled::Blocked => self.pull_blocking(tasks).await?,
            }
        }
    }

    /// Sends everything and gives the memory back; gives the number of bytes sent.
    pub(super) async fn send_all(
        &mut self,
        transport: &mut Transport,
        pool: &Pool,
        tasks: &TaskTracker,
    ) -> Result<u64, Ended> {
        if self.is_empty() {
            self.release(pool);
            return Ok(0);
        }
        let mut sent = self.send_most(transport, pool, tasks).await?;
        sent += self.send_chunk(transport).await?;
        match transport.try_flush() {
            Some(flushed) => flushed.map_err(Ended::Lost)?,
            None => timeout(STALL, transport.flush())
                .await
                .map_err(|_| Ended::Stalled)?
                .map_err(Ended::Lost)?,
        }
        self.release(pool);
        Ok(sent)
    }

    /// Gives the memory back, sent or not.
    pub(super) fn release(&mut self, pool: &Pool) {
        let Self { chunk, .. } = std::mem::take(self);
        if chunk.capacity() != 0 {
            pool.give_back_writing(chunk);
        }
    }

    async fn send_chunk(&mut self, transport: &mut Transport) -> Result<u64, Ended> {
        let mut total = 0;
        while self.sent < self.chunk.len() {
            consume_budget().await;
            let bytes = &self.chunk[self.sent..];
            let written = match transport.try_write(bytes) {
                Some(written) => written,
                None => timeout(STALL, transport.write(bytes))
                    .await
                    .map_err(|_| Ended::Stalled)?,
            };
            match written.map_err(Ended::Lost)? {
                0 => return Err(Ended::Lost(io::ErrorKind::WriteZero.into())),
                written => {
                    self.sent += written;
                    total += written as u64;
                }
            }
        }
        self.chunk.clear();
        self.sent = 0;
        Ok(total)
    }

    /// Fills the chunk on a thread that may block, for a message whose bytes are not in memory.
    async fn pull_blocking(&mut self, tasks: &TaskTracker) -> Result<(), Ended> {
        let mut output = std::mem::take(&mut self.output);
        let mut chunk = std::mem::take(&mut self.chunk);
        let pull = move || {
            let pulled = output.pull(&mut chunk, WRITE_SIZE, Pull::Blocking);
            (output, chunk, pulled)
        };
        let result: (Output, Vec<u8>, Result<Pulled, BodyLost>) =
            tasks.spawn_blocking(pull).await.map_err(Ended::Panicked)?;
        let (output, chunk, pulled) = result;
        (self.output, self.chunk) = (output, chunk);
        pulled.map(|_| ()).map_err(Ended::BodyLost)
    }
}
