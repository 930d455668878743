//! Stdout and stderr, where no run is there whose events could say it.

use std::io::{self, Write as _};

use crate::diagnostics::ExitCode;

/// Writes a result. A reader that went away is no error.
pub(super) fn print(text: &[u8]) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("error: writing the results: {error}"));
            ExitCode::Failed
        }
        _ => ExitCode::Done,
    }
}

/// Writes a line to stderr; if even that fails there is nobody to tell.
pub(super) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
