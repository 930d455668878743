//! Variables that Ansible makes itself and nobody can set.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use super::play::{Options, Setting};
use super::scope::{PlayVars, View};
use crate::inventory::{Inventory, absolute_path as path, short_name as short};

pub(super) use crate::inventory::made;
use crate::playbook::{MAGIC, Role};
use crate::yaml::{Node, Value};

/// Where `with_first_found` looks: a variable of our own.
const FOLDER: &str = "homelabctl_folder";

/// Their names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    MAGIC.iter().copied().chain([FOLDER])
}

/// What `omit` is: an option with this value is not given.
pub(super) const OMIT: &str = "__omit_place_holder__b4f4ff2d6d1f0a1d";

fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Value {
    Value::List(texts.into_iter().map(|text| made(Value::from(text.as_ref()))).collect())
}

/// What one of them is for a host, as the inventory and the options have it.
pub(super) fn value(
    name: &str,
    view: &View,
    inventory: &Inventory,
    options: &Options,
    setting: &Setting,
    active: &dyn Fn(&str) -> bool,
) -> Option<Value> {
    let host = || inventory.host(&view.host);
    let play = view.play.as_deref();
    let role = view.role.as_deref();
    Some(match name {
        "inventory_hostname" => Value::Str(Arc::clone(&view.host)),
        "inventory_hostname_short" => Value::from(short(&view.host)),
        "group_names" => texts(inventory.group_names(host()?)),
        "groups" => {
            Value::Map(inventory.groups().map(|group| (made(Value::from(&*group.name)), group_hosts(inventory, &group.name))).collect())
        }
        "inventory_file" => path(host()?.file.as_deref().map(Path::new)),
        "inventory_dir" => path(host()?.file.as_deref().map(|file| Path::new(file).parent().unwrap_or(Path::new("")))),
        "environment" => Value::List(view.levels.iter().flat_map(|level| level.environment.iter().cloned()).collect()),
        "playbook_dir" => path(Some(&play?.play.dir)),
        "omit" => Value::from(OMIT),
        "ansible_check_mode" => Value::Bool(options.check),
        "ansible_diff_mode" => Value::Bool(options.diff),
        "ansible_forks" => Value::Int(i64::try_from(options.forks).unwrap_or(i64::MAX)),
        "ansible_verbosity" => Value::Int(0),
        "ansible_limit" => Value::from(setting.limit.as_deref()?),
        "ansible_run_tags" => texts(if options.tags.is_empty() { vec!["all"] } else { options.tags.iter().map(String::as_str).collect() }),
        "ansible_skip_tags" => texts(&options.skip_tags),
        "ansible_inventory_sources" => texts(&setting.inventory_sources),
        "ansible_version" => version(),
        "ansible_play_name" => Value::from(play?.play.name.as_ref().or(Some(&play?.play.hosts))?.as_str().unwrap_or_default()),
        "ansible_play_batch" | "play_hosts" => texts(play?.batch.iter().filter(|host| active(host))),
        "ansible_play_hosts" => texts(play?.all.iter().filter(|host| active(host))),
        "ansible_play_hosts_all" => texts(&play?.all),
        "ansible_dependent_role_names" => {
            let own: Vec<String> = role_names(play?, false);
            texts(role_names(play?, true).into_iter().filter(|name| !own.contains(name)))
        }
        // there is none here; a play that hands it to a host on this machine has a value to hand over
        "ansible_playbook_python" => Value::from("/usr/bin/python3"),
        "ansible_play_role_names" | "role_names" => texts(role_names(play?, false)),
        "ansible_role_names" => texts(role_names(play?, true)),
        "role_name" | "ansible_role_name" => Value::from(role?.name.as_str()),
        "role_path" => path(Some(&role?.path)),
        "ansible_parent_role_names" => texts(outer(role?)?.iter().map(|role| &role.name)),
        "ansible_parent_role_paths" => texts(outer(role?)?.iter().map(|role| role.path.display().to_string())),
        "ansible_config_file" => setting.config_file.as_ref().map_or(Value::Null, |file| path(Some(file))),
        "ansible_collection_name" => Value::from(role?.collection.as_deref()?),
        "ansible_search_path" if !view.search.is_empty() => texts(view.search.iter().map(|dir| dir.display().to_string())),
        // for `with_first_found`
        FOLDER => Value::from(view.folder),
        _ => return None,
    })
}

/// The roles whose tasks include or import this one, the nearest first.
fn outer(role: &Role) -> Option<Vec<&Role>> {
    let mut roles: Vec<&Role> = Vec::new();
    let mut next = role.inside.as_deref();
    while let Some(role) = next {
        roles.push(role);
        next = role.inside.as_deref();
    }
    (!roles.is_empty()).then_some(roles)
}

/// The names of a group's hosts.
pub(super) fn group_hosts(inventory: &Inventory, group: &str) -> Node {
    made(Value::List(inventory.group_hosts(group).into_iter().map(|name| made(Value::Str(name))).collect()))
}

fn role_names(play: &PlayVars, dependencies: bool) -> Vec<String> {
    fn add(role: &Role, dependencies: bool, names: &mut Vec<String>) {
        if dependencies {
            role.dependencies.iter().for_each(|role| add(role, dependencies, names));
        }
        if !names.contains(&role.name) {
            names.push(role.name.clone());
        }
    }
    let mut names = Vec::new();
    play.play.roles.iter().for_each(|role| add(role, dependencies, &mut names));
    play.roles.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|role| add(role, dependencies, &mut names));
    names
}

/// The version of Ansible whose dialect this is.
fn version() -> Value {
    let entry = |name: &str, value: Value| (made(Value::from(name)), made(value));
    Value::Map(vec![
        entry("full", Value::from("2.19.14")),
        entry("string", Value::from("2.19.14")),
        entry("major", Value::Int(2)),
        entry("minor", Value::Int(19)),
        entry("revision", Value::Int(14)),
    ])
}
