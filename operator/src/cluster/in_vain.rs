//! A write that somebody else takes back each time is not repeated for ever: two programs that disagree would
//! fill the store with versions.

use super::difference::Write;
use crate::reconcile::Object;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// So often the same is written over the same ...
const TIMES: u32 = 3;
/// ... and then not for so long.
const LEFT_FOR: Duration = Duration::from_mins(5);

/// What was written over what, by kind and name.
#[derive(Debug, Default)]
pub struct InVain {
    by_object: BTreeMap<(&'static str, String), Repeated>,
}

/// The same write, several times.
#[derive(Debug)]
struct Repeated {
    seen: String,
    times: u32,
    last: Instant,
}

/// What a write is in view of earlier ones.
#[derive(Debug, PartialEq, Eq)]
pub enum Prospect {
    /// It is to be made, and to be noted by this when it was.
    Fresh(String),
    /// It is left until then.
    Left(Instant),
}

impl InVain {
    /// Whether a write is to be made.
    pub fn prospect(
        &self,
        object: &Object,
        write: &Write,
        there: Option<&Object>,
        now: Instant,
    ) -> Prospect {
        let seen = seen(write, there);
        match self.by_object.get(&key(object)) {
            Some(before) if before.seen == seen && before.times >= TIMES => {
                let until = before.last + LEFT_FOR;
                if now < until {
                    return Prospect::Left(until);
                }
                Prospect::Fresh(seen)
            }
            _ => Prospect::Fresh(seen),
        }
    }

    /// A write was made. One that was refused is not in vain, but not done.
    pub fn note(&mut self, object: &Object, seen: String, now: Instant) {
        let entry = self.by_object.entry(key(object));
        let repeated = entry.or_insert_with(|| Repeated {
            seen: String::new(),
            times: 0,
            last: now,
        });
        repeated.times = if repeated.seen == seen {
            repeated.times + 1
        } else {
            1
        };
        repeated.seen = seen;
        repeated.last = now;
    }

    /// An object is as it should be.
    pub fn settle(&mut self, object: &Object) {
        self.by_object.remove(&key(object));
    }
}

fn key(object: &Object) -> (&'static str, String) {
    let (kind, name) = object.key();
    (kind, name.to_owned())
}

/// What would be written over what.
fn seen(write: &Write, there: Option<&Object>) -> String {
    let (Write::Create(value) | Write::Replace(value) | Write::Apply(value)) = write;
    let mut there = there
        .and_then(|there| serde_json::to_value(there).ok())
        .unwrap_or_default();
    let mut value = value.clone();
    for value in [&mut there, &mut value] {
        if let Some(object) = value.as_object_mut() {
            object.remove("status");
        }
        if let Some(metadata) = value
            .pointer_mut("/metadata")
            .and_then(Value::as_object_mut)
        {
            metadata.remove("resourceVersion");
            metadata.remove("generation");
        }
    }
    mailaccess_config::Digest::of(format!("{there}\n{value}").as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ServiceAccount;

    fn object(version: &str) -> Object {
        let mut account = ServiceAccount::default();
        account.metadata.name = Some("mail".to_owned());
        account.metadata.resource_version = Some(version.to_owned());
        Object::ServiceAccount(account)
    }

    fn write(text: &str) -> Write {
        Write::Apply(serde_json::json!({"metadata": {"name": "mail"}, "text": text}))
    }

    /// Makes a write, if it is to be made; says whether it was.
    fn made(in_vain: &mut InVain, text: &str, version: &str, now: Instant) -> bool {
        let (wanted, there) = (object("1"), object(version));
        match in_vain.prospect(&wanted, &write(text), Some(&there), now) {
            Prospect::Fresh(seen) => {
                in_vain.note(&wanted, seen, now);
                true
            }
            Prospect::Left(until) => {
                assert!(until > now);
                false
            }
        }
    }

    #[test]
    fn what_somebody_takes_back_is_written_three_times_and_then_left_for_a_while() {
        let mut in_vain = InVain::default();
        let start = Instant::now();
        let mut made = |text: &str, seconds: u64| {
            let now = start + Duration::from_secs(seconds);
            made(&mut in_vain, text, &seconds.to_string(), now)
        };
        let all = [0, 1, 2, 3, 200, 303].map(|seconds| made("a", seconds));
        assert_eq!(all, [true, true, true, false, false, true]);
        // Something else is another matter.
        assert!(made("b", 304));
        assert!(made("a", 305));
    }

    #[test]
    fn what_was_refused_or_is_as_it_should_be_does_not_count() {
        let mut in_vain = InVain::default();
        let now = Instant::now();
        let (wanted, write) = (object("1"), write("a"));
        for _ in 0..10 {
            let prospect = in_vain.prospect(&wanted, &write, None, now);
            assert!(matches!(prospect, Prospect::Fresh(_)));
        }
        for _ in 0..TIMES {
            assert!(made(&mut in_vain, "a", "2", now));
        }
        assert!(!made(&mut in_vain, "a", "2", now));
        in_vain.settle(&wanted);
        assert!(made(&mut in_vain, "a", "2", now));
    }
}
