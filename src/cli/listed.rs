//! What `--list-hosts`, `--list-tasks` and `--list-tags` show, as ansible-playbook shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::commands::provision::TaskArgs;
use super::inventory::{Loaded, within};
use super::playbooks::plain_hosts;
use crate::engine::runs;
use crate::playbook::{Item, Play, Playbook, Task};
use crate::yaml::{Node, one_line};

/// Each playbook with its plays, and their hosts, tasks or tags.
pub(super) fn listed(playbooks: &[(PathBuf, Playbook)], loaded: &Loaded, limit: Option<&str>, args: &TaskArgs) -> String {
    let mut text = String::new();
    for (path, playbook) in playbooks {
        text += &one_playbook(path, playbook, loaded, limit, args);
    }
    text
}

fn one_playbook(path: &Path, playbook: &Playbook, loaded: &Loaded, limit: Option<&str>, args: &TaskArgs) -> String {
    let mut text = format!("\nplaybook: {}\n", path.display());
    for (number, play) in playbook.plays.iter().enumerate() {
        let own: Vec<String> = split(&play.common.tags);
        let hosts = patterns(play).join(",");
        let name = play.name.as_ref().map_or_else(|| hosts.clone(), plain_text);
        text += &format!("\n  play #{} ({hosts}): {name}\tTAGS: [{}]\n", number + 1, own.join(","));
        if args.list_hosts {
            let hosts = plain_hosts(play).and_then(|pattern| within(&loaded.inventory, &pattern, limit).ok()).unwrap_or_default();
            let patterns: Vec<String> = patterns(play).iter().map(|pattern| format!("'{pattern}'")).collect();
            text += &format!("    pattern: [{}]\n    hosts ({}):\n", patterns.join(", "), hosts.len());
            hosts.iter().for_each(|host| text += &format!("      {host}\n"));
        }
        if !(args.list_tasks || args.list_tags) {
            continue;
        }
        if args.list_tasks {
            text += "    tasks:\n";
        }
        let sections = [&play.pre_tasks, &play.role_tasks, &play.tasks, &play.post_tasks];
        let mut all: BTreeSet<String> = own.iter().cloned().collect();
        for task in sections.into_iter().flat_map(|items| every(items)) {
            let tags = tags_of(&task, loaded);
            if !runs(&tags, &args.tags, &args.skip_tags) {
                continue;
            }
            if args.list_tasks {
                let tags: BTreeSet<&String> = tags.iter().collect();
                let tags: Vec<&str> = tags.into_iter().map(String::as_str).collect();
                text += &format!("      {}\tTAGS: [{}]\n", title(&task), tags.join(", "));
            }
            all.extend(tags);
        }
        if args.list_tags {
            text += &format!("      TASK TAGS: [{}]\n", all.into_iter().collect::<Vec<_>>().join(", "));
        }
    }
    text
}

fn title(task: &Task) -> String {
    let role = task.role.as_ref().map(|role| format!("{} : ", role.name)).unwrap_or_default();
    match &task.name {
        Some(name) => format!("{role}{}", plain_text(name)),
        None => task.action.name.clone(),
    }
}

/// A play's patterns as they are written.
fn patterns(play: &Play) -> Vec<String> {
    match play.hosts.as_list() {
        Some(list) => list.iter().map(plain_text).collect(),
        None => vec![plain_text(&play.hosts)],
    }
}

fn plain_text(node: &Node) -> String {
    node.as_str().map_or_else(|| one_line(node), str::to_owned)
}

/// The tasks that run if nothing fails: those of `rescue` and `always` are not listed, as Ansible does not list them.
fn every(items: &[Item]) -> Vec<Arc<Task>> {
    let mut tasks = Vec::new();
    for item in items {
        match item {
            Item::Task(task) => tasks.push(Arc::clone(task)),
            Item::Block(block) => tasks.extend(every(&block.block)),
        }
    }
    tasks
}

/// A tag as the variables have it that hang on no host; as it is written if they do not tell.
fn rendered(tag: &Node, task: &Task, loaded: &Loaded) -> Node {
    if !tag.is_template() {
        return tag.clone();
    }
    let role = task.role.as_deref();
    let (play, inner) = task.levels.split_first().map_or((None, [].as_slice()), |(play, inner)| (Some(play), inner));
    let pairs = role.map(|role| &role.defaults).into_iter().chain(play.map(|play| &play.vars)).chain(role.map(|role| &role.vars));
    let pairs = pairs.chain(inner.iter().map(|level| &level.vars)).chain(role.map(|role| &role.params)).flatten();
    let mut variables: BTreeMap<String, Node> =
        pairs.filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.clone()))).collect();
    variables.extend(loaded.inventory.extra_variables());
    loaded.engine.render(tag, Arc::new(variables)).unwrap_or_else(|_| tag.clone())
}

/// A task's tags, with those of all around it.
pub(super) fn tags_of(task: &Task, loaded: &Loaded) -> Vec<String> {
    let tags: Vec<Node> = task.levels.iter().flat_map(|level| &level.tags).map(|tag| rendered(tag, task, loaded)).collect();
    split(&tags)
}

/// Tags, each once, in their order.
pub(super) fn split<'n>(nodes: impl IntoIterator<Item = &'n Node>) -> Vec<String> {
    let of = |node: &Node| node.as_list().map_or_else(|| vec![plain_text(node)], |list| list.iter().map(plain_text).collect());
    let texts: Vec<String> = nodes.into_iter().flat_map(of).collect();
    let mut tags: Vec<String> = Vec::new();
    for tag in texts.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|tag| !tag.is_empty()) {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}
