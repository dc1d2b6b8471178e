//! How often an object became one that cannot be obeyed as it is, or that points at something unusable. Its
//! status says it, too; a counter is what somebody can be woken by.

use crate::reconcile::finding::{Finding, Truth};
use crate::reconcile::validate::Validated;
use mailaccess_crds::{Condition, ConditionStatus};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::collections::{BTreeMap, BTreeSet};

/// A fault as it is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    /// The object's kind.
    kind: String,
    /// As in the conditions `Accepted` and `ResolvedRefs`.
    reason: String,
}

/// The counter, whoever counts.
#[derive(Debug, Clone, Default)]
pub struct FaultCounter(Family<Labels, Counter>);

impl FaultCounter {
    /// Makes it part of what is scraped.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "mailaccess_operator_faults",
            "Objects that could not be obeyed as they are, or point at something unusable: once for each time that this became so",
            self.0.clone(),
        );
    }
}

/// A reason that an object has for not being well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    kind: String,
    /// With its namespace, where objects of several are looked at together.
    name: String,
    reason: String,
}

/// What is wrong at one time. A reason may have several texts, one for each person for example.
#[derive(Debug, Default)]
pub struct Found(BTreeMap<Fault, BTreeSet<String>>);

impl Found {
    /// With a server and everything that names it.
    pub fn of(validated: &Validated) -> Self {
        let mut found = Self::default();
        let namespace = &validated.server.namespace;
        let full = |name: &str| format!("{namespace}/{name}");
        let server = full(&validated.server.name);
        found.add("MailAccessServer", &server, &validated.accepted);
        let mut problems = validated.people.problems().peekable();
        if problems.peek().is_none() {
            found.add("MailAccessServer", &server, &validated.resolved);
        }
        // One by one: the condition lists them together, so that its text is new when one of them goes.
        for (reason, message) in problems {
            found.insert("MailAccessServer", &server, &reason, message);
        }
        for mailbox in &validated.mailboxes.objects {
            let name = full(&mailbox.name);
            found.add("CASMailbox", &name, &mailbox.accepted);
            found.add("CASMailbox", &name, &mailbox.resolved);
        }
        for binding in &validated.bindings.objects {
            let name = full(&binding.name);
            found.add("CertificateBinding", &name, &binding.accepted);
            found.add("CertificateBinding", &name, &binding.resolved);
        }
        found
    }

    /// And with an object whose server is not there.
    pub fn add_orphan(&mut self, kind: &str, name: &str, conditions: &[Condition]) {
        for condition in conditions {
            let is_about_itself = ["Accepted", "ResolvedRefs"].contains(&condition.type_.as_str());
            if is_about_itself && condition.status != ConditionStatus::True {
                self.insert(kind, name, &condition.reason, &condition.message);
            }
        }
    }

    fn add(&mut self, kind: &str, name: &str, finding: &Finding) {
        if finding.truth != Truth::True {
            self.insert(kind, name, &finding.reason, &finding.message);
        }
    }

    fn insert(&mut self, kind: &str, name: &str, reason: &impl ToString, message: &str) {
        let fault = Fault {
            kind: kind.to_owned(),
            name: name.to_owned(),
            reason: reason.to_string(),
        };
        self.0.entry(fault).or_default().insert(message.to_owned());
    }
}

/// What was wrong at the last look, so that one fault counts once, however often it is looked at.
#[derive(Debug, Default)]
pub struct Faults(Found);

impl Faults {
    /// Counts what has become wrong since then.
    pub fn count(&mut self, found: Found, counter: &FaultCounter) {
        let before = std::mem::replace(&mut self.0, found).0;
        for (fault, messages) in &self.0.0 {
            if before.get(fault).is_some_and(|it| messages.is_subset(it)) {
                continue;
            }
            let labels = Labels {
                kind: fault.kind.clone(),
                reason: fault.reason.clone(),
            };
            counter.0.get_or_create(&labels).inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::finding::Reason;
    use prometheus_client::encoding::text::encode;

    /// What is wrong with a binding, or `ResolvedRefs` if nothing is.
    fn binding(found: &mut Found, name: &str, reason: Reason, message: &str) {
        let finding = match reason {
            Reason::ResolvedRefs => Finding::yes(reason, message),
            _ => Finding::no(reason, message),
        };
        found.add("CertificateBinding", name, &finding);
    }

    fn found(faults: &[(&str, Reason, &str)]) -> Found {
        let mut found = Found::default();
        for (name, reason, message) in faults {
            binding(&mut found, name, *reason, message);
        }
        found
    }

    /// What was counted, as `reason=count`, after one look after another.
    fn counted(looks: &[&[(&str, Reason, &str)]]) -> Vec<String> {
        let counter = FaultCounter::default();
        let mut registry = Registry::default();
        counter.register(&mut registry);
        let mut faults = Faults::default();
        for look in looks {
            faults.count(found(look), &counter);
        }
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let begin = "mailaccess_operator_faults_total{kind=\"CertificateBinding\",reason=\"";
        let mut lines: Vec<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix(begin))
            .map(|line| line.replace("\"} ", "="))
            .collect();
        lines.sort();
        lines
    }

    const FAULT: (&str, Reason, &str) = ("mail", Reason::KeyMismatch, "it does not fit");
    const OTHER: (&str, Reason, &str) = ("other", Reason::KeyMismatch, "nor this");
    const MORE: (&str, Reason, &str) = ("mail", Reason::KeyMismatch, "nor does that");
    const WELL: (&str, Reason, &str) = ("mail", Reason::ResolvedRefs, "all is well");

    #[test]
    fn a_fault_counts_once_however_often_it_is_looked_at() {
        assert_eq!(counted(&[&[FAULT], &[FAULT]]), ["KeyMismatch=1"]);
        assert_eq!(counted(&[&[FAULT, OTHER]]), ["KeyMismatch=2"]);
    }

    #[test]
    fn a_fault_that_comes_back_and_another_one_count_again() {
        assert_eq!(counted(&[&[FAULT], &[WELL], &[FAULT]]), ["KeyMismatch=2"]);
        assert_eq!(counted(&[&[FAULT], &[], &[FAULT]]), ["KeyMismatch=2"]);
        let gone = ("mail", Reason::SecretNotFound, "it is gone");
        assert_eq!(
            counted(&[&[FAULT], &[gone]]),
            ["KeyMismatch=1", "SecretNotFound=1"]
        );
        assert_eq!(counted(&[&[FAULT], &[FAULT, MORE]]), ["KeyMismatch=2"]);
    }

    #[test]
    fn what_goes_and_what_is_well_do_not_count() {
        assert_eq!(counted(&[&[FAULT, MORE], &[FAULT]]), ["KeyMismatch=1"]);
        assert_eq!(counted(&[&[WELL]]), Vec::<String>::new());
    }
}
