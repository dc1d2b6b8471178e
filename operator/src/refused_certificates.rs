//! How often what a CertificateBinding points at could not be used. Its status says it, too; a counter is
//! what somebody can be woken by.

use crate::reconcile::finding::Reason;
use crate::reconcile::validate::certificate::ValidatedBinding;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;

/// A refusal as it is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    /// As in the condition `ResolvedRefs`.
    reason: String,
}

/// The counter, whoever counts.
#[derive(Debug, Clone, Default)]
pub struct RefusedCertificates(Family<Refused, Counter>);

impl RefusedCertificates {
    /// Makes it part of what is scraped.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "mailaccess_operator_certificates_refused",
            "Certificates that could not be used, by reason: once for each time that this became so",
            self.0.clone(),
        );
    }

    fn count(&self, reason: Reason) {
        let labels = Refused {
            reason: reason.to_string(),
        };
        self.0.get_or_create(&labels).inc();
    }
}

/// What was wrong with the bindings of one server when they were judged last, so that one fault counts once,
/// however often it is looked at.
#[derive(Debug, Default)]
pub struct Refusals {
    by_binding: BTreeMap<String, (Reason, String)>,
}

impl Refusals {
    /// Counts what has become wrong since the last time.
    pub fn count(&mut self, bindings: &[ValidatedBinding], counter: &RefusedCertificates) {
        let now: BTreeMap<_, _> = bindings
            .iter()
            .filter(|binding| binding.is_refused)
            .map(|binding| {
                let finding = &binding.resolved;
                let fault = (finding.reason, finding.message.clone());
                (binding.name.clone(), fault)
            })
            .collect();
        for (name, fault) in &now {
            if self.by_binding.get(name) != Some(fault) {
                counter.count(fault.0);
            }
        }
        self.by_binding = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::finding::Finding;
    use prometheus_client::encoding::text::encode;
    use std::collections::BTreeSet;

    fn binding(name: &str, reason: Reason, message: &str) -> ValidatedBinding {
        ValidatedBinding {
            name: name.to_owned(),
            generation: 1,
            services: BTreeSet::new(),
            certificate: None,
            accepted: Finding::yes(Reason::Accepted, ""),
            is_refused: reason != Reason::ResolvedRefs,
            resolved: Finding::no(reason, message),
        }
    }

    /// What was counted, as `reason=count`, after one look after another.
    fn counted(looks: &[&[ValidatedBinding]]) -> Vec<String> {
        let counter = RefusedCertificates::default();
        let mut registry = Registry::default();
        counter.register(&mut registry);
        let mut refusals = Refusals::default();
        for look in looks {
            refusals.count(look, &counter);
        }
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let begin = "mailaccess_operator_certificates_refused_total{reason=\"";
        let mut lines: Vec<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix(begin))
            .map(|line| line.replace("\"} ", "="))
            .collect();
        lines.sort();
        lines
    }

    #[test]
    fn a_fault_counts_once_however_often_it_is_looked_at() {
        let fault = || binding("mail", Reason::KeyMismatch, "it does not fit");
        assert_eq!(counted(&[&[fault()], &[fault()]]), ["KeyMismatch=1"]);
        assert_eq!(
            counted(&[&[fault(), binding("other", Reason::KeyMismatch, "nor this")]]),
            ["KeyMismatch=2"]
        );
    }

    #[test]
    fn a_fault_that_comes_back_and_another_one_count_again() {
        let fault = || binding("mail", Reason::KeyMismatch, "it does not fit");
        let well = || binding("mail", Reason::ResolvedRefs, "all is well");
        assert_eq!(
            counted(&[&[fault()], &[well()], &[fault()]]),
            ["KeyMismatch=2"]
        );
        assert_eq!(counted(&[&[fault()], &[], &[fault()]]), ["KeyMismatch=2"]);
        let gone = binding("mail", Reason::SecretNotFound, "it is gone");
        assert_eq!(
            counted(&[&[fault()], &[gone]]),
            ["KeyMismatch=1", "SecretNotFound=1"]
        );
    }

    #[test]
    fn what_is_well_does_not_count() {
        let well = binding("mail", Reason::ResolvedRefs, "all is well");
        assert_eq!(counted(&[&[well]]), Vec::<String>::new());
    }
}
