//! How a task ended on a host.

use serde_json::{Map, Value as Json};

use crate::plan::Difference;

/// How a task ended on a host, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It was not for this host.
    Skipped,
    /// All was as it should be.
    Ok,
    /// Something was changed, or would be.
    Changed,
    /// In check mode: it depends on what only a real run produces.
    Pending,
    /// We would not do it.
    Refused,
    /// It did not work.
    Failed,
    /// The machine was not reached; nothing was done.
    Unreachable,
    /// Whether it was done cannot be known.
    Unknown,
}

impl Status {
    /// Whether the host goes on with the next task.
    pub fn is_good(self) -> bool {
        self <= Self::Pending
    }
}

/// What a task, or one item of its loop, came to on a host.
#[derive(Debug, Clone)]
pub struct Done {
    /// How it ended.
    pub status: Status,
    /// What is registered.
    pub result: Map<String, Json>,
    /// What differs, for people.
    pub changes: Vec<Difference>,
    /// Why it is as it is, for people: a failure, a refusal, what is unknown.
    pub why: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The items of a loop.
    pub items: Vec<Done>,
    /// What the item is called; none without a loop.
    pub item: Option<String>,
    /// Of an item that did not end well, and of a loop: whether the task lets the run go on all the same.
    pub ignored: bool,
}

impl Done {
    /// Ended so, with nothing to say.
    pub fn new(status: Status) -> Self {
        Self { status, result: Map::new(), changes: Vec::new(), why: None, hint: None, items: Vec::new(), item: None, ignored: false }
    }

    /// Failed, because.
    pub fn failed(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { why: Some(why.clone()), ..Self::new(Status::Failed) }.with("msg", why)
    }

    /// Cannot be known in check mode, because.
    pub fn pending(why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..Self::new(Status::Pending) }
    }

    /// Whether it, or one of its items, cannot be known in check mode.
    pub fn is_pending(&self) -> bool {
        self.status == Status::Pending || self.items.iter().any(Self::is_pending)
    }

    /// Not for this host; the condition that says so.
    pub fn skipped(condition: Option<Json>) -> Self {
        let done = Self::new(Status::Skipped).with("skip_reason", "Conditional result was False");
        match condition {
            Some(condition) => done.with("false_condition", condition),
            None => done,
        }
    }

    /// And this is registered.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.result.insert(name.to_owned(), value.into());
        self
    }

    /// Failed; that it has changed something all the same is remembered.
    pub fn fails(&mut self, why: String) {
        if self.has_changed() {
            self.result.insert("changed".to_owned(), Json::Bool(true));
        }
        self.status = Status::Failed;
        self.why = Some(why);
    }

    /// Whether it has changed something, even if it failed then.
    pub fn has_changed(&self) -> bool {
        match self.status {
            Status::Changed => true,
            Status::Failed => self.result.get("changed") == Some(&Json::Bool(true)),
            _ => false,
        }
    }

    /// What its module warns about.
    pub fn warnings(&self) -> impl Iterator<Item = &str> {
        self.result.get("warnings").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
    }

    /// What a playbook sees of it where the task says `no_log`: how it ended, and no more.
    pub fn censored(&self, why: &str) -> Json {
        let mut result = Map::from_iter([("censored".to_owned(), Json::from(why)), ("changed".to_owned(), Json::Bool(self.has_changed()))]);
        let lost = self.status == Status::Unreachable;
        for (name, is) in [("failed", !lost && !self.status.is_good()), ("unreachable", lost), ("skipped", self.status == Status::Skipped)]
        {
            if is {
                result.insert(name.to_owned(), Json::Bool(true));
            }
        }
        if !self.items.is_empty() {
            result.insert("results".to_owned(), self.items.iter().map(|item| item.censored(why)).collect());
        }
        Json::Object(result)
    }

    /// What a playbook sees of it: with the words for how it ended, as Ansible has them.
    pub fn registered(&self) -> Map<String, Json> {
        let mut result = self.result.clone();
        result.insert("changed".to_owned(), Json::Bool(self.has_changed()));
        // as in Ansible: what was not reached has not failed
        let failed = !self.status.is_good() && self.status != Status::Unreachable;
        if failed || !result.contains_key("failed") {
            result.insert("failed".to_owned(), Json::Bool(failed));
        }
        if self.status == Status::Skipped {
            result.insert("skipped".to_owned(), Json::Bool(true));
        }
        if self.status == Status::Unreachable {
            result.insert("unreachable".to_owned(), Json::Bool(true));
        }
        if let Some(why) = self.why.as_ref().filter(|_| !self.status.is_good() && !result.contains_key("msg")) {
            result.insert("msg".to_owned(), Json::from(why.as_str()));
        }
        result
    }
}
