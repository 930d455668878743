//! Which files are not yet as they shall be: by the ids of their contents, which git makes of nothing but the contents.

use std::collections::BTreeMap;

use sha1::{Digest as _, Sha1};

use super::super::tree::{self, Entry, Kind, ancestors};
use super::{Client, CommitError, File, Name};

/// A file to write.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) file: &'a File,
    /// The id of its contents.
    pub(super) id: String,
    /// Its mode, which stays if it is there.
    pub(super) mode: &'static str,
}

/// The id that git has for contents.
pub(super) fn blob_id(content: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", content.len()));
    hash.update(content);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A path that git has, and nothing that leaves the repository or is git's own.
pub(super) fn check(path: &str) -> Result<(), CommitError> {
    let is_good = |name: &str| !name.is_empty() && !matches!(name, "." | "..") && !name.eq_ignore_ascii_case(".git");
    if path.split('/').all(is_good) && !path.contains(['\\', '\0']) { Ok(()) } else { Err(CommitError::Path(path.to_owned())) }
}

/// The files that a tree does not have as they shall be.
pub(super) async fn wanted<'a>(client: &Client, name: &Name, tree: &str, files: &'a [File]) -> Result<Vec<Wanted<'a>>, CommitError> {
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let entries = tree::read(client, name, tree, &paths).await?.entries;
    compare(&entries, files)
}

fn compare<'a>(entries: &BTreeMap<String, Entry>, files: &'a [File]) -> Result<Vec<Wanted<'a>>, CommitError> {
    let mut wanted = Vec::new();
    for file in files {
        let in_the_way = |what: String| CommitError::InTheWay { path: file.path.clone(), what };
        for folder in ancestors(&file.path) {
            if let Some(entry) = entries.get(folder)
                && entry.kind() != Kind::Folder
            {
                return Err(in_the_way(format!("{folder} is no folder")));
            }
        }
        let id = blob_id(&file.content);
        let mode = match entries.get(&file.path) {
            None => "100644",
            Some(entry) if entry.kind() == Kind::Folder => return Err(in_the_way("it is a folder".into())),
            Some(entry) if entry.kind() == Kind::Submodule => return Err(in_the_way("it is a submodule".into())),
            Some(entry) if entry.kind() == Kind::Link => return Err(in_the_way("it is a symbolic link".into())),
            Some(entry) if entry.id == id => continue,
            Some(entry) if entry.kind() == Kind::Program => "100755",
            Some(_) => "100644",
        };
        wanted.push(Wanted { file, id, mode });
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, mode: &str, id: &str) -> (String, Entry) {
        (path.to_owned(), Entry { path: path.to_owned(), mode: mode.to_owned(), id: id.to_owned() })
    }

    fn file(path: &str, content: &str) -> File {
        File { path: path.to_owned(), content: content.as_bytes().to_vec() }
    }

    #[test]
    fn ids_are_those_of_git() {
        assert_eq!(blob_id(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
    }

    #[test]
    fn only_what_differs_is_wanted_and_keeps_its_mode() {
        let entries = BTreeMap::from([
            entry("a", "040000", "1"),
            entry("a/same", "100644", &blob_id(b"x")),
            entry("a/script", "100755", "2"),
            entry("a/link", "120000", "3"),
            entry("plain", "100644", "4"),
        ]);
        let files = [file("a/same", "x"), file("a/script", "y"), file("a/new", "z"), file("plain", "p")];
        let found = compare(&entries, &files).unwrap();
        let found: Vec<_> = found.iter().map(|wanted| (wanted.file.path.as_str(), wanted.mode)).collect();
        assert_eq!(found, [("a/script", "100755"), ("a/new", "100644"), ("plain", "100644")]);
        for (path, said) in [
            ("a", "a cannot be written: it is a folder"),
            ("a/link", "a/link cannot be written: it is a symbolic link"),
            ("plain/b", "plain/b cannot be written: plain is no folder"),
        ] {
            assert_eq!(compare(&entries, &[file(path, "")]).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn paths_stay_in_the_repository() {
        for path in ["", "/a", "a/", "a//b", "../a", "a/../b", "./a", ".git/config", "a/.GIT/b", "a\\b"] {
            assert!(check(path).is_err(), "{path}");
        }
        check("clusters/lab/flux-system/gotk-components.yaml").unwrap();
    }
}
