//! Dates of APPEND and SEARCH.

use super::{Fault, Scanner};
use mailaccess_mail::InternalDate;
use mailaccess_mail::date::Day;

/// ```text
/// date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
/// ```
pub(crate) fn date_time(scanner: &mut Scanner<'_>) -> Result<InternalDate, Fault> {
    const EXPECTED: &str = "a date and time";
    scanner.byte(b'"', EXPECTED)?;
    let text = scanner.take_while(|byte| byte != b'"' && byte != b'\n');
    scanner.byte(b'"', "the end of a date and time")?;
    InternalDate::parse(text).ok_or(Fault::Expected(EXPECTED))
}

/// ```text
/// date      = date-text / DQUOTE date-text DQUOTE
/// date-text = date-day "-" date-month "-" date-year
/// ```
pub(crate) fn date(scanner: &mut Scanner<'_>) -> Result<Day, Fault> {
    let quoted = scanner.eat(b'"');
    let text = scanner.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if text.is_empty() {
        return Err(scanner.fault("a date"));
    }
    if quoted {
        scanner.byte(b'"', "the end of a date")?;
    }
    Day::parse(text).ok_or(Fault::Expected("a date"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_may_be_quoted() {
        for (input, expect) in [
            ("1-Feb-1994 x", Ok(8797)),
            ("\"1-feb-1994\"", Ok(8797)),
            ("", Err(Fault::Incomplete("a date"))),
            ("\"1-Feb-1994", Err(Fault::Incomplete("the end of a date"))),
            ("31-Feb-1994", Err(Fault::Expected("a date"))),
            ("(", Err(Fault::Expected("a date"))),
        ] {
            let day = date(&mut Scanner::new(input.as_bytes()));
            assert_eq!(day.map(Day::since_epoch), expect, "{input}");
        }
    }

    #[test]
    fn a_moment_is_quoted() {
        for (input, expect) in [
            ("\"17-Jul-1996 02:44:25 -0700\"", Ok(837_596_665)),
            (
                "\" 7-Jul-1996 02:44:25 -0700",
                Err(Fault::Incomplete("the end of a date and time")),
            ),
            ("17-Jul-1996", Err(Fault::Expected("a date and time"))),
            (
                "\"7-Jul-1996 02:44:25 -0700\"",
                Err(Fault::Expected("a date and time")),
            ),
        ] {
            let moment = date_time(&mut Scanner::new(input.as_bytes()));
            assert_eq!(moment.map(InternalDate::unix_secs), expect, "{input}");
        }
    }
}
