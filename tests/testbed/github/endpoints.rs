//! What each endpoint does, with git.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::git::{git, git_as, git_bytes};
use super::hub::{Repo, State, error};
use super::wire::{Answer, Asked};

pub const LOGIN: &str = "wbyc";

pub fn make(root: &Path, state: &mut State, name: &str, private: bool) {
    let dir = root.join(format!("{name}.git"));
    std::fs::create_dir_all(&dir).unwrap();
    git(&dir, &["init", "--quiet", "--bare", "--initial-branch=main"], b"").unwrap();
    let repo = Repo { private, archived: false, keys: Vec::new(), rules: Vec::new(), protection: None, is_hidden: false, is_big: false };
    state.repos.insert(name.to_owned(), repo);
}

/// A commit with one more file, as the Contents API makes it.
pub fn commit_file(dir: &Path, branch: &str, path: &str, content: &[u8], message: &str) -> String {
    let blob = git(dir, &["hash-object", "-w", "--stdin"], content).unwrap();
    let head = head(dir, branch);
    let listed = head.as_deref().map(|head| git(dir, &["ls-tree", "-r", head], b"").unwrap()).unwrap_or_default();
    let mut lines: Vec<String> = listed.lines().filter(|line| !line.ends_with(&format!("\t{path}"))).map(str::to_owned).collect();
    lines.push(format!("100644 blob {blob}\t{path}"));
    let tree = tree_of(dir, &lines);
    let mut args = vec!["commit-tree", &tree, "-m", message];
    args.extend(head.as_deref().map(|head| ["-p", head]).into_iter().flatten());
    let commit = git(dir, &args, b"").unwrap();
    git(dir, &["update-ref", &format!("refs/heads/{branch}"), &commit], b"").unwrap();
    commit
}

/// A tree of lines as `ls-tree -r` writes them.
fn tree_of(dir: &Path, lines: &[String]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let run = |args: &[&str], input: &[u8]| {
        let mut command = std::process::Command::new("git");
        command.arg("--git-dir").arg(dir).args(args).env("GIT_INDEX_FILE", &index);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
        let ran = child.wait_with_output().unwrap();
        assert!(ran.status.success(), "git {args:?}");
        String::from_utf8(ran.stdout).unwrap().trim_end().to_owned()
    };
    run(&["update-index", "--add", "--index-info"], format!("{}\n", lines.join("\n")).as_bytes());
    run(&["write-tree"], b"")
}

pub fn head(dir: &Path, branch: &str) -> Option<String> {
    git(dir, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}")], b"").ok()
}

/// GitHub's own example has numbers for fingerprints.
fn meta(host_keys: &[String]) -> Value {
    if host_keys.is_empty() {
        return json!({ "ssh_key_fingerprints": { "SHA256_RSA": "1", "SHA256_DSA": "2", "SHA256_ECDSA": "3", "SHA256_ED25519": "4" } });
    }
    let mut prints = json!({ "SHA256_DSA": "none" });
    for key in host_keys {
        let (kind, blob) = key.split_once(' ').unwrap();
        let name = ["ed25519", "ecdsa", "rsa"].into_iter().find(|name| kind.contains(name)).unwrap();
        let print = STANDARD_NO_PAD.encode(Sha256::digest(STANDARD.decode(blob).unwrap()));
        prints[format!("SHA256_{}", name.to_uppercase())] = print.into();
    }
    json!({ "ssh_keys": host_keys, "ssh_key_fingerprints": prints })
}

fn is_empty(dir: &Path) -> bool {
    git(dir, &["for-each-ref", "--count=1"], b"").unwrap().is_empty()
}

fn tree(dir: &Path, commit: &str) -> String {
    git(dir, &["rev-parse", &format!("{commit}^{{tree}}")], b"").unwrap()
}

fn text<'a>(asked: &'a Asked, name: &str) -> &'a str {
    asked.body.as_ref().and_then(|body| body[name].as_str()).unwrap_or_default()
}

fn described(name: &str, repo: &Repo, admin: bool) -> Value {
    let (owner, short) = name.split_once('/').unwrap();
    json!({
        "name": short, "full_name": name, "owner": { "login": owner }, "default_branch": "main", "private": repo.private,
        "archived": repo.archived, "permissions": { "admin": admin, "push": true, "pull": true },
        // what GitHub's description wants and its own example leaves out
        "has_discussions": false, "language": null,
    })
}

/// The endpoint's path as GitHub describes it, and the answer.
pub fn route(asked: &Asked, root: &Path, state: &mut State) -> Option<(&'static str, Answer)> {
    let parts: Vec<&str> = asked.parts.iter().map(String::as_str).collect();
    Some(match (asked.method.as_str(), parts.as_slice()) {
        ("GET", ["meta"]) => ("/meta", Answer::new(200, meta(&state.host_keys))),
        ("GET", ["user"]) => ("/user", Answer::new(200, json!({ "login": LOGIN }))),
        ("POST", ["user", "repos"]) => ("/user/repos", created(asked, root, state, LOGIN)),
        ("POST", ["orgs", org, "repos"]) => ("/orgs/{org}/repos", created(asked, root, state, org)),
        (_, ["repos", owner, short, rest @ ..]) => {
            let name = format!("{owner}/{short}");
            let (template, answer) = match state.repos.get(&name).filter(|repo| !repo.is_hidden) {
                None => (template(asked, rest)?, error(404, "Not Found")),
                Some(_) => (template(asked, rest)?, of_repository(asked, rest, &root.join(format!("{name}.git")), state, &name)),
            };
            (template, answer)
        }
        _ => return None,
    })
}

fn template(asked: &Asked, rest: &[&str]) -> Option<&'static str> {
    Some(match (asked.method.as_str(), rest) {
        ("GET", []) => "/repos/{owner}/{repo}",
        ("GET", ["branches", .., "protection"]) => "/repos/{owner}/{repo}/branches/{branch}/protection",
        ("GET", ["branches", _, ..]) => "/repos/{owner}/{repo}/branches/{branch}",
        ("GET", ["rules", "branches", _, ..]) => "/repos/{owner}/{repo}/rules/branches/{branch}",
        ("GET", ["git", "ref", _, ..]) => "/repos/{owner}/{repo}/git/ref/{ref}",
        ("GET", ["git", "trees", _]) => "/repos/{owner}/{repo}/git/trees/{tree_sha}",
        ("GET", ["git", "blobs", _]) => "/repos/{owner}/{repo}/git/blobs/{file_sha}",
        ("POST", ["git", "blobs"]) => "/repos/{owner}/{repo}/git/blobs",
        ("POST", ["git", "trees"]) => "/repos/{owner}/{repo}/git/trees",
        ("POST", ["git", "commits"]) => "/repos/{owner}/{repo}/git/commits",
        ("POST", ["git", "refs"]) => "/repos/{owner}/{repo}/git/refs",
        ("PATCH", ["git", "refs", _, ..]) => "/repos/{owner}/{repo}/git/refs/{ref}",
        ("PUT", ["contents", _, ..]) => "/repos/{owner}/{repo}/contents/{path}",
        ("GET" | "POST", ["keys"]) => "/repos/{owner}/{repo}/keys",
        ("DELETE", ["keys", _]) => "/repos/{owner}/{repo}/keys/{key_id}",
        _ => return None,
    })
}

fn created(asked: &Asked, root: &Path, state: &mut State, owner: &str) -> Answer {
    let name = format!("{owner}/{}", text(asked, "name"));
    if state.repos.contains_key(&name) {
        let mut answer = error(422, "Repository creation failed.");
        let said =
            json!([{ "resource": "Repository", "code": "custom", "field": "name", "message": "name already exists on this account" }]);
        answer.body.as_mut().unwrap().as_object_mut().unwrap().insert("errors".into(), said);
        return answer;
    }
    make(root, state, &name, asked.body.as_ref().unwrap()["private"] == true);
    Answer::new(201, described(&name, &state.repos[&name], true))
}

fn of_repository(asked: &Asked, rest: &[&str], dir: &Path, state: &mut State, name: &str) -> Answer {
    let admin = state.admin;
    let repo = state.repos.get_mut(name).unwrap();
    let empty = || error(409, "Git Repository is empty.");
    match (asked.method.as_str(), rest) {
        ("GET", []) => {
            let mut facts = described(name, repo, admin);
            facts.as_object_mut().unwrap().insert("source".into(), json!({ "language": null }));
            Answer::new(200, facts)
        }
        ("GET", ["branches", .., "protection"]) => match &repo.protection {
            _ if !admin => error(403, "Resource not accessible by personal access token"),
            Some(protection) => Answer::new(200, protection.clone()),
            None => error(404, "Branch not protected"),
        },
        ("GET", ["branches", branch @ ..]) => match head(dir, &branch.join("/")) {
            None => error(404, "Branch not found"),
            Some(commit) => Answer::new(
                200,
                json!({
                    "name": branch.join("/"), "protected": repo.protection.is_some() || !repo.rules.is_empty(),
                    "commit": { "sha": commit, "commit": { "tree": { "sha": tree(dir, &commit) } } },
                }),
            ),
        },
        ("GET", ["rules", ..]) => Answer::new(200, Value::Array(repo.rules.clone())),
        (_, ["git", ..]) if is_empty(dir) => empty(),
        ("GET", ["git", "ref", "heads", branch @ ..]) => match head(dir, &branch.join("/")) {
            Some(commit) => Answer::new(200, json!({ "ref": format!("refs/heads/{}", branch.join("/")), "object": { "sha": commit } })),
            None => error(404, "Not Found"),
        },
        ("GET", ["git", "trees", sha]) => {
            let is_whole = asked.query.iter().any(|(name, _)| name == "recursive");
            let truncated = is_whole && repo.is_big;
            let mut args = vec!["ls-tree"];
            args.extend((is_whole && !truncated).then_some(["-t", "-r"]).into_iter().flatten());
            args.push(sha);
            let listed = git(dir, &args, b"").unwrap();
            let entry = |line: &str| {
                let (facts, path) = line.split_once('\t').unwrap();
                let facts: Vec<&str> = facts.split(' ').collect();
                json!({ "path": path, "mode": facts[0], "type": facts[1], "sha": facts[2] })
            };
            Answer::new(200, json!({ "sha": sha, "tree": listed.lines().map(entry).collect::<Vec<_>>(), "truncated": truncated }))
        }
        ("GET", ["git", "blobs", sha]) => match git_bytes(dir, &["cat-file", "blob", sha]) {
            Ok(content) => {
                let (size, content) = (content.len(), STANDARD.encode(content));
                let lines: String = content.as_bytes().chunks(60).map(|line| format!("{}\n", str::from_utf8(line).unwrap())).collect();
                let url = format!("https://api.github.com/repos/{name}/git/blobs/{sha}");
                Answer::new(200, json!({ "sha": sha, "node_id": "MDQ", "size": size, "url": url, "content": lines, "encoding": "base64" }))
            }
            Err(_) => error(404, "Not Found"),
        },
        ("POST", ["git", "blobs"]) => {
            let content = STANDARD.decode(text(asked, "content")).unwrap();
            Answer::new(201, json!({ "sha": git(dir, &["hash-object", "-w", "--stdin"], &content).unwrap() }))
        }
        ("POST", ["git", "trees"]) => {
            let listed = git(dir, &["ls-tree", "-r", text(asked, "base_tree")], b"").unwrap();
            let entries = asked.body.as_ref().unwrap()["tree"].as_array().unwrap().clone();
            let path = |line: &str| line.split_once('\t').unwrap().1.to_owned();
            let is_old = |line: &&str| !entries.iter().any(|entry| entry["path"] == path(line));
            let mut lines: Vec<String> = listed.lines().filter(is_old).map(str::to_owned).collect();
            let word = |value: &Value| value.as_str().unwrap().to_owned();
            lines.extend(entries.iter().map(|e| format!("{} blob {}\t{}", word(&e["mode"]), word(&e["sha"]), word(&e["path"]))));
            Answer::new(201, json!({ "sha": tree_of(dir, &lines) }))
        }
        ("POST", ["git", "commits"]) => {
            let body = asked.body.as_ref().unwrap();
            let mut args =
                vec!["commit-tree".to_owned(), text(asked, "tree").to_owned(), "-m".to_owned(), text(asked, "message").to_owned()];
            for parent in body["parents"].as_array().into_iter().flatten() {
                args.extend(["-p".to_owned(), parent.as_str().unwrap().to_owned()]);
            }
            let author = &body["author"];
            let by = (author["name"].as_str().unwrap_or(LOGIN), author["email"].as_str().unwrap_or("wbyc@example.org"));
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            Answer::new(201, json!({ "sha": git_as(dir, &args, b"", by).unwrap() }))
        }
        ("POST", ["git", "refs"]) => {
            let (name, sha) = (text(asked, "ref"), text(asked, "sha"));
            if git(dir, &["rev-parse", "--verify", "--quiet", name], b"").is_ok() {
                return error(422, "Reference already exists");
            }
            git(dir, &["update-ref", name, sha], b"").unwrap();
            Answer::new(201, json!({ "ref": name, "object": { "sha": sha } }))
        }
        ("PATCH", ["git", "refs", "heads", branch @ ..]) => {
            let (branch, sha) = (branch.join("/"), text(asked, "sha"));
            let Some(old) = head(dir, &branch) else { return error(422, "Reference does not exist") };
            if !repo.rules.is_empty() {
                return error(422, "Repository rule violations found\n\nChanges must be made through a pull request.");
            }
            if git(dir, &["merge-base", "--is-ancestor", &old, sha], b"").is_err() {
                return error(422, "Update is not a fast forward");
            }
            git(dir, &["update-ref", &format!("refs/heads/{branch}"), sha, &old], b"").unwrap();
            Answer::new(200, json!({ "ref": format!("refs/heads/{branch}"), "object": { "sha": sha } }))
        }
        ("PUT", ["contents", path @ ..]) => {
            let path = path.join("/");
            if head(dir, "main").is_some_and(|head| git(dir, &["cat-file", "-e", &format!("{head}:{path}")], b"").is_ok()) {
                return error(422, "Invalid request.\n\n\"sha\" wasn't supplied.");
            }
            let content = STANDARD.decode(text(asked, "content")).unwrap();
            let commit = commit_file(dir, "main", &path, &content, text(asked, "message"));
            Answer::new(201, json!({ "content": { "path": path }, "commit": { "sha": commit } }))
        }
        (_, ["keys", ..]) if !admin => error(404, "Not Found"),
        ("GET", ["keys"]) => {
            let number = |name: &str, or: usize| asked.query.iter().find(|(n, _)| n == name).map_or(or, |(_, v)| v.parse().unwrap());
            let (size, page) = (number("per_page", 30), number("page", 1));
            Answer::new(200, Value::Array(repo.keys.iter().skip(size * (page - 1)).take(size).cloned().collect()))
        }
        ("POST", ["keys"]) => add_key(asked, state, name),
        ("DELETE", ["keys", id]) => {
            let before = repo.keys.len();
            repo.keys.retain(|key| key["id"].as_u64() != id.parse().ok());
            if repo.keys.len() == before { error(404, "Not Found") } else { Answer { status: 204, headers: Vec::new(), body: None } }
        }
        _ => error(404, "Not Found"),
    }
}

pub fn key(id: u64, title: &str, key: &str, read_only: bool) -> Value {
    json!({ "id": id, "title": title, "key": key, "read_only": read_only })
}

fn add_key(asked: &Asked, state: &mut State, name: &str) -> Answer {
    let line = text(asked, "key").to_owned();
    if state.repos.values().flat_map(|repo| &repo.keys).any(|key| key["key"] == line) {
        return error(422, "key is already in use");
    }
    state.keys_made += 1;
    let made = key(1000 + state.keys_made, text(asked, "title"), &line, asked.body.as_ref().unwrap()["read_only"] == true);
    state.repos.get_mut(name).unwrap().keys.push(made.clone());
    Answer::new(201, made)
}
