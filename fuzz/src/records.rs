//! Any bytes as the records of a script, cut anywhere. Run by the fuzzer and, over the corpus, by
//! `tests/all/fuzz_corpus.rs`.
//!
//! The first byte says how long the pieces are, the second where standard output ends and standard error begins.

use homelabctl::node::record::{Parser, Records, to_text};

/// Short, so that a fuzzer finds it.
const NONCE: &str = "n0";

/// Reads the bytes as records.
pub fn run(data: &[u8]) {
    let (&[size, split], bytes) = data.split_first_chunk().unwrap_or((&[0, 0], &[]));
    let size = usize::from(size) % 64 + 1;
    let (stdout, stderr) = bytes.split_at(bytes.len() * usize::from(split) / 256);
    let records = Records::parse(NONCE, stdout, stderr);
    let mut parser = Parser::new(NONCE);
    stdout.chunks(size).for_each(|piece| parser.push(piece));
    let pieces = parser.finish();
    assert!(records.iter().map(|(index, record)| (index, record.clone())).eq(pieces), "the pieces do not matter");
    for (index, record) in records.iter() {
        assert!(record.payload.len() < stdout.len());
        let _ = record.bytes().map(|bytes| to_text(&bytes));
        let complaint = records.complaint(index);
        assert!(!complaint.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{complaint:?}");
    }

    // a whole record comes through, whatever stood before it, unless that was the start of one
    if !stdout.contains(&b'@') && !stderr.contains(&b'@') {
        let answer = [stderr, format!("@{NONCE} 7 44 {}\n", stdout.len()).as_bytes(), stdout, b"\n"].concat();
        let records = Records::parse(NONCE, &answer, b"");
        let record = records.get(7).expect("it is there");
        assert!(record.is_absent() && record.payload == stdout);
    }
}
