//! Plain scalars as `kubectl` resolves them: YAML 1.1 words and numbers, by the rules of the library it reads YAML with.

use serde_json::{Number, Value};

/// What a plain scalar stands for, or why it cannot be JSON.
pub(super) fn resolve(text: &str) -> Result<Value, String> {
    if let Some(word) = word(text) {
        return Ok(word);
    }
    if matches!(
        text,
        ".nan"
            | ".NaN"
            | ".NAN"
            | ".inf"
            | ".Inf"
            | ".INF"
            | "+.inf"
            | "+.Inf"
            | "+.INF"
            | "-.inf"
            | "-.Inf"
            | "-.INF"
    ) {
        return Err(format!("`{text}` has no form in JSON"));
    }
    let number = match text.as_bytes().first() {
        Some(b'.') => text.parse().ok().filter(|_| is_float(text)).and_then(float),
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let plain = text.replace('_', "");
            integer(&plain).or_else(|| {
                let number = plain.parse().ok().filter(|_| is_float(&plain))?;
                float(number)
            })
        }
        _ => None,
    };
    Ok(number.map_or_else(|| Value::from(text), Value::Number))
}

fn word(text: &str) -> Option<Value> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        _ => return None,
    })
}

/// `[-+]?` and decimal digits, or `0x`, `0o`, `0b` or `0` and digits of that base.
fn integer(plain: &str) -> Option<Number> {
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // `from_str_radix` would take another sign.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, base).ok()?;
    if !negative {
        return Some(magnitude.into());
    }
    let negated = i64::try_from(-i128::from(magnitude)).ok()?;
    Some(negated.into())
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(plain: &str) -> bool {
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = match mantissa.split_once('.') {
        Some((whole, part)) => {
            digits(whole) && digits(part) && !(whole.is_empty() && part.is_empty())
        }
        None => !mantissa.is_empty() && digits(mantissa),
    };
    mantissa
        && exponent.is_none_or(|exponent| {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent)
        })
}

/// A float on its way through JSON: a whole number is written without a point, and so read as an integer.
fn float(number: f64) -> Option<Number> {
    if number.fract() == 0.0 && number.abs() < 1e21 {
        let digits = number.to_string();
        if let Ok(integer) = digits.parse::<i64>() {
            return Some(integer.into());
        }
    }
    Number::from_f64(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_scalars_are_read_as_kubectl_reads_them() {
        for (text, value) in [
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("y", json!(true)),
            ("N", json!(false)),
            ("yEs", json!("yEs")),
            ("~", json!(null)),
            ("", json!(null)),
            ("143", json!(143)),
            ("+143", json!(143)),
            ("-1", json!(-1)),
            ("1_000", json!(1000)),
            ("0x10", json!(16)),
            ("010", json!(8)),
            ("0o10", json!(8)),
            ("-0b11", json!(-3)),
            ("08", json!(8)),
            ("2000.0", json!(2000)),
            ("2e3", json!(2000)),
            ("-0.", json!(0)),
            ("9e17", json!(900_000_000_000_000_000_u64)),
            ("+.nan", json!("+.nan")),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            (
                "18446744073709551615",
                json!(18_446_744_073_709_551_615_u64),
            ),
            ("-9223372036854775808", json!(i64::MIN)),
            ("12:30", json!("12:30")),
            ("2026-01-01", json!("2026-01-01")),
            ("30s", json!("30s")),
            ("--1", json!("--1")),
            ("1e", json!("1e")),
            (".", json!(".")),
            ("-", json!("-")),
            ("0x", json!("0x")),
        ] {
            assert_eq!(resolve(text), Ok(value), "{text}");
        }
        assert!(resolve(".inf").is_err());
        assert!(resolve("-.INF").is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_scalar_panics(text in r"([-+]{0,2}(0[xob]?)?[0-9_.eE]{0,24}|\PC{0,12})") {
            let _ = resolve(&text);
        }
    }
}
