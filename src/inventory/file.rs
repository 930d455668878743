//! Files that hold something of an inventory: read whole, as text, within bounds.

use std::path::Path;

use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source, read_bytes, reason};
use crate::yaml::{Keys, Node, VaultError, is_encrypted};

/// The longest file that is read.
const LIMIT: u64 = 64 << 20;

/// The text of a file as it stands there, without a byte order mark. It is called as the person typed it.
///
/// # Errors
/// It cannot be read, is too long, or is no text.
pub(super) fn text(path: &Path, name: &str) -> Result<Source, Box<Diagnostic>> {
    let bytes =
        read_bytes(path, LIMIT).map_err(|error| Box::new(Diagnostic::error(format!("cannot read `{name}`: {}", reason(&error)))))?;
    if bytes.len() as u64 > LIMIT {
        return Err(Box::new(Diagnostic::error(format!("cannot read `{name}`: it is longer than {} MiB", LIMIT >> 20))));
    }
    from_bytes(bytes, name)
}

fn from_bytes(bytes: Vec<u8>, name: &str) -> Result<Source, Box<Diagnostic>> {
    let source = |text: &str| Source::new(name, text.strip_prefix('\u{feff}').unwrap_or(text));
    String::from_utf8(bytes).map(|text| source(&text)).or_else(|error| {
        // comments may be in any encoding, as in Ansible
        let is_good = |line: &[u8]| line.starts_with(b"#") || line.starts_with(b";") || std::str::from_utf8(line).is_ok();
        if error.as_bytes().split(|byte| *byte == b'\n').all(is_good) {
            return Ok(source(&String::from_utf8_lossy(error.as_bytes())));
        }
        let (good, bytes) = (error.utf8_error().valid_up_to(), error.as_bytes());
        // the text up to there shows the line
        let source = Source::new(name, String::from_utf8_lossy(bytes).into_owned());
        let utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        let (what, hint) = if utf16 {
            ("is UTF-16, and only UTF-8 is read", format!("`iconv -f UTF-16 -t UTF-8 {name}` prints it as UTF-8"))
        } else if memchr::memchr(0, bytes).is_some() {
            ("is no text", "is it the right file?".to_owned())
        } else {
            ("is no UTF-8 text", format!("save it as UTF-8; `iconv -f ISO-8859-1 -t UTF-8 {name}` converts what is old"))
        };
        Err(Box::new(Diagnostic::error(format!("`{name}` {what}")).at(source.at(good..good + 1)).hint(hint)))
    })
}

/// What was encrypted and could not be opened, told once for all files.
#[derive(Debug, Default)]
pub(super) struct Closed {
    no_password: Vec<Place>,
    wrong_password: Vec<Place>,
}

/// Opens a file that `ansible-vault` encrypted; any other stays as it is. `None` if it stays closed.
pub(super) fn opened(source: Source, keys: &Keys, closed: &mut Closed, problems: &mut Diagnostics) -> Option<Source> {
    if !is_encrypted(&source.text) {
        return Some(source);
    }
    match keys.open_text(&source.text) {
        Ok(text) => Some(Source::hidden(std::sync::Arc::clone(&source.name), text)),
        Err(error) => {
            closed.add(error, source.line(1), problems);
            None
        }
    }
}

impl Closed {
    /// One more.
    pub(super) fn add(&mut self, error: VaultError, place: Place, problems: &mut Diagnostics) {
        match error {
            VaultError::NoPassword => self.no_password.push(place),
            VaultError::WrongPassword => self.wrong_password.push(place),
            VaultError::Format(_) => {
                let diagnostic = Diagnostic::error(format!("this cannot be decrypted: {error}"));
                problems.push(diagnostic.at(place).hint(error.advice()));
            }
        }
    }

    /// Says it.
    pub(super) fn tell(self, passwords_failed: bool, problems: &mut Diagnostics) {
        let mut say = |places: Vec<Place>, what: &str, hint: &str| {
            let Some((first, others)) = places.split_first() else { return };
            let mut names: Vec<&str> = others.iter().map(|place| &*place.source.name).collect();
            names.dedup();
            let also = match (names.len(), names.split_last()) {
                (0, _) | (_, None) => String::new(),
                (1, Some((one, _))) => format!(" (`{one}` too)"),
                (2..=5, Some((last, others))) => format!(" (`{}` and `{last}` too)", others.join("`, `")),
                (many, _) => format!(" ({many} more files too)"),
            };
            problems.push(Diagnostic::error(format!("{what}{also}")).at(first.clone()).hint(hint));
        };
        // why there is none has been said
        let no_password = if passwords_failed { Vec::new() } else { self.no_password };
        say(no_password, "this is encrypted, and no vault password was given", VaultError::NoPassword.advice());
        say(self.wrong_password, "the vault password does not open this", VaultError::WrongPassword.advice());
    }
}

/// Marks everything that came out of an encrypted file.
pub(super) fn mark_secret(source: &Source, node: &mut Node) {
    if source.hidden {
        node.each_mut(&mut |node| node.secret = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        std::fs::write(&path, b"m1\nm2 \xff\n").unwrap();
        insta::assert_snapshot!(text(&path, "hosts").unwrap_err().render(false));
        std::fs::write(&path, "\u{feff}m1\n").unwrap();
        assert_eq!(&*text(&path, "hosts").unwrap().text, "m1\n");
        assert_eq!(text(&directory.path().join("none"), "none").unwrap_err().message, "cannot read `none`: there is no such file");
        assert_eq!(text(directory.path(), "dir").unwrap_err().message, "cannot read `dir`: it is a directory, and a file is needed");
    }
}
