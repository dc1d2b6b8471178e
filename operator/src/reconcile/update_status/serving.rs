//! What pods together serve of what is wanted.

use crate::reconcile::build::Built;
use crate::reconcile::finding::{Finding, Reason, list};
use crate::reconcile::report::{PodReport, Refusal, Subject};
use mailaccess_config::DocumentName;

/// How many pods serve something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Those that do.
    pub serving: usize,
    /// All, ending ones too.
    pub wanted: usize,
}

impl Count {
    /// Whether there are pods and all of them do.
    pub fn is_complete(self) -> bool {
        self.wanted > 0 && self.serving == self.wanted
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pods = if self.wanted == 1 { "pod" } else { "pods" };
        write!(f, "{} of {} {pods}", self.serving, self.wanted)
    }
}

/// How many pods have loaded the published version of these documents.
pub fn count(pods: &[PodReport], built: &Built, names: &[DocumentName]) -> Count {
    Count {
        serving: pods.iter().filter(|pod| serves(pod, built, names)).count(),
        wanted: pods.len(),
    }
}

fn serves(pod: &PodReport, built: &Built, names: &[DocumentName]) -> bool {
    names.iter().all(|name| {
        let document = built.documents.get(name);
        document.is_some_and(|document| pod.serves(*name, &document.header))
    })
}

/// How many of those that have loaded these documents take clients; one that is ending goes on with those that
/// it has.
pub fn taking(pods: &[PodReport], built: &Built, names: &[DocumentName]) -> usize {
    pods.iter()
        .filter(|pod| (pod.is_ending || !pod.is_unready()) && serves(pod, built, names))
        .count()
}

/// Which pods take no clients, and why, though they are not ending; nothing, if all do.
pub fn not_taking(pods: &[PodReport]) -> Option<String> {
    let unready: Vec<String> = pods
        .iter()
        .filter(|pod| !pod.is_ending && pod.is_unready())
        .map(unready)
        .collect();
    (!unready.is_empty()).then(|| list(&unready))
}

/// Why no pod is ready. One that is ending is not, and need not be while another one is.
pub fn nobody_is_ready(pods: &[PodReport]) -> Option<String> {
    let nobody = pods
        .iter()
        .all(|pod| pod.said.is_some() && pod.is_unready());
    nobody.then(|| list(&pods.iter().map(unready).collect::<Vec<_>>()))
}

fn unready(pod: &PodReport) -> String {
    let reasons = pod.said.iter().flat_map(|said| &said.not_ready);
    format!("{}: {}", pod.pod, list(&reasons.collect::<Vec<_>>()))
}

/// What keeps pods from running.
pub fn hindered(pods: &[PodReport]) -> Option<Finding> {
    let hindrances: Vec<String> = pods
        .iter()
        .filter_map(|pod| Some(format!("pod {}: {}", pod.pod, pod.hindrance.as_ref()?)))
        .collect();
    let message = format!("Not every pod can run: {}.", list(&hindrances));
    (!hindrances.is_empty()).then(|| Finding::unknown(Reason::Pending, message))
}

/// Why these documents are not served by all pods: a refusal needs somebody to act, everything else time.
pub fn outstanding(pods: &[PodReport], built: &Built, names: &[DocumentName]) -> Finding {
    let blocked: Vec<&String> = built
        .faults
        .iter()
        .filter(|fault| names.iter().any(|name| is_about(fault, *name)))
        .collect();
    if !blocked.is_empty() {
        return Finding::no(
            Reason::DocumentNotPublishable,
            format!("What was published before stays, since {}.", list(&blocked)),
        );
    }
    if let Some(finding) = not_written(built, names) {
        return finding;
    }
    let is_meant = |refusal: &Refusal| match &refusal.subject {
        Subject::Document(file) => names.iter().any(|name| name.file_name() == *file),
        Subject::Port(_) => names.contains(&DocumentName::Settings),
        Subject::Tls(_) => names.contains(&DocumentName::Certificates),
    };
    if let Some(finding) = refused(pods, is_meant) {
        return finding;
    }
    if pods.is_empty() {
        return Finding::unknown(Reason::NoPods, "There is no pod yet.");
    }
    let count = count(pods, built, names);
    Finding::unknown(Reason::Pending, format!("Served by {count} so far."))
}

/// Why objects that carry these documents are not there as they should be. Whoever depends on all documents
/// depends on every object.
fn not_written(built: &Built, names: &[DocumentName]) -> Option<Finding> {
    let is_everything = names.len() == DocumentName::all().count();
    let taken: Vec<&String> = built
        .conflicts
        .iter()
        .filter(|conflict| {
            let mut needed = names
                .iter()
                .map(|name| name.object_name(&built.server.name));
            is_everything || needed.any(|name| conflict.ends_with(&format!(" {name}")))
        })
        .collect();
    if !taken.is_empty() {
        return Some(Finding::no(
            Reason::NameConflict,
            format!(
                "Objects of somebody else have names that are needed here: {}.",
                list(&taken)
            ),
        ));
    }
    let refused: Vec<_> = built
        .unwritten
        .iter()
        .filter(|object| is_everything || object.document.is_some_and(|name| names.contains(&name)))
        .collect();
    let texts: Vec<&String> = refused.iter().map(|object| &object.text).collect();
    let message = format!("{}.", list(&texts));
    if refused.iter().any(|object| object.is_final) {
        Some(Finding::no(Reason::WriteRefused, message))
    } else if refused.is_empty() {
        None
    } else {
        Some(Finding::unknown(Reason::WriteRefused, message))
    }
}

/// What pods refuse of something, if they do.
pub fn refused(pods: &[PodReport], is_meant: impl Fn(&Refusal) -> bool) -> Option<Finding> {
    let mut refusals = Vec::new();
    for pod in pods {
        let meant = pod.refusals().into_iter().filter(&is_meant);
        refusals.extend(meant.map(|refusal| format!("pod {}: {refusal}", pod.pod)));
    }
    let message = format!("{}.", list(&refusals));
    (!refusals.is_empty()).then(|| Finding::no(Reason::Refused, message))
}

fn is_about(text: &str, name: DocumentName) -> bool {
    text.strip_prefix(&name.file_name())
        .is_some_and(|rest| rest.starts_with(':'))
}
