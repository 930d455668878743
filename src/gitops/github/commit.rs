//! One commit for all files, or none if they are there already.
//!
//! Blobs, a tree on the branch's own, a commit, and the branch moved to it without force: until the last request nobody sees any of
//! it, so whenever a run is cut off there is either the whole commit or nothing. Whoever moved the branch in between wins; then the
//! same files are put on what they made.
//!
//! GitHub has no objects for a repository without a commit (409). There the Contents API makes the first one, with the first file.

mod files;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use self::files::{Wanted, wanted};
use super::branch::{self, Head, Obstacle, State};
use super::client::{Client, Request, part};
use super::refused::{Refused, Right, Why};
use super::repository::{Name, Repository};

/// So often the branch may move under us.
const ATTEMPTS: u32 = 5;
/// So often nobody may know whether it was done.
const UNSURE: u32 = 2;

/// A file as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path from the repository's root, without a dot before it.
    pub path: String,
    /// All that is in it.
    pub content: Vec<u8>,
}

/// Who is said to have written a commit: the token's owner if nobody is named, or if an address is missing, without which GitHub takes
/// nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// As people call them.
    pub name: String,
    /// Where they read their post.
    pub email: String,
}

/// What shall be at the end of a branch.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// The branch.
    pub branch: &'a str,
    /// The files; all others stay as they are.
    pub files: &'a [File],
    /// Why.
    pub message: &'a str,
    /// By whom.
    pub author: Option<&'a Author>,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The branch's head, with all files as they shall be.
    pub head: String,
    /// The paths that were written; with none there was no commit.
    pub written: Vec<String>,
    /// Whether the repository was empty, and got a commit with the first file before.
    pub is_seeded: bool,
    /// Whether the branch was made.
    pub is_new_branch: bool,
}

/// Why there is no commit.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// GitHub did not do it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Nothing can be written any more.
    #[error("{0} is archived: nothing can be written to it")]
    Archived(Name),
    /// The branch is not written to by a plain push.
    #[error("the branch {branch} of {name} is protected: {}", list(.obstacles))]
    Protected {
        /// The repository.
        name: Name,
        /// The branch.
        branch: String,
        /// How.
        obstacles: Vec<Obstacle>,
    },
    /// A folder or a link is where a file shall be, or a file where a folder shall be.
    #[error("{path} cannot be written: {what}")]
    InTheWay {
        /// The file.
        path: String,
        /// What is there.
        what: String,
    },
    /// No path of a file in a repository.
    #[error("`{0}` is no path of a file in a repository")]
    Path(String),
    /// Somebody else was always quicker.
    #[error("the branch {0} moved {ATTEMPTS} times while the commit was made")]
    Moving(String),
    /// GitHub has stored something else than it was given.
    #[error("GitHub stored {path} as {found}, and {wanted} was sent")]
    Stored {
        /// The file.
        path: String,
        /// What it has.
        found: String,
        /// What it should have.
        wanted: String,
    },
}

fn list(obstacles: &[Obstacle]) -> String {
    obstacles.iter().map(|obstacle| obstacle.what.as_str()).collect::<Vec<_>>().join("; ")
}

impl CommitError {
    /// What to do, if something can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refused) => refused.hint(),
            Self::Archived(_) => Some("unarchive it in its settings, or name another one".into()),
            Self::Protected { branch, .. } => Some(format!(
                "write the files with --export DIR and bring them to {branch} by a pull request; or let the token's owner pass by"
            )),
            Self::InTheWay { .. } => Some("move it away, or take another --path".into()),
            Self::Moving(_) => Some("something else commits all the time; run the same command again when it is done".into()),
            Self::Path(_) | Self::Stored { .. } => None,
        }
    }
}

#[derive(Deserialize)]
struct Made {
    sha: String,
}

/// Whether a branch has a new head.
enum Moved {
    /// Ours.
    Yes,
    /// Somebody else's.
    Lost,
    /// The branch itself will tell.
    Unsure(Refused),
}

/// What is wanted of the files at a branch's head, before anything is written: the paths that would be.
///
/// # Errors
/// As [`write`].
pub async fn missing(client: &Client, repository: &Repository, head: &Head, files: &[File]) -> Result<Vec<String>, CommitError> {
    let wanted = wanted(client, &repository.name, &head.tree, files).await?;
    Ok(wanted.into_iter().map(|wanted| wanted.file.path.clone()).collect())
}

/// Puts files at the end of a branch.
///
/// # Errors
/// The branch is protected, or the repository archived, which is found before anything is written; GitHub did not do it; a file
/// cannot be there.
pub async fn write(client: &Client, repository: &Repository, change: &Change<'_>) -> Result<Outcome, CommitError> {
    for file in change.files {
        files::check(&file.path)?;
    }
    let name = &repository.name;
    let mut run = Run { client, name, change, stored: BTreeSet::new(), commits: Vec::new(), written: Vec::new() };
    let (mut is_seeded, mut is_allowed) = (false, false);
    let (mut lost, mut unsure) = (0, 0);
    loop {
        let state = branch::state(client, repository, change.branch).await?;
        let moved = if state == State::Empty {
            refuse_archived(repository)?;
            run.refuse_protected(&repository.default_branch, false).await?;
            // GitHub may take a moment to see what it was just given
            if is_seeded { Moved::Lost } else { run.seed(&repository.default_branch).await? }
        } else {
            let (head, is_there, is_protected) = match state {
                State::Present { head, is_protected } => (head, true, is_protected),
                State::Missing { base } => (base, false, false),
                State::Empty => continue,
            };
            let wanted = wanted(client, name, &head.tree, change.files).await?;
            if is_there && wanted.is_empty() {
                let written = if run.commits.contains(&head.commit) { run.written } else { Vec::new() };
                return Ok(Outcome { head: head.commit, written, is_seeded, is_new_branch: false });
            }
            refuse_archived(repository)?;
            if !is_allowed {
                run.refuse_protected(change.branch, is_protected).await?;
                is_allowed = true;
            }
            let commit = run.commit(&head, &wanted).await?;
            let moved = if is_there { run.advance(&commit).await? } else { run.make_branch(&commit).await? };
            if matches!(moved, Moved::Yes) {
                return Ok(Outcome { head: commit, written: run.written, is_seeded, is_new_branch: !is_there });
            }
            moved
        };
        match moved {
            Moved::Yes => is_seeded = true,
            Moved::Lost => lost += 1,
            Moved::Unsure(refused) => {
                unsure += 1;
                if unsure == UNSURE {
                    return Err(refused.into());
                }
            }
        }
        if lost == ATTEMPTS {
            return Err(CommitError::Moving(change.branch.to_owned()));
        }
        client.rest(lost + unsure).await;
    }
}

fn refuse_archived(repository: &Repository) -> Result<(), CommitError> {
    if repository.is_archived { Err(CommitError::Archived(repository.name.clone())) } else { Ok(()) }
}

/// What is known between attempts.
struct Run<'a> {
    client: &'a Client,
    name: &'a Name,
    change: &'a Change<'a>,
    /// Blobs that GitHub has by now.
    stored: BTreeSet<String>,
    /// Commits that were made, of which at most one is at the branch's end.
    commits: Vec<String>,
    /// The paths in the last of them.
    written: Vec<String>,
}

impl Run<'_> {
    fn post(&self, doing: String, part: &str, body: Value) -> Request {
        Request::post(doing, Right::Contents, format!("{}/{part}", self.name.route()), body)
    }

    /// The first commit of a repository.
    async fn seed(&self, branch: &str) -> Result<Moved, CommitError> {
        let Some(file) = self.change.files.first() else { return Ok(Moved::Lost) };
        let mut body = json!({ "message": self.change.message, "content": STANDARD.encode(&file.content) });
        self.by(&mut body);
        // without a branch: it is the default one's first commit, and no other branch can have it
        let doing = format!("making the first commit of {} on {branch}", self.name);
        let request = self.post(doing, &format!("contents/{}", part(&file.path)), body).with(Method::PUT);
        match self.client.call(request).await {
            Ok(_) => Ok(Moved::Yes),
            // somebody else made one: what they made is looked at next
            Err(Refused { why: Why::Invalid { .. }, .. }) => Ok(Moved::Lost),
            Err(refused) => self.moved(Err(refused)),
        }
    }

    fn by(&self, body: &mut Value) {
        if let (Some(author), Some(body)) = (self.change.author, body.as_object_mut())
            && !author.name.is_empty()
            && !author.email.is_empty()
        {
            body.insert("author".into(), json!({ "name": author.name, "email": author.email }));
        }
    }

    /// Stops before anything is written to a branch that will not take it.
    async fn refuse_protected(&self, branch: &str, is_protected: bool) -> Result<(), CommitError> {
        let obstacles = branch::obstacles(self.client, self.name, branch, is_protected).await?;
        if obstacles.is_empty() {
            return Ok(());
        }
        Err(CommitError::Protected { name: self.name.clone(), branch: branch.to_owned(), obstacles })
    }

    /// A commit that nobody sees yet, or the head itself if there is nothing to write.
    async fn commit(&mut self, head: &Head, wanted: &[Wanted<'_>]) -> Result<String, CommitError> {
        self.written = wanted.iter().map(|wanted| wanted.file.path.clone()).collect();
        if wanted.is_empty() {
            return Ok(head.commit.clone());
        }
        for Wanted { file, id, .. } in wanted {
            if self.stored.contains(id) {
                continue;
            }
            let body = json!({ "content": STANDARD.encode(&file.content), "encoding": "base64" });
            let request = self.post(format!("storing {} in {}", file.path, self.name), "git/blobs", body).repeatable();
            let found = self.client.call(request).await?.read::<Made>()?.sha;
            if &found != id {
                return Err(CommitError::Stored { path: file.path.clone(), found, wanted: id.clone() });
            }
            self.stored.insert(found);
        }
        let entries =
            wanted.iter().map(|wanted| json!({ "path": wanted.file.path, "mode": wanted.mode, "type": "blob", "sha": wanted.id }));
        let body = json!({ "base_tree": head.tree, "tree": entries.collect::<Vec<_>>() });
        let request = self.post(format!("storing the tree of {}", self.name), "git/trees", body).repeatable();
        let tree = self.client.call(request).await?.read::<Made>()?.sha;
        let mut body = json!({ "message": self.change.message, "tree": tree, "parents": [head.commit] });
        self.by(&mut body);
        // one that is made twice is seen once, or not at all
        let request = self.post(format!("making a commit in {}", self.name), "git/commits", body).repeatable();
        let commit = self.client.call(request).await?.read::<Made>()?.sha;
        self.commits.push(commit.clone());
        Ok(commit)
    }

    /// Moves the branch to a commit that has its head as parent.
    async fn advance(&self, commit: &str) -> Result<Moved, CommitError> {
        let branch = self.change.branch;
        let body = json!({ "sha": commit, "force": false });
        let request = self.post(format!("moving the branch {branch} of {}", self.name), &format!("git/refs/heads/{}", part(branch)), body);
        self.moved(self.client.call(request.with(Method::PATCH).repeatable()).await.map(drop))
    }

    /// Makes the branch at a commit.
    async fn make_branch(&self, commit: &str) -> Result<Moved, CommitError> {
        let branch = self.change.branch;
        let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": commit });
        let request = self.post(format!("making the branch {branch} of {}", self.name), "git/refs", body);
        self.moved(self.client.call(request).await.map(drop))
    }

    /// What GitHub says of a reference: "Update is not a fast forward", "Reference already exists", "Reference cannot be updated",
    /// "cannot lock ref" when somebody else was quicker; "Repository rule violations found", "protected branch" when nobody may.
    fn moved(&self, result: Result<(), Refused>) -> Result<Moved, CommitError> {
        let refused = match result {
            Ok(()) => return Ok(Moved::Yes),
            Err(refused) => refused,
        };
        match &refused.why {
            Why::Invalid { said } | Why::Conflict { said } if is_rule(said) => Err(CommitError::Protected {
                name: self.name.clone(),
                branch: self.change.branch.to_owned(),
                obstacles: vec![Obstacle { what: said.clone(), by: branch::By::Ruleset }],
            }),
            Why::Conflict { .. } => Ok(Moved::Lost),
            Why::Invalid { said } if is_race(said) => Ok(Moved::Lost),
            Why::Slow { .. } | Why::Cut { .. } | Why::Trouble { status: 500.. } => Ok(Moved::Unsure(refused)),
            _ => Err(refused.into()),
        }
    }
}

fn is_rule(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    ["rule violation", "protected branch", "required status check", "changes must be made through"].iter().any(|words| said.contains(words))
}

fn is_race(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    ["fast forward", "fast-forward", "already exists", "cannot lock ref", "cannot be updated", "update failed", "does not exist"]
        .iter()
        .any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use super::files::blob_id;
    use super::*;

    #[test]
    fn a_race_is_not_a_rule() {
        for said in ["Update is not a fast forward", "Reference already exists", "Reference cannot be updated: cannot lock ref"] {
            assert!(is_race(said) && !is_rule(said), "{said}");
        }
        for said in ["Repository rule violations found: Changes must be made through a pull request.", "Protected branch update failed"] {
            assert!(is_rule(said), "{said}");
        }
        assert!(!is_race("Object does not match"));
        assert_eq!(blob_id(b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    }
}
