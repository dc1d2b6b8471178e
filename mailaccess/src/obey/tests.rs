//! Rights taken away: who is told when, who is cut, who stays.

use super::{BATCH, CUT_AFTER, Obedience};
use crate::connection::{Security, Signals};
use crate::documents::Effective;
use crate::listener::{Bind, Listeners};
use crate::testing::{Bench, person, whole};
use mailaccess_config::settings::CertificateChoice;
use mailaccess_config::{Certificates, Protocol};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// An obedient server with as many sessions of ann, and one of bob.
async fn crowd(size: usize) -> (Bench, Vec<crate::connection::Accepted>) {
    let (bench, obedience) = prepare();
    let mut sessions = Vec::new();
    for name in std::iter::repeat_n("ann", size).chain(["bob"]) {
        let (_, accepted) = bench.connect(Protocol::Imap, Security::Plain).await;
        accepted.place.signals().set_person(person(name));
        sessions.push(accepted);
    }
    tokio::spawn(obedience.run(CancellationToken::new()));
    (bench, sessions)
}

/// A server of ann and bob, and what will obey.
fn prepare() -> (Bench, Obedience) {
    let bench = Bench::new(whole(&["ann", "bob"]));
    let bind = Bind {
        address: Some(std::net::Ipv4Addr::LOCALHOST.into()),
        port_offset: 0,
    };
    let listeners = Listeners::new(Arc::clone(&bench.server), bind);
    let newest = bench.documents.subscribe();
    let obedience = Obedience::new(Arc::clone(&bench.server), newest, listeners);
    (bench, obedience)
}

fn told(sessions: &[crate::connection::Accepted]) -> usize {
    let signals = sessions.iter().map(|session| session.place.signals());
    signals.filter(|signals| signals.is_revoked()).count()
}

async fn until(what: impl Fn() -> bool) {
    while !what() {
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn thousands_go_spread_over_seconds_and_who_may_stay_stays() {
    let size = 10 * BATCH;
    let (bench, sessions) = crowd(size).await;
    let begin = Instant::now();
    bench
        .documents
        .send_replace(Arc::new(Effective::from(whole(&["bob"]))));
    until(|| told(&sessions) > 0).await;
    assert!(begin.elapsed() < Duration::from_millis(50), "at once");
    assert_eq!(told(&sessions), BATCH, "not all at once");
    until(|| told(&sessions) == size).await;
    let spread = begin.elapsed();
    assert!(spread > Duration::from_millis(850), "{spread:?}");
    assert!(spread < Duration::from_secs(2), "{spread:?}");
    sleep(Duration::from_mins(1)).await;
    assert_eq!(told(&sessions), size, "bob stays");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_go_is_cut_after_ten_seconds() {
    let (bench, sessions) = crowd(1).await;
    bench
        .documents
        .send_replace(Arc::new(Effective::from(whole(&["bob"]))));
    until(|| told(&sessions) == 1).await;
    let begin = Instant::now();
    let ann: &Arc<Signals> = sessions[0].place.signals();
    ann.until_cut().await;
    let waited = begin.elapsed();
    assert!(
        waited + Duration::from_millis(10) >= CUT_AFTER,
        "{waited:?}"
    );
    assert!(
        waited < CUT_AFTER + Duration::from_millis(100),
        "{waited:?}"
    );
    assert!(!sessions[1].place.signals().is_cut());
}

#[tokio::test(start_paused = true)]
async fn who_gets_the_right_back_in_time_is_not_told() {
    let size = 2 * BATCH;
    let (bench, sessions) = crowd(size).await;
    bench
        .documents
        .send_replace(Arc::new(Effective::from(whole(&["bob"]))));
    until(|| told(&sessions) == BATCH).await;
    bench
        .documents
        .send_replace(Arc::new(Effective::from(whole(&["ann", "bob"]))));
    sleep(Duration::from_mins(1)).await;
    assert_eq!(told(&sessions), BATCH);
}

#[tokio::test]
async fn settings_are_live_before_they_count_as_obeyed() {
    let (bench, sessions) = crowd(0).await;
    let mut next = whole(&["ann"]);
    next.settings.imap.banner = "Another".parse().unwrap();
    let tls = bench.server.live(Protocol::Imap).tls.clone();
    bench
        .documents
        .send_replace(Arc::new(Effective::from(next)));
    until(|| &*bench.server.live(Protocol::Imap).settings.banner == "Another").await;
    // Another certificate: another configuration, so that nobody resumes beyond it.
    let newer = bench.server.live(Protocol::Imap).tls.clone();
    assert!(!Arc::ptr_eq(&tls.unwrap(), &newer.unwrap()));
    assert_eq!(sessions.len(), 1);
}

/// Certificates of which no configuration comes about.
fn no_tls(
    _: &CertificateChoice,
    _: &Certificates,
) -> Result<Arc<rustls::ServerConfig>, rustls::Error> {
    Err(rustls::Error::General("told to fail".to_owned()))
}

#[tokio::test]
async fn certificates_that_cannot_be_put_in_force_are_told_and_counted_and_the_rest_is_obeyed() {
    let (bench, mut obedience) = prepare();
    obedience.make_tls = no_tls;
    tokio::spawn(obedience.run(CancellationToken::new()));
    let live = || bench.server.live(Protocol::Imap);
    let tls = live().tls.clone().unwrap();
    let publish = |banner: &str| {
        let mut next = whole(&["ann"]);
        next.settings.imap.banner = banner.parse().unwrap();
        bench
            .documents
            .send_replace(Arc::new(Effective::from(next)));
    };
    publish("Another");
    until(|| &*live().settings.banner == "Another").await;
    assert!(
        Arc::ptr_eq(&tls, live().tls.as_ref().unwrap()),
        "the last one stays"
    );
    let fault = live().tls_fault.clone().unwrap();
    assert!(fault.text.contains("told to fail"), "{}", fault.text);
    assert!(fault.at_unix_millis > 0);
    let failed = &bench.server.metrics.protocol(Protocol::Imap).failed_tls;
    let before = failed.get();
    assert!(before >= 1);
    // It is tried again, and counted again.
    publish("A third");
    until(|| &*live().settings.banner == "A third").await;
    assert!(failed.get() > before);
}
