//! A GitHub of our own: its REST endpoints over real bare git repositories, each request and answer as GitHub describes them.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::description::{check_answer, check_request, example};
use crate::endpoints;
use crate::git::git;
use crate::wire::{self, Answer, Asked};

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
        let state = Arc::new(Mutex::new(State { admin: true, ..State::default() }));
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
        change(&mut self.state.lock().unwrap())
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

fn serve(stream: TcpStream, root: &Path, state: &Mutex<State>) {
    let mut out = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(asked) = wire::read(&mut reader) {
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
            Some(How::Answer(answer)) => wire::write(&mut out, &answer, false),
            Some(How::CutBefore) => return,
            Some(How::CutAfter) => {
                wire::write(&mut out, &answered(&asked, root, state), true);
                return;
            }
            Some(How::Slow(time)) => {
                let answer = answered(&asked, root, state);
                std::thread::sleep(time);
                wire::write(&mut out, &answer, false);
            }
            Some(How::Move(branch)) => {
                let dir = root.join(format!("{}/{}.git", asked.parts[1], asked.parts[2]));
                let count = git(&dir, &["rev-list", "--all", "--count"], b"").unwrap();
                endpoints::commit_file(&dir, branch, "somebody", count.as_bytes(), "somebody else's");
                wire::write(&mut out, &answered(&asked, root, state), false);
            }
            None => wire::write(&mut out, &answered(&asked, root, state), false),
        }
    }
}

/// What is answered, checked, under the lock: one request at a time.
fn answered(asked: &Asked, root: &Path, state: &Mutex<State>) -> Answer {
    let mut state = state.lock().unwrap();
    if asked.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
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
    answer
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
