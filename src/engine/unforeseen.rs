//! What a dry run knows no more once it cannot tell what a task would do.

use std::sync::Arc;

use super::host::{Host, Machines};
use super::play::Engine;
use super::task::shown;
use crate::modules;
use crate::plan::Scope;
use crate::playbook::Task;

impl<M: Machines> Engine<M> {
    /// In check mode: after a task of which nobody knows what it does, what it may move is known no more.
    pub(super) async fn unforeseen(&self, task: &Task, host: &Arc<Host<M::Machine>>) {
        let touches = modules::may_touch(&task.action.name);
        // one that is only tried out in a real run leaves all as it is
        if touches.is_empty() || !self.core.options.check {
            return;
        }
        let hosts = if task.delegate_to.is_some() { self.all_hosts() } else { vec![Arc::clone(host)] };
        for host in hosts {
            let mut seat = host.machine().await;
            seat.predicted = true;
            let because = task.name.as_ref().map_or_else(|| task.action.name.clone(), shown);
            seat.store.predict(&Scope::new(&host.machine_name(), ""), &because, &[], &touches);
        }
    }
}
