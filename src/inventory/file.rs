//! Files that hold something of an inventory: read whole, as text, within bounds.

use std::io::{self, Read as _};
use std::path::Path;

use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};
use crate::yaml::{Keys, Node, VaultError, is_encrypted};

/// The longest file that is read.
const LIMIT: u64 = 64 << 20;

/// The text of a file as it stands there, without a byte order mark. It is called as the person typed it.
///
/// # Errors
/// It cannot be read, is too long, or is no text.
pub(super) fn text(path: &Path, name: &str) -> Result<Source, Box<Diagnostic>> {
    let unreadable = |error: io::Error| Box::new(Diagnostic::error(format!("cannot read `{name}`: {}", why(&error))));
    let file = std::fs::File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(Box::new(Diagnostic::error(format!("`{name}` is a directory, and a file is needed"))));
    }
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LIMIT {
        return Err(Box::new(Diagnostic::error(format!("`{name}` is longer than {} MiB", LIMIT >> 20))));
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
        let good = error.utf8_error().valid_up_to();
        // the text up to there shows the line
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let source = Source::new(name, text);
        let error = Diagnostic::error(format!("`{name}` is no UTF-8 text")).at(source.at(good..good + 1));
        Err(Box::new(error.hint("save it as UTF-8")))
    })
}

/// The reason alone: the system's words without its number.
pub(super) fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "you may not read it".into(),
        _ => error.to_string(),
    }
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
                let error = Diagnostic::error(format!("this cannot be decrypted: {error}")).at(place);
                problems.push(error.hint(VaultError::Format("").hint()));
            }
        }
    }

    /// Says it.
    pub(super) fn tell(self, problems: &mut Diagnostics) {
        let mut say = |places: Vec<Place>, what: &str, hint: &str| {
            let Some((first, others)) = places.split_first() else { return };
            let mut names: Vec<&str> = others.iter().map(|place| &*place.source.name).collect();
            names.dedup();
            let more = match names.len() {
                0 => String::new(),
                1..=5 => format!(", and so is {}", names.join(", ")),
                many => format!(", and so are {many} more files"),
            };
            problems.push(Diagnostic::error(format!("{what}{more}")).at(first.clone()).hint(hint));
        };
        say(self.no_password, "this is encrypted, and no vault password was given", VaultError::NoPassword.hint());
        say(self.wrong_password, "the vault password does not open this", VaultError::WrongPassword.hint());
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
        assert_eq!(text(directory.path(), "dir").unwrap_err().message, "`dir` is a directory, and a file is needed");
    }
}
