//! What parsers share.

use crate::node::record::to_text;

/// The next of `fields` as a number.
pub(super) fn number<T: std::str::FromStr>(field: Option<&str>, what: &str) -> Result<T, String> {
    let text = field.ok_or_else(|| format!("no {what}"))?;
    text.trim().parse().map_err(|_| format!("{what} is {text:?}"))
}

/// A hexadecimal number.
pub(super) fn hex(field: Option<&str>, what: &str) -> Result<u32, String> {
    let text = field.ok_or_else(|| format!("no {what}"))?;
    u32::from_str_radix(text, 16).map_err(|_| format!("{what} is {text:?}"))
}

/// What stands between the quotes of a C string: `\n`, `\"`, `\303`; bytes that are no UTF-8 become `\xNN`.
pub(super) fn unquote_c(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    match rest.peek() {
                        Some(digit @ b'0'..=b'7') => value = value * 8 + u32::from(digit - b'0'),
                        _ => break,
                    }
                    rest.next();
                }
                u8::try_from(value).map_err(|_| format!("\\{value:o} in {text:?}"))?
            }
            Some(b'a') => 7,
            Some(b'b') => 8,
            Some(b't') => 9,
            Some(b'n') => 10,
            Some(b'v') => 11,
            Some(b'f') => 12,
            Some(b'r') => 13,
            Some(other) => other,
            None => return Err(format!("a backslash ends {text:?}")),
        });
    }
    Ok(to_text(&bytes))
}

/// Undoes the kernel's `\040` for what would split a line of /proc/mounts and the like, and fstab's.
pub(super) fn unescape_octal(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, tail @ ..] = rest {
        match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = tail;
            }
            _ => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    to_text(&bytes)
}

/// As the kernel writes a mount point.
pub(super) fn escape_octal(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            ' ' => escaped.push_str("\\040"),
            '\t' => escaped.push_str("\\011"),
            '\n' => escaped.push_str("\\012"),
            '\\' => escaped.push_str("\\134"),
            c => escaped.push(c),
        }
        escaped
    })
}

/// The words of a fact that takes no argument.
pub(super) fn no_words(args: &[String]) -> Result<Vec<String>, String> {
    if args.is_empty() { Ok(Vec::new()) } else { Err("no argument is wanted".into()) }
}

/// A list of numbers and ranges as in /sys/devices/system/cpu/online: how many they are.
pub(super) fn count_ranges(text: &str) -> Result<u32, String> {
    let mut count = 0u32;
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (number(Some(first), "range")?, number(Some(last), "range")?);
        count =
            last.checked_sub(first).and_then(|n| n.checked_add(1)).and_then(|n| count.checked_add(n)).ok_or("a range that counts down")?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn octal_escapes_come_back(text in "[ -~\t\né]{0,20}") {
            let escaped = escape_octal(&text);
            prop_assert!(!escaped.contains([' ', '\t', '\n']));
            prop_assert_eq!(unescape_octal(&escaped), text);
        }

        #[test]
        fn any_text_can_be_unquoted(text in any::<String>()) {
            let _ = unquote_c(&text);
            let _ = unescape_octal(&text);
        }
    }

    #[test]
    fn ranges_are_counted() {
        assert_eq!(count_ranges("0"), Ok(1));
        assert_eq!(count_ranges("0-3,8,10-11\n"), Ok(7));
        assert!(count_ranges("3-0").is_err() && count_ranges("x").is_err() && count_ranges("0-4294967295").is_err());
    }

    #[test]
    fn a_broken_escape_is_kept() {
        assert_eq!(unescape_octal("a\\04 \\9"), "a\\04 \\9");
        assert!(unquote_c("a\\").is_err() && unquote_c("\\777").is_err());
    }
}
