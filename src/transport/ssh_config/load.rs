//! Files to lines: reading, permissions, `Include`.

use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::file::{self, Item, Line};
use super::types::{ConfigFiles, Local};
use crate::diagnostics::{Diagnostic, Diagnostics, Place, Source};

/// ssh's own bound on files that include each other.
const DEEPEST: usize = 16;
/// Nobody writes more; a device or a disk image must not fill the memory.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Whose file it is: relative includes and `~` depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The user's: relative to `~/.ssh`.
    User,
    /// The system's: relative to where it lies (`/etc/ssh`), no `~`.
    System,
}

/// The files, read and parsed; one look-up after the other is done on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SshConfig {
    pub(super) files: Vec<(Owner, Arc<Vec<Line>>)>,
}

impl SshConfig {
    /// Reads the files and all that they include.
    ///
    /// # Errors
    /// Everything that is wrong with them, with its place. Warnings come back beside the configuration.
    pub fn load(files: &ConfigFiles, local: &Local) -> Result<(Self, Diagnostics), Diagnostics> {
        let system = files.system.as_ref().and_then(|path| path.parent()).unwrap_or(Path::new("/etc/ssh"));
        let mut loader = Loader { local, system, diagnostics: Diagnostics::new(), too_deep: false };
        let mut config = Self::default();
        if let Some(path) = &files.user
            && let Some(lines) = loader.top(path, Owner::User, files.must_exist)
        {
            config.files.push((Owner::User, lines));
        }
        if let Some(path) = &files.system
            && let Some(lines) = loader.top(path, Owner::System, false)
        {
            config.files.push((Owner::System, lines));
        }
        loader.diagnostics.or(config)
    }

    /// A configuration from texts that are already here, as files of the user, first to last. `Include` finds nothing.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn parse(sources: &[Source]) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut diagnostics = Diagnostics::new();
        let files = sources.iter().map(|source| (Owner::User, Arc::new(file::parse(source, &mut diagnostics)))).collect();
        diagnostics.or(Self { files })
    }
}

struct Loader<'a> {
    local: &'a Local,
    /// Where the system's file lies.
    system: &'a Path,
    diagnostics: Diagnostics,
    /// Said once; without it two files that include each other twice would be read 2^16 times.
    too_deep: bool,
}

impl Loader<'_> {
    fn top(&mut self, path: &Path, owner: Owner, must_exist: bool) -> Option<Arc<Vec<Line>>> {
        let text = match read(path, (owner == Owner::User && !must_exist).then_some(self.local.uid)) {
            Ok(text) => text,
            Err(Unread::Missing) if !must_exist => return None,
            Err(why) => {
                // As in ssh, a file that nobody named and that cannot be opened does not stop the run.
                let quiet = matches!(why, Unread::Io(_)) && !must_exist;
                let message = format!("{} {}", path.display(), why.text());
                let diagnostic = if quiet { Diagnostic::warning(message) } else { Diagnostic::error(message) };
                self.diagnostics.push(Diagnostic { hint: why.hint(path), ..diagnostic });
                return None;
            }
        };
        Some(self.lines(path, &text, owner, 0))
    }

    fn lines(&mut self, path: &Path, text: &str, owner: Owner, depth: usize) -> Arc<Vec<Line>> {
        let source = Source::new(path.display().to_string(), text);
        let mut lines = file::parse(&source, &mut self.diagnostics);
        for line in &mut lines {
            if let Item::Include(words, files) = &mut line.item {
                for word in words {
                    files.extend(self.include(&word.text, &line.place, owner, depth + 1));
                }
            }
        }
        Arc::new(lines)
    }

    fn include(&mut self, pattern: &str, place: &Place, owner: Owner, depth: usize) -> Vec<Arc<Vec<Line>>> {
        if self.too_deep {
            return Vec::new();
        }
        if depth > DEEPEST {
            self.too_deep = true;
            let error = Diagnostic::error(format!("files include each other more than {DEEPEST} deep")).at(place.clone());
            self.diagnostics.push(error.hint("does a file include itself?"));
            return Vec::new();
        }
        let full = match (pattern.strip_prefix('~'), owner) {
            (Some(_), Owner::System) => {
                self.diagnostics.push(Diagnostic::error(format!("`{pattern}`: the system's file has no home directory")).at(place.clone()));
                return Vec::new();
            }
            (Some(rest), Owner::User) if rest.is_empty() || rest.starts_with('/') => format!("{}{rest}", self.local.home),
            // As glob(3) has it: the home of a user who is not there stays as it is, and matches nothing.
            (Some(_), Owner::User) => return Vec::new(),
            (None, _) if pattern.starts_with('/') => pattern.to_owned(),
            (None, Owner::User) => format!("{}/.ssh/{pattern}", self.local.home),
            (None, Owner::System) => format!("{}/{pattern}", self.system.display()),
        };
        let options = glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
        let paths: Vec<PathBuf> = match glob::glob_with(&full, options) {
            Ok(paths) => paths.filter_map(Result::ok).collect(),
            Err(error) => {
                self.diagnostics.push(Diagnostic::error(format!("`{pattern}` is no pattern for files: {}", error.msg)).at(place.clone()));
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for path in paths {
            match read(&path, Some(self.local.uid)) {
                Ok(text) => found.push(self.lines(&path, &text, owner, depth)),
                Err(Unread::Missing) => {}
                Err(why) => {
                    let error = Diagnostic::error(format!("{} {}", path.display(), why.text())).at(place.clone());
                    self.diagnostics.push(Diagnostic { hint: why.hint(&path), ..error });
                }
            }
        }
        found
    }
}

/// Why a file was not read.
enum Unread {
    Missing,
    Io(std::io::Error),
    /// Someone else could have written it.
    Unsafe,
    TooLarge,
}

impl Unread {
    fn text(&self) -> String {
        match self {
            Self::Missing => "is not there".to_owned(),
            Self::Io(error) => format!("cannot be read: {error}"),
            Self::Unsafe => "could be written by others than you and root".to_owned(),
            Self::TooLarge => format!("is larger than {} MiB", LARGEST / 1024 / 1024),
        }
    }

    fn hint(&self, path: &Path) -> Option<String> {
        matches!(self, Self::Unsafe).then(|| format!("make it yours and `chmod go-w {}`; ssh refuses it too", path.display()))
    }
}

/// Reads a text. With `owner`, only one that belongs to this user or to root and that nobody else can write.
fn read(path: &Path, owner: Option<u32>) -> Result<String, Unread> {
    let io = |error: std::io::Error| if error.kind() == ErrorKind::NotFound { Unread::Missing } else { Unread::Io(error) };
    let file = fs::File::open(path).map_err(io)?;
    let meta = file.metadata().map_err(io)?;
    if owner.is_some_and(|uid| (meta.uid() != 0 && meta.uid() != uid) || meta.mode() & 0o022 != 0) {
        return Err(Unread::Unsafe);
    }
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io)?;
    if read as u64 > LARGEST {
        return Err(Unread::TooLarge);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Home {
        dir: tempfile::TempDir,
        local: Local,
    }

    impl Home {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join(".ssh")).unwrap();
            let local = Local { home: dir.path().display().to_string(), uid: rustix::process::getuid().as_raw(), ..Local::default() };
            Self { dir, local }
        }

        fn write(&self, name: &str, text: &str) -> PathBuf {
            let path = self.dir.path().join(".ssh").join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path
        }

        fn load(&self) -> Result<(SshConfig, Diagnostics), Diagnostics> {
            let user = Some(self.dir.path().join(".ssh/config"));
            SshConfig::load(&ConfigFiles { user, ..ConfigFiles::default() }, &self.local)
        }
    }

    #[test]
    fn a_file_that_is_missing_matters_only_if_it_was_named() {
        let home = Home::new();
        assert_eq!(home.load().unwrap().0, SshConfig::default());
        let files = ConfigFiles { user: Some("/nonexistent".into()), must_exist: true, ..ConfigFiles::default() };
        assert!(SshConfig::load(&files, &home.local).unwrap_err().to_string().contains("/nonexistent is not there"));
    }

    #[test]
    fn includes_are_sorted_relative_to_dot_ssh_and_leave_hidden_files_out() {
        let home = Home::new();
        home.write("config", "Include conf.*\nInclude ~/.ssh/other nosuch");
        for name in ["conf.b", "conf.a", ".conf.c", "other"] {
            home.write(name, &format!("User {name}"));
        }
        let (config, _) = home.load().unwrap();
        let users: Vec<String> = config.files[0]
            .1
            .iter()
            .flat_map(|line| match &line.item {
                Item::Include(_, files) => files.iter().map(|lines| lines[0].place.source.text.to_string()).collect::<Vec<_>>(),
                _ => panic!("{line:?}"),
            })
            .collect();
        assert_eq!(users, ["User conf.a", "User conf.b", "User other"]);
    }

    #[test]
    fn a_file_that_includes_itself_twice_ends() {
        let home = Home::new();
        home.write("config", "Include config\nInclude config\n");
        let errors = home.load().unwrap_err();
        assert_eq!(errors.0.len(), 1);
        assert!(errors.to_string().contains("more than 16 deep"));
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        let home = Home::new();
        let path = home.write("config", "User me");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
        assert!(home.load().unwrap_err().to_string().contains("could be written by others"));
    }

    #[test]
    fn all_problems_come_at_once_each_with_its_line() {
        let home = Home::new();
        home.write("config", "Port 0\nHost *\n  Include extra\n  IdentitiesOnly perhaps\n");
        home.write("extra", "Match\n");
        let text = home.load().unwrap_err().to_string();
        for part in ["config:1:6", "config:4:18", "extra:1:1", "`perhaps` is neither yes nor no", "hint: write `yes` or `no`"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
