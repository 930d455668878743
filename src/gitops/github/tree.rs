//! What is in a repository: the names and the ids of its files, and what is in one.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::client::{Client, Request};
use super::refused::{Refused, Right, Why};
use super::repository::Name;

#[derive(Deserialize)]
struct Tree {
    tree: Vec<Entry>,
    #[serde(default)]
    truncated: bool,
}

/// A file or a folder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// Its path from the folder that was asked for.
    pub path: String,
    /// Git's mode, as six octal digits.
    pub mode: String,
    /// The id of what is in it.
    #[serde(rename = "sha")]
    pub id: String,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A plain file.
    File,
    /// A file that can be run.
    Program,
    /// A symbolic link.
    Link,
    /// A folder.
    Folder,
    /// Another repository's commit.
    Submodule,
}

impl Entry {
    /// What it is, by its mode: `git-fast-import(1)` lists them.
    pub fn kind(&self) -> Kind {
        match self.mode.as_str() {
            "040000" => Kind::Folder,
            "120000" => Kind::Link,
            "160000" => Kind::Submodule,
            "100755" => Kind::Program,
            _ => Kind::File,
        }
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// By path from the repository's root.
    pub entries: BTreeMap<String, Entry>,
    /// Whether it is all; else only the folders of the paths that were asked for.
    pub is_whole: bool,
}

/// The files of a tree: all of them, or, where GitHub does not tell so many at once, those beside some paths.
///
/// # Errors
/// GitHub did not say.
pub async fn read(client: &Client, name: &Name, tree: &str, paths: &[&str]) -> Result<Listing, Refused> {
    let whole = one(client, name, tree, true).await?;
    let mut entries = BTreeMap::new();
    if whole.truncated {
        walk(client, name, tree, paths, &mut entries).await?;
    } else {
        entries.extend(whole.tree.into_iter().map(|entry| (entry.path.clone(), entry)));
    }
    Ok(Listing { entries, is_whole: !whole.truncated })
}

async fn one(client: &Client, name: &Name, tree: &str, is_whole: bool) -> Result<Tree, Refused> {
    let route = format!("{}/git/trees/{tree}{}", name.route(), if is_whole { "?recursive=1" } else { "" });
    client.call(Request::get(format!("reading the files of {name}"), Right::ReadContents, route)).await?.read()
}

/// Folder by folder, only where the paths are.
async fn walk(client: &Client, name: &Name, tree: &str, paths: &[&str], entries: &mut BTreeMap<String, Entry>) -> Result<(), Refused> {
    let mut folders: BTreeSet<&str> = BTreeSet::from([""]);
    folders.extend(paths.iter().flat_map(|path| ancestors(path)));
    // a folder sorts before what is in it
    for folder in folders {
        let id = match entries.get(folder) {
            _ if folder.is_empty() => tree.to_owned(),
            Some(entry) if entry.kind() == Kind::Folder => entry.id.clone(),
            _ => continue,
        };
        for entry in one(client, name, &id, false).await?.tree {
            let path = if folder.is_empty() { entry.path.clone() } else { format!("{folder}/{}", entry.path) };
            entries.insert(path, entry);
        }
    }
    Ok(())
}

/// The folders that a file is in.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(end, _)| path.get(..end))
}

#[derive(Deserialize)]
struct Blob {
    content: String,
    encoding: String,
}

/// What is in a file.
///
/// # Errors
/// GitHub did not say.
pub async fn content(client: &Client, name: &Name, entry: &Entry) -> Result<Vec<u8>, Refused> {
    let doing = format!("reading {} of {name}", entry.path);
    let request = Request::get(doing.clone(), Right::ReadContents, format!("{}/git/blobs/{}", name.route(), entry.id));
    let blob: Blob = client.call(request).await?.read()?;
    let why = |said: String| Refused { doing: doing.clone(), right: Right::ReadContents, why: Why::Answer { said } };
    match blob.encoding.as_str() {
        "base64" => {
            // GitHub breaks it into lines
            let text: String = blob.content.split_whitespace().collect();
            STANDARD.decode(text).map_err(|error| why(format!("what is in the file is no base64: {error}")))
        }
        "utf-8" => Ok(blob.content.into_bytes()),
        other => Err(why(format!("the file is in the encoding {other}"))),
    }
}
