//! `/status`: what this process has loaded, listens on, shows and counts, as JSON.

use super::Admin;
use crate::documents::{DocumentStatus, DocumentsStatus, Effective, Fault};
use crate::listener::PortStatus;
use crate::live::Live;
use crate::readiness::VolumeStatus;
use mailaccess_config::{Certificate, Protocol};
use serde::Serialize;
use std::collections::BTreeMap;

/// The whole of it. The operator reads some of this; fields are added, never renamed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    version: &'static str,
    /// `namespace/name` of the MailAccessServer.
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    ready: bool,
    /// Why it is not.
    not_ready: Vec<String>,
    /// By file name.
    documents: BTreeMap<String, DocumentStatus>,
    listeners: Vec<PortStatus>,
    certificates: Vec<CertificateStatus>,
    /// Protocols whose wanted certificates could not be put in force.
    tls_faults: Vec<TlsFault>,
    volume: VolumeStatus,
    sessions: BTreeMap<&'static str, usize>,
    verifications: Verifications,
}

/// A certificate and where it is shown.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateStatus {
    thumbprint: String,
    names: Vec<String>,
    subject: String,
    issuer: String,
    not_before_unix_secs: i64,
    not_after_unix_secs: i64,
    shown_by: Vec<Shown>,
}

/// A protocol that shows a certificate, and to whom.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    protocol: Protocol,
    /// To who asks for no name, or for one that is not known.
    default: bool,
    /// To who asks for these.
    server_names: Vec<String>,
}

/// Why a protocol goes on with the certificates that it had.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TlsFault {
    protocol: Protocol,
    error: Fault,
}

/// Passwords judged since the start.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Verifications {
    verified: u64,
    nobody: u64,
    remembered: u64,
    busy: u64,
}

impl Status {
    pub(super) fn new(admin: &Admin, documents: &DocumentsStatus, effective: &Effective) -> Self {
        let not_ready = admin.readiness.missing();
        let sessions = &admin.server.sessions;
        let counts = admin.server.people.counts();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            server: effective.settings().map(|settings| settings.server.clone()),
            ready: not_ready.is_empty(),
            not_ready,
            documents: documents.documents.clone(),
            listeners: admin.ports.load().to_vec(),
            certificates: effective
                .certificates()
                .by_id
                .values()
                .map(|certificate| CertificateStatus::new(certificate, effective))
                .collect(),
            tls_faults: Protocol::ALL
                .into_iter()
                .filter_map(|protocol| TlsFault::of(protocol, &admin.server.live(protocol)))
                .collect(),
            volume: (*admin.readiness.volume()).clone(),
            sessions: BTreeMap::from([
                ("imap", sessions.count(Protocol::Imap)),
                ("pop", sessions.count(Protocol::Pop)),
            ]),
            verifications: Verifications {
                verified: counts.verified,
                nobody: counts.verified_nobody,
                remembered: counts.remembered,
                busy: counts.busy,
            },
        }
    }
}

impl TlsFault {
    fn of(protocol: Protocol, live: &Live) -> Option<Self> {
        let error = live.tls_fault.clone()?;
        Some(Self { protocol, error })
    }
}

impl CertificateStatus {
    fn new(certificate: &Certificate, effective: &Effective) -> Self {
        let leaf = certificate.leaf();
        let shown_by = Protocol::ALL.into_iter().filter_map(|protocol| {
            let settings = effective.settings()?;
            let choice = settings.protocol(protocol).certificates.as_ref()?;
            let names = choice
                .names
                .iter()
                .filter(|(_, id)| *id == certificate.id());
            let shown = Shown {
                protocol,
                default: choice.default == *certificate.id(),
                server_names: names.map(|(name, _)| name.clone()).collect(),
            };
            (shown.default || !shown.server_names.is_empty()).then_some(shown)
        });
        Self {
            thumbprint: leaf.thumbprint.clone(),
            names: leaf.names.clone(),
            subject: leaf.subject.clone(),
            issuer: leaf.issuer.clone(),
            not_before_unix_secs: leaf.not_before,
            not_after_unix_secs: leaf.not_after,
            shown_by: shown_by.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::whole;

    #[test]
    fn certificates_that_are_not_in_force_are_named_with_their_protocol() {
        let effective = Effective::from(whole(&["ann"]));
        let fails = |_: &_, _: &_| Err(rustls::Error::General("told to fail".to_owned()));
        let live = Live::next(&Live::default(), &effective, Protocol::Pop, fails).unwrap();
        let fault = serde_json::to_value(TlsFault::of(Protocol::Pop, &live)).unwrap();
        assert_eq!(fault["protocol"], "pop");
        let text = fault["error"]["text"].as_str().unwrap();
        assert!(text.contains("told to fail"), "{text}");
        assert!(fault["error"]["atUnixMillis"].as_u64().unwrap() > 0);
        assert!(TlsFault::of(Protocol::Pop, &Live::default()).is_none());
    }
}
