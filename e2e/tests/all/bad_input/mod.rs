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
    /// What was refused before it reached a pod must not move anything there.
    Stays(&'static str),
}

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
    let before = stage.figure(metric.name());
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
    settles(name, &format!("{metric:?} from {before}"), || {
        let after = stage.figure(metric.name());
        (metric.moved(before, after), after.to_string())
    });
    stage.mend();
}

impl Metric {
    const fn name(self) -> &'static str {
        match self {
            Self::Rises(name) | Self::Stays(name) => name,
        }
    }

    /// Whether that is what happened. The samples of a metric that stays are whole numbers, and there are
    /// some.
    fn moved(self, before: f64, after: f64) -> bool {
        match self {
            Self::Rises(_) => after > before,
            Self::Stays(_) => before > 0.0 && (after - before).abs() < 0.5,
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
