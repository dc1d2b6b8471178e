//! What tells this process to end: SIGTERM, SIGINT, or the end of standard input.

use std::fmt;
use std::io::{self, Read as _};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// What told this process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Terminate,
    Interrupt,
    InputClosed,
}

/// Waits for signals.
pub(crate) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    input: Option<oneshot::Receiver<()>>,
}

impl Signals {
    pub(crate) fn new(input: Input) -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            input: match input {
                Input::Watched => Some(watch_input()?),
                Input::Ignored => None,
            },
        })
    }

    /// The next signal.
    pub(crate) async fn next(&mut self) -> Signal {
        let Self {
            terminate,
            interrupt,
            input,
        } = self;
        let closed = async {
            match input {
                Some(receiver) => {
                    // A sender that is gone says the same.
                    let _ = receiver.await;
                }
                None => std::future::pending().await,
            }
        };
        let signal = tokio::select! {
            Some(()) = terminate.recv() => Signal::Terminate,
            Some(()) = interrupt.recv() => Signal::Interrupt,
            () = closed => Signal::InputClosed,
        };
        if signal == Signal::InputClosed {
            self.input = None;
        }
        signal
    }

    /// The next signal that somebody sent. Standard input may close because its owner ends beside us, which
    /// is no reason to hurry.
    pub(crate) async fn next_from_outside(&mut self) -> Signal {
        loop {
            match self.next().await {
                Signal::InputClosed => {}
                signal => return signal,
            }
        }
    }
}

/// Whether the end of standard input ends the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    Watched,
    Ignored,
}

/// Reads standard input to its end, on a thread of its own: the runtime would wait for it when it ends.
fn watch_input() -> io::Result<oneshot::Receiver<()>> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            let mut stdin = io::stdin().lock();
            let mut ignored = [0; 512];
            while !matches!(stdin.read(&mut ignored), Ok(0) | Err(_)) {}
            // Nobody waits for it any more when the process is about to end anyway.
            let _ = sender.send(());
        })?;
    Ok(receiver)
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
            Self::InputClosed => "standard input closed",
        })
    }
}
