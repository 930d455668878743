//! Nothing of a secret survives, whatever its encoding and wherever it is cut; what is no secret passes unchanged.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

fn with(secret: &str) -> Secrets {
    let secrets = Secrets::default();
    assert_eq!(secrets.register(secret), Registered::Hidden);
    secrets
}

fn each_char(secret: &str, form: impl Fn(char) -> String) -> String {
    secret.chars().map(form).collect()
}

fn each_byte(secret: &str, form: impl Fn(u8) -> String) -> String {
    secret.bytes().map(form).collect()
}

/// Every encoding by its own plain encoder, written apart from the search.
fn encodings(secret: &str) -> Vec<(&'static str, String)> {
    let json = serde_json::to_string(secret).unwrap();
    let json = &json[1..json.len() - 1];
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    let url = each_byte(secret, |b| if unreserved(b) { char::from(b).into() } else { format!("%{b:02X}") });
    let bash = |c: char| if c.is_ascii_punctuation() || c == ' ' { format!("\\{c}") } else { c.into() };
    let in_double = |c: char| if "\"\\$`".contains(c) { format!("\\{c}") } else { c.into() };
    let base64 = STANDARD.encode(secret);
    let wrapped: Vec<&str> = base64.as_bytes().chunks(5).map(|line| std::str::from_utf8(line).unwrap()).collect();
    vec![
        ("plain", secret.into()),
        ("single quotes", secret.replace('\'', "'\\''")),
        ("single quotes, python", secret.replace('\'', "'\"'\"'")),
        ("single quotes in JSON", serde_json::to_string(&secret.replace('\'', "'\\''")).unwrap()),
        ("single quotes of python in JSON", serde_json::to_string(&secret.replace('\'', "'\"'\"'")).unwrap()),
        ("double quotes", each_char(secret, in_double)),
        ("backslashes", each_char(secret, bash)),
        ("YAML", secret.replace('\'', "''")),
        ("JSON", json.into()),
        ("JSON in JSON", serde_json::to_string(&json).unwrap()),
        ("JSON in JSON in JSON", serde_json::to_string(&serde_json::to_string(&json).unwrap()).unwrap()),
        ("JSON with slashes", json.replace('/', "\\/")),
        ("JSON, all escaped", secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()),
        ("JSON, all escaped, upper case", secret.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect()),
        ("C", each_byte(secret, |b| format!("\\x{b:02x}"))),
        ("octal", each_byte(secret, |b| format!("\\{b:03o}"))),
        ("octal of printf %b", each_byte(secret, |b| format!("\\0{b:03o}"))),
        ("URL", url.clone()),
        ("URL, lower case", each_byte(secret, |b| if unreserved(b) { char::from(b).into() } else { format!("%{b:02x}") })),
        ("URL, all of it", each_byte(secret, |b| format!("%{b:02X}"))),
        ("URL, twice", url.replace('%', "%25")),
        ("form", url.replace("%20", "+")),
        ("base64", base64.clone()),
        ("base64, no padding", STANDARD_NO_PAD.encode(secret)),
        ("base64, URL", URL_SAFE.encode(secret)),
        ("base64, URL, no padding", URL_SAFE_NO_PAD.encode(secret)),
        ("base64 after one byte", STANDARD.encode(format!("x{secret}"))),
        ("base64 after two bytes", STANDARD.encode(format!("xy{secret}z"))),
        ("base64, URL, in the middle", URL_SAFE.encode(format!("user:{secret}:rest"))),
        ("base64 in a URL", base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")),
        ("base64 in lines", wrapped.join("\n")),
        ("base64 in lines in JSON", wrapped.join("\\n")),
        ("base64 in indented lines", wrapped.join("\r\n    ")),
        ("hex", each_byte(secret, |b| format!("{b:02x}"))),
        ("HEX", each_byte(secret, |b| format!("{b:02X}"))),
        ("od", each_byte(secret, |b| format!(" {b:02x}"))),
        ("fingerprint", each_byte(secret, |b| format!("{b:02x}:"))),
    ]
}

/// Long enough that no part of it stands in a text by chance; of all kinds of characters, without the mask's own.
fn secret() -> impl Strategy<Value = String> {
    let odd = prop::sample::select("'\"\\ $`/+%&=?#!:;-_.~@{}\n\t\u{1b}äßé漢🦀".chars().collect::<Vec<_>>());
    let c = prop_oneof![prop::char::range('a', 'z'), prop::char::range('A', 'Z'), prop::char::range('0', '9'), odd];
    let c = c.prop_filter("the mask's own", |c| *c != '*');
    prop::collection::vec(c, 8..40)
        .prop_map(|chars| chars.into_iter().collect::<String>().trim().to_owned())
        .prop_filter("long enough", |secret| secret.chars().count() >= 8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_encoding_survives(secret in secret(), before in "[g-z ]{0,9}", after in "[g-z ]{0,9}") {
        let secrets = with(&secret);
        for (name, encoded) in encodings(&secret) {
            let redacted = secrets.redact(&format!("{before} {encoded} {after}"));
            // only edges may be left: quotes around it, separators, padding
            let rest = redacted.strip_prefix(&format!("{before} ")).and_then(|rest| rest.strip_suffix(&format!(" {after}")));
            let rest = rest.unwrap_or_else(|| panic!("{name}: the neighbours are gone: {redacted}"));
            let in_the_middle = name.starts_with("base64") && (name.contains("after") || name.contains("middle"));
            let left = rest.replace(MASK, "").replace("%3D", "").replace("\\n", "");
            let left: String = left.chars().filter(|c| !"\"\\ :=\r\n".contains(*c)).collect();
            prop_assert!(rest.contains(MASK), "{}: {}", name, redacted);
            prop_assert!(if in_the_middle { left.len() <= 13 } else { left.is_empty() }, "{}: {} is left of {}", name, redacted, encoded);
        }
    }

    #[test]
    fn chunks_make_no_difference(secret in secret(), pick in any::<prop::sample::Index>(), cuts in prop::collection::vec(1_usize..20, 0..60)) {
        let secrets = with(&secret);
        let all = encodings(&secret);
        let (_, encoded) = &all[pick.index(all.len())];
        let text = format!("some text {encoded}{encoded} and {secret}{} tail", &encoded[..encoded.len() / 2 - (0..4).find(|&n| encoded.is_char_boundary(encoded.len() / 2 - n)).unwrap()]);
        let whole = secrets.redact_bytes(text.as_bytes());
        let mut stream = secrets.stream();
        let (mut rest, mut pieces) = (text.as_bytes(), Vec::new());
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.extend(stream.push(piece));
            prop_assert!(stream.held() < stream.longest());
            rest = after;
        }
        pieces.extend(stream.push(rest));
        pieces.extend(stream.finish());
        prop_assert_eq!(String::from_utf8_lossy(&pieces), String::from_utf8_lossy(&whole));
    }

    #[test]
    fn other_text_passes(secret in "[A-Z]{4}[g-z]{4,20}", text: Vec<u8>) {
        let secrets = with(&secret);
        prop_assert_eq!(secrets.redact_bytes(&text), text);
    }

    #[test]
    fn no_text_of_other_letters_is_touched(secret in "[A-Z]{4}[g-z]{4,20}", text in "[0-9'\"\\\\%+ \n]{0,200}") {
        prop_assert_eq!(with(&secret).redact(&text), text);
    }

    #[test]
    fn overlapping_secrets_are_both_gone(text in "[ab]{0,40}") {
        let secrets = Secrets::default();
        for secret in ["abab", "babba", "aabba"] {
            assert_eq!(secrets.register(secret), Registered::Hidden);
        }
        let redacted = secrets.redact(&text);
        for secret in ["abab", "babba", "aabba"] {
            prop_assert!(!redacted.contains(secret), "{} in {}", secret, redacted);
        }
        // what is left was there, in that order
        let mut from = text.as_str();
        for part in redacted.split(MASK) {
            let at = from.find(part);
            prop_assert!(at.is_some());
            from = &from[at.unwrap() + part.len()..];
        }
    }
}

#[test]
fn a_mixture_of_forms_is_found() {
    let secrets = with("p'ä s\"w");
    for text in ["p'\\''ä s\\\"w", "p%27\\u00e4+s\\x22w", "\\u0070'\"'\"'%C3%A4%20s\"w"] {
        assert_eq!(secrets.redact(text), MASK, "{text}");
    }
}

#[test]
fn the_lines_of_a_key_are_hidden_one_by_one() {
    let secrets = with("-----BEGIN KEY-----\nMC4CAQAwBQYDK2Vw\nBCIEIGv0\n-----END KEY-----\n");
    assert_eq!(secrets.redact("  MC4CAQAwBQYDK2Vw\n  BCIEIGv0\n"), "  ***\n  ***\n");
    assert_eq!(secrets.redact("-----BEGIN KEY-----"), "-----BEGIN KEY-----");
}

#[test]
fn short_secrets_are_refused_aloud_and_nothing_else() {
    let secrets = Secrets::default();
    assert_eq!(secrets.register("abc"), Registered::TooShort);
    assert_eq!(secrets.register("  \n"), Registered::Hidden);
    assert!(secrets.is_empty());
    assert_eq!(secrets.register("äöüß\n"), Registered::Hidden);
    assert_eq!(secrets.redact("xäöüßx"), "x***x");
    assert_eq!(format!("{secrets:?}"), "Secrets(1)");
}

#[test]
fn json_values_lose_them_everywhere() {
    let secrets = with("4711471147");
    let value = serde_json::json!({"a4711471147": ["x 4711471147", 4_711_471_147_u64, 3, null]});
    assert_eq!(secrets.redact_value(value), serde_json::json!({"a***": ["x ***", "***", 3, null]}));
}

#[test]
fn a_stream_holds_nothing_back_where_no_secret_can_begin() {
    let mut stream = with("Zebra123").stream();
    assert_eq!(stream.push(b"the last line!\n"), b"the last line!\n");
    assert_eq!(stream.push(b"Zeb"), b"");
    assert_eq!(stream.push(b"u\n"), b"Zebu\n");
}

#[test]
fn thousands_are_found_as_one_is() {
    // the same beginning for all, the same secret in others' middle, and one that is the beginning of another
    let all: Vec<String> = (0..3000).map(|n| format!("pass-{:x}-{n}", n * 7919 % 251)).chain(["pass-0".to_owned()]).collect();
    let many = Secrets::default();
    assert_eq!(many.register_all(all.iter().map(String::as_str).chain(["abc", " ", "äö", "pass-0"])), 2);
    assert_eq!(format!("{many:?}"), "Secrets(3001)");
    for secret in all.iter().step_by(97) {
        let alone = with(secret);
        for (name, encoded) in encodings(secret) {
            // ends with a byte that no form goes on with, so that the neighbours of base64 do not tell
            let text = format!("<{encoded}>");
            let (one, of_many) = (alone.redact(&text), many.redact(&text));
            assert!(of_many.contains(MASK) && of_many.replace(MASK, "").len() <= one.replace(MASK, "").len(), "{name}: {of_many} {one}");
        }
    }
    assert_eq!(many.redact("pass-0 pass-0-0 pass-x password"), "*** *** pass-x password");
}

#[test]
fn one_by_one_is_the_same_as_all_at_once() {
    let all: Vec<String> = (0..200).map(|n| format!("{}{n:04}", "ab".repeat(n % 9))).collect();
    let (together, single) = (Secrets::default(), Secrets::default());
    assert_eq!(together.register_all(all.iter().map(String::as_str)), 0);
    for secret in &all {
        assert_eq!(single.register(secret), Registered::Hidden);
    }
    for text in ["0007 ab0010 abab0020ab0001", "%61b0010 YWIwMDEw 6162 30303130"] {
        assert_eq!(together.redact(text), single.redact(text), "{text}");
    }
}

#[test]
fn a_beginning_shared_by_many_is_no_stack_overflow() {
    let beginning = "key/".repeat(150);
    let all: Vec<String> = (0..20).map(|n| format!("{beginning}{n:04}")).collect();
    let secrets = Secrets::default();
    assert_eq!(secrets.register_all(all.iter().map(String::as_str)), 0);
    assert_eq!(secrets.redact(&format!("<{}>", all[7])), "<***>");
}

#[test]
fn a_stream_keeps_the_secrets_it_began_with() {
    let secrets = with("first-one");
    let mut stream = secrets.stream();
    assert_eq!(secrets.register("second-one"), Registered::Hidden);
    assert_eq!(stream.push(b"first-one second-one."), b"*** second-one.");
    assert_eq!(secrets.redact("first-one second-one."), "*** ***.");
}
