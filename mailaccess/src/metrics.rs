//! Figures for `/metrics`. No label has as many values as there are people.

use crate::documents::{DocumentsStatus, Effective};
use crate::failures::Failures;
use crate::listener::PortStatus;
use crate::people::{self, Counts};
use mailaccess_config::Protocol;
use mailaccess_mail::step::{self, Refused};
use mailaccess_store::maildir::{Skipped, Store};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::atomic::Ordering;

/// All figures.
pub(crate) struct Metrics {
    registry: Registry,
    protocols: [ProtocolMetrics; Protocol::ALL.len()],
    log_ons: Family<LogOnLabels, Counter>,
    ended: Family<EndedLabels, Counter>,
    accept_failures: Family<PortLabels, Counter>,
    listeners: Family<PortLabels, Gauge>,
    documents: DocumentMetrics,
    certificates: Family<CertificateLabels, Gauge>,
    verifications: Family<VerificationLabels, Counter>,
    volume_ready: Gauge,
    skipped: Family<SkippedLabels, Counter>,
    /// What the store could not do.
    pub(crate) failures: Failures,
}

/// Figures of one protocol, looked up once.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProtocolMetrics {
    pub(crate) accepted: Counter,
    pub(crate) refused: Counter,
    pub(crate) open: Gauge,
    pub(crate) handshakes: Counter,
    pub(crate) failed_handshakes: Counter,
    pub(crate) received_bytes: Counter,
    pub(crate) sent_bytes: Counter,
    pub(crate) revoked: Counter,
    pub(crate) failed_tls: Counter,
    refused_commands: [Counter; Refused::ALL.len()],
}

#[derive(Debug, Default)]
struct DocumentMetrics {
    sequences: Family<DocumentLabels, Gauge>,
    loads: Family<DocumentLabels, Counter>,
    failures: Family<DocumentLabels, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProtocolLabels {
    protocol: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusedLabels {
    protocol: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LogOnLabels {
    protocol: &'static str,
    mechanism: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndedLabels {
    protocol: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PortLabels {
    port: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DocumentLabels {
    document: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabels {
    thumbprint: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SkippedLabels {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VerificationLabels {
    outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("mailaccess");
        let metrics = Self {
            protocols: protocols(&mut registry),
            log_ons: Family::default(),
            ended: Family::default(),
            accept_failures: Family::default(),
            listeners: Family::default(),
            documents: documents(&mut registry),
            certificates: Family::default(),
            verifications: Family::default(),
            volume_ready: Gauge::default(),
            skipped: Family::default(),
            failures: Failures::default(),
            registry: Registry::default(),
        };
        registry.register("log_ons", "Attempts to log on", metrics.log_ons.clone());
        registry.register(
            "connections_ended",
            "Connections ended, by reason",
            metrics.ended.clone(),
        );
        registry.register(
            "accept_failures",
            "Times a connection could not be accepted",
            metrics.accept_failures.clone(),
        );
        registry.register(
            "listener_open",
            "Whether a wanted port is open",
            metrics.listeners.clone(),
        );
        registry.register(
            "certificate_not_after_seconds",
            "End of a loaded certificate's validity, in seconds since 1970",
            metrics.certificates.clone(),
        );
        registry.register(
            "password_verifications",
            "Passwords judged: verified, of nobody, remembered, or too busy",
            metrics.verifications.clone(),
        );
        registry.register(
            "volume_ready",
            "Whether the mail volume is there and marked as ours",
            metrics.volume_ready.clone(),
        );
        registry.register(
            "store_failures",
            "Things that the store could not do, by kind; refusals of what cannot be done count, too",
            metrics.failures.family(),
        );
        registry.register(
            "store_skipped_entries",
            "Things among the messages that are none, by kind; counted each time their folder is read",
            metrics.skipped.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }
}

fn protocols(registry: &mut Registry) -> [ProtocolMetrics; Protocol::ALL.len()] {
    type Counters = Family<ProtocolLabels, Counter>;
    let mut counter = |name: &str, help: &str| {
        let family = Counters::default();
        registry.register(name, help, family.clone());
        family
    };
    let accepted = counter("connections_accepted", "Connections accepted");
    let refused = counter("connections_refused", "Connections beyond maxConnections");
    let handshakes = counter("handshakes", "TLS handshakes done");
    let failed = counter("handshakes_failed", "TLS handshakes that failed");
    let received = counter("received_bytes", "Bytes received, without TLS");
    let sent = counter("sent_bytes", "Bytes sent, without TLS");
    let revoked = counter("sessions_revoked", "Sessions whose right was taken away");
    let failed_tls = counter(
        "tls_configurations_failed",
        "Times certificates could not be put in force; the last ones stay",
    );
    let refused_commands: Family<RefusedLabels, Counter> = Family::default();
    registry.register(
        "refused_commands",
        "Commands, and what was sent for one, that no client should send, by reason",
        refused_commands.clone(),
    );
    let open: Family<ProtocolLabels, Gauge> = Family::default();
    registry.register("connections", "Connections open now", open.clone());
    Protocol::ALL.map(|protocol| {
        let labels = ProtocolLabels {
            protocol: label(protocol),
        };
        ProtocolMetrics {
            accepted: accepted.get_or_create(&labels).clone(),
            refused: refused.get_or_create(&labels).clone(),
            open: open.get_or_create(&labels).clone(),
            handshakes: handshakes.get_or_create(&labels).clone(),
            failed_handshakes: failed.get_or_create(&labels).clone(),
            received_bytes: received.get_or_create(&labels).clone(),
            sent_bytes: sent.get_or_create(&labels).clone(),
            revoked: revoked.get_or_create(&labels).clone(),
            failed_tls: failed_tls.get_or_create(&labels).clone(),
            refused_commands: Refused::ALL.map(|why| {
                let labels = RefusedLabels {
                    protocol: label(protocol),
                    reason: refused_label(why),
                };
                refused_commands.get_or_create(&labels).clone()
            }),
        }
    })
}

impl ProtocolMetrics {
    /// How often something was refused for this reason.
    pub(crate) fn refused_command(&self, why: Refused) -> &Counter {
        &self.refused_commands[why as usize]
    }
}

fn refused_label(why: Refused) -> &'static str {
    match why {
        Refused::Syntax => "syntax",
        Refused::State => "state",
        Refused::Limit => "limit",
        Refused::Name => "name",
        Refused::Message => "message",
        Refused::Privacy => "privacy",
        Refused::Unsupported => "unsupported",
    }
}

fn documents(registry: &mut Registry) -> DocumentMetrics {
    let metrics = DocumentMetrics::default();
    registry.register(
        "document_sequence",
        "Sequence of the document in force",
        metrics.sequences.clone(),
    );
    registry.register(
        "document_loads",
        "Times a document was put in force",
        metrics.loads.clone(),
    );
    registry.register(
        "document_failures",
        "Times a document was refused",
        metrics.failures.clone(),
    );
    metrics
}

impl Metrics {
    /// Figures of one protocol.
    pub(crate) fn protocol(&self, protocol: Protocol) -> &ProtocolMetrics {
        &self.protocols[protocol as usize]
    }

    /// Counts an attempt to log on.
    pub(crate) fn log_on(
        &self,
        protocol: step::Protocol,
        mechanism: &'static str,
        result: &'static str,
    ) {
        let protocol = label(people::of(protocol));
        let labels = LogOnLabels {
            protocol,
            mechanism,
            result,
        };
        self.log_ons.get_or_create(&labels).inc();
    }

    /// Counts a connection's end.
    pub(crate) fn ended(&self, protocol: Protocol, reason: &'static str) {
        let protocol = label(protocol);
        self.ended
            .get_or_create(&EndedLabels { protocol, reason })
            .inc();
    }

    /// Counts a failure to accept.
    pub(crate) fn accept_failed(&self, port: u16) {
        let port = port.into();
        self.accept_failures
            .get_or_create(&PortLabels { port })
            .inc();
    }

    pub(crate) fn set_volume_ready(&self, ready: i64) {
        self.volume_ready.set(ready);
    }

    /// All figures as text, those of others as they are now.
    pub(crate) fn render(&self, now: &Observed<'_>) -> Result<String, fmt::Error> {
        self.observe_documents(now.documents);
        self.listeners.clear();
        for port in now.ports {
            let labels = PortLabels {
                port: port.port.into(),
            };
            let open = i64::from(port.error.is_none());
            self.listeners.get_or_create(&labels).set(open);
        }
        self.certificates.clear();
        for certificate in now.effective.certificates().by_id.values() {
            let leaf = certificate.leaf();
            let labels = CertificateLabels {
                thumbprint: leaf.thumbprint.clone(),
            };
            self.certificates.get_or_create(&labels).set(leaf.not_after);
        }
        let Counts {
            verified,
            verified_nobody,
            remembered,
            busy,
        } = now.verifications;
        for (outcome, count) in [
            ("verified", verified),
            ("nobody", verified_nobody),
            ("remembered", remembered),
            ("busy", busy),
        ] {
            let counter = self
                .verifications
                .get_or_create(&VerificationLabels { outcome });
            counter.inner().store(count, Ordering::Relaxed);
        }
        for why in Skipped::ALL {
            let kind = skipped_label(why);
            let counter = self.skipped.get_or_create(&SkippedLabels { kind });
            let count = now.store.skipped(why);
            counter.inner().store(count, Ordering::Relaxed);
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn observe_documents(&self, status: &DocumentsStatus) {
        for (name, document) in &status.documents {
            let labels = DocumentLabels {
                document: name.clone(),
            };
            if let Some(header) = &document.loaded {
                let sequence = i64::try_from(header.sequence).unwrap_or(i64::MAX);
                self.documents
                    .sequences
                    .get_or_create(&labels)
                    .set(sequence);
            }
            let store = |family: &Family<DocumentLabels, Counter>, count| {
                let counter = family.get_or_create(&labels);
                counter.inner().store(count, Ordering::Relaxed);
            };
            store(&self.documents.loads, document.loads);
            store(&self.documents.failures, document.failures);
        }
    }
}

/// What others count, at one moment.
pub(crate) struct Observed<'a> {
    pub(crate) documents: &'a DocumentsStatus,
    pub(crate) effective: &'a Effective,
    pub(crate) ports: &'a [PortStatus],
    pub(crate) verifications: Counts,
    pub(crate) store: &'a Store,
}

fn skipped_label(why: Skipped) -> &'static str {
    match why {
        Skipped::Directory => "directory",
        Skipped::LineEnd => "line_end",
        Skipped::Special => "special",
    }
}

fn label(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Imap => "imap",
        Protocol::Pop => "pop",
    }
}
