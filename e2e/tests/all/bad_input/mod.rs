//! Bad input, one row each: the fault, what is served on the wire then, what the status says, and the
//! metric that moved. Every row is judged by the same [`check`], and mended before the next one.

mod certificates;
mod documents;
mod edits;
mod flood;
mod imap;
mod limits;
mod people;
mod pop3;
mod served_pod;
mod stage;
mod start;
mod volume;

use crate::harness::now;
use std::thread::sleep;
use std::time::Duration;

/// How long a consequence may take, on a busy machine.
const LIMIT: Duration = Duration::from_secs(15);
/// How often it is looked for.
const EVERY: Duration = Duration::from_millis(20);

/// What rows are played on.
trait Stage {
    /// Before a fault.
    fn begin(&mut self);
    /// Everything that was said of faults since then.
    fn status(&mut self) -> String;
    /// The sum of the pod's samples that begin so.
    fn figure(&self, begin: &str) -> f64;
    /// Takes the fault away and waits until all is well.
    fn mend(&mut self);
}

/// What a client sees, in words.
type Look<S> = fn(&mut S) -> String;

/// One bad input.
struct Row<S: 'static> {
    /// What is wrong.
    name: &'static str,
    /// Makes it so.
    fault: fn(&mut S),
    /// What the status says of it, each somewhere.
    status: &'static [&'static str],
    /// What clients see, and what they must see.
    wire: &'static [(Look<S>, &'static str)],
    /// What moved.
    metric: Metric,
}

/// The samples that begin so, added up, before the fault and behind it.
#[derive(Debug, Clone, Copy)]
enum Metric {
    Rises(&'static str),
    /// What a pod leaves aside moves nothing there.
    Stays(&'static str),
    /// What was refused before it reached a pod is counted, and moves nothing there.
    Refused {
        rises: &'static str,
        stays: &'static str,
    },
    /// What was wrong from the start on has been counted so often.
    Is(&'static str, u32),
}

/// What the operator counts of an object that cannot be obeyed as it is.
macro_rules! fault {
    ($kind:ident, $reason:ident) => {
        concat!(
            "mailaccess_operator_faults_total{kind=\"",
            stringify!($kind),
            "\",reason=\"",
            stringify!($reason),
            "\"}"
        )
    };
}
pub(crate) use fault;

/// What `local` counts of an edit that the API server would refuse.
macro_rules! refused_edit {
    ($kind:ident) => {
        concat!(
            "mailaccess_operator_edits_refused_total{kind=\"",
            stringify!($kind),
            "\"}"
        )
    };
}
pub(crate) use refused_edit;

/// Plays a row, and judges it.
#[track_caller]
fn check<S: Stage>(stage: &mut S, row: &Row<S>) {
    let Row {
        name,
        fault,
        status,
        wire,
        metric,
    } = row;
    let before = metric.figures(stage);
    stage.begin();
    fault(stage);
    for text in *status {
        settles(name, text, || {
            let said = stage.status();
            (said.contains(text), said)
        });
    }
    for (look, expected) in *wire {
        settles(name, expected, || {
            let seen = look(stage);
            (seen == *expected, seen)
        });
    }
    settles(name, &format!("{metric:?} from {before:?}"), || {
        let after = metric.figures(stage);
        (metric.moved(before, after), format!("{after:?}"))
    });
    stage.mend();
}

impl Metric {
    /// What is to move, and what must not.
    fn figures(self, stage: &impl Stage) -> (f64, f64) {
        match self {
            Self::Rises(name) | Self::Stays(name) | Self::Is(name, _) => (stage.figure(name), 0.0),
            Self::Refused { rises, stays } => (stage.figure(rises), stage.figure(stays)),
        }
    }

    /// Whether that is what happened. The samples of a metric that stays or is known are whole numbers, and
    /// there are some.
    fn moved(self, before: (f64, f64), after: (f64, f64)) -> bool {
        let is = |figure: f64, expected: f64| (figure - expected).abs() < 0.5;
        let stays = |before: f64, after: f64| before > 0.0 && is(after, before);
        match self {
            Self::Rises(_) => after.0 > before.0,
            Self::Stays(_) => stays(before.0, after.0),
            Self::Refused { .. } => after.0 > before.0 && stays(before.1, after.1),
            Self::Is(_, count) => is(after.0, count.into()),
        }
    }
}

/// Looks until it is as expected.
#[track_caller]
fn settles(row: &str, expected: &str, mut look: impl FnMut() -> (bool, String)) {
    let begin = now();
    loop {
        let (settled, seen) = look();
        if settled {
            return;
        }
        assert!(
            begin.elapsed() < LIMIT,
            "{row}\n  expected: {expected}\n  seen: {seen}"
        );
        sleep(EVERY);
    }
}
