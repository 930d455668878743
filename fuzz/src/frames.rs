//! Any bytes as the two streams of a shell, cut anywhere. Run by the fuzzer and, over the corpus, by
//! `tests/all/fuzz_corpus.rs`.
//!
//! The first byte says how long the pieces are, the second where standard output ends and standard error begins.

use homelabctl::transport::{Collected, Frame, FrameReader, Nonce};

/// Short, so that a fuzzer finds it; no fewer digits than these occur in a nonce of ours.
const NONCE: &str = "n0";

/// Reads the bytes as an answer, and as what is in one.
pub fn run(data: &[u8]) {
    let (&[size, split], bytes) = data.split_first_chunk().unwrap_or((&[0, 0], &[]));
    let size = usize::from(size) % 64 + 1;
    let (stdout, stderr) = bytes.split_at(bytes.len() * usize::from(split) / 256);
    let whole = read(stdout, stderr, usize::MAX);
    let (frame, output) = read(stdout, stderr, size);
    assert_eq!(whole, (frame, output.clone()), "the pieces do not matter");
    assert!(output.stdout.len() <= stdout.len() && output.stderr.len() <= stderr.len());

    // whatever a script prints comes through, whatever stood before it
    let marks = [format!("\n{NONCE} end "), format!("\n{NONCE} end\n"), format!("{NONCE} begin\n")];
    let holds_a_mark = |stream: &[u8]| marks.iter().any(|mark| stream.windows(mark.len()).any(|part| part == mark.as_bytes()));
    if holds_a_mark(&[stdout, b"\n"].concat()) || holds_a_mark(&[stderr, b"\n"].concat()) {
        return;
    }
    let status = size as u8;
    let frame = |noise: &[u8], output: &[u8], status: &str| {
        [noise, format!("{NONCE} begin\n").as_bytes(), output, format!("\n{NONCE} end{status}\n").as_bytes()].concat()
    };
    let (out, err) = (frame(stderr, stdout, &format!(" {status}")), frame(stdout, stderr, ""));
    let (ended, output) = read(&out, &err, size);
    assert_eq!(ended, Frame::Ended(status));
    assert!(output.stdout == stdout && output.stderr == stderr);
}

/// Both streams to the end, or to where the reader has had enough.
fn read(stdout: &[u8], stderr: &[u8], size: usize) -> (Frame, Collected) {
    let mut reader = FrameReader::new(&Nonce::from(NONCE));
    let mut output = Collected::up_to(1 << 20);
    let mut last = Frame::Open;
    for piece in stdout.chunks(size) {
        if last == Frame::Open {
            last = reader.stdout(piece, &mut output);
        }
    }
    for piece in stderr.chunks(size) {
        if last == Frame::Open {
            last = reader.stderr(piece, &mut output);
        }
    }
    (last, output)
}
