//! `async_status`: how a job in the background stands.

use serde_json::{Map, Value};

use super::outcome::{Ended, decided, planned};
use super::paths::{join, path};
use super::spec::{Kind, Opt, Spec};
use super::{Decision, Module, Task};
use crate::node::apply::Carried;
use crate::node::facts::{Content, FileContent, Stat};
use crate::node::steps::{Remove, RemoveWhat, Step};
use crate::plan::{Facts, Plan, Stop};

/// Reads the file in which a job in the background leaves its result.
pub struct AsyncStatus;

static SPEC: Spec = Spec {
    options: &[
        Opt::new("jid", Kind::Str).about("Which: `ansible_job_id` of what was registered").required(),
        Opt::new("mode", Kind::Str)
            .about("Whether it is asked, or what was kept of it is taken away")
            .default("status")
            .choices(&["cleanup", "status"]),
        Opt::new("_async_dir", Kind::Path).about("Where it keeps its results"),
    ],
    about: "Says how something that runs in the background stands",
    ..Spec::new("ansible.builtin", "async_status")
};

/// Where jobs leave their results, unless `ANSIBLE_ASYNC_DIR` of the task's environment says otherwise.
const DIRECTORY: &str = "~/.ansible_async";

/// The file of a job, in the home of whoever does the task.
///
/// # Errors
/// What has to be known before, or that the directory cannot be used.
pub fn job_file(task: &Task<'_>, facts: &Facts<'_>, job: &str) -> Result<Result<String, String>, Stop> {
    let own = task.environment.iter().find(|(name, _)| name == "ANSIBLE_ASYNC_DIR").map(|(_, directory)| directory.as_str());
    match path(own.unwrap_or(DIRECTORY), task, facts) {
        Ok(directory) => Ok(Ok(join(&directory, job))),
        Err(Ended::Stop(stop)) => Err(stop),
        Err(ended) => match decided(Err(ended))?.act {
            super::Act::Fail(why) => Ok(Err(why)),
            _ => Ok(Err("the directory for jobs cannot be used".to_owned())),
        },
    }
}

/// How much of a job's result is read.
const BOUND: u64 = 32 * 1024 * 1024;

impl Module for AsyncStatus {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Stop> {
        decided(plan(task, facts))
    }

    /// What the job changed is what is told of this task.
    fn result(&self, task: &Task<'_>, facts: &Facts<'_>, carried: Option<&Carried>) -> Result<Map<String, Value>, Stop> {
        if carried.is_some() {
            return Ok(Map::from_iter([("changed".to_owned(), Value::Bool(false))]));
        }
        let decision = decided(plan(task, facts))?;
        Ok(decision.result.into_iter().filter(|(name, _)| name == "changed").collect())
    }

    /// A job ends by itself: nothing is known before.
    fn is_opaque(&self) -> bool {
        true
    }

    fn looks_afresh(&self, _task: &Task<'_>) -> bool {
        true
    }

    fn only_reads(&self, task: &Task<'_>) -> bool {
        task.args.str("mode") != Some("cleanup")
    }
}

fn plan(task: &Task<'_>, facts: &Facts<'_>) -> Result<Decision, Ended> {
    let own = task.environment.iter().find(|(name, _)| name == "ANSIBLE_ASYNC_DIR").map(|(_, directory)| directory.as_str());
    let directory = path(task.args.str("_async_dir").or(own).unwrap_or(DIRECTORY), task, facts)?;
    let job = task.args.str("jid").unwrap_or_default();
    // a job is a file there, and none elsewhere
    if job.is_empty() || job.contains('/') || job.starts_with('.') {
        return Err(format!("{job:?} is no job").into());
    }
    let file = join(&directory, job);
    let with = |decision: Decision| decision.with("ansible_job_id", job);
    if facts.get(Stat::new(&file))?.is_none() {
        return Ok(with(Decision::fail("could not find job")).with("started", true).with("finished", true));
    }
    if task.args.str("mode") == Some("cleanup") {
        let remove = Remove { path: file.clone(), what: RemoveWhat::File };
        let change = Plan::change([Step::from(remove)])
            .differs(file.clone(), Some("the job's result".into()), None)
            .expect(crate::plan::Expect::absent(&Stat::new(&file)));
        let done = with(planned(change)).with("erased", file);
        return Ok(done.with("started", false).with("finished", false).with("stdout", "").with("stderr", ""));
    }
    let content = facts.get(Content::new(&file, BOUND))?;
    let text = content.map(|content: FileContent| content.bytes()).unwrap_or_default();
    let Ok(Value::Object(mut data)) = serde_json::from_slice::<Value>(&text) else {
        // not written yet
        return Ok(with(Decision::unchanged()).with("results_file", file).with("started", true).with("finished", false));
    };
    if data.contains_key(super::JOB) {
        data = super::ran::of_job(data);
    }
    data.entry("results_file").or_insert_with(|| file.clone().into());
    if !data.contains_key("started") {
        data.insert("finished".into(), true.into());
        data.insert("ansible_job_id".into(), job.into());
    } else if !data.contains_key("finished") {
        data.insert("finished".into(), false.into());
    }
    Ok(reported(data))
}

/// The job's own result: it failed if the job did.
fn reported(data: Map<String, Value>) -> Decision {
    let failed = data.get("failed").and_then(Value::as_bool).unwrap_or(false);
    let message = data.get("msg").and_then(Value::as_str).unwrap_or("the job failed").to_owned();
    let mut decision = if failed { Decision::fail(message) } else { Decision::unchanged() };
    decision.result = data;
    decision
}
