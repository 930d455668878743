//! `connection`, `remote_user` and `port`: reaching a host otherwise than the inventory says.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::host::{Host, Machines};
use super::magic::OMIT;
use super::play::Engine;
use super::scope::{View, World as _};
use super::task::{Stuck, shown};
use crate::playbook::{Common, Task};
use crate::yaml::{Node, Value};

/// Connection variables that lie over a host's own, by their names: `ansible_connection`, `ansible_user`, `ansible_port`.
pub type Via = BTreeMap<String, String>;

/// What this machine is called where a host's tasks run on it.
pub(super) const HERE: &str = "localhost";

/// Each keyword, and the variables that come before it.
const KEYWORDS: [(&str, &[&str]); 3] = [
    ("connection", &["ansible_connection"]),
    ("remote_user", &["ansible_user", "ansible_ssh_user"]),
    ("port", &["ansible_port", "ansible_ssh_port"]),
];

impl<M: Machines> Engine<M> {
    /// From now on a host is reached as a play's keywords say.
    pub(super) async fn reach_by_play(&self, view: &View, common: &Common, host: &Arc<Host<M::Machine>>) -> Result<(), Stuck> {
        let via = self.via(view, host, |name| common.others.get(name), |_| false).await?;
        host.take_seat(self.seat(&host.name, via));
        Ok(())
    }

    /// The host, reached as a task's keywords and variables say.
    pub(super) async fn reach_by_task(
        &self,
        view: &View,
        task: &Task,
        host: Arc<Host<M::Machine>>,
    ) -> Result<Arc<Host<M::Machine>>, Stuck> {
        let own = &task.levels.get(1..).unwrap_or_default();
        let says = |name: &str| own.iter().any(|level| level.others.contains_key(name));
        let sets = |name: &str| {
            let of = |pairs: &[(Node, Node)]| pairs.iter().any(|(key, _)| key.as_str() == Some(name));
            own.iter().any(|level| of(&level.vars)) || host.state().set.contains_key(name)
        };
        if !KEYWORDS.iter().any(|(keyword, variables)| says(keyword) || variables.iter().any(|variable| sets(variable))) {
            return Ok(host);
        }
        let via = self.via(view, &host, |name| task.keyword(name), |name| sets(name)).await?;
        let seat = self.seat(&host.name, via);
        Ok(if host.sits(&seat) { host } else { Arc::new(host.elsewhere(seat)) })
    }

    /// What a delegated task sees: `ansible_delegated_vars`, with the variables of whom it is delegated to.
    pub(super) fn delegated(&self, view: View, target: &str) -> View {
        let variables = self.core.inventory(target).unwrap_or_default();
        let own = variables.iter().map(|(name, value)| (super::task::text(name), value.clone()));
        // it stays the name of whose task it is
        let name = (super::task::text("inventory_hostname"), super::task::text(&view.host));
        let of_target = super::magic::made(Value::Map(own.chain([name]).collect()));
        let all = super::magic::made(Value::Map(vec![(super::task::text(target), of_target)]));
        let mut top = (*view.top).clone();
        top.insert("ansible_delegated_vars".to_owned(), all);
        View { top: Arc::new(top), ..view }
    }

    async fn via<'n>(
        &self,
        view: &View,
        host: &Host<M::Machine>,
        keyword: impl Fn(&str) -> Option<&'n Node>,
        sets: impl Fn(&str) -> bool,
    ) -> Result<Via, Stuck> {
        let known = self.core.inventory(&host.name);
        let is_implicit = known.is_none() && &*host.name == HERE;
        let inventory = known.unwrap_or_default();
        let mut via = Via::new();
        for (name, variables) in KEYWORDS {
            if variables.iter().any(|variable| self.core.extra.contains_key(*variable)) {
                continue;
            }
            let value = match (variables.iter().find(|variable| sets(variable)), keyword(name)) {
                (Some(variable), _) => {
                    let template = format!("{{{{ {variable} }}}}");
                    shown(&self.rendered(view, &Node { literal: false, ..super::task::text(&template) }).await?)
                }
                (None, Some(node)) if !variables.iter().any(|variable| inventory.contains_key(*variable)) => {
                    shown(&self.rendered(view, node).await?)
                }
                _ => continue,
            };
            let short = value.rsplit('.').next().unwrap_or_default();
            let usual = name == "connection" && matches!(short, "ssh" | "smart" | "paramiko" | "paramiko_ssh");
            if value.is_empty() || value == OMIT || (usual && !inventory.contains_key("ansible_connection") && &*host.name != HERE) {
                continue;
            }
            let first = variables.first().copied().unwrap_or_default();
            via.insert(first.to_owned(), if name == "connection" { short.to_owned() } else { value });
        }
        // on this machine there is one user and no port
        let by_inventory = inventory.get("ansible_connection").and_then(Node::as_str).map(str::to_owned);
        let connection = via.get("ansible_connection").cloned().or(by_inventory);
        if connection.map_or(is_implicit, |connection| connection == "local") {
            via.retain(|name, _| name == "ansible_connection");
        }
        Ok(via)
    }
}
