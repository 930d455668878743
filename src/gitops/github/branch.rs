//! A branch: where it ends, whether it is there at all, and whether it can be written to by who does not ask anybody.

use serde::Deserialize;
use serde_json::Value;

use super::client::{Client, Request, part};
use super::refused::{Refused, Right, Why};
use super::repository::{Name, Repository};

/// A commit and its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The commit.
    pub commit: String,
    /// The tree of its files.
    pub tree: String,
}

/// How a branch is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// There is not one commit in the repository.
    Empty,
    /// There are commits, but no such branch: it would begin at the head of the default branch.
    Missing {
        /// That head.
        base: Head,
    },
    /// It is there.
    Present {
        /// Its head.
        head: Head,
        /// Whether it is protected, which [`obstacles`] tells more of.
        is_protected: bool,
    },
}

/// What keeps a commit from being put at the end of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What it is, in words.
    pub what: String,
    /// Where it was set.
    pub by: By,
}

/// Where an obstacle was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// By the protection of a branch, which administrators may be free of.
    Protection,
    /// By a ruleset, which some may pass by.
    Ruleset,
}

#[derive(Deserialize)]
struct FoundBranch {
    commit: FoundCommit,
    #[serde(default)]
    protected: bool,
}

#[derive(Deserialize)]
struct FoundCommit {
    sha: String,
    commit: FoundInner,
}

#[derive(Deserialize)]
struct FoundInner {
    tree: FoundTree,
}

#[derive(Deserialize)]
struct FoundTree {
    sha: String,
}

/// How a branch is found.
///
/// # Errors
/// GitHub did not say.
pub async fn state(client: &Client, repository: &Repository, branch: &str) -> Result<State, Refused> {
    if let Some((head, is_protected)) = present(client, &repository.name, branch).await? {
        return Ok(State::Present { head, is_protected });
    }
    if branch != repository.default_branch
        && let Some((base, _)) = present(client, &repository.name, &repository.default_branch).await?
    {
        return Ok(State::Missing { base });
    }
    // neither is there: GitHub says 409 of an empty repository, and only of one
    let name = &repository.name;
    let route = format!("{}/git/ref/heads/{}", name.route(), part(&repository.default_branch));
    let request = Request::get(format!("looking for a commit in {name}"), Right::ReadContents, route);
    match client.call(request).await {
        Err(Refused { why: Why::Conflict { .. }, .. }) => Ok(State::Empty),
        Err(refused) => Err(refused),
        Ok(answer) => Err(Refused {
            doing: format!("looking for the branch {branch} of {name}"),
            right: Right::ReadContents,
            why: Why::Answer { said: format!("{} is there as a ref, but not as a branch", answer.read::<FoundRef>()?.name) },
        }),
    }
}

#[derive(Deserialize)]
struct FoundRef {
    #[serde(rename = "ref")]
    name: String,
}

async fn present(client: &Client, name: &Name, branch: &str) -> Result<Option<(Head, bool)>, Refused> {
    let route = format!("{}/branches/{}", name.route(), part(branch));
    let request = Request::get(format!("reading the branch {branch} of {name}"), Right::ReadContents, route);
    let Some(answer) = client.find(request).await? else { return Ok(None) };
    let FoundBranch { commit, protected } = answer.read()?;
    Ok(Some((Head { commit: commit.sha, tree: commit.commit.tree.sha }, protected)))
}

/// What stands in the way of a commit at the end of a branch, as far as the token may know.
///
/// # Errors
/// GitHub did not say.
pub async fn obstacles(client: &Client, name: &Name, branch: &str, is_protected: bool) -> Result<Vec<Obstacle>, Refused> {
    let route = format!("{}/rules/branches/{}?per_page=100", name.route(), part(branch));
    let request = Request::get(format!("reading the rules for the branch {branch} of {name}"), Right::Metadata, route);
    let rules: Vec<Value> = match client.find(request).await? {
        Some(answer) => answer.read()?,
        None => Vec::new(),
    };
    let mut found: Vec<Obstacle> = rules.iter().filter_map(of_rule).map(|what| Obstacle { what, by: By::Ruleset }).collect();
    if is_protected {
        let route = format!("{}/branches/{}/protection", name.route(), part(branch));
        let request = Request::get(format!("reading the protection of the branch {branch} of {name}"), Right::Administration, route);
        match client.call(request).await {
            Ok(answer) => found.extend(of_protection(&answer.read()?)),
            // 404 too where the protection is a ruleset's, which was told above
            Err(Refused { why: Why::Absent, .. }) => {}
            Err(Refused { why: Why::NoRight { .. }, .. }) => {
                let what = "it is protected, and the token may not see how".to_owned();
                found.extend(found.is_empty().then_some(Obstacle { what, by: By::Protection }));
            }
            Err(refused) => return Err(refused),
        }
    }
    Ok(found)
}

/// What a rule of a ruleset forbids to a plain push.
fn of_rule(rule: &Value) -> Option<String> {
    let words = match rule.get("type")?.as_str()? {
        "pull_request" => "changes are made by pull request",
        "update" => "nobody may change it",
        "required_status_checks" => "checks have to pass first",
        "required_signatures" => "commits have to be signed",
        "required_deployments" => "it has to be deployed first",
        "merge_queue" => "changes come from a merge queue",
        "workflows" => "workflows have to pass first",
        "code_scanning" => "code scanning has to pass first",
        _ => return None,
    };
    Some(words.to_owned())
}

/// What the protection of a branch forbids.
fn of_protection(protection: &Value) -> Vec<Obstacle> {
    let is_on = |name: &str| protection.get(name).and_then(|part| part.get("enabled")).and_then(Value::as_bool) == Some(true);
    let is_there = |name: &str| protection.get(name).is_some_and(|part| !part.is_null());
    let for_all = is_on("enforce_admins");
    let of = |what: &str| {
        let what = if for_all { what.to_owned() } else { format!("{what} (administrators are free of it)") };
        Obstacle { what, by: By::Protection }
    };
    let mut found = Vec::new();
    found.extend(is_on("lock_branch").then(|| of("nobody may change it")));
    found.extend(is_there("required_pull_request_reviews").then(|| of("changes are made by pull request")));
    found.extend(is_there("required_status_checks").then(|| of("checks have to pass first")));
    found.extend(is_on("required_signatures").then(|| of("commits have to be signed")));
    found.extend(is_there("restrictions").then(|| of("only some may push")));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rules_that_stop_a_push_and_rules_that_do_not() {
        let words = |kind: &str| of_rule(&json!({ "type": kind }));
        assert_eq!(words("pull_request").unwrap(), "changes are made by pull request");
        for kind in ["non_fast_forward", "deletion", "required_linear_history", "creation", "commit_message_pattern"] {
            assert_eq!(words(kind), None, "{kind}");
        }
    }

    #[test]
    fn a_protection_is_told_in_words() {
        let protection = json!({
            "enforce_admins": { "enabled": false }, "required_status_checks": null,
            "required_pull_request_reviews": { "required_approving_review_count": 1 }, "lock_branch": { "enabled": false },
        });
        let found = of_protection(&protection);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].what, "changes are made by pull request (administrators are free of it)");
        let locked = json!({ "enforce_admins": { "enabled": true }, "lock_branch": { "enabled": true } });
        assert_eq!(of_protection(&locked)[0].what, "nobody may change it");
    }
}
