//! A repository: found, or made where it is missing. One that exists is never changed.

use std::fmt;

use serde::Deserialize;
use serde_json::json;

use super::client::{Client, Request};
use super::refused::{Refused, Right, Why};

/// `owner/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    owner: String,
    repository: String,
}

/// A name that GitHub does not give.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{name}` is none that GitHub gives: letters, digits, `-`, `_` and `.` only")]
pub struct NameError {
    what: &'static str,
    name: String,
}

impl Name {
    /// Of an owner and a repository.
    ///
    /// # Errors
    /// One that there cannot be.
    pub fn new(owner: &str, repository: &str) -> Result<Self, NameError> {
        for (what, name, most) in [("the owner", owner, 39), ("the repository", repository, 100)] {
            let is_good = !name.is_empty() && name.len() <= most && !matches!(name, "." | "..");
            if !is_good || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
                return Err(NameError { what, name: name.to_owned() });
            }
        }
        Ok(Self { owner: owner.to_owned(), repository: repository.to_owned() })
    }

    /// Who owns it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// What it is called.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The beginning of all its routes.
    pub(super) fn route(&self) -> String {
        format!("/repos/{self}")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.repository)
    }
}

/// What the owner of a token may do with a repository. The token itself may be allowed less.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Rights {
    /// To add deploy keys.
    #[serde(default)]
    pub admin: bool,
    /// To write.
    #[serde(default)]
    pub push: bool,
    /// To read.
    #[serde(default)]
    pub pull: bool,
}

/// A repository that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name, as GitHub writes it.
    pub name: Name,
    /// The branch that is taken where none is named.
    pub default_branch: String,
    /// Whether it is hidden from the world.
    pub is_private: bool,
    /// Whether nothing may be written any more.
    pub is_archived: bool,
    /// What we may.
    pub rights: Rights,
}

/// Whose a new repository is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The token's own.
    User,
    /// An organisation's.
    Organisation,
}

/// Why there is no repository.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RepositoryError {
    /// GitHub did not do it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A person's repository can be made by that person only.
    #[error("{name} is not there, and cannot be made: the token is {login}'s")]
    Somebody {
        /// What was wanted.
        name: Name,
        /// Whose token it is.
        login: String,
    },
    /// It exists, and the token does not see it.
    #[error("{0} exists, and the token may not see it")]
    Hidden(Name),
}

impl RepositoryError {
    /// What to do, if something can be done.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(refused) => refused.hint(),
            Self::Somebody { name, .. } => {
                Some(format!("if {} is an organisation, leave out --personal; or take a token of {}'s own", name.owner(), name.owner()))
            }
            Self::Hidden(name) => Some(format!("give the token {} for {name}", Right::Metadata)),
        }
    }
}

#[derive(Deserialize)]
struct Found {
    name: String,
    owner: FoundOwner,
    default_branch: String,
    private: bool,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    permissions: Rights,
}

#[derive(Deserialize)]
struct FoundOwner {
    login: String,
}

impl Found {
    fn repository(self, wanted: &Name) -> Repository {
        Repository {
            // GitHub does not tell A from a: what it writes itself is what addresses are made of
            name: Name::new(&self.owner.login, &self.name).unwrap_or_else(|_| wanted.clone()),
            default_branch: self.default_branch,
            is_private: self.private,
            is_archived: self.archived,
            rights: self.permissions,
        }
    }
}

/// The repository, if it is there and may be seen.
///
/// # Errors
/// GitHub did not answer; or the repository is called otherwise now.
pub async fn get(client: &Client, name: &Name) -> Result<Option<Repository>, Refused> {
    let request = Request::get(format!("reading the repository {name}"), Right::Metadata, name.route());
    match client.find(request).await? {
        Some(answer) => Ok(Some(answer.read::<Found>()?.repository(name))),
        None => Ok(None),
    }
}

/// Makes a repository, without any file: the first commit is to be ours.
///
/// # Errors
/// GitHub did not do it, or it cannot be.
pub async fn create(client: &Client, name: &Name, owner: Owner, is_private: bool) -> Result<Repository, RepositoryError> {
    let route = match owner {
        Owner::Organisation => format!("/orgs/{}/repos", name.owner()),
        Owner::User => {
            let login = login(client).await?;
            if !login.eq_ignore_ascii_case(name.owner()) {
                return Err(RepositoryError::Somebody { name: name.clone(), login });
            }
            "/user/repos".to_owned()
        }
    };
    let body = json!({ "name": name.repository(), "private": is_private, "auto_init": false });
    let request = Request::post(format!("making the repository {name}"), Right::Administration, route, body);
    match client.call(request).await {
        Ok(answer) => Ok(answer.read::<Found>()?.repository(name)),
        // made by a request of ours whose answer was lost; or it was there, and hidden
        Err(Refused { why: Why::Invalid { said }, .. }) if said.contains("already exists") => {
            get(client, name).await?.ok_or_else(|| RepositoryError::Hidden(name.clone()))
        }
        Err(refused) => Err(refused.into()),
    }
}

/// Whose the token is.
///
/// # Errors
/// GitHub did not say.
pub async fn login(client: &Client) -> Result<String, Refused> {
    let request = Request::get("asking whose the token is", Right::Known, "/user");
    Ok(client.call(request).await?.read::<FoundOwner>()?.login)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_github_gives() {
        assert_eq!(Name::new("wbyc", "my_lab.git-ops").unwrap().to_string(), "wbyc/my_lab.git-ops");
        for (owner, repository) in [("", "a"), ("a", ""), ("a", ".."), ("a/b", "c"), ("a", "b?c"), ("a", "\u{e9}")] {
            assert!(Name::new(owner, repository).is_err(), "{owner}/{repository}");
        }
        let said = Name::new("a", "b c").unwrap_err().to_string();
        assert_eq!(said, "the repository `b c` is none that GitHub gives: letters, digits, `-`, `_` and `.` only");
    }
}
