//! Where a script's output goes while it runs.

/// Whether to go on reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// More, please.
    GoOn,
    /// Enough: the script is cut off.
    Stop,
}

/// Takes a script's output piece by piece, so that 100 MB need not fit in memory.
pub trait Output: Send {
    /// Some bytes of its standard output.
    fn stdout(&mut self, bytes: &[u8]) -> Flow;

    /// Some bytes of its standard error.
    fn stderr(&mut self, bytes: &[u8]) -> Flow;
}

/// Output kept in memory, up to a bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// Standard output so far.
    pub stdout: Vec<u8>,
    /// Standard error so far.
    pub stderr: Vec<u8>,
    limit: usize,
}

impl Collected {
    /// Keeps at most `limit` bytes of both together; what goes beyond stops the script.
    pub fn up_to(limit: usize) -> Self {
        Self { stdout: Vec::new(), stderr: Vec::new(), limit }
    }

    fn room(&self) -> usize {
        self.limit.saturating_sub(self.stdout.len() + self.stderr.len())
    }
}

/// Appends what fits.
fn take(into: &mut Vec<u8>, bytes: &[u8], room: usize) -> Flow {
    into.extend(bytes.iter().take(room));
    if bytes.len() > room { Flow::Stop } else { Flow::GoOn }
}

impl Output for Collected {
    fn stdout(&mut self, bytes: &[u8]) -> Flow {
        let room = self.room();
        take(&mut self.stdout, bytes, room)
    }

    fn stderr(&mut self, bytes: &[u8]) -> Flow {
        let room = self.room();
        take(&mut self.stderr, bytes, room)
    }
}
