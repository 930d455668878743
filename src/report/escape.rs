//! What a node sends can not move the cursor: control characters are shown, not obeyed.

use std::fmt::Write as _;

/// Whether a terminal would do something else with this character than show it.
///
/// C0 and C1 controls, DEL, the bidirectional overrides and isolates ("Trojan Source", CVE-2021-42574), line and
/// paragraph separators, and what is invisible without being a space.
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The text with its control characters written out: `\x1b`, `\u{202e}`. Tabs stay; line ends are written out too.
pub fn line(text: &str) -> String {
    escape(text, false)
}

/// The same for a text of several lines: line ends stay, and a carriage return before one is dropped.
pub fn lines(text: &str) -> String {
    escape(&text.replace("\r\n", "\n"), true)
}

fn escape(text: &str, keep_lines: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => shown.push(c),
            '\n' if keep_lines => shown.push(c),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            c if is_control(c) => {
                // writing to a String does not fail
                let _ = match u32::from(c) {
                    code @ ..=0xff => write!(shown, "\\x{code:02x}"),
                    code => write!(shown, "\\u{{{code:x}}}"),
                };
            }
            c => shown.push(c),
        }
    }
    shown
}

/// JSON in which no control character stands raw: serde_json escapes only those that JSON itself forbids (C0), but a
/// terminal obeys C1 and the bidirectional overrides too.
pub fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        // outside of strings a JSON text has no controls but line ends, which are left alone
        if c != '\n' && is_control(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn controls_are_written_out() {
        assert_eq!(line("a\x1b[2Jb\u{9b}c\u{202e}d\re\nf\tg\x7f"), "a\\x1b[2Jb\\x9bc\\u{202e}d\\re\\nf\tg\\x7f");
        assert_eq!(lines("a\r\nb\rc\n"), "a\nb\\rc\n");
        assert_eq!(json("{\"a\":\"\u{9b}\u{202e}\u{e0001}ä\"}"), "{\"a\":\"\\u009b\\u202e\\udb40\\udc01ä\"}");
    }

    proptest! {
        #[test]
        fn nothing_that_a_terminal_obeys_is_left(text: String) {
            prop_assert!(!line(&text).chars().any(|c| c != '\t' && is_control(c)));
            prop_assert!(!lines(&text).chars().any(|c| c != '\t' && c != '\n' && is_control(c)));
        }

        #[test]
        fn json_stays_the_same_json(text: String) {
            let plain = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(serde_json::from_str::<String>(&json(&plain)).unwrap(), text);
        }
    }
}
