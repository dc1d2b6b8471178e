//! A driver without a socket: it carries out steps at once, answers logins from a fixed list of people,
//! and keeps what would be sent. It breaks the test when a session breaks the contract of steps.

use crate::job::{Outcome, Work};
use crate::{Done, Job, Pop3};
use mailaccess_mail::InternalDate;
use mailaccess_mail::step::{
    Channel, Context, Granted, Input, LogOn, LogOnAnswer, LoginType, NoAccess, Pull, Pulled,
    Refusal, Refused, Session, Settings, StartTls, Step, Stop,
};
use mailaccess_mail::store::{ErrorKind, Hint, StoreError};
use mailaccess_store::memory::MemoryAccount;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

pub(super) const PLAIN: Channel = Channel::Plain {
    start_tls: StartTls::Available,
};

/// One connection.
pub(super) struct Connection {
    session: Option<Pop3>,
    account: MemoryAccount,
    settings: Settings,
    channel: Channel,
    hint: Hint,
    sent: Vec<u8>,
    /// Why something was refused, in order.
    pub(super) refused: Vec<Refused>,
    /// After how many more calls of the store one fails, and how.
    pub(super) fail: Option<(usize, ErrorKind)>,
    /// Names and passwords that were to be verified.
    pub(super) log_ons: Vec<(String, String, Vec<u8>)>,
    /// The most bytes of output that were ever held at once, messages not counted.
    pub(super) most_output: usize,
    /// The most bytes of input that were ever held.
    pub(super) most_held: usize,
}

impl Connection {
    /// A connection that has not begun.
    pub(super) fn new(account: MemoryAccount, login_type: LoginType, channel: Channel) -> Self {
        Self {
            session: Some(Pop3::new()),
            account,
            settings: Settings {
                banner: "POP3 service ready".into(),
                login_type,
                append_limit: 0,
            },
            channel,
            hint: Arc::new(|| {}),
            sent: Vec::new(),
            refused: Vec::new(),
            fail: None,
            log_ons: Vec::new(),
            most_output: 0,
            most_held: 0,
        }
    }

    /// A connection that has been greeted, and what it was greeted with.
    pub(super) fn greeted(mut self) -> (Self, Vec<u8>) {
        self.drive(Input::Start);
        let greeting = self.sent();
        (self, greeting)
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

    /// Whether TLS is active.
    pub(super) fn is_secure(&self) -> bool {
        self.channel == Channel::Tls
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
                Step::Read(_) => return,
                Step::Close => {
                    self.session = None;
                    return;
                }
                Step::Write(mut output) => {
                    self.most_output = self.most_output.max(output.held());
                    self.refused.extend(output.take_refused());
                    let pulled = output.pull(&mut self.sent, usize::MAX, Pull::Blocking);
                    assert_eq!(pulled.unwrap(), Pulled::Finished);
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

    fn run(&mut self, job: Job) -> Step<Job> {
        let done = match self.fail.take() {
            Some((0, kind)) => fail(&job, kind),
            fail => {
                self.fail = fail.map(|(calls, kind)| (calls - 1, kind));
                Pop3::run(job)
            }
        };
        self.handle(Input::Done(done))
    }

    fn handle(&mut self, input: Input<'_, '_, Done>) -> Step<Job> {
        let cx = Context {
            now: InternalDate::from_unix_secs(0),
            settings: &self.settings,
            channel: self.channel,
            hint: &self.hint,
        };
        let session = self.session.take().expect("the session is not closed");
        let (session, step) = session.handle(&cx, input);
        self.most_held = self.most_held.max(session.held());
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
            ("ann" | "mrose", b"secret") => {
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

/// What a job gives when the store fails.
fn fail(job: &Job, kind: ErrorKind) -> Done {
    let error = StoreError::new(kind, "do what a test lets fail");
    Done(match job.0 {
        Work::Open { .. } => Outcome::Opened(Err(error)),
        Work::Look { .. } => Outcome::Looked(Err(error)),
        Work::Fetch { .. } => Outcome::Fetched(Err(error)),
        Work::Remove { .. } => Outcome::Removed(Err(error)),
    })
}
