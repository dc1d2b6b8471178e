//! NOOP (RFC 3501 6.1.2), and CHECK (6.4.1), which here is the same: nothing waits to be written.

use crate::home::Home;
use crate::job::{Command, Task, Work};
use crate::rules::Rule;
use crate::tag::Tag;
use crate::turn::Turn;

/// Has a look at what is new.
pub(crate) fn look(home: Home, tag: Tag, rule: &'static Rule) -> Turn {
    Turn::run(Work::Command(Command {
        tag,
        rule,
        task: Task::Look(home),
    }))
}
