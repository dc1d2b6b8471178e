//! What people see while `local` runs: statuses as they change, refusals, and what to try.

use crate::files::{Notice, ObjectId};
use mailaccess_crds::{Condition, ConditionStatus};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Conditions whose reason is their own name when all is well.
const USUAL: [&str; 3] = ["Accepted", "ResolvedRefs", "Programmed"];

/// Writes lines for people.
pub struct Terminal<W> {
    out: W,
    shown: BTreeMap<ObjectId, String>,
}

impl<W: Write> Terminal<W> {
    /// Writes there.
    pub fn new(out: W) -> Self {
        Self {
            out,
            shown: BTreeMap::new(),
        }
    }

    /// Writes a text as it is.
    pub fn say(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }

    /// Writes the status of an object, if it reads differently from what was written last.
    pub fn status(&mut self, id: &ObjectId, conditions: &[Condition]) -> io::Result<()> {
        let text = describe(conditions);
        if self.shown.get(id) == Some(&text) {
            return Ok(());
        }
        self.say(&format!("{:<34} {text}", id.to_string()))?;
        self.shown.insert(id.clone(), text);
        Ok(())
    }

    /// Writes what happened to files and objects.
    pub fn notice(&mut self, notice: &Notice) -> io::Result<()> {
        match notice {
            Notice::Refused { fault, instead } => {
                self.say(&format!("refused: {fault}\n  {instead}"))
            }
            Notice::Skipped { place, id } => {
                self.say(&format!("{id:<34} skipped, not needed here ({place})"))
            }
            // Its status says it.
            Notice::Accepted { .. } => Ok(()),
            Notice::Deleted { id } => {
                self.shown.remove(id);
                self.say(&format!("{:<34} deleted", id.to_string()))
            }
        }
    }
}

/// Ready in one word, and every reason that is not the usual one.
fn describe(conditions: &[Condition]) -> String {
    let ready = conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")
        .map_or(ConditionStatus::Unknown, |ready| ready.status);
    let word = match ready {
        ConditionStatus::True => "ready",
        ConditionStatus::False => "NOT READY",
        ConditionStatus::Unknown => "waiting",
    };
    let mut parts: Vec<String> = Vec::new();
    for condition in conditions {
        let is_stated = USUAL.contains(&condition.type_.as_str());
        let text = if condition.reason == condition.type_ {
            condition.message.clone()
        } else {
            format!("{}: {}", condition.reason, condition.message)
        };
        let is_usual = condition.reason == "Accepted" || condition.reason == "ResolvedRefs";
        if is_stated && !is_usual && !parts.contains(&text) {
            parts.push(text);
        }
    }
    format!("{word:<10} {}", parts.join(" "))
}
