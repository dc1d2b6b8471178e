//! Dates as IMAP writes them (RFC 3501 9 `date-time` and `date`), and the calendar they need.

use core::fmt;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const SECONDS_A_DAY: i64 = 86_400;
/// The first second of the year 0 and the last one of 9999: a year has four digits.
const MOMENTS: (i64, i64) = (-62_167_219_200, 253_402_300_799);

/// The moment a message arrived (INTERNALDATE, RFC 3501 2.3.3), in seconds since 1970-01-01T00:00:00Z.
///
/// A Maildir keeps it as the file's modification time, which has no zone; so it is written in UTC. One that no
/// `date-time` can say, as a file system may give it, is the nearest that one can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InternalDate(i64);

/// A calendar day (RFC 3501 9 `date`), counted from 1970-01-01; what SEARCH compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl InternalDate {
    /// The moment this many seconds after (or before) 1970.
    pub const fn from_unix_secs(secs: i64) -> Self {
        let (first, last) = MOMENTS;
        Self(if secs < first {
            first
        } else if secs > last {
            last
        } else {
            secs
        })
    }

    /// Seconds since 1970.
    pub const fn unix_secs(self) -> i64 {
        self.0
    }

    /// The day it falls on in UTC, the zone in which it is shown.
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(SECONDS_A_DAY))
    }

    /// Reads the text between the quotes of an APPEND's date.
    ///
    /// ```text
    /// date-time      = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
    /// date-day-fixed = (SP DIGIT) / 2DIGIT
    /// time           = 2DIGIT ":" 2DIGIT ":" 2DIGIT
    /// zone           = ("+" / "-") 4DIGIT
    /// ```
    /// `None` when it is not one, also for a 31st of February. A leap second counts as the one before.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (date, rest) = text.split_at_checked(11)?;
        let day = Day::parse(date.strip_prefix(b" ").unwrap_or(date))?;
        let [
            b' ',
            h1,
            h2,
            b':',
            m1,
            m2,
            b':',
            s1,
            s2,
            b' ',
            sign,
            z1,
            z2,
            z3,
            z4,
        ] = *rest
        else {
            return None;
        };
        let two = |a: u8, b: u8| {
            (a.is_ascii_digit() && b.is_ascii_digit())
                .then(|| i64::from(a - b'0') * 10 + i64::from(b - b'0'))
        };
        let (hour, minute, second) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
        let (zone_hour, zone_minute) = (two(z1, z2)?, two(z3, z4)?);
        if hour > 23 || minute > 59 || second > 60 || zone_minute > 59 {
            return None;
        }
        let east = match sign {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let local = day.0 * SECONDS_A_DAY + hour * 3600 + minute * 60 + second.min(59);
        let zone = zone_hour * 3600 + zone_minute * 60;
        Some(Self::from_unix_secs(local - east * zone))
    }
}

impl fmt::Display for InternalDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0.div_euclid(SECONDS_A_DAY));
        let second = self.0.rem_euclid(SECONDS_A_DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let month = usize::try_from(month - 1)
            .ok()
            .and_then(|month| MONTHS.get(month))
            .unwrap_or(&"Jan");
        write!(
            f,
            "{day:2}-{month}-{year:04} {hour:02}:{minute:02}:{second:02} +0000"
        )
    }
}

impl Day {
    /// The day with this date, or `None` when the calendar has none.
    pub fn new(year: i64, month: u8, day: u8) -> Option<Self> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let last = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        ((1..=last).contains(&day) && (0..=9999).contains(&year))
            .then(|| Self(days_from_civil(year, month.into(), day.into())))
    }

    /// Reads `date-text = date-day "-" date-month "-" date-year` (RFC 3501 9), day of one or two digits.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(text).ok()?;
        let mut parts = text.split('-');
        let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = |part: &str, len: core::ops::RangeInclusive<usize>| {
            len.contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
        };
        if parts.next().is_some() || !digits(day, 1..=2) || !digits(year, 4..=4) {
            return None;
        }
        let month = MONTHS
            .iter()
            .position(|name| name.eq_ignore_ascii_case(month))?;
        Self::new(
            year.parse().ok()?,
            u8::try_from(month + 1).ok()?,
            day.parse().ok()?,
        )
    }

    /// Days since 1970-01-01.
    pub const fn since_epoch(self) -> i64 {
        self.0
    }
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar; eras of 400 years.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a day since 1970-01-01: the inverse of [`days_from_civil`].
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_moments_are_written_and_read() {
        for (secs, text) in [
            (0, " 1-Jan-1970 00:00:00 +0000"),
            (837_596_665, "17-Jul-1996 09:44:25 +0000"),
            (951_782_400, "29-Feb-2000 00:00:00 +0000"),
            (-1, "31-Dec-1969 23:59:59 +0000"),
            (MOMENTS.0, " 1-Jan-0000 00:00:00 +0000"),
            (MOMENTS.1, "31-Dec-9999 23:59:59 +0000"),
        ] {
            assert_eq!(InternalDate(secs).to_string(), text);
            assert_eq!(
                InternalDate::parse(text.as_bytes()),
                Some(InternalDate(secs)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_zone_shifts_the_moment() {
        let rfc = InternalDate::parse(b"17-Jul-1996 02:44:25 -0700");
        assert_eq!(rfc, Some(InternalDate(837_596_665)));
    }

    #[test]
    fn a_moment_that_no_date_says_is_the_nearest_one() {
        for (text, expected) in [
            ("01-Jan-0000 00:00:00 +0100", MOMENTS.0),
            ("31-Dec-9999 23:59:59 -0100", MOMENTS.1),
        ] {
            let read = InternalDate::parse(text.as_bytes());
            assert_eq!(read, Some(InternalDate(expected)), "{text}");
        }
        assert_eq!(InternalDate::from_unix_secs(i64::MIN).0, MOMENTS.0);
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for bad in [
            "",
            "31-Feb-2000 00:00:00 +0000",
            "1-Jan-2000 00:00:00 +0000",
            "01-Jan-2000 24:00:00 +0000",
            "01-Jan-2000 00:00:00 0000",
            "01-Foo-2000 00:00:00 +0000",
        ] {
            assert_eq!(InternalDate::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Day::parse(b"29-Feb-1900"), None);
        assert!(Day::parse(b"29-Feb-2000").is_some());
        assert_eq!(Day::parse(b"1-jan-1970").map(Day::since_epoch), Some(0));
    }

    /// Texts of the right form, most of which are dates.
    fn date_time() -> impl Strategy<Value = String> {
        "(0[1-9]|[12][0-9]|3[01]| [1-9])-(Jan|feb|MAR|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-[0-9]{4} ([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60) [+-][0-9]{2}[0-5][0-9]"
    }

    /// The same with a few bytes changed, added or missing.
    fn mutated() -> impl Strategy<Value = Vec<u8>> {
        let edit = (any::<prop::sample::Index>(), 0..4, any::<u8>());
        (date_time(), prop::collection::vec(edit, 0..4)).prop_map(|(text, edits)| {
            let mut bytes = text.into_bytes();
            for (place, kind, byte) in edits {
                let at = place.index(bytes.len() + 1);
                match kind {
                    0 => bytes.insert(at, byte),
                    1 => bytes.truncate(at),
                    2 if at < bytes.len() => drop(bytes.remove(at)),
                    _ if at < bytes.len() => bytes[at] = byte,
                    _ => bytes.push(byte),
                }
            }
            bytes
        })
    }

    /// Whatever is read is written in 26 bytes, which are read as the same.
    fn check(text: &[u8]) {
        if let Some(date) = InternalDate::parse(text) {
            let written = date.to_string();
            assert_eq!(written.len(), 26, "{written}");
            assert_eq!(InternalDate::parse(written.as_bytes()), Some(date));
        }
        if let Some(day) = Day::parse(text) {
            let (year, month, date) = civil(day.0);
            let month = u8::try_from(month).unwrap();
            assert_eq!(Day::new(year, month, date.try_into().unwrap()), Some(day));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            check(text.as_bytes());
            check(&bytes);
        }

        #[test]
        fn a_changed_date_is_read_without_panic(bytes in mutated()) {
            check(&bytes);
            check(&bytes[..bytes.len().min(11)]);
        }

        #[test]
        fn every_day_of_the_calendar_is_read(text in date_time()) {
            check(text.as_bytes());
            if !text.starts_with("29") && !text.starts_with('3') {
                prop_assert!(InternalDate::parse(text.as_bytes()).is_some());
            }
        }

        #[test]
        fn every_moment_is_written(secs in any::<i64>()) {
            let date = InternalDate::from_unix_secs(secs);
            prop_assert_eq!(InternalDate::parse(date.to_string().as_bytes()), Some(date));
            let near = InternalDate::from_unix_secs(secs % (1 << 38));
            prop_assert_eq!(InternalDate::parse(near.to_string().as_bytes()), Some(near));
        }
    }
}
