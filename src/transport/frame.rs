//! Finding one script's answer in the streams of a long-lived shell.
//!
//! The loop on the node prints `<nonce> begin` before a script and `<nonce> end <status>` after it on standard output,
//! and `<nonce> begin`, `<nonce> end` on standard error, each on a line of its own. What stands before a begin is noise:
//! a chatty login, or a process that an earlier script left behind. The streams are read piece by piece, and a mark may
//! be cut anywhere.

use memchr::memmem::Finder;

use super::{Flow, Nonce, Output};

/// Noise before a frame that is read past; a node that prints more than this at login is hostile or broken.
const NOISE: usize = 4 << 20;
/// `<status>\n` after an end mark: a status has at most three digits.
const STATUS: usize = 4;

/// How one piece of a stream went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// The answer goes on.
    Open,
    /// The answer is whole: the script's status.
    Ended(u8),
    /// The output was told to stop, or there was no end of noise.
    TooMuch,
    /// What stands where the end of the answer should is no such end.
    Garbled,
}

/// Reads one script's answer from both streams.
#[derive(Debug)]
pub struct FrameReader {
    stdout: Stream,
    stderr: Stream,
}

impl FrameReader {
    /// A reader for the script with that nonce.
    pub fn new(nonce: &Nonce) -> Self {
        Self { stdout: Stream::new(nonce, true), stderr: Stream::new(nonce, false) }
    }

    /// Takes a piece of standard output.
    pub fn stdout(&mut self, bytes: &[u8], output: &mut dyn Output) -> Frame {
        let flow = self.stdout.feed(bytes, &mut |part| output.stdout(part));
        self.state(flow)
    }

    /// Takes a piece of standard error.
    pub fn stderr(&mut self, bytes: &[u8], output: &mut dyn Output) -> Frame {
        let flow = self.stderr.feed(bytes, &mut |part| output.stderr(part));
        self.state(flow)
    }

    /// Whether the script has started.
    pub fn begun(&self) -> bool {
        self.stdout.begun
    }

    fn state(&self, flow: Flow) -> Frame {
        match (flow, self.stdout.ended, self.stderr.ended) {
            (Flow::Stop, ..) if self.stdout.garbled => Frame::Garbled,
            (Flow::Stop, ..) => Frame::TooMuch,
            (Flow::GoOn, Some(status), Some(_)) => Frame::Ended(status),
            (Flow::GoOn, ..) => Frame::Open,
        }
    }
}

/// One of the two streams.
#[derive(Debug)]
struct Stream {
    begin: Finder<'static>,
    end: Finder<'static>,
    has_status: bool,
    begun: bool,
    ended: Option<u8>,
    garbled: bool,
    noise: usize,
    /// What may be the beginning of a mark.
    held: Vec<u8>,
}

impl Stream {
    fn new(nonce: &Nonce, has_status: bool) -> Self {
        // no line end before `begin`: it may be the very first thing; one before `end`, because the loop prints it
        let begin = Finder::new(format!("{nonce} begin\n").as_bytes()).into_owned();
        let end = if has_status { format!("\n{nonce} end ") } else { format!("\n{nonce} end\n") };
        let end = Finder::new(end.as_bytes()).into_owned();
        Self { begin, end, has_status, begun: false, ended: None, garbled: false, noise: 0, held: Vec::new() }
    }

    fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&[u8]) -> Flow) -> Flow {
        if self.ended.is_some() {
            return Flow::GoOn;
        }
        self.held.extend_from_slice(bytes);
        if !self.begun {
            let Some(at) = self.begin.find(&self.held) else {
                let dropped = self.held.len().saturating_sub(self.begin.needle().len() - 1);
                self.noise += dropped;
                self.held.drain(..dropped);
                return if self.noise > NOISE { Flow::Stop } else { Flow::GoOn };
            };
            self.held.drain(..at + self.begin.needle().len());
            self.begun = true;
        }
        self.body(sink)
    }

    fn body(&mut self, sink: &mut dyn FnMut(&[u8]) -> Flow) -> Flow {
        let Some(at) = self.end.find(&self.held) else {
            let maybe = self.end_may_start();
            return self.pass(maybe, sink);
        };
        if let Flow::Stop = self.pass(at, sink) {
            return Flow::Stop;
        }
        if !self.has_status {
            self.ended = Some(0);
            return Flow::GoOn;
        }
        let tail = self.held.get(self.end.needle().len()..).unwrap_or_default();
        match tail.iter().position(|&byte| byte == b'\n') {
            None if tail.len() < STATUS => return Flow::GoOn,
            length => self.ended = length.and_then(|length| tail.get(..length)).and_then(status),
        }
        self.garbled = self.ended.is_none();
        if self.garbled { Flow::Stop } else { Flow::GoOn }
    }

    /// Where the shortest tail starts that may be the beginning of an end mark: only that is kept back, so that what a
    /// script prints while it goes on is seen at once.
    fn end_may_start(&self) -> usize {
        let from = self.held.len().saturating_sub(self.end.needle().len() - 1);
        let tail = self.held.get(from..).unwrap_or_default();
        let starts = memchr::memchr_iter(b'\n', tail).find(|&at| tail.get(at..).is_some_and(|rest| self.end.needle().starts_with(rest)));
        from + starts.unwrap_or(tail.len())
    }

    /// Passes the first `length` held bytes on.
    fn pass(&mut self, length: usize, sink: &mut dyn FnMut(&[u8]) -> Flow) -> Flow {
        if length == 0 {
            return Flow::GoOn;
        }
        let flow = sink(self.held.get(..length).unwrap_or_default());
        self.held.drain(..length);
        flow
    }
}

/// One to three digits, up to 255.
fn status(digits: &[u8]) -> Option<u8> {
    let plain = (1..STATUS).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| plain).and_then(|digits| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Collected;
    use super::*;

    fn answer(nonce: &Nonce, noise: &[u8], out: &[u8], err: &[u8], status: u8) -> (Vec<u8>, Vec<u8>) {
        let stdout = [noise, format!("{nonce} begin\n").as_bytes(), out, format!("\n{nonce} end {status}\n").as_bytes()].concat();
        let stderr = [noise, format!("{nonce} begin\n").as_bytes(), err, format!("\n{nonce} end\n").as_bytes()].concat();
        (stdout, stderr)
    }

    fn read(nonce: &Nonce, stdout: &[u8], stderr: &[u8], size: usize) -> (Frame, Collected) {
        let (mut reader, mut output, mut last) = (FrameReader::new(nonce), Collected::up_to(1 << 20), Frame::Open);
        for piece in stdout.chunks(size) {
            last = reader.stdout(piece, &mut output);
        }
        for piece in stderr.chunks(size) {
            last = reader.stderr(piece, &mut output);
        }
        (last, output)
    }

    proptest! {
        #[test]
        fn any_bytes_come_through_whatever_the_pieces(
            noise in proptest::collection::vec(any::<u8>(), 0..99),
            out in proptest::collection::vec(any::<u8>(), 0..999),
            err in proptest::collection::vec(any::<u8>(), 0..99),
            status: u8,
            size in 1usize..50,
        ) {
            let nonce = Nonce::new();
            let (stdout, stderr) = answer(&nonce, &noise, &out, &err, status);
            let (frame, output) = read(&nonce, &stdout, &stderr, size);
            prop_assert_eq!(frame, Frame::Ended(status));
            prop_assert_eq!(output.stdout, out);
            prop_assert_eq!(output.stderr, err);
        }

        #[test]
        fn hostile_bytes_never_end_a_frame(bytes in proptest::collection::vec(any::<u8>(), 0..999), size in 1usize..50) {
            let (frame, _) = read(&Nonce::new(), &bytes, &bytes, size);
            prop_assert_eq!(frame, Frame::Open);
        }
    }

    #[test]
    fn what_is_printed_is_seen_before_the_end() {
        let nonce = Nonce::new();
        let (mut reader, mut output) = (FrameReader::new(&nonce), Collected::up_to(99));
        reader.stdout(format!("{nonce} begin\nready\n").as_bytes(), &mut output);
        assert_eq!(output.stdout, b"ready");
        reader.stdout(b"\n", &mut output);
        assert_eq!(output.stdout, b"ready\n");
    }

    #[test]
    fn another_frames_end_is_output() {
        let (nonce, other) = (Nonce::new(), Nonce::new());
        let inner = format!("a\n{other} end 0\n");
        let (stdout, stderr) = answer(&nonce, b"", inner.as_bytes(), b"", 3);
        let (frame, output) = read(&nonce, &stdout, &stderr, 7);
        assert_eq!((frame, output.stdout), (Frame::Ended(3), inner.into_bytes()));
    }

    #[test]
    fn a_status_that_is_none_is_refused() {
        let nonce = Nonce::new();
        for status in ["256", "-1", "+1", "x", "", "1 ", "000000000"] {
            let mut reader = FrameReader::new(&nonce);
            let text = format!("{nonce} begin\nout\n{nonce} end {status}\n");
            assert_eq!(reader.stdout(text.as_bytes(), &mut Collected::up_to(99)), Frame::Garbled, "{status}");
        }
    }

    #[test]
    fn noise_without_end_is_too_much() {
        let mut reader = FrameReader::new(&Nonce::new());
        let piece = vec![b'x'; 1 << 20];
        assert!((0..6).any(|_| reader.stdout(&piece, &mut Collected::up_to(9)) == Frame::TooMuch));
    }
}
