//! Durations as they are written everywhere in this project: a whole number and a unit.

use std::time::Duration;

/// The longest: no option of this program means more than a day.
const LIMIT_SECS: u64 = 24 * 3600;

/// A text that is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a whole number with s, m or h, at most 24h: 5s, 30m")]
pub struct InvalidDuration;

/// Reads `0s`, `30s`, `5m` or `1h`.
///
/// ```
/// assert_eq!(mailaccess::parse_duration("5m").unwrap().as_secs(), 300);
/// assert!(mailaccess::parse_duration("5").is_err());
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let (number, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or(InvalidDuration)?;
    let unit_secs = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(InvalidDuration),
    };
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidDuration);
    }
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit_secs))
        .filter(|secs| *secs <= LIMIT_SECS)
        .map(Duration::from_secs)
        .ok_or(InvalidDuration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_are_a_duration() {
        for (text, secs) in [("0s", 0), ("30s", 30), ("5m", 300), ("24h", 86_400)] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_secs(secs)),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_not() {
        for text in [
            "",
            "s",
            "5",
            "-5s",
            "5 s",
            "5S",
            "1.5s",
            "25h",
            "5ß",
            "99999999999999999999s",
        ] {
            assert_eq!(parse_duration(text), Err(InvalidDuration), "{text}");
        }
    }
}
