//! The day in a `Date` field (RFC 5322 3.3), whatever its time and zone.

use crate::date::Day;

const MONTHS: [&[u8]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// ```text
/// date-time = [ day-name "," ] day month year ...
/// obs-year  = 2*DIGIT
/// ```
/// The order is what counts: a day's name is skipped with or without its comma, comments too, hyphens
/// may stand for blanks. `None` where there is no such day.
pub(super) fn day(value: &[u8]) -> Option<Day> {
    let plain = without_comments(value);
    let mut words = plain
        .split(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b'-'))
        .filter(|word| !word.is_empty());
    let first = words.next()?;
    let day = if first[0].is_ascii_digit() {
        first
    } else {
        words.next()?
    };
    let month = words.next()?.get(..3)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|name| *name == month)?;
    let year = words.next()?;
    let number = match (year.len(), number(year)?) {
        (2, n @ 0..=49) => n + 2000,
        (2 | 3, n) => n + 1900,
        (_, n) => n,
    };
    Day::new(
        number,
        u8::try_from(month + 1).ok()?,
        u8::try_from(self::number(day)?).ok()?,
    )
}

fn number(digits: &[u8]) -> Option<i64> {
    (1..=4).contains(&digits.len()).then_some(())?;
    digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i64::from(digit - b'0'))
    })
}

/// The text with a blank for each comment, up to where one does not end.
fn without_comments(value: &[u8]) -> Vec<u8> {
    let mut level = 0_usize;
    let mut plain = Vec::new();
    for &byte in value.iter().take(256) {
        match byte {
            b'(' => level += 1,
            b')' if level > 0 => {
                level -= 1;
                plain.push(b' ');
            }
            _ if level == 0 => plain.push(byte),
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn days_are_read() {
        for (text, want) in [
            ("Mon, 7 Feb 1994 21:52:25 -0800 (PST)", Some((1994, 2, 7))),
            ("7 Feb 1994 21:52:25 -0800", Some((1994, 2, 7))),
            ("Mon 07 FEB 94 21:52 GMT", Some((1994, 2, 7))),
            ("Fri, 21 Nov 03 09:55:06 -0600", Some((2003, 11, 21))),
            ("(c) Thu,\t13\tFeb\t1969 23:32 -0330", Some((1969, 2, 13))),
            ("Thu, 1-January-1970 00:00:00 +0000", Some((1970, 1, 1))),
            ("Thu, 31 Feb 2000 00:00:00 +0000", None),
            ("yesterday", None),
            ("", None),
            ("Thu, 1", None),
            ("Thu, 1 Foo 2000", None),
            ("Thu, 1 é 2000", None),
        ] {
            let want = want.and_then(|(year, month, day)| Day::new(year, month, day));
            assert_eq!(day(text.as_bytes()), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            day(&bytes);
        }

        #[test]
        fn near_dates_are_read(text in "(Mon,? )?[0-9(]{0,3} ?(Feb|Ma|é)? ?[0-9]{0,5}") {
            day(text.as_bytes());
        }
    }
}
