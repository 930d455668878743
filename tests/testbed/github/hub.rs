//! A GitHub of our own: its REST endpoints over real bare git repositories, each request and answer as GitHub describes them.

use std::collections::BTreeMap;
use std::io::{BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::description::{check_answer, check_request, example};
use super::endpoints;
use super::git::git;
use super::wire::{self, Answer, Asked};

pub const TOKEN: &str = "ghp_a-token-that-nobody-may-see";

/// What goes wrong, with a request that has these words in its line, so many times.
#[derive(Debug, Clone)]
pub struct Fault {
    pub at: &'static str,
    pub times: usize,
    pub how: How,
}

#[derive(Debug, Clone)]
pub enum How {
    /// This instead.
    Answer(Answer),
    /// Too late, and done.
    Slow(Duration),
    /// Not done, and the connection is closed.
    CutBefore,
    /// Done, and the answer is cut in its middle.
    CutAfter,
    /// Somebody else commits to the branch first.
    Move(&'static str),
}

/// A repository, beside what git knows of it.
#[derive(Debug, Clone)]
pub struct Repo {
    pub private: bool,
    pub archived: bool,
    pub keys: Vec<Value>,
    pub rules: Vec<Value>,
    pub protection: Option<Value>,
    pub is_hidden: bool,
    /// Whether it has more files than are told at once.
    pub is_big: bool,
}

#[derive(Default)]
pub struct State {
    pub repos: BTreeMap<String, Repo>,
    pub faults: Vec<Fault>,
    pub log: Vec<String>,
    pub wrong: Vec<String>,
    pub keys_made: u64,
    pub admin: bool,
    /// The one that is let in: [`TOKEN`], until a test changes it.
    pub token: String,
    /// The keys of an SSH server that serves the repositories, which `/meta` then lists.
    pub host_keys: Vec<String>,
    /// What happens once so many more requests were done.
    event: Option<(usize, Box<dyn FnOnce() + Send>)>,
    /// What that server lets a deploy key do.
    serve: Option<PathBuf>,
    /// The text of `authorized_keys`, as it was written last.
    authorized: String,
}

pub struct Hub {
    pub address: String,
    root: tempfile::TempDir,
    state: Arc<Mutex<State>>,
}

impl Hub {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let root = tempfile::tempdir().unwrap();
        let state = Arc::new(Mutex::new(State { admin: true, token: TOKEN.into(), ..State::default() }));
        let (path, shared) = (root.path().to_owned(), Arc::clone(&state));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (path, shared) = (path.clone(), Arc::clone(&shared));
                std::thread::spawn(move || serve(stream, &path, &shared));
            }
        });
        Self { address, root, state }
    }

    pub fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock().unwrap();
        let done = change(&mut state);
        authorize(self.root.path(), &mut state);
        done
    }

    /// The folder of the repositories, and what is known of them.
    pub(super) fn shared(&self) -> (PathBuf, Arc<Mutex<State>>) {
        (self.root.path().to_owned(), Arc::clone(&self.state))
    }

    /// From now on deploy keys open `script`, by an SSH server with these keys; the folder of the repositories and `authorized_keys`.
    pub fn serve_keys(&self, script: &Path, host_keys: &[String]) -> PathBuf {
        self.with(|state| (state.serve, state.host_keys) = (Some(script.to_owned()), host_keys.to_vec()));
        self.root.path().to_owned()
    }

    /// A deploy key, as if a person had added it.
    pub fn add_key(&self, name: &str, title: &str, line: &str, read_only: bool) {
        self.with(|state| {
            state.keys_made += 1;
            let key = endpoints::key(1000 + state.keys_made, title, line, read_only);
            state.repos.get_mut(name).unwrap().keys.push(key);
        });
    }

    /// A repository without a commit.
    pub fn empty(&self, name: &str) -> PathBuf {
        self.with(|state| endpoints::make(self.root.path(), state, name, true));
        self.dir(name)
    }

    /// One with a commit on main that has this file.
    pub fn filled(&self, name: &str, path: &str, content: &str) -> PathBuf {
        let dir = self.empty(name);
        endpoints::commit_file(&dir, "main", path, content.as_bytes(), "before");
        dir
    }

    pub fn dir(&self, name: &str) -> PathBuf {
        self.root.path().join(format!("{name}.git"))
    }

    pub fn fault(&self, at: &'static str, times: usize, how: How) {
        self.with(|state| state.faults.push(Fault { at, times, how }));
    }

    /// When the request with this number, from 1 on, of those to come is done: this happens, and the answer is lost.
    pub fn at(&self, request: usize, event: impl FnOnce() + Send + 'static) {
        self.with(|state| state.event = Some((request, Box::new(event))));
    }

    /// The requests so far, and forgets them.
    pub fn log(&self) -> Vec<String> {
        self.with(|state| std::mem::take(&mut state.log))
    }

    /// Fails if anything was not as GitHub describes it.
    pub fn assert_described(&self) {
        let wrong = self.with(|state| state.wrong.clone());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.assert_described();
        }
    }
}

pub fn error(status: u16, message: &str) -> Answer {
    Answer::new(status, json!({ "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string() }))
}

/// Answers what is asked on a connection, until it ends.
pub(super) fn serve(stream: impl Read + Write, root: &Path, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    while let Some(asked) = wire::read(&mut reader) {
        let out = reader.get_mut();
        let answered = || answered(&asked, root, state);
        let event = event(&mut state.lock().unwrap());
        if let Some(event) = event {
            state.lock().unwrap().log.push(asked.line());
            answered();
            return event();
        }
        let fault = {
            let mut state = state.lock().unwrap();
            state.log.push(asked.line());
            let found = state.faults.iter_mut().find(|fault| fault.times > 0 && asked.line().contains(fault.at));
            found.map(|fault| {
                fault.times -= 1;
                fault.how.clone()
            })
        };
        match fault {
            Some(How::Answer(answer)) => wire::write(out, &answer, false),
            Some(How::CutBefore) => return,
            Some(How::CutAfter) => {
                wire::write(out, &answered(), true);
                return;
            }
            Some(How::Slow(time)) => {
                let answer = answered();
                std::thread::sleep(time);
                wire::write(out, &answer, false);
            }
            Some(How::Move(branch)) => {
                let dir = root.join(format!("{}/{}.git", asked.parts[1], asked.parts[2]));
                let count = git(&dir, &["rev-list", "--all", "--count"], b"").unwrap();
                endpoints::commit_file(&dir, branch, "somebody", count.as_bytes(), "somebody else's");
                wire::write(out, &answered(), false);
            }
            None => wire::write(out, &answered(), false),
        }
    }
}

fn event(state: &mut State) -> Option<Box<dyn FnOnce() + Send>> {
    let (left, _) = state.event.as_mut()?;
    *left = left.saturating_sub(1);
    state.event.take_if(|(left, _)| *left == 0).map(|(_, event)| event)
}

/// What is answered, checked, under the lock: one request at a time.
fn answered(asked: &Asked, root: &Path, state: &Mutex<State>) -> Answer {
    let mut state = state.lock().unwrap();
    let wrong_before = state.wrong.len();
    if asked.header("authorization") != Some(&format!("Bearer {}", state.token)) {
        return error(401, "Bad credentials");
    }
    if asked.header("user-agent").is_none() || asked.header("x-github-api-version").is_none() {
        state.wrong.push(format!("{}: without a user agent or a version", asked.line()));
    }
    let Some((template, answer)) = endpoints::route(asked, root, &mut state) else {
        state.wrong.push(format!("{}: no such endpoint", asked.line()));
        return error(404, "Not Found");
    };
    let query: Vec<String> = asked.query.iter().map(|(name, _)| name.clone()).collect();
    let mut answer = answer;
    // of rules and protections there is only what a test has set
    if (200..300).contains(&answer.status)
        && !template.contains("/branches/{branch}/protection")
        && !template.contains("/rules/")
        && let Some(body) = answer.body.take()
    {
        answer.body = Some(over(example(template, &asked.method, answer.status), body));
    }
    let request = check_request(template, &asked.method, &query, asked.body.as_ref());
    // 403 and 404 come from anything that a token may not see, whether it is described or not
    let is_common = matches!(answer.status, 403 | 404);
    let checked = if is_common { Ok(()) } else { check_answer(template, &asked.method, answer.status, answer.body.as_ref()) };
    state.wrong.extend([request, checked].into_iter().filter_map(Result::err));
    // the Flux CLI asks for more than is described, and GitHub lets it
    if asked.header("user-agent").is_some_and(|agent| agent.starts_with("go-github/")) {
        state.wrong.truncate(wrong_before);
    }
    authorize(root, &mut state);
    answer
}

/// Lets the SSH server know of the keys that there are.
fn authorize(root: &Path, state: &mut State) {
    let Some(script) = &state.serve else { return };
    let mut lines = format!("# {} repositories\n", state.repos.len());
    for (name, repo) in &state.repos {
        for key in &repo.keys {
            let rights = if key["read_only"] == true { "read" } else { "write" };
            let command = format!("sh {} {} {name} {rights}", script.display(), root.display());
            lines += &format!("restrict,command=\"{command}\" {}\n", key["key"].as_str().unwrap());
        }
    }
    if lines != state.authorized {
        // in one step: a login may come at any time
        std::fs::write(root.join("authorized_keys.new"), &lines).unwrap();
        std::fs::rename(root.join("authorized_keys.new"), root.join("authorized_keys")).unwrap();
        state.authorized = lines;
    }
}

/// What GitHub shows as an example, with what is so here.
fn over(example: Value, facts: Value) -> Value {
    match (example, facts) {
        (Value::Object(mut example), Value::Object(facts)) => {
            for (name, fact) in facts {
                let shown = example.remove(&name).unwrap_or(Value::Null);
                example.insert(name, over(shown, fact));
            }
            Value::Object(example)
        }
        (Value::Array(shown), Value::Array(facts)) => {
            let first = shown.into_iter().next().unwrap_or(Value::Null);
            Value::Array(facts.into_iter().map(|fact| over(first.clone(), fact)).collect())
        }
        (_, fact) => fact,
    }
}
