//! What the engine does itself: variables, messages, conditions, the inventory of the run.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::condition;
use super::host::{Host, Machines};
use super::items::Position;
use super::magic::made;
use super::manner::Manner;
use super::play::Engine;
use super::scope::View;
use super::status::{Done, Status};
use super::task::{Stuck, arguments, shown};
use crate::diagnostics::Diagnostic;
use crate::modules::{self, Args, FREE_FORM, Found, Spec, json};
use crate::playbook::{Task, is_variable_name};
use crate::yaml::{Node, Value, one_line, python_str};

impl<M: Machines> Engine<M> {
    #[expect(clippy::too_many_arguments, reason = "a task as a whole")]
    pub(super) async fn action(
        &self,
        at: &Position,
        task: &Arc<Task>,
        host: &Arc<Host<M::Machine>>,
        target: &Arc<Host<M::Machine>>,
        view: &View,
        manner: &Manner,
        spec: &'static Spec,
    ) -> Result<Done, Stuck> {
        // conditions in them are looked at as they are written
        let written = |name: &str| task.action.options.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value);
        match spec.name {
            "debug" if written("verbosity").and_then(|node| shown(node).parse::<i64>().ok()).is_some_and(|wanted| wanted > 0) => {
                return Ok(Done::new(Status::Skipped).with("skipped_reason", "Verbosity threshold not met."));
            }
            "debug" if written("var").is_some() => return self.debug_var(view, written("var")).await,
            "assert" => return self.assert(view, task, written).await,
            _ => {}
        }
        let options = self.options(view, task, spec).await?;
        if let Some(done) = options.iter().find_map(|(key, _)| misnamed(key)).filter(|_| spec.name == "set_fact") {
            return Ok(done);
        }
        if spec.name == "include_vars" && options.iter().all(|(_, value)| value.is_null()) {
            return Ok(super::include_vars::failed("could not find file: none is named"));
        }
        let args = arguments(spec, &options, task)?;
        Ok(match spec.name {
            "debug" => {
                // a `msg` that is given and has no value says nothing
                let usual = if args.is_given("msg") { Json::Null } else { Json::from("Hello world!") };
                let message = args.get("msg").cloned().unwrap_or(usual);
                let why = message.as_str().map_or_else(|| message.to_string(), str::to_owned);
                Done { why: Some(why), ..Done::new(Status::Ok).with("msg", message) }
            }
            "fail" => Done::failed(args.str("msg").unwrap_or("Failed as requested from task")),
            "set_fact" => self.set_fact(task, host, target, options, view).await?,
            "include_vars" => self.include_vars(at, task, host, &args, &options, self.is_hidden_there(view, task).await).await,
            "add_host" => self.add_host(task, &options),
            "group_by" => self.group_by(task, host, &args),
            "set_stats" => Done::new(Status::Ok).with(
                "ansible_stats",
                serde_json::json!({
                    "data": args.get("data"),
                    "aggregate": args.bool("aggregate").unwrap_or(true),
                    "per_host": args.is("per_host"),
                }),
            ),
            "pause" => self.pause(task, &args, manner).await,
            "gather_facts" => match modules::find("setup") {
                Found::Module(setup) => {
                    host.state().gathered = true;
                    self.module(at, task, target, view, manner, setup).await?
                }
                _ => Done::failed("there is no module `setup`"),
            },
            "validate_argument_spec" => validate(&args, &self.settle_names(view, &args).await?),
            "import_tasks" | "import_role" | "import_playbook" | "include_tasks" | "include_role" | "meta" => Done::new(Status::Ok),
            other => Done::failed(format!("homelabctl cannot do `{other}` here")),
        })
    }

    async fn debug_var(&self, view: &View, var: Option<&Node>) -> Result<Done, Stuck> {
        let Some(var) = var else { return Ok(Done::failed("`debug` needs `var` or `msg`")) };
        let engine = self.template();
        let name = self.rendered(view, var).await?;
        let Value::Str(text) = &name.value else {
            return Ok(Done { why: Some(python_str(&name)), ..Done::new(Status::Ok).with(&one_line(var), json(&name)) });
        };
        // the name was a template: what the playbook wrote behind it is the name. Of other texts only names are looked at
        let written = self.settle(view, |scope| condition::written(var, scope)).await?;
        let expression = match written.as_str() {
            Some(_) if !written.literal && !written.is_template() => written,
            _ if condition::is_path(text) => Node { value: Value::Str(text.clone()), literal: false, ..name.clone() },
            _ => return Err(Stuck::Wrong(condition::untrusted(var))),
        };
        let label = shown(&name);
        let value = match self.settle(view, |scope| engine.expression(&expression, Arc::clone(scope))).await? {
            Ok(value) => value,
            Err(error) if error.undefined => made(Value::from(format!("<< error 1 - {} >>", super::words::of_template(&error.message)))),
            Err(error) => return Err(Stuck::Wrong(error)),
        };
        let why = format!("{label}: {}", if value.secret { "***".to_owned() } else { json(&value).to_string() });
        Ok(Done { why: Some(why), ..Done::new(Status::Ok).with(&label, json(&value)) })
    }

    async fn assert<'a>(&self, view: &View, task: &Task, written: impl Fn(&str) -> Option<&'a Node>) -> Result<Done, Stuck> {
        let mut whole = match &task.action.whole {
            Some(_) => self.options(view, task, &modules::actions::ASSERT).await?,
            None => Vec::new(),
        };
        if let Some(node) = &task.action.whole
            && let Some(map) = self.settle(view, |scope| condition::written(node, scope)).await?.as_map()
        {
            whole = map.clone();
        }
        let of_whole = whole.iter().find(|(key, _)| key.as_str() == Some("that")).map(|(_, value)| value);
        let Some(that) = written("that").or(of_whole) else {
            return Err(Stuck::Wrong(Box::new(Diagnostic::error("`assert` needs the option `that`").at(task.action.place.clone()))));
        };
        let engine = self.template();
        let mut that = self.settle(view, |scope| condition::written(that, scope)).await?;
        if that.is_template() {
            let value = self.settle(view, |scope| engine.expression(&that, Arc::clone(scope))).await??;
            that = if value.as_list().is_some() { value } else { that };
        }
        let conditions: Vec<Node> = match &that.value {
            Value::List(list) => list.clone(),
            _ => vec![that.clone()],
        };
        for condition in conditions {
            let holds = self.settle(view, |scope| condition::first_false([&condition], &engine, scope)).await??;
            if holds.is_some() {
                let message = match written("fail_msg").or_else(|| written("msg")) {
                    Some(message) => self.rendered(view, message).await?,
                    None => made(Value::from("Assertion failed")),
                };
                let done = Done::failed(match &message.value {
                    Value::List(list) => list.iter().map(shown).collect::<Vec<_>>().join("; "),
                    _ => shown(&message),
                });
                let hint = Some(format!("this is not so: {}", one_line(&condition)));
                return Ok(Done { hint, ..done }
                    .with("msg", json(&message))
                    .with("assertion", json(&condition))
                    .with("evaluated_to", false));
            }
        }
        let message = match written("success_msg") {
            Some(message) => json(&self.rendered(view, message).await?),
            None => Json::from("All assertions passed"),
        };
        Ok(Done::new(Status::Ok).with("msg", message))
    }

    async fn set_fact(
        &self,
        task: &Task,
        host: &Host<M::Machine>,
        target: &Host<M::Machine>,
        options: Vec<(Node, Node)>,
        view: &View,
    ) -> Result<Done, Stuck> {
        let mut facts = Map::new();
        let cacheable = options.iter().any(|(key, value)| key.as_str() == Some("cacheable") && modules::boolean(value) == Some(true));
        let to_target = matches!(&task.delegate_facts, Some(node) if self.rendered(view, node).await.is_ok_and(|node| modules::boolean(&node) == Some(true)));
        let owner = if to_target { target } else { host };
        let no_log = self.is_hidden_there(view, task).await;
        for (key, mut value) in options {
            let name = shown(&key);
            if matches!(name.as_str(), "cacheable" | FREE_FORM) {
                continue;
            }
            facts.insert(name.clone(), json(&value));
            value.each_mut(&mut |node| node.secret |= no_log);
            let mut state = owner.state();
            state.unknown.remove(&name);
            if cacheable {
                state.facts.insert(name.strip_prefix("ansible_").unwrap_or(&name).to_owned(), value.clone());
            }
            state.set.insert(name, value);
        }
        if facts.is_empty() {
            return Ok(Done::failed("`set_fact` sets no variable: write `name: value` below it"));
        }
        Ok(Done::new(Status::Ok).with("ansible_facts", Json::Object(facts)).with("_ansible_facts_cacheable", cacheable))
    }

    fn add_host(&self, task: &Task, options: &[(Node, Node)]) -> Done {
        let (mut name, mut groups, mut variables) = (None, Vec::new(), BTreeMap::new());
        for (key, value) in options {
            // that word is a group and, as in Ansible, a variable as well
            if key.as_str() == Some("group") {
                variables.insert("group".to_owned(), value.clone());
            }
            match key.as_str().unwrap_or_default() {
                "name" | "hostname" | "host" => name = Some(shown(value)),
                "groups" | "group" | "groupname" => match &value.value {
                    Value::List(list) => groups.extend(list.iter().map(shown)),
                    _ => groups.extend(shown(value).split(',').map(|group| group.trim().to_owned()).filter(|group| !group.is_empty())),
                },
                other => drop(variables.insert(other.to_owned(), value.clone())),
            }
        }
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Done::failed("`add_host` needs the option `name`") };
        let (host, port) = match name.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (host.to_owned(), port.parse::<i64>().ok()),
            _ => (name.clone(), None),
        };
        if let Some(port) = port {
            variables.entry("ansible_ssh_port".to_owned()).or_insert_with(|| made(Value::Int(port)));
        }
        let place = task.place.clone();
        let added = (host.clone(), groups.clone(), variables.clone());
        let new = self.core.change_inventory(move |inventory| {
            let (host, groups, variables) = &added;
            inventory.add_at_run_time(host, groups, variables, &place)
        });
        self.machines.grown(&self.core.inventory_now());
        let vars: Map<String, Json> = variables.iter().map(|(name, value)| (name.clone(), json(value))).collect();
        let added = serde_json::json!({ "host_name": host, "groups": groups, "host_vars": vars });
        Done::new(if new { Status::Changed } else { Status::Ok }).with("add_host", added)
    }

    fn group_by(&self, task: &Task, host: &Host<M::Machine>, args: &Args) -> Done {
        let Some(key) = args.get("key").map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_owned)) else {
            return Done::failed("`group_by` needs the option `key`");
        };
        let group = key.replace(' ', "-");
        let parents: Vec<String> =
            args.list("parents").unwrap_or_else(|| vec!["all"]).iter().map(|parent| parent.replace(' ', "-")).collect();
        let name = host.name.to_string();
        let (put, above, place) = (group.clone(), parents.clone(), task.place.clone());
        let new = self.core.change_inventory(move |inventory| {
            // one that was there and is not any more does not come back by its groups
            if inventory.host(&name).is_none() && name != "localhost" {
                return false;
            }
            let is_new = inventory.put_group_at_run_time(&put, &above, &place);
            inventory.add_at_run_time(&name, std::slice::from_ref(&put), &BTreeMap::new(), &place) || is_new
        });
        Done::new(if new { Status::Changed } else { Status::Ok }).with("add_group", group).with("parent_groups", parents)
    }

    async fn settle_names(&self, view: &View, args: &Args) -> Result<Map<String, Json>, Stuck> {
        let mut values = Map::new();
        let given = args.dict("provided_arguments").cloned().unwrap_or_default();
        for name in args.dict("argument_spec").into_iter().flatten().map(|(name, _)| name).filter(|name| !given.contains_key(*name)) {
            let engine = self.template();
            let node = self.settle(view, |scope| scope.get(name).map(|node| engine.render(&node, Arc::clone(scope)))).await?;
            if let Some(node) = node {
                values.insert(name.clone(), json(&node?));
            }
        }
        values.extend(given);
        Ok(values)
    }
}

/// A role's argument specs against what there is.
fn validate(args: &Args, values: &Map<String, Json>) -> Done {
    let spec = args.dict("argument_spec").cloned().unwrap_or_default();
    let about = args.dict("validate_args_context").cloned().unwrap_or_default();
    let errors = super::arg_spec::errors(&spec, values);
    let done = if errors.is_empty() {
        Done::new(Status::Ok).with("msg", "The arg spec validation passed")
    } else {
        let done = Done::failed(format!("Validation of arguments failed:\n{}", errors.join("\n")));
        done.with("argument_spec_data", spec).with("argument_errors", errors)
    };
    done.with("validate_args_context", about)
}

/// What is said where `set_fact` is to set what cannot be the name of a variable.
fn misnamed(key: &Node) -> Option<Done> {
    if key.as_str().is_some_and(|name| is_variable_name(name) || name == FREE_FORM) {
        return None;
    }
    let why = format!("`{}` is no name of a variable: it has letters, digits and underscores, and no digit first", shown(key));
    let words = match &key.value {
        Value::Str(name) => format!("Invalid variable name '{name}'."),
        Value::Int(number) => format!("Invalid variable name '{number}' of type 'int'."),
        _ => "Invalid variable name.".to_owned(),
    };
    Some(Done::failed(why).with("msg", words))
}
