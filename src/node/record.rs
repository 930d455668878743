//! What a script answers: records on stdout, and pieces of stderr cut by marks.
//!
//! ```text
//! stdout   @<nonce> <index> <status> <length>\n<payload of that length>\n
//! stderr   @<nonce> <index>\n<what index complained of>
//! ```
//!
//! What stands between records is noise, and so is another frame's nonce. A record that is cut short is not there; a
//! record that is not there makes its fact unknown. Any bytes can be parsed, in linear time.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::script::ABSENT;

/// Longest `<index> <status> <length>\n`: u32, i32 and u64 with their separators fit.
const HEADER_LIMIT: usize = 48;
/// How much of a complaint is kept for a reason.
const COMPLAINT_LIMIT: usize = 2000;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// 0 = present, [`ABSENT`] = absent, else unknown (facts) or failed (steps).
    pub status: i32,
    /// What was sent, to the byte: ASCII if the shell function `answer` sent it.
    pub payload: Vec<u8>,
}

impl Record {
    /// The payload as the probe had it: what holds odd bytes is sent as `base64:…`.
    ///
    /// # Errors
    /// It says that it is base64 and is not.
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>, String> {
        decode(&self.payload)
    }

    /// Whether the machine said that there is no such thing.
    pub fn is_absent(&self) -> bool {
        self.status == ABSENT
    }
}

/// A payload as the probe had it.
///
/// # Errors
/// It says that it is base64 and is not.
pub fn decode(payload: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    match payload.strip_prefix(b"base64:") {
        None => Ok(Cow::Borrowed(payload)),
        Some(encoded) => from_base64(encoded).map(Cow::Owned),
    }
}

/// Base64 with line breaks in it, as base64(1) prints it.
///
/// # Errors
/// It is not base64.
pub fn from_base64(text: &[u8]) -> Result<Vec<u8>, String> {
    let packed: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(packed).map_err(|error| format!("bad base64: {error}"))
}

/// Bytes as text; what is not UTF-8 becomes `\xNN`.
pub fn to_text(mut bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    while let Some(chunk) = bytes.utf8_chunks().next() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
        bytes = bytes.get(chunk.valid().len() + chunk.invalid().len()..).unwrap_or_default();
    }
    text
}

/// A node's words, fit to be shown: control characters are escaped, what is long is cut.
pub fn to_reason(bytes: &[u8]) -> String {
    let cut = bytes.get(..COMPLAINT_LIMIT).unwrap_or(bytes);
    let text = to_text(cut);
    let mut reason = String::new();
    for line in text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty()).take(5) {
        if !reason.is_empty() {
            reason.push_str("; ");
        }
        for c in line.chars() {
            if c == '\t' {
                reason.push(' ')
            } else if c.is_control() {
                reason.extend(c.escape_default())
            } else {
                reason.push(c)
            }
        }
    }
    reason
}

/// All that a script answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    records: BTreeMap<u32, Record>,
    complaints: BTreeMap<u32, Vec<u8>>,
}

impl Records {
    /// Reads both streams of a script that ran with that nonce.
    pub fn parse(nonce: &str, stdout: &[u8], stderr: &[u8]) -> Self {
        let mut parser = Parser::new(nonce);
        parser.push(stdout);
        Self { records: parser.finish(), complaints: complaints(nonce, stderr) }
    }

    /// The answer of that index, if it came whole.
    pub fn get(&self, index: u32) -> Option<&Record> {
        self.records.get(&index)
    }

    /// What that index wrote to stderr, fit to be shown; may be empty.
    pub fn complaint(&self, index: u32) -> String {
        self.complaints.get(&index).map(|bytes| to_reason(bytes)).unwrap_or_default()
    }

    /// All answers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Record)> {
        self.records.iter().map(|(index, record)| (*index, record))
    }
}

/// Reads records from a stream, piece by piece.
#[derive(Debug)]
pub struct Parser {
    /// `@<nonce> `
    needle: Vec<u8>,
    /// Bytes not yet understood: shorter than a header while between records.
    pending: Vec<u8>,
    /// The record whose payload is being read: index, status, length.
    open: Option<(u32, i32, usize)>,
    records: BTreeMap<u32, Record>,
}

impl Parser {
    /// A parser for the records of one frame.
    pub fn new(nonce: &str) -> Self {
        Self { needle: format!("@{nonce} ").into_bytes(), pending: Vec::new(), open: None, records: BTreeMap::new() }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(next) = self.step(at) {
            at = next;
        }
        self.pending.drain(..at);
    }

    /// What came whole.
    pub fn finish(self) -> BTreeMap<u32, Record> {
        self.records
    }

    /// One record's header or payload, from `at`; the place after it, or `None` where more bytes are needed. Every call
    /// moves on or ends, and looks at no byte that it leaves behind again.
    fn step(&mut self, at: usize) -> Option<usize> {
        let rest = self.pending.get(at..)?;
        if let Some((index, status, length)) = self.open {
            let payload = rest.get(..length)?;
            let end = *rest.get(length)?;
            if end == b'\n' {
                self.records.entry(index).or_insert_with(|| Record { status, payload: payload.to_vec() });
            }
            self.open = None;
            return Some(at + length);
        }
        let Some(found) = find(rest, &self.needle) else {
            // all but what may be the start of a needle is noise
            let noise = rest.len().saturating_sub(self.needle.len() - 1);
            return (noise > 0).then_some(at + noise);
        };
        let start = found + self.needle.len();
        let header = rest.get(start..)?;
        let header = header.get(..HEADER_LIMIT).unwrap_or(header);
        match header.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                self.open = header.get(..end).and_then(read_header);
                Some(at + start + if self.open.is_some() { end + 1 } else { 0 })
            }
            None if header.len() == HEADER_LIMIT => Some(at + start),
            None => (found > 0).then_some(at + found),
        }
    }
}

/// `<index> <status> <length>`
fn read_header(header: &[u8]) -> Option<(u32, i32, usize)> {
    let mut fields = std::str::from_utf8(header).ok()?.split(' ');
    let read = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    fields.next().is_none().then_some(read)
}

/// Where `needle` first stands in `bytes`.
fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let first = needle.first()?;
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let at = from + rest.iter().position(|byte| byte == first)?;
        if bytes.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Stderr cut by its marks.
fn complaints(nonce: &str, stderr: &[u8]) -> BTreeMap<u32, Vec<u8>> {
    let mark = format!("@{nonce} ").into_bytes();
    let mut pieces: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut current = None;
    for line in stderr.split_inclusive(|byte| *byte == b'\n') {
        // a program may end without a newline, so a mark need not start its line
        let (before, index) = match find(line, &mark) {
            Some(at) => {
                (line.get(..at), line.get(at + mark.len()..).and_then(|text| std::str::from_utf8(text).ok()?.trim_end().parse().ok()))
            }
            None => (Some(line), None),
        };
        if let (Some(current), Some(before)) = (current, before) {
            let piece = pieces.entry(current).or_default();
            let room = COMPLAINT_LIMIT.saturating_sub(piece.len()).min(before.len());
            piece.extend_from_slice(before.get(..room).unwrap_or_default());
        }
        current = index.or(current);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn noise() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            Just(b"".to_vec()),
            Just(b"Welcome!\n@\n@n @n1 @n1 0 0".to_vec()),
            Just(b"@other 0 0 3\nabc\n".to_vec()),
            Just(b"@n1 x 0 3\n".to_vec()),
            Just([b"@n1 ".repeat(20)].concat()),
            prop::collection::vec(any::<u8>(), 0..50),
        ]
    }

    proptest! {
        #[test]
        fn records_survive_noise_and_any_cutting(
            items in prop::collection::vec((noise(), any::<i32>(), prop::collection::vec(any::<u8>(), 0..80)), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut stream = Vec::new();
            for (index, (noise, status, payload)) in items.iter().enumerate() {
                stream.extend_from_slice(noise);
                stream.extend(format!("@n1 {index} {status} {}\n", payload.len()).bytes());
                stream.extend_from_slice(payload);
                stream.push(b'\n');
            }
            let mut borders: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            borders.extend([0, stream.len()]);
            borders.sort_unstable();
            let mut parser = Parser::new("n1");
            for pair in borders.windows(2) {
                parser.push(&stream[pair[0]..pair[1]]);
            }
            let records = parser.finish();
            prop_assert_eq!(records.len(), items.len());
            for (index, (_, status, payload)) in items.into_iter().enumerate() {
                prop_assert_eq!(&records[&(index as u32)], &Record { status, payload });
            }
        }

        #[test]
        fn a_record_cut_short_is_not_there(payload in prop::collection::vec(any::<u8>(), 1..50), missing in 1usize..50) {
            let whole = [format!("@k 0 0 1\nx\n@k 1 0 {}\n", payload.len()).as_bytes(), &payload, b"\n"].concat();
            let records = Records::parse("k", &whole[..whole.len() - missing.min(payload.len())], b"");
            prop_assert_eq!(records.get(0).map(|r| r.payload.clone()), Some(b"x".to_vec()));
            prop_assert_eq!(records.get(1), None);
        }

        #[test]
        fn bytes_become_text_without_loss_of_utf8(text in any::<String>()) {
            prop_assert_eq!(to_text(text.as_bytes()), text);
        }
    }

    #[test]
    fn any_bytes_are_read_in_linear_time() {
        // 8 MB each: quadratic would take hours
        for stream in
            [b"@n1 ".repeat(2_000_000), b"@n1 0 0 99999999999\n".repeat(400_000), b"@".repeat(8_000_000), b"@n1 1 0 0\n".repeat(800_000)]
        {
            let started = std::time::Instant::now();
            let mut parser = Parser::new("n1");
            for piece in stream.chunks(4096) {
                parser.push(piece);
            }
            parser.finish();
            complaints("n1", &stream);
            assert!(started.elapsed().as_secs() < 20);
        }
    }

    /// What the fuzzer starts from; its frames have the nonce `n`.
    #[test]
    fn the_corpus_reads_the_same_in_one_piece_and_in_many() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/records");
        let mut found = 0;
        for entry in std::fs::read_dir(corpus).unwrap() {
            let stream = std::fs::read(entry.unwrap().path()).unwrap();
            let mut parser = Parser::new("n");
            stream.iter().for_each(|byte| parser.push(&[*byte]));
            let records = Records::parse("n", &stream, &stream);
            assert_eq!(records.records, parser.finish());
            for (index, record) in records.iter() {
                let _ = record.bytes();
                let _ = records.complaint(index);
            }
            found += records.iter().count();
        }
        assert!(found > 10);
    }

    #[test]
    fn stderr_is_cut_by_its_marks() {
        let records = Records::parse("k", b"", b"lost\n@k 0\nstat: \x1b[2Jno\ttwo\n\nlines@k 3\n@other 4\n@k 5\n");
        assert_eq!(records.complaint(0), "stat: \\u{1b}[2Jno two; lines");
        assert_eq!(records.complaint(3), "@other 4");
        assert_eq!(records.complaint(5), "");
    }

    #[test]
    fn odd_bytes_come_as_base64() {
        assert_eq!(*decode(b"plain").unwrap(), *b"plain");
        assert_eq!(*decode(b"base64:/wAK\nQQ==\n").unwrap(), [255, 0, 10, 65]);
        assert!(decode(b"base64:!").is_err());
        assert_eq!(to_text(b"a\xffb\xc3"), "a\\xffb\\xc3");
    }
}
