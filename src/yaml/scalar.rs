//! What a plain scalar means: YAML 1.1, as PyYAML resolves and constructs it (its `resolver.py` and `constructor.py`).

use super::timestamp::timestamp;
use super::value::Value;

/// What a scalar without quotes and without a tag is; or why PyYAML takes it for a number or a date and then cannot read it.
///
/// # Errors
/// E.g. `2024-13-01`, or `0b_`.
pub fn resolve(text: &str) -> Result<Value, &'static str> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Ok(Value::Bool(true)),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Ok(Value::Bool(false)),
        "=" | "<<" => return Err("it has a meaning of its own in YAML 1.1"),
        _ => {}
    }
    // all that follow begin with one of these
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return Ok(Value::from(text));
    }
    if let Some(number) = float(text).map(Value::Float) {
        return Ok(number);
    }
    if let Some(number) = int(text) {
        return number.ok_or("it looks like a number and has no digits");
    }
    timestamp(text).map(|time| time.unwrap_or_else(|| Value::from(text)))
}

/// `!!int` and integers without a tag; `None` if it does not look like one, `Some(None)` if it has no digits.
pub(super) fn int(text: &str) -> Option<Option<Value>> {
    let (negative, digits) = sign(text);
    let only = |digits: &str, allowed: fn(u8) -> bool| !digits.is_empty() && digits.bytes().all(|b| b == b'_' || allowed(b));
    let radix = |digits: &str, radix: u32| whole(&digits.replace('_', ""), radix, negative);
    if let Some(binary) = digits.strip_prefix("0b") {
        return only(binary, |b| matches!(b, b'0' | b'1')).then(|| radix(binary, 2));
    }
    if let Some(hexadecimal) = digits.strip_prefix("0x") {
        return only(hexadecimal, |b| b.is_ascii_hexdigit()).then(|| radix(hexadecimal, 16));
    }
    if let Some(octal) = digits.strip_prefix('0').filter(|octal| !octal.is_empty()) {
        let octal_only = only(octal, |b| (b'0'..=b'7').contains(&b));
        return octal_only.then(|| if octal.bytes().all(|b| b == b'_') { Some(Value::Int(0)) } else { radix(octal, 8) });
    }
    if digits.contains(':') {
        return sexagesimal(digits).map(|parts| {
            let number = parts.iter().try_fold(0_i64, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?));
            number.map(|number| Value::Int(if negative { -number } else { number }))
        });
    }
    (digits.starts_with(|c: char| c.is_ascii_digit()) && only(digits, |b| b.is_ascii_digit())).then(|| radix(digits, 10))
}

/// `!!float` and floats without a tag.
pub(super) fn float(text: &str) -> Option<f64> {
    let (negative, digits) = sign(text);
    let signed = |number: f64| if negative { -number } else { number };
    match digits {
        ".inf" | ".Inf" | ".INF" => return Some(signed(f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if digits.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    let (before, after) = digits.split_once('.')?;
    let all = |text: &str| text.bytes().all(|b| b == b'_' || b.is_ascii_digit());
    if before.contains(':') {
        // the last part may have a fraction, and no exponent
        let parts = sexagesimal(before).filter(|_| all(after))?;
        let mut sum = 0.0;
        for (index, part) in parts.iter().enumerate() {
            let last = index + 1 == parts.len();
            sum = sum * 60.0 + if last { format!("{part}.{}", after.replace('_', "")).parse::<f64>().ok()? } else { part.parse().ok()? };
        }
        return Some(signed(sum));
    }
    let (fraction, exponent) = after.find(['e', 'E']).map_or((after, ""), |at| after.split_at(at));
    let exponent_is_good = exponent.is_empty()
        || exponent.get(1..).is_some_and(|rest| {
            rest.strip_prefix(['-', '+']).is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        });
    let begins = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    // without digits before the point there is no sign, and a digit comes first behind it
    let digits_are_good = if before.is_empty() { digits.len() == text.len() && begins(fraction) } else { begins(before) };
    if !(digits_are_good && exponent_is_good && all(before) && all(fraction)) {
        return None;
    }
    digits.replace('_', "").parse().ok().map(signed)
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// The parts of `1:30:00`, if it is that: the first begins with a digit, the others are below 60.
fn sexagesimal(digits: &str) -> Option<Vec<String>> {
    let mut parts = digits.split(':');
    let first = parts.next()?;
    let first_is_good = first.starts_with(|c: char| c.is_ascii_digit()) && first.bytes().all(|b| b == b'_' || b.is_ascii_digit());
    let rest: Vec<&str> = parts.collect();
    let is_part = |part: &&str| match part.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [tens, digit] => (b'0'..=b'5').contains(tens) && digit.is_ascii_digit(),
        _ => false,
    };
    if !first_is_good || rest.is_empty() || !rest.iter().all(is_part) {
        return None;
    }
    Some(std::iter::once(first.replace('_', "")).chain(rest.iter().map(|&part| part.to_owned())).collect())
}

/// Digits of any length in some base, as a value.
pub(crate) fn whole(digits: &str, radix: u32, negative: bool) -> Option<Value> {
    // a sign before the digits has been taken off; a second one would be read as one
    if digits.is_empty() || digits.starts_with(['-', '+']) {
        return None;
    }
    if let Ok(number) = i128::from_str_radix(digits, radix) {
        let number = if negative { -number } else { number };
        return Some(i64::try_from(number).map_or_else(|_| Value::BigInt(number.to_string().into()), Value::Int));
    }
    let decimal = if radix == 10 { digits.trim_start_matches('0').to_owned() } else { to_decimal(digits, radix)? };
    Some(Value::BigInt(if negative { format!("-{decimal}") } else { decimal }.into()))
}

/// The longest number that is read: Python's own limit for text (sys.int_info.default_max_str_digits).
const MOST_DIGITS: usize = 4300;

fn to_decimal(digits: &str, radix: u32) -> Option<String> {
    if digits.len() > MOST_DIGITS {
        return None;
    }
    // groups of nine decimal digits, the lowest first
    let mut groups: Vec<u64> = vec![0];
    for digit in digits.chars() {
        let mut carry = u64::from(digit.to_digit(radix)?);
        for group in &mut groups {
            let sum = *group * u64::from(radix) + carry;
            *group = sum % 1_000_000_000;
            carry = sum / 1_000_000_000;
        }
        if carry > 0 {
            groups.push(carry);
        }
    }
    let text: String = groups.iter().rev().map(|group| format!("{group:09}")).collect();
    Some(text.trim_start_matches('0').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::python_float;

    fn of(text: &str) -> String {
        match resolve(text) {
            Ok(Value::Null) => "null".into(),
            Ok(Value::Bool(truth)) => truth.to_string(),
            Ok(Value::Int(number)) => number.to_string(),
            Ok(Value::BigInt(digits)) => digits.to_string(),
            Ok(Value::Float(number)) => python_float(number),
            Ok(Value::Str(text)) => format!("'{text}'"),
            Ok(Value::Time(time)) => format!("time {time}"),
            Ok(other) => panic!("{other:?}"),
            Err(why) => format!("error {why}"),
        }
    }

    #[test]
    fn as_pyyaml_resolves() {
        for (text, expected) in [
            ("NO", "false"),
            ("y", "'y'"),
            ("nO", "'nO'"),
            ("0644", "420"),
            ("0o17", "'0o17'"),
            ("0_", "0"),
            ("00", "0"),
            ("09", "'09'"),
            ("08.5", "8.5"),
            ("22:22", "1342"),
            ("1_0:30", "630"),
            ("12:60", "'12:60'"),
            ("0:30", "'0:30'"),
            ("12:30:45.5", "45045.5"),
            ("1_000", "1000"),
            ("_1", "'_1'"),
            ("0x1F", "31"),
            ("-0b101", "-5"),
            ("+12", "12"),
            ("-0", "0"),
            ("+.5", "'+.5'"),
            (".5", "0.5"),
            ("1.e+5", "100000.0"),
            ("1.5e3", "'1.5e3'"),
            ("1e5", "'1e5'"),
            ("6.8523015e+5", "685230.15"),
            ("-.inf", "-inf"),
            ("-.nan", "'-.nan'"),
            ("0xfffffffffffffffffffffffffffffffffff", "1393796574908163946345982392040522594123775"),
            ("123456789012345678901234567890123456789012", "123456789012345678901234567890123456789012"),
            ("-9223372036854775809", "-9223372036854775809"),
            ("1.2.3", "'1.2.3'"),
            ("10.0.0.1", "'10.0.0.1'"),
            ("-", "'-'"),
            ("...", "'...'"),
            ("1__0.0_1", "10.01"),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
        for text in ["0b_", "2024-13-01", "=", "<<"] {
            assert!(of(text).starts_with("error"), "{text}");
        }
    }
}
