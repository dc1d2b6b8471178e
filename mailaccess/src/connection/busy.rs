//! Carrying out the steps of a session until it reads again.

use super::transport::Transport;
use super::{Connection, Ended, Event};
use crate::clock;
use crate::log_on;
use mailaccess_mail::step::{
    Channel, Context, Input, LogOn, LogOnAnswer, Session, StartTls, Step, Wait,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout, timeout_at};

/// How long to read after the last word, so that it arrives.
const LINGER: Duration = Duration::from_secs(1);

/// How long a client that nobody has logged on from has to take an answer at least.
const LAST_WORD: Duration = Duration::from_secs(10);

/// How much to send.
#[derive(Clone, Copy)]
enum Amount {
    /// All but a last, small piece.
    Most,
    /// Everything.
    All,
}

/// Whether the client was told something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answered {
    No,
    Yes,
}

impl<S: Session> Connection<S> {
    /// Tells the session what happened and does what it asks for, until it waits.
    pub(super) async fn busy(&mut self, event: Event) -> Result<Wait, Ended> {
        let mut step = self.tell(event);
        let mut answered = Answered::No;
        loop {
            // A client that pipelines without end must not keep others waiting.
            consume_budget().await;
            step = match step {
                Step::Read(wait) => {
                    let Some(event) = self.next_event(event) else {
                        self.flush().await?;
                        return self.may_wait(event, wait, answered);
                    };
                    self.tell(event)
                }
                Step::Write(mut output) => {
                    answered = Answered::Yes;
                    if let Some(why) = output.take_refused() {
                        let metrics = self.server.metrics.protocol(Self::protocol());
                        metrics.refused_command(why).inc();
                    }
                    self.queue.push(output);
                    self.send(Amount::Most).await?;
                    self.handle(Input::Written)
                }
                Step::LogOn(log_on) => {
                    self.flush().await?;
                    let answer = self.log_on(log_on).await;
                    self.handle(Input::LogOn(answer))
                }
                Step::Run(job) => {
                    // In its own task, so that it ends whatever becomes of the connection.
                    let job = self.server.tasks.spawn_blocking(move || S::run(job));
                    self.flush().await?;
                    let done = job.await.map_err(Ended::Panicked)?;
                    self.handle(Input::Done(done))
                }
                Step::StartTls => {
                    self.start_tls().await?;
                    self.handle(Input::TlsStarted)
                }
                Step::Close => {
                    self.flush().await?;
                    self.close().await;
                    return Err(self.stopped.map_or(Ended::Closed, Ended::Stopped));
                }
            };
        }
    }

    /// What the session can be told without waiting, when it reads.
    fn next_event(&mut self, event: Event) -> Option<Event> {
        if matches!(event, Event::Eof | Event::Stop(_)) || self.stopped.is_some() {
            return None;
        }
        if self.taken == self.input.len() {
            self.give_back_input();
            return None;
        }
        if self.starving {
            return None;
        }
        Some(match self.place.signals().stop() {
            Some(stop) => Event::Stop(stop),
            None => Event::Received,
        })
    }

    /// Whether there is anything to wait for, and until when. Before a login only an answer counts as a
    /// word of the client: else one byte now and then would hold a connection for ever.
    fn may_wait(&mut self, event: Event, wait: Wait, answered: Answered) -> Result<Wait, Ended> {
        match event {
            // Nothing more will come.
            Event::Eof => Err(Ended::Closed),
            _ if self.stopped.is_some() => Err(self.stopped.map_or(Ended::Closed, Ended::Stopped)),
            Event::Start | Event::Received => {
                if answered == Answered::Yes || self.is_logged_on() {
                    self.active = Instant::now();
                }
                Ok(wait)
            }
            // Not the client's doing.
            Event::Changed | Event::Tick | Event::Stop(_) => Ok(wait),
        }
    }

    fn tell(&mut self, event: Event) -> Step<S::Job> {
        match event {
            Event::Start => self.handle(Input::Start),
            Event::Received => self.hand_over(),
            Event::Eof => self.handle(Input::Eof),
            Event::Changed => self.handle(Input::Changed),
            Event::Tick => self.handle(Input::Tick),
            Event::Stop(stop) => {
                self.stopped = Some(stop);
                self.handle(Input::Stop(stop))
            }
        }
    }

    /// Hands over what was received.
    fn hand_over(&mut self) -> Step<S::Job> {
        let buffer = std::mem::take(&mut self.input);
        let mut rest = &buffer[self.taken..];
        let before = rest.len();
        let step = self.handle(Input::Received(&mut rest));
        let left = rest.len();
        self.starving = left == before;
        self.taken = buffer.len() - left;
        self.input = buffer;
        step
    }

    fn handle(&mut self, input: Input<'_, '_, S::Done>) -> Step<S::Job> {
        let live = self.server.live(Self::protocol());
        let channel = match (&self.transport, &live.tls) {
            (Transport::Tls(_), _) => Channel::Tls,
            (Transport::Plain(_) | Transport::Gone, tls) => Channel::Plain {
                start_tls: match tls {
                    Some(_) => StartTls::Available,
                    None => StartTls::Unavailable,
                },
            },
        };
        let context = Context {
            now: clock::now(),
            settings: &live.settings,
            channel,
            hint: &self.hint,
        };
        // There always is one: it was put back after the last input.
        let Some(session) = self.session.take() else {
            return Step::Close;
        };
        let (session, step) = session.handle(&context, input);
        self.session = Some(session);
        step
    }

    async fn log_on(&mut self, log_on: LogOn) -> LogOnAnswer {
        let (person, answer) = log_on::decide(&self.server, S::PROTOCOL, log_on).await;
        if let Some(person) = person {
            self.span.record_user(&person);
            self.place.signals().set_person(person.clone());
            // What changed while the password was verified reached nobody yet.
            if let Err(why) = self.server.may_stay(S::PROTOCOL, &person) {
                self.place.signals().revoke(why);
            }
        }
        answer
    }

    /// Starts TLS behind everything that was sent, and before anything else was received.
    async fn start_tls(&mut self) -> Result<(), Ended> {
        self.flush().await?;
        if self.taken < self.input.len() {
            return Err(Ended::Injection);
        }
        self.give_back_input();
        self.handshake().await
    }

    /// Sends everything.
    async fn flush(&mut self) -> Result<(), Ended> {
        self.send(Amount::All).await
    }

    /// Sends. Who takes it byte by byte before anybody has logged on gains no time by that.
    async fn send(&mut self, amount: Amount) -> Result<(), Ended> {
        let server = Arc::clone(&self.server);
        let deadline = self.place.signals().is_anonymous().then(|| {
            // The last word may come as late as that.
            self.log_on_deadline().max(Instant::now() + LAST_WORD)
        });
        let (queue, transport) = (&mut self.queue, &mut self.transport);
        let send = async {
            match amount {
                Amount::Most => {
                    queue
                        .send_most(transport, &server.pool, &server.tasks)
                        .await
                }
                Amount::All => queue.send_all(transport, &server.pool, &server.tasks).await,
            }
        };
        let result = match deadline {
            None => send.await,
            Some(deadline) => timeout_at(deadline, send)
                .await
                .unwrap_or(Err(Ended::Stalled)),
        };
        self.count_sent(result?);
        Ok(())
    }

    /// Says that nothing more comes, and listens for a moment: closing with unread bytes would make the
    /// system throw away the last word on its way.
    async fn close(&mut self) {
        self.give_back_input();
        let last = async {
            if self.transport.shutdown().await.is_err() {
                return;
            }
            let mut buffer = self.server.pool.borrow_reading();
            loop {
                // Whoever never stops sending must not keep this thread from others, nor from the time.
                consume_budget().await;
                match self.transport.try_read(&mut buffer) {
                    Some(Ok(0) | Err(_)) => break,
                    Some(Ok(_)) => buffer.clear(),
                    None => {
                        if self.transport.readable().await.is_err() {
                            break;
                        }
                    }
                }
            }
            self.server.pool.give_back_reading(buffer);
        };
        // Whether the client closed or the time is over is all the same.
        let _ = timeout(LINGER, last).await;
    }

    fn give_back_input(&mut self) {
        self.taken = 0;
        let buffer = std::mem::take(&mut self.input);
        if buffer.capacity() != 0 {
            self.server.pool.give_back_reading(buffer);
        }
    }

    fn count_sent(&self, sent: u64) {
        if sent > 0 {
            let metrics = self.server.metrics.protocol(Self::protocol());
            metrics.sent_bytes.inc_by(sent);
        }
    }
}

impl<S> Drop for Connection<S> {
    fn drop(&mut self) {
        self.queue.release(&self.server.pool);
        let buffer = std::mem::take(&mut self.input);
        if buffer.capacity() != 0 {
            self.server.pool.give_back_reading(buffer);
        }
    }
}
