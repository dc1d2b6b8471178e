//! A driver without a socket: it carries out steps at once, answers logins from a fixed list of people,
//! and keeps what would be sent. It breaks the test when a session breaks the contract of steps.

use crate::state::State;
use crate::{Done, Imap};
use mailaccess_mail::InternalDate;
use mailaccess_mail::step::{
    Channel, Context, Granted, Input, LogOn, LogOnAnswer, LoginType, NoAccess, Output, Phase, Pull,
    Pulled, Refusal, Refused, Session, Settings, StartTls, Step, Stop, Wait,
};
use mailaccess_mail::store::{ErrorKind, Hint};
use mailaccess_store::memory::MemoryAccount;
use std::string::String;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::vec::Vec;

pub(super) const PLAIN: Channel = Channel::Plain {
    start_tls: StartTls::Available,
};

/// One connection.
pub(super) struct Connection {
    session: Option<Imap>,
    account: MemoryAccount,
    pub(super) settings: Settings,
    pub(super) channel: Channel,
    hint: Hint,
    hinted: Arc<AtomicBool>,
    wait: Wait,
    sent: Vec<u8>,
    /// Why something was refused, in order.
    pub(super) refused: Vec<Refused>,
    /// After how many more jobs the store fails, and how.
    pub(super) fail: Option<(usize, ErrorKind)>,
    /// Names and passwords that were to be verified.
    pub(super) log_ons: Vec<(String, String, Vec<u8>)>,
    /// The most bytes of output that were ever held at once, messages not counted.
    pub(super) most_output: usize,
    /// The most bytes of input that were ever held before a login.
    pub(super) most_held_by_guest: usize,
    /// The most bytes of input that were ever held.
    pub(super) most_held: usize,
}

impl Connection {
    /// A connection that has not begun.
    pub(super) fn new(account: MemoryAccount, login_type: LoginType, channel: Channel) -> Self {
        let hinted = Arc::new(AtomicBool::new(false));
        let hint = Arc::clone(&hinted);
        Self {
            session: Some(Imap::new()),
            account,
            settings: Settings {
                banner: "IMAP4 service ready".into(),
                login_type,
                append_limit: 100_000,
            },
            channel,
            hint: Arc::new(move || hint.store(true, Ordering::Relaxed)),
            hinted,
            wait: Wait::default(),
            sent: Vec::new(),
            refused: Vec::new(),
            fail: None,
            log_ons: Vec::new(),
            most_output: 0,
            most_held_by_guest: 0,
            most_held: 0,
        }
    }

    /// A connection that has been greeted.
    pub(super) fn greeted(mut self) -> Self {
        self.drive(Input::Start);
        self
    }

    /// The client sends bytes, all of which arrive at once.
    pub(super) fn receive(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_closed() {
            let before = bytes.len();
            let channel = self.channel;
            self.drive(Input::Received(&mut bytes));
            assert!(
                bytes.len() < before,
                "a session must take something of what it is handed"
            );
            if self.channel != channel && !bytes.is_empty() {
                // Bytes from before the handshake: a real driver cuts the connection.
                self.session = None;
            }
        }
    }

    /// Hands in that the mailbox may have changed, if the session waits for that and it was hinted.
    pub(super) fn notice(&mut self) {
        if self.wait.changes && self.hinted.swap(false, Ordering::Relaxed) {
            self.drive(Input::Changed);
        }
    }

    /// Lets the time pass that the session waits for.
    pub(super) fn tick(&mut self) {
        assert!(self.wait.tick.is_some(), "the session waits for no time");
        self.drive(Input::Tick);
    }

    /// The session is told to end.
    pub(super) fn stop(&mut self, stop: Stop) {
        self.drive(Input::Stop(stop));
    }

    /// The client ends the connection.
    pub(super) fn end(&mut self) {
        self.drive(Input::Eof);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.session.is_none()
    }

    /// Takes what was sent to the client.
    pub(super) fn sent(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.sent)
    }

    /// Carries out steps until the session wants to read or closes.
    fn drive(&mut self, first: Input<'_, '_, Done>) {
        let mut step = self.handle(first);
        loop {
            step = match step {
                Step::Read(wait) => {
                    self.wait = wait;
                    return;
                }
                Step::Close => {
                    self.session = None;
                    return;
                }
                Step::Write(output) => {
                    self.write(output);
                    self.handle(Input::Written)
                }
                Step::LogOn(log_on) => {
                    let answer = self.people(log_on);
                    self.handle(Input::LogOn(answer))
                }
                Step::Run(job) => self.run(job),
                Step::StartTls => {
                    assert_ne!(self.channel, Channel::Tls);
                    self.channel = Channel::Tls;
                    self.handle(Input::TlsStarted)
                }
            };
        }
    }

    fn run(&mut self, job: crate::Job) -> Step<crate::Job> {
        self.fail = match self.fail.take() {
            Some((0, kind)) => {
                self.account.fail_next(kind);
                None
            }
            fail => fail.map(|(jobs, kind)| (jobs - 1, kind)),
        };
        self.handle(Input::Done(Imap::run(job)))
    }

    fn write(&mut self, mut output: Output) {
        assert!(!output.is_empty(), "there is nothing to write");
        self.most_output = self.most_output.max(output.held());
        self.refused.extend(output.take_refused());
        let pulled = output.pull(&mut self.sent, usize::MAX, Pull::Blocking);
        assert_eq!(pulled.unwrap(), Pulled::Finished);
    }

    fn handle(&mut self, input: Input<'_, '_, Done>) -> Step<crate::Job> {
        let cx = Context {
            now: InternalDate::from_unix_secs(0),
            settings: &self.settings,
            channel: self.channel,
            hint: &self.hint,
        };
        let session = self.session.take().expect("the session is not closed");
        let (session, step) = session.handle(&cx, input);
        let held = held(&session);
        self.most_held = self.most_held.max(held);
        if session.phase() == Phase::PreAuthenticated {
            self.most_held_by_guest = self.most_held_by_guest.max(held);
        }
        self.session = Some(session);
        step
    }

    fn people(&mut self, log_on: LogOn) -> LogOnAnswer {
        self.log_ons.push((
            log_on.name.clone(),
            log_on.authorize_as,
            log_on.password.expose().to_vec(),
        ));
        let refusal = match (log_on.name.as_str(), log_on.password.expose()) {
            ("ann" | "SMITH", b"secret" | b"SESAME") => {
                return LogOnAnswer::Granted(Granted {
                    account: Arc::new(self.account.clone()),
                });
            }
            ("off", b"secret") => Refusal::NoAccess(NoAccess::MailboxDisabled),
            ("protocol-off", b"secret") => Refusal::NoAccess(NoAccess::ProtocolDisabled),
            ("moved", b"secret") => Refusal::NoAccess(NoAccess::DomainNotServed),
            ("gone", b"secret") => Refusal::NoAccess(NoAccess::PersonGone),
            ("early", _) => Refusal::NoAccess(NoAccess::NotLoaded),
            ("tim", b"secret") => Refusal::AuthorizeAs,
            ("lost", b"secret") => Refusal::Unavailable,
            ("busy", _) => Refusal::Busy,
            _ => Refusal::Credentials,
        };
        LogOnAnswer::Refused(refusal)
    }
}

/// Bytes of memory held of what the client sent.
fn held(session: &Imap) -> usize {
    session.frames.capacity()
        + match &session.state {
            State::Authenticating(exchange) => exchange.held(),
            _ => 0,
        }
}
