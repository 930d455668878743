//! Passwords that a person types, and passwords in files.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use secrecy::SecretString;
use secrecy::zeroize::Zeroize as _;
use tokio_util::sync::CancellationToken;

use super::terminal::Terminal;
use crate::diagnostics::read_bytes;

/// No password is longer (a password file may end in a newline).
const LONGEST: u64 = 64 * 1024;

/// Asks for a password on the terminal, which shows nothing of it; without a terminal it is the next line of stdin.
///
/// # Errors
/// [`io::ErrorKind::Interrupted`] after Ctrl-C, [`io::ErrorKind::UnexpectedEof`] if there is none to read.
pub(super) fn ask(terminal: &Terminal, question: &str) -> io::Result<SecretString> {
    // before a run a signal ends the program itself, so nothing needs to stop the question
    match terminal.secret(question, &CancellationToken::new())? {
        Some(answer) => Ok(answer),
        None => read_line(&mut io::stdin().lock()),
    }
}

/// A line, without its end.
///
/// # Errors
/// [`io::ErrorKind::UnexpectedEof`] if there is none.
pub(super) fn read_line(input: &mut impl Read) -> io::Result<SecretString> {
    // a byte at a time: what follows may be another password
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() as u64 <= LONGEST {
        match input.read(&mut byte)? {
            0 if line.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            0 => break,
            _ if byte == *b"\n" => break,
            _ => line.extend(byte),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    secret(line)
}

/// What was typed as a secret.
///
/// # Errors
/// It is no UTF-8 text.
pub(super) fn secret(bytes: Vec<u8>) -> io::Result<SecretString> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(SecretString::from(text)),
        Err(error) => {
            error.into_bytes().zeroize();
            Err(io::Error::new(io::ErrorKind::InvalidData, "the password is no UTF-8 text"))
        }
    }
}

/// The password in a file, or the next line of stdin for `-`: its first line.
///
/// # Errors
/// The file cannot be read, is empty, or is a program (Ansible would run it; we do not).
pub fn from_file(path: &Path) -> io::Result<SecretString> {
    if path.as_os_str() == "-" {
        return read_line(&mut io::stdin().lock());
    }
    let meta = std::fs::metadata(path)?;
    if meta.is_file() && meta.permissions().mode() & 0o111 != 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a program, which is not run; write its output there instead"));
    }
    let bytes = read_bytes(path, LONGEST)?;
    match read_line(&mut bytes.as_slice()) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(io::Error::new(error.kind(), "it is empty")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn lines_one_after_the_other() {
        let mut input = "one\r\ntwo".as_bytes();
        assert_eq!(read_line(&mut input).unwrap().expose_secret(), "one");
        assert_eq!(read_line(&mut input).unwrap().expose_secret(), "two");
        assert!(read_line(&mut input).is_err());
    }

    #[test]
    fn files() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("password");
        std::fs::write(&path, "p w\nsecond line\n").unwrap();
        assert_eq!(from_file(&path).unwrap().expose_secret(), "p w");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        assert!(from_file(&path).unwrap_err().to_string().contains("is a program"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "").unwrap();
        assert_eq!(from_file(&path).unwrap_err().to_string(), "it is empty");
    }
}
