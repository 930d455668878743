//! `async` and `poll`: jobs in the background of a machine, and waiting for them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::host::{Host, Machines};
use super::items::Position;
use super::manner::Manner;
use super::play::Engine;
use super::scope::View;
use super::status::{Done, Status};
use super::task::{Stuck, number_of, text};
use crate::modules::{self, Found, Module};
use crate::node::steps::{Launch, Run};
use crate::playbook::{Action, Task};

/// `poll` if it is not said (`DEFAULT_POLL_INTERVAL` of ansible-core's config/base.yml).
const POLL: f64 = 15.0;

/// What Ansible does by an action on the controller does not run in the background (`_supports_async` of its action plugins).
const AT_ONCE_ONLY: [&str; 7] = ["assemble", "copy", "fetch", "raw", "script", "template", "unarchive"];

/// Whether a module's tasks can run in the background.
pub(super) fn is_for(name: &str) -> bool {
    let name = name.rsplit('.').next().unwrap_or(name);
    !AT_ONCE_ONLY.contains(&name) && !matches!(modules::find(name), Found::Action(_))
}

/// Ansible's words where they cannot.
pub(super) fn refusal(name: &str) -> String {
    format!("This action ({name}) does not support async.")
}

/// How a task runs in the background.
#[derive(Debug, Clone)]
pub(super) struct Background {
    /// `async`: so long it may take.
    pub(super) seconds: u64,
    /// `poll`: so often it is asked about; 0: nobody waits for it.
    pub(super) poll: f64,
    /// What the job is called.
    pub(super) job: String,
}

impl<M: Machines> Engine<M> {
    /// How a task runs in the background, if it does.
    pub(super) async fn background_of(&self, view: &View, task: &Task) -> Result<Option<Background>, Stuck> {
        let Some(seconds) = &task.seconds else { return Ok(None) };
        let seconds = number_of(&self.rendered(view, seconds).await?).unwrap_or(0.0);
        if seconds < 1.0 {
            return Ok(None);
        }
        let poll = match &task.poll {
            Some(node) => number_of(&self.rendered(view, node).await?).unwrap_or(POLL).max(0.0),
            None => POLL,
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "nobody waits so long")]
        let seconds = seconds as u64;
        let job = format!("j{}.{}", rand::random_range(0..1_000_000_000_000_u64), std::process::id());
        Ok(Some(Background { seconds, poll, job }))
    }

    /// Begins a task in the background, and waits for it unless nobody wants to.
    #[expect(clippy::too_many_arguments, reason = "a task as a whole")]
    pub(super) async fn in_background(
        &self,
        at: &Position,
        task: &Arc<Task>,
        target: &Arc<Host<M::Machine>>,
        view: &View,
        manner: &Manner,
        module: &'static dyn Module,
        background: &Background,
    ) -> Result<Done, Stuck> {
        let begun = self.module(at, task, target, view, manner, module).await?;
        if begun.result.get("finished") != Some(&Json::Bool(false)) || background.poll <= 0.0 {
            return Ok(begun);
        }
        let changes = begun.changes;
        let mut left = background.seconds as f64;
        let asked = Arc::new(asking(task, &background.job));
        let plain = Manner { check: false, limit: None, background: None, environment: manner.environment.clone() };
        let Found::Module(status) = modules::find(&asked.action.name) else { return Ok(Done::failed("there is no `async_status`")) };
        while left > 0.0 {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs_f64(background.poll)) => {}
                () = self.cancelled.cancelled() => return Ok(Done::failed("interrupted; the job goes on in the background")),
            }
            let done = self.module(at, &asked, target, view, &plain, status).await?;
            if done.result.get("finished") == Some(&Json::Bool(true)) || !done.status.is_good() {
                return Ok(Done { changes: if done.status == Status::Changed { changes } else { Vec::new() }, ..done });
            }
            left -= background.poll;
        }
        let why = format!("async task did not complete within the requested time - {}s", background.seconds);
        Ok(Done::failed(why).with("ansible_job_id", background.job.as_str()).with("finished", false).with("started", true))
    }
}

/// The task that asks how a job stands.
fn asking(task: &Task, job: &str) -> Task {
    let options = vec![(text("jid"), text(job))];
    let action = Action { name: "ansible.builtin.async_status".to_owned(), place: task.action.place.clone(), options, whole: None };
    let register = Some("ansible_job".to_owned());
    Task { action, register, seconds: None, poll: None, ..task.clone() }
}

/// What is registered of a job that has begun.
pub(super) fn begun(job: &str, file: &str) -> Map<String, Json> {
    let entries = [
        ("ansible_job_id", Json::from(job)),
        ("started", Json::Bool(true)),
        ("finished", Json::Bool(false)),
        ("results_file", Json::from(file)),
    ];
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The step that begins a program as a job.
pub(super) fn launch(background: &Background, file: &str, run: Run, result: &Map<String, Json>, strip: bool) -> Launch {
    let mut head = result.clone();
    head.insert("ansible_job_id".to_owned(), Json::from(background.job.as_str()));
    head.insert(modules::JOB.to_owned(), serde_json::json!({ "strip": strip, "timed": run.timed }));
    Launch { run, job: file.to_owned(), head: Json::Object(head).to_string(), seconds: background.seconds }
}

/// The step that leaves a result that is known already.
pub(super) fn leave(background: &Background, file: &str, done: &Done) -> Launch {
    let mut head = done.registered();
    head.insert("ansible_job_id".to_owned(), Json::from(background.job.as_str()));
    head.insert(modules::JOB.to_owned(), serde_json::json!({ "done": true }));
    let run = Run { argv: vec!["true".to_owned()], any_status: true, ..Run::default() };
    Launch { run, job: file.to_owned(), head: Json::Object(head).to_string(), seconds: 60 }
}
