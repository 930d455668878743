//! Encodings of texts, by the names that Python has for them.

use encoding_rs::Encoding as Table;

/// An encoding.
#[derive(Clone, Copy)]
pub(crate) struct Encoding(Kind);

#[derive(Clone, Copy)]
enum Kind {
    Utf8,
    /// With a mark at the beginning.
    Utf8Marked,
    /// Each character is its byte, if it is below that.
    Direct(u32),
    /// 16 or 32 bits for each unit.
    Wide {
        bits: u32,
        big: bool,
        marked: bool,
    },
    /// One that has a table.
    Table(&'static Table),
}

impl Encoding {
    /// The encoding of that name, if it is one of Python's that are known here.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase().replace(['_', ' '], "-");
        let wide = |bits, big, marked| Kind::Wide { bits, big, marked };
        Some(Self(match name.as_str() {
            "utf-8" | "utf8" | "u8" | "utf" => Kind::Utf8,
            "utf-8-sig" => Kind::Utf8Marked,
            "ascii" | "us-ascii" | "646" => Kind::Direct(0x80),
            "latin-1" | "latin1" | "latin" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" | "l1" => Kind::Direct(0x100),
            "utf-16" | "utf16" | "u16" => wide(16, false, true),
            "utf-16-le" | "utf-16le" => wide(16, false, false),
            "utf-16-be" | "utf-16be" => wide(16, true, false),
            "utf-32" | "utf32" | "u32" => wide(32, false, true),
            "utf-32-le" | "utf-32le" => wide(32, false, false),
            "utf-32-be" | "utf-32be" => wide(32, true, false),
            name => Kind::Table(table(name)?),
        }))
    }

    /// The bytes of a text; nothing if one of its characters is not in the encoding.
    pub(crate) fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self.0 {
            Kind::Utf8 => Some(text.as_bytes().to_vec()),
            Kind::Utf8Marked => Some([b"\xef\xbb\xbf", text.as_bytes()].concat()),
            Kind::Direct(most) => text.chars().map(|c| u8::try_from(c).ok().filter(|byte| u32::from(*byte) < most)).collect(),
            Kind::Wide { bits, big, marked } => {
                let units = marked.then_some('\u{feff}').into_iter().chain(text.chars());
                Some(match bits {
                    16 => {
                        let units = units.flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec());
                        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
                    }
                    _ => units.map(u32::from).flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect(),
                })
            }
            // where a table leaves a byte free, browsers take the control character; Python does not
            Kind::Table(_) if text.chars().any(|c| matches!(c, '\u{80}'..='\u{9f}')) => None,
            Kind::Table(table) => {
                let (bytes, _, unmapped) = table.encode(text);
                (!unmapped).then(|| bytes.into_owned())
            }
        }
    }

    /// The text of bytes; nothing if they are none in the encoding.
    pub(crate) fn decode(self, bytes: &[u8]) -> Option<String> {
        match self.0 {
            Kind::Utf8 => String::from_utf8(bytes.to_vec()).ok(),
            Kind::Utf8Marked => String::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).to_vec()).ok(),
            Kind::Direct(most) => bytes.iter().all(|byte| u32::from(*byte) < most).then(|| bytes.iter().copied().map(char::from).collect()),
            Kind::Wide { bits: 16, big, marked } => {
                let pairs = bytes.chunks(2).map(|pair| <[u8; 2]>::try_from(pair).ok());
                let read = |big: bool| move |pair: [u8; 2]| if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
                let (big, skipped) = mark(marked, big, bytes, b"\xff\xfe", b"\xfe\xff");
                let units = pairs.skip(skipped).map(|pair| pair.map(read(big))).collect::<Option<Vec<u16>>>()?;
                String::from_utf16(&units).ok()
            }
            Kind::Wide { big, marked, .. } => {
                let (big, skipped) = mark(marked, big, bytes, b"\xff\xfe\0\0", b"\0\0\xfe\xff");
                let units = bytes.chunks(4).skip(skipped).map(|unit| {
                    let unit = <[u8; 4]>::try_from(unit).ok()?;
                    char::from_u32(if big { u32::from_be_bytes(unit) } else { u32::from_le_bytes(unit) })
                });
                units.collect()
            }
            Kind::Table(table) => {
                let text = table.decode_without_bom_handling_and_without_replacement(bytes)?;
                (!text.chars().any(|c| matches!(c, '\u{80}'..='\u{9f}'))).then(|| text.into_owned())
            }
        }
    }
}

/// Whether the units begin with their high byte, and how many of them are a mark that says so.
fn mark(marked: bool, big: bool, bytes: &[u8], little_mark: &[u8], big_mark: &[u8]) -> (bool, usize) {
    match marked {
        true if bytes.starts_with(little_mark) => (false, 1),
        true if bytes.starts_with(big_mark) => (true, 1),
        _ => (big, 0),
    }
}

/// The table of that name. What browsers and Python take for different tables is not here.
fn table(name: &str) -> Option<&'static Table> {
    let rest = |prefixes: &[&str]| prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
    let label = match (rest(&["windows-", "cp", "ibm"]), rest(&["iso-8859-", "iso8859-", "l"])) {
        (Some(page @ ("1250" | "1251" | "1252" | "1253" | "1254" | "1255" | "1256" | "1257" | "1258")), _) => format!("windows-{page}"),
        (Some("866"), _) => "ibm866".to_owned(),
        (Some("932"), _) => "shift_jis".to_owned(),
        (_, Some(part @ ("2" | "3" | "4" | "5" | "6" | "7" | "8" | "10" | "13" | "14" | "15" | "16"))) => format!("iso-8859-{part}"),
        _ if matches!(name, "koi8-r" | "koi8-u" | "gb18030" | "euc-jp") => name.to_owned(),
        _ => return None,
    };
    Table::for_label_no_replacement(label.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::Encoding;

    fn bytes(name: &str, text: &str) -> Option<Vec<u8>> {
        Encoding::of(name).unwrap().encode(text)
    }

    #[test]
    fn texts_are_written_as_python_writes_them() {
        // `text.encode(name)` of CPython 3.11
        for (name, text, expected) in [
            ("windows-1252", "ø€", Some(&b"\xf8\x80"[..])),
            ("cp1252", "\u{81}", None),
            ("windows_1251", "да", Some(b"\xe4\xe0")),
            ("iso-8859-15", "€", Some(b"\xa4")),
            ("iso-8859-1", "€", None),
            ("latin-1", "\u{81}ü", Some(b"\x81\xfc")),
            ("ascii", "ü", None),
            ("utf-8-sig", "a", Some(b"\xef\xbb\xbfa")),
            ("utf-16", "ä", Some(b"\xff\xfe\xe4\0")),
            ("UTF_16_BE", "😀", Some(b"\xd8\x3d\xde\0")),
            ("utf-32-le", "😀", Some(b"\0\xf6\x01\0")),
            ("koi8-r", "да", Some(b"\xc4\xc1")),
            ("cp866", "да", Some(b"\xa4\xa0")),
            ("cp932", "漢", Some(b"\x8a\xbf")),
            ("windows-1252", "漢", None),
        ] {
            assert_eq!(bytes(name, text).as_deref(), expected, "{name}: {text}");
        }
        assert!(Encoding::of("shift_jis").is_none() && Encoding::of("nope").is_none());
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_again(text in ".{0,40}", at in 0..12_usize) {
            let names = ["utf-8", "utf-8-sig", "ascii", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "cp1252", "koi8-r", "gb18030"];
            let encoding = Encoding::of(names[at]).unwrap();
            // a mark at the beginning of the text itself is taken for one, as in Python
            if let Some(bytes) = encoding.encode(&text).filter(|_| !text.starts_with('\u{feff}')) {
                assert_eq!(encoding.decode(&bytes).as_deref(), Some(text.as_str()));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40), at in 0..6_usize) {
            let encoding = Encoding::of(["utf-8", "utf-16", "utf-32", "cp1252", "cp932", "ascii"][at]).unwrap();
            let _ = encoding.decode(&bytes);
        }
    }
}
