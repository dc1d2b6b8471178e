//! A rolling update by an edit of the image, with two hundred sessions on the old pods: nobody is refused, and
//! nobody is left without an answer.

use super::image::NEXT_IMAGE;
use super::operator::Operator;
use super::sandbox::Place;
use super::tenant::{LIMIT, Tenant, at};
use crate::harness::{Imap, Security, eventually, figure, now};
use serde_json::json;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

const SESSIONS: usize = 200;
/// Between two commands of a busy session.
const PACE: Duration = Duration::from_millis(300);
/// An idle one says something so often.
const IDLE: Duration = Duration::from_secs(2);

/// What all sessions count.
#[derive(Default)]
struct Counts {
    commands: AtomicU32,
    byes: AtomicU32,
    connections: AtomicU32,
    live: AtomicU32,
    slowest: Mutex<Duration>,
    faults: Mutex<Vec<String>>,
    stop: AtomicBool,
}

/// How a wait for a response ended.
enum Heard {
    Line(Vec<u8>),
    Nothing,
    Bye,
}

/// What is wrong, as a sentence.
type Fault = String;

fn heard(imap: &mut Imap) -> Result<Heard, Fault> {
    match imap.response() {
        Ok(line) if line.starts_with(b"* BYE") => Ok(Heard::Bye),
        Ok(line) => Ok(Heard::Line(line)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Heard::Nothing),
        Err(error) => Err(format!("the connection ended without BYE: {error}")),
    }
}

/// A command to its end; false after BYE, which may come instead of an answer but not within one.
fn answered(imap: &mut Imap, command: &str) -> Result<bool, Fault> {
    // The other side may have said BYE and closed meanwhile.
    let tag = imap.begin(command);
    let mut has_begun = false;
    loop {
        match heard(imap)? {
            Heard::Bye if has_begun => return Err(format!("BYE within the answer to {command}")),
            Heard::Bye => return Ok(false),
            Heard::Nothing => return Err(format!("no answer to {command}")),
            Heard::Line(line) => {
                let line = String::from_utf8_lossy(&line).into_owned();
                let tag = tag.as_ref().map_err(ToString::to_string)?;
                match line.strip_prefix(tag.as_str()) {
                    Some(status) if status.starts_with(" OK") => return Ok(true),
                    Some(status) => return Err(format!("{command}:{status}")),
                    None => has_begun |= command.starts_with("FETCH"),
                }
            }
        }
    }
}

/// IDLE for a while; false after BYE.
fn idled(imap: &mut Imap) -> Result<bool, Fault> {
    let Ok(tag) = imap.begin("IDLE") else {
        return Err("IDLE cannot be sent".to_owned());
    };
    let begin = now();
    imap.set_patience(Duration::from_millis(200));
    let mut is_told = false;
    loop {
        match heard(imap)? {
            Heard::Bye => return Ok(false),
            Heard::Line(line) if line.starts_with(tag.as_bytes()) => {
                let status = String::from_utf8_lossy(&line[tag.len()..]).into_owned();
                if !status.starts_with(" OK") {
                    return Err(format!("IDLE:{status}"));
                }
                break;
            }
            Heard::Nothing if begin.elapsed() > IDLE && !is_told => {
                // If this cannot be sent, BYE is there to be read.
                let _ = imap.wire().write(b"DONE\r\n");
                is_told = true;
            }
            Heard::Nothing if begin.elapsed() > LIMIT => return Err("no answer to DONE".to_owned()),
            Heard::Line(_) | Heard::Nothing => {}
        }
    }
    imap.set_patience(Duration::from_secs(30));
    Ok(true)
}

fn log_on(address: IpAddr, number: usize) -> Result<Imap, Fault> {
    let name = ["ann@example.com", "bob@example.com"][number % 2];
    let refused = |error: io::Error| format!("refused: {error}");
    let mut imap = Imap::connect_to(at(address, 993), Security::Tls).map_err(refused)?;
    let reply = imap.try_log_on(name, "quickstart").map_err(refused)?;
    if !reply.is_ok() {
        return Err(format!("{name}: {}", reply.status));
    }
    if !answered(&mut imap, "SELECT INBOX")? {
        return Err("BYE after a login".to_owned());
    }
    Ok(imap)
}

/// One session until its BYE, or until all are told to stop.
fn session(imap: &mut Imap, number: usize, counts: &Counts) -> Result<(), Fault> {
    while !counts.stop.load(Ordering::Relaxed) {
        let goes_on = if number.is_multiple_of(2) {
            idled(imap)?
        } else {
            sleep(PACE);
            answered(imap, "NOOP")? && answered(imap, "FETCH 1 (FLAGS BODY.PEEK[HEADER])")?
        };
        if !goes_on {
            counts.byes.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        counts.commands.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Again and again at once after each BYE, which is the first time that somebody could be refused.
fn client(address: IpAddr, number: usize, counts: &Counts) -> Result<(), Fault> {
    while !counts.stop.load(Ordering::Relaxed) {
        let begin = now();
        let mut imap = log_on(address, number)?;
        counts.connections.fetch_add(1, Ordering::Relaxed);
        let mut slowest = counts.slowest.lock().unwrap();
        *slowest = slowest.max(begin.elapsed());
        drop(slowest);
        counts.live.fetch_add(1, Ordering::Relaxed);
        let ended = session(&mut imap, number, counts);
        counts.live.fetch_sub(1, Ordering::Relaxed);
        ended?;
    }
    Ok(())
}

fn start(tenant: &Tenant, address: IpAddr, counts: &Arc<Counts>) -> Vec<JoinHandle<()>> {
    let one = |number| {
        let counts = Arc::clone(counts);
        tenant.sandbox.spawn(Place::Client, move || {
            if let Err(fault) = client(address, number, &counts) {
                let fault = format!("session {number}: {fault}");
                counts.faults.lock().unwrap().push(fault);
            }
        })
    };
    (0..SESSIONS).map(one).collect()
}

/// Every pod runs the image and is ready, and none of another one is left.
fn is_rolled_out(tenant: &Tenant) -> bool {
    let pods = tenant.pod_objects();
    let is_new = |pod: &serde_json::Value| {
        pod["spec"]["containers"][0]["image"] == NEXT_IMAGE
            && pod["status"]["containerStatuses"][0]["ready"] == true
    };
    pods.len() == 2 && pods.iter().all(is_new)
}

#[test]
#[ignore = "needs root and the cluster's tools: e2e/run"]
fn a_rolling_update_refuses_nobody_and_ends_sessions_between_two_commands() {
    let tenant = Tenant::new("rolling");
    tenant.quickstart(2);
    let operator = Operator::start(&tenant);
    tenant.wait_until_served();
    let address = tenant.address();
    eventually("the load balancer leads to a pod", LIMIT, || {
        tenant
            .sandbox
            .within(Place::Client, || log_on(address, 0).ok())
    });
    let counts = Arc::new(Counts::default());
    let sessions = start(&tenant, address, &counts);
    let all = u32::try_from(SESSIONS).unwrap();
    eventually("all sessions are there", LIMIT, || {
        (counts.live.load(Ordering::Relaxed) == all).then_some(())
    });
    *counts.slowest.lock().unwrap() = Duration::ZERO;
    let begin = now();
    let patch = json!({"spec": {"image": {"reference": NEXT_IMAGE}}});
    tenant.patch("mailaccessservers", "mail", &patch);
    tenant.wait_for("mailaccessservers", "mail", "Ready", "True");
    let pods = tenant.pod_objects();
    let old = pods.iter().filter(|pod| {
        pod["spec"]["containers"][0]["image"] != NEXT_IMAGE
            && pod["metadata"]["deletionTimestamp"].is_null()
    });
    assert_eq!(old.count(), 0, "it says so too early");
    eventually("the new image serves alone", LIMIT, || {
        is_rolled_out(&tenant).then_some(())
    });
    figure(
        "rolling update of two pods",
        format!("{:.1?}", begin.elapsed()),
    );
    eventually("all sessions are there again", LIMIT, || {
        let faults = counts.faults.lock().unwrap();
        (!faults.is_empty() || counts.live.load(Ordering::Relaxed) == all).then_some(())
    });
    counts.stop.store(true, Ordering::Relaxed);
    for session in sessions {
        session.join().unwrap();
    }
    let faults = counts.faults.lock().unwrap();
    assert!(
        faults.is_empty(),
        "{} faults: {:#?}",
        faults.len(),
        &faults[..faults.len().min(20)]
    );
    let [commands, byes, connections] = [&counts.commands, &counts.byes, &counts.connections]
        .map(|count| count.load(Ordering::Relaxed));
    // Each was on an old pod and had to leave it.
    assert!(byes >= all, "{byes} of {all} sessions were told to go");
    assert_eq!(connections, all + byes);
    figure(
        "commands of 200 sessions, BYE, connections refused, commands failed",
        format!("{commands}, {byes}, 0, 0"),
    );
    let slowest = counts.slowest.lock().unwrap();
    figure(
        "slowest connection and login during the update",
        format!("{slowest:.0?}"),
    );
    operator.stop();
}
