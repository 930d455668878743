//! The bytes of a file that a person named: within bounds, and without waiting for a pipe into which nobody writes.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

/// Who writes into a pipe must begin, and go on, within so many seconds.
const PATIENCE: i64 = 30;

/// Reads a file up to a length; a file that is longer gives one byte more. A pipe, e.g. the shell's `<(command)`, is read as
/// long as somebody writes into it.
///
/// # Errors
/// As for every file; also if it is a directory, or a pipe into which nobody writes.
pub fn read_bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory, and a file is needed"));
    }
    let mut bytes = Vec::new();
    let mut limited = (&file).take(most.saturating_add(1));
    loop {
        match limited.read_to_end(&mut bytes) {
            Ok(_) if bytes.is_empty() && kind.is_fifo() => {
                return Err(io::Error::new(io::ErrorKind::BrokenPipe, "it is a pipe, and nobody writes into it"));
            }
            Ok(_) => return Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let patience = Timespec { tv_sec: PATIENCE, tv_nsec: 0 };
                if poll(&mut [PollFd::new(&file, PollFlags::IN)], Some(&patience))? == 0 {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, format!("nothing came out of it within {PATIENCE} s")));
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// The reason alone: small letters, without the system's number.
pub fn reason(error: &io::Error) -> String {
    let text = match (error.kind(), error.raw_os_error().map(rustix::io::Errno::from_raw_os_error)) {
        (io::ErrorKind::NotFound, _) => "there is no such file".to_owned(),
        (io::ErrorKind::PermissionDenied, _) => "you may not read it".to_owned(),
        (_, Some(rustix::io::Errno::LOOP)) => "it is a link that leads back to itself".to_owned(),
        _ => error.to_string(),
    };
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    // a word in capitals stays as it is
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain([second]).chain(letters).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_pipes_and_what_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        std::fs::write(&path, "abcdef").unwrap();
        assert_eq!(read_bytes(&path, 10).unwrap(), b"abcdef");
        assert_eq!(read_bytes(&path, 3).unwrap(), b"abcd");
        assert_eq!(reason(&read_bytes(directory.path(), 3).unwrap_err()), "it is a directory, and a file is needed");
        assert_eq!(reason(&read_bytes(&directory.path().join("none"), 3).unwrap_err()), "there is no such file");
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("link", &link).unwrap();
        assert_eq!(reason(&read_bytes(&link, 3).unwrap_err()), "it is a link that leads back to itself");
        let pipe = directory.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR, 0)
            .unwrap();
        assert_eq!(reason(&read_bytes(&pipe, 3).unwrap_err()), "it is a pipe, and nobody writes into it");
    }

    /// As bash's `<(command)`: the writer is there, and slow.
    #[test]
    fn a_pipe_with_a_slow_writer() {
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;
        let (reader, mut writer) = io::pipe().unwrap();
        let path = format!("/dev/fd/{}", reader.as_raw_fd());
        let thread = std::thread::spawn(move || {
            for part in ["one ", "two"] {
                std::thread::sleep(std::time::Duration::from_millis(50));
                writer.write_all(part.as_bytes()).unwrap();
            }
        });
        assert_eq!(read_bytes(Path::new(&path), 100).unwrap(), b"one two");
        thread.join().unwrap();
    }
}
