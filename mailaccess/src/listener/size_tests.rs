//! What an idle connection costs: its task, and what hangs on it.

use super::accept::serve;
use crate::connection::{Security, Signals};
use crate::testing::{Bench, whole};
use mailaccess_config::Protocol;
use mailaccess_imap::Imap;
use mailaccess_mail::step::Session;
use mailaccess_pop3::Pop3;
use std::mem::size_of;
use std::sync::Arc;

/// Most bytes of an idle connection's future. TLS adds one box of rustls, which is the same for everybody.
const LIMIT: usize = 2048;

#[track_caller]
#[expect(clippy::print_stdout, reason = "e2e/run shows figures")]
fn check(name: &str, size: usize) {
    println!("figure: future of an idle {name} connection: {size} bytes");
    assert!(size <= LIMIT, "{name}: {size} bytes");
}

async fn size<S: Session>(protocol: Protocol, security: Security) -> usize {
    let bench = Bench::new(whole(&["ann"]));
    let (_client, accepted) = bench.connect(protocol, security).await;
    let future = serve::<S>(Arc::clone(&bench.server), accepted);
    size_of_val(&future)
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "e2e/run shows figures")]
async fn the_task_of_an_idle_session_is_small() {
    println!(
        "figure: signals of a connection: {} bytes",
        size_of::<Signals>()
    );
    println!(
        "figure: session: IMAP {} bytes, POP {} bytes",
        size_of::<Imap>(),
        size_of::<Pop3>()
    );
    for security in [Security::Plain, Security::Tls] {
        let imap = size::<Imap>(Protocol::Imap, security).await;
        check(&format!("IMAP {security:?}"), imap);
        let pop = size::<Pop3>(Protocol::Pop, security).await;
        check(&format!("POP {security:?}"), pop);
    }
}
