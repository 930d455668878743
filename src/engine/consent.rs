//! A person's word before disks are formatted: asked once for all hosts that have come to it, with the table of their disks.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;

use super::core::locked;
use super::person::{FormattedDisk, Question, Reply};
use crate::modules::Formatting;
use crate::plan::Refusal;

/// How long those who are ready wait for the others: one whose machine hangs holds up nobody for ever.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was asked, and what was said.
#[derive(Debug, Default)]
pub(super) struct Consent {
    state: Mutex<State>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Hosts that are in the middle of a task.
    busy: usize,
    /// Hosts that wait for the word, with their disks.
    waiting: Vec<FormattedDisk>,
    /// Whether the question is open.
    asking: bool,
    /// What was said of each.
    said: BTreeMap<FormattedDisk, Reply>,
}

/// A host in the middle of a task, until this goes away.
pub(super) struct Busy<'a>(&'a Consent);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let mut state = locked(&self.0.state);
        state.busy = state.busy.saturating_sub(1);
        drop(state);
        self.0.moved.notify_waiters();
    }
}

impl Consent {
    /// A host begins a task.
    pub fn begin(&self) -> Busy<'_> {
        locked(&self.state).busy += 1;
        Busy(self)
    }

    /// Waits until a person has said whether that disk may be formatted; `ask` asks.
    ///
    /// # Errors
    /// Why it may not.
    pub async fn of<F: Future<Output = Reply>>(
        &self,
        host: &str,
        formatting: &Formatting,
        ask: impl Fn(Question) -> F,
    ) -> Result<(), Refusal> {
        let disk = FormattedDisk { host: host.into(), formatting: formatting.clone() };
        locked(&self.state).waiting.push(disk.clone());
        self.moved.notify_waiters();
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            // registered before the look, so that nothing is missed between both
            let moved = self.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            let turn = {
                let mut state = locked(&self.state);
                if let Some(reply) = state.said.get(&disk) {
                    return answer(reply, formatting);
                }
                let all_are_here = state.waiting.len() >= state.busy || tokio::time::Instant::now() >= deadline;
                let turn = (all_are_here && !state.asking).then(|| std::mem::take(&mut state.waiting));
                state.asking |= turn.is_some();
                turn
            };
            match turn {
                None => drop(tokio::time::timeout_at(deadline.max(tokio::time::Instant::now() + Duration::from_secs(1)), moved).await),
                Some(mut disks) => {
                    disks.sort();
                    let reply = ask(Question::Format { disks: disks.clone() }).await;
                    let mut state = locked(&self.state);
                    state.asking = false;
                    state.said.extend(disks.into_iter().map(|disk| (disk, reply.clone())));
                    drop(state);
                    self.moved.notify_waiters();
                }
            }
        }
    }
}

fn answer(reply: &Reply, formatting: &Formatting) -> Result<(), Refusal> {
    let why = match reply {
        Reply::Yes => return Ok(()),
        Reply::Nobody => "and there is nobody to ask",
        _ => "and the answer was not yes",
    };
    Err(Refusal {
        why: format!(
            "disk {} is {} and would be formatted ({}), {why}; nothing was written to it",
            formatting.disk, formatting.holds, formatting.becomes
        ),
        hint: Some("`--yes` says that disks that hold nothing may be formatted; `--check` shows which".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(name: &str) -> Formatting {
        let text = |text: &str| text.to_owned();
        Formatting {
            disk: text(name),
            model: text("QEMU"),
            serial: text("1"),
            size: text("150 GB"),
            holds: text("blank"),
            becomes: text("ext4 on /var/lib/longhorn"),
        }
    }

    #[tokio::test]
    async fn all_hosts_that_come_to_it_are_in_one_question() {
        let consent = Consent::default();
        let asked = Mutex::new(Vec::new());
        let ask = |question: Question| {
            asked.lock().unwrap().push(question);
            std::future::ready(Reply::Yes)
        };
        let host = async |name: &str, formats: bool| {
            let _busy = consent.begin();
            tokio::time::sleep(Duration::from_millis(10)).await;
            if formats { consent.of(name, &disk("lh1"), &ask).await } else { Ok(()) }
        };
        let (a, b, c) = tokio::join!(host("w1", true), host("w2", true), host("w3", false));
        assert!(a.is_ok() && b.is_ok() && c.is_ok());
        let asked = asked.lock().unwrap();
        let [Question::Format { disks }] = asked.as_slice() else { panic!("{asked:?}") };
        assert_eq!(disks.iter().map(|disk| disk.host.as_str()).collect::<Vec<_>>(), ["w1", "w2"]);
    }

    #[tokio::test]
    async fn without_a_yes_nothing_is_formatted() {
        for (reply, words) in [(Reply::No, "not yes"), (Reply::Nobody, "nobody to ask"), (Reply::Abort, "not yes")] {
            let consent = Consent::default();
            let _busy = consent.begin();
            let refusal = consent.of("w1", &disk("lh1"), |_| std::future::ready(reply.clone())).await.unwrap_err();
            assert!(refusal.why.contains(words), "{refusal:?}");
        }
    }
}
