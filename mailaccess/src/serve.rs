//! `mailaccess serve`: puts the parts together, and takes them apart again in order.
//!
//! ```text
//! documents ──▶ obedience ──▶ settings, certificates, ports, rights
//!                 ports ──▶ connections ──▶ sessions ──▶ store
//! SIGTERM: drain delay ─ not ready, ports closed ─ BYE ─ jobs ended ─ exit, all within the grace
//! ```

use crate::admin::{self, Admin};
use crate::cli;
use crate::documents;
use crate::files;
use crate::listener::{Bind, Listeners, bind_admin};
use crate::obey::Obedience;
use crate::people::{Limits, People};
use crate::readiness::{Readiness, watch_volume};
use crate::server::Server;
use crate::signal::{Input, Signal, Signals};
use anyhow::{Context as _, Result};
use mailaccess_store::maildir::{Options, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

/// What is left to let go of when it is time to end.
struct Running {
    server: Arc<Server>,
    readiness: Arc<Readiness>,
    close_ports: CancellationToken,
    end: CancellationToken,
}

/// Serves until a signal, then drains.
pub async fn serve(arguments: cli::Serve) -> Result<()> {
    let input = if arguments.until_stdin_closes {
        Input::Watched
    } else {
        Input::Ignored
    };
    files::raise_limit();
    let mut signals = Signals::new(input).context("wait for signals")?;
    let running = start(&arguments)?;
    let signal = signals.next().await;
    let deadline = Instant::now() + arguments.grace;
    tracing::info!(%signal, "ending");
    let delay = match signal {
        Signal::Terminate => arguments.drain_delay,
        Signal::Interrupt | Signal::InputClosed => Duration::ZERO,
    };
    tokio::select! {
        // Who asks twice means it.
        biased;
        second = signals.next_from_outside() => tracing::warn!(signal = %second, "ending at once"),
        () = running.drain(delay, deadline) => {}
    }
    Ok(())
}

fn start(arguments: &cli::Serve) -> Result<Running> {
    let end = CancellationToken::new();
    let (effective, status, _) = documents::watch(arguments.documents.clone(), end.clone());
    let options = Options {
        fault: arguments.fault_point,
        ..Options::default()
    };
    let store = Store::open(&arguments.volume, options);
    let people = People::new(Limits::default()).context("get random bytes")?;
    let server = Arc::new(Server::new(effective.clone(), store, people));
    let bind = Bind {
        address: arguments.bind,
        port_offset: arguments.port_offset,
    };
    let listeners = Listeners::new(Arc::clone(&server), bind);
    let ports = listeners.status();
    let obedience = Obedience::new(Arc::clone(&server), effective.clone(), listeners);
    let obeyed = obedience.obeyed();
    let readiness = Readiness::new(Arc::clone(&status), effective, obeyed.clone());
    let readiness = Arc::new(readiness);
    tokio::spawn(watch_volume(
        Arc::clone(&server),
        Arc::clone(&readiness),
        end.clone(),
    ));
    let admin = Admin {
        server: Arc::clone(&server),
        documents: status,
        readiness: Arc::clone(&readiness),
        ports,
        obeyed,
    };
    let close_ports = CancellationToken::new();
    let admin_address = arguments.admin_bind.or(arguments.bind);
    let listener = bind_admin(admin_address, arguments.admin_port)
        .with_context(|| format!("listen on the admin port {}", arguments.admin_port))?;
    tokio::spawn(async move {
        if let Err(error) = admin::serve(listener, admin).await {
            tracing::error!(%error, "the admin port ended");
        }
    });
    tokio::spawn(obedience.run(close_ports.clone()));
    Ok(Running {
        server,
        readiness,
        close_ports,
        end,
    })
}

impl Running {
    async fn drain(self, delay: Duration, deadline: Instant) {
        // Whoever balances the load still sends clients here for a moment.
        sleep(delay.min(deadline - Instant::now())).await;
        self.readiness.end();
        self.close_ports.cancel();
        self.server.tasks.close();
        let mut told = 0;
        let ended = timeout_at(deadline, async {
            loop {
                let sessions = self.server.sessions.all();
                told = told.max(sessions.len());
                // Again, for those that were being accepted meanwhile.
                for session in sessions {
                    session.end();
                }
                tokio::select! {
                    () = self.server.tasks.wait() => return,
                    () = sleep(Duration::from_millis(100)) => {}
                }
            }
        });
        if ended.await.is_err() {
            let left = self.server.tasks.len();
            tracing::warn!(left, "the grace is over; what still runs is given up");
        }
        self.end.cancel();
        tracing::info!(sessions = told, "ended");
    }
}
