//! A length of time as people write it: a whole number and one unit, `30s`, `30m`, `24h`.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::pattern;

/// The longest text; it also bounds what the rules of the schema have to parse.
const MAX_LENGTH: usize = 6;

/// A length of time, kept in the words it was written in.
///
/// ```
/// let idle: mailaccess_crds::Duration = "30m".parse()?;
/// assert_eq!(idle.as_secs(), 1800);
/// assert_eq!(idle.to_string(), "30m");
/// assert!("1h30m".parse::<mailaccess_crds::Duration>().is_err());
/// # Ok::<(), mailaccess_crds::ParseDurationError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration {
    text: String,
    secs: u64,
}

/// The text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no duration: write a whole number above 0 and one unit, such as 30s, 30m or 24h")]
pub struct ParseDurationError(String);

impl Duration {
    /// The length in seconds.
    pub fn as_secs(&self) -> u64 {
        self.secs
    }

    /// The length as the standard library has it.
    pub fn to_std(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.secs)
    }

    /// So many seconds; 1..=99999, which is what defaults need.
    pub(crate) fn from_secs(secs: u32) -> Self {
        let secs = secs.clamp(1, 99_999);
        Self {
            text: format!("{secs}s"),
            secs: u64::from(secs),
        }
    }

    /// So many minutes; 1..=99999, which is what defaults need.
    pub(crate) fn from_mins(mins: u32) -> Self {
        let mins = mins.clamp(1, 99_999);
        Self {
            text: format!("{mins}m"),
            secs: u64::from(mins) * 60,
        }
    }
}

impl FromStr for Duration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || ParseDurationError(text.chars().take(40).collect());
        if text.len() > MAX_LENGTH || text.starts_with('0') {
            return Err(refused());
        }
        let (number, unit) = [("s", 1), ("m", 60), ("h", 3600)]
            .into_iter()
            .find_map(|(suffix, secs)| Some((text.strip_suffix(suffix)?, secs)))
            .ok_or_else(refused)?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refused());
        }
        let number: u64 = number.parse().map_err(|_| refused())?;
        Ok(Self {
            text: text.to_owned(),
            secs: number * unit,
        })
    }
}

impl TryFrom<String> for Duration {
    type Error = ParseDurationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.text
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": pattern::DURATION, "maxLength": MAX_LENGTH })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_one_unit() {
        for (text, secs) in [
            ("1s", 1),
            ("60s", 60),
            ("30m", 1800),
            ("24h", 86_400),
            ("99999h", 359_996_400),
        ] {
            assert_eq!(text.parse::<Duration>().unwrap().as_secs(), secs, "{text}");
        }
        for text in [
            "", "s", "0s", "01s", "10", "1.5h", "1h30m", "-1s", "+1s", "1 s", "1d", "1S",
            "100000s", "1é",
        ] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn parsing_agrees_with_the_schema_and_never_panics(text in r"([0-9]{0,7}[smhd]?|\PC{0,8})") {
            let pattern = regex::Regex::new(pattern::DURATION).unwrap();
            let allowed = pattern.is_match(&text) && text.chars().count() <= MAX_LENGTH;
            proptest::prop_assert_eq!(text.parse::<Duration>().is_ok(), allowed);
        }
    }
}
