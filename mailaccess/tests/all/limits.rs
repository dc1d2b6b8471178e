//! maxConnections, time-outs, and who reads slowly.

use crate::pod::{Pod, Start, now, until};
use std::time::Duration;

#[test]
fn a_connection_too_many_is_told_so_and_the_next_one_fits_again() {
    let pod = Pod::start_with(&Start {
        change: |documents| documents.settings.imap.max_connections = 2,
        ..Start::default()
    });
    let mut first = pod.imap();
    let mut second = pod.imap();
    assert!(first.line().unwrap().starts_with("* OK"));
    assert!(second.line().unwrap().starts_with("* OK"));
    let mut third = pod.imap();
    assert!(third.line().unwrap().starts_with("* BYE"));
    assert!(third.is_closed());
    // The other protocol counts for itself.
    assert!(pod.pop().line().unwrap().starts_with("+OK"));
    drop(second);
    until("there is room again", || {
        pod.imap().line()?.starts_with("* OK").then_some(())
    });
    assert!(pod.metric("mailaccess_connections_refused_total{protocol=\"imap\"}") >= 1);
    first.imap_ok("NOOP");
}

#[test]
fn who_says_nothing_before_logging_on_is_told_goodbye_in_time() {
    let mut pod = Pod::start_with(&Start {
        change: |documents| {
            documents
                .settings
                .imap
                .pre_authenticated_connection_timeout_secs = 3600;
        },
        ..Start::default()
    });
    let begin = now();
    let mut imap = pod.imap();
    imap.line().unwrap();
    // Live: the connection that is open obeys the new time.
    let settings = &mut pod.documents.settings;
    settings.imap.pre_authenticated_connection_timeout_secs = 10;
    settings.pop.pre_authenticated_connection_timeout_secs = 10;
    pod.documents.publish();
    assert!(imap.line().unwrap().starts_with("* BYE"));
    assert!(imap.is_closed());
    let after = begin.elapsed();
    assert!(after >= Duration::from_secs(10), "{after:?}");
    assert!(after < Duration::from_secs(15), "{after:?}");
}
