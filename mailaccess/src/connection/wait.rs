//! Waiting while a session reads: the only state that thousands of connections are in at once, so it holds
//! nothing but what it waits for.

use super::pool::READ_SIZE;
use super::{Connection, Ended, Event};
use mailaccess_mail::step::{Phase, Session, Stop, Wait};
use std::io;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep_until};

impl<S: Session> Connection<S> {
    /// Waits for what the session wants, or for the reason to end it.
    pub(super) async fn wait(&mut self, wait: Wait) -> Result<Event, Ended> {
        let tick = wait.tick.map(|after| Instant::now() + after);
        loop {
            // A client that always has something to say must not keep others waiting.
            consume_budget().await;
            let signals = self.place.signals();
            if signals.is_cut() {
                return Err(Ended::Cut);
            }
            if let Some(stop) = signals.stop() {
                return Ok(Event::Stop(stop));
            }
            if wait.changes && signals.take_changed() {
                return Ok(Event::Changed);
            }
            signals.take_settings();
            let (end, stop) = self.end_of_patience();
            let now = Instant::now();
            if now >= end {
                return Ok(Event::Stop(stop));
            }
            match self.fill() {
                Some(Ok(0)) => return Ok(Event::Eof),
                Some(Ok(_)) => {
                    if self.is_logged_on() {
                        self.active = now;
                    }
                    return Ok(Event::Received);
                }
                Some(Err(ended)) => return Err(ended),
                None => {}
            }
            if tick.is_some_and(|tick| now >= tick) {
                return Ok(Event::Tick);
            }
            let until = tick.map_or(end, |tick| tick.min(end));
            let signals = self.place.signals();
            tokio::select! {
                // A signal first: it may mean that the bytes are no longer wanted.
                biased;
                () = signals.raised() => {}
                readable = self.transport.readable() => readable.map_err(Ended::Lost)?,
                () = sleep_until(until) => {}
            }
        }
    }

    /// Reads what is there behind what was not taken; `None` where that would mean waiting.
    fn fill(&mut self) -> Option<Result<usize, Ended>> {
        let mut buffer = std::mem::take(&mut self.input);
        buffer.drain(..self.taken);
        self.taken = 0;
        self.starving = false;
        if buffer.capacity() == 0 {
            buffer = self.server.pool.borrow_reading();
        }
        if buffer.len() >= READ_SIZE {
            return Some(Err(Ended::Stuck));
        }
        let result = self.transport.try_read(&mut buffer);
        if buffer.is_empty() {
            self.server.pool.give_back_reading(buffer);
        } else {
            self.input = buffer;
        }
        if let Some(Ok(received)) = &result {
            let metrics = self.server.metrics.protocol(Self::protocol());
            metrics.received_bytes.inc_by(*received as u64);
        }
        result.map(|result: io::Result<usize>| result.map_err(Ended::Lost))
    }

    /// Until when the client is waited for, by the newest settings, and why no longer.
    fn end_of_patience(&self) -> (Instant, Stop) {
        let timeouts = self.server.live(Self::protocol()).timeouts;
        if self.is_logged_on() {
            return (self.active + timeouts.authenticated, Stop::IdleTimeout);
        }
        let silent = self.active + timeouts.pre_authenticated;
        let late = self.log_on_deadline();
        if silent <= late {
            (silent, Stop::IdleTimeout)
        } else {
            (late, Stop::LogOnTimeout)
        }
    }

    pub(super) fn is_logged_on(&self) -> bool {
        self.session.as_ref().map(Session::phase) == Some(Phase::Authenticated)
    }
}
