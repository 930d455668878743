//! What `--list-hosts`, `--list-tasks` and `--list-tags` show.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::commands::provision::TaskArgs;
use super::inventory::within;
use super::playbooks::plain_hosts;
use crate::engine::runs;
use crate::inventory::{Inventory, where_it_stands};
use crate::playbook::{Item, Playbook, Task};
use crate::yaml::{Node, one_line};

/// Each play with its hosts, tasks or tags.
pub(super) fn listed(playbooks: &[Playbook], inventory: &Inventory, limit: Option<&str>, args: &TaskArgs) -> String {
    let mut text = String::new();
    for play in playbooks.iter().flat_map(|playbook| &playbook.plays) {
        let name = play.name.as_ref().map(plain_text).or_else(|| plain_hosts(play)).unwrap_or_else(|| plain_text(&play.hosts));
        text += &format!("{}: {name}\n", where_it_stands(&play.place));
        if args.list_hosts {
            let hosts = plain_hosts(play).and_then(|pattern| within(inventory, &pattern, limit).ok()).unwrap_or_default();
            hosts.iter().for_each(|host| text += &format!("  {host}\n"));
            continue;
        }
        let sections = [&play.pre_tasks, &play.role_tasks, &play.tasks, &play.post_tasks];
        let mut all = BTreeSet::new();
        for task in sections.into_iter().flat_map(|items| every(items)) {
            let tags = tags(&task);
            if !runs(&tags, &args.tags, &args.skip_tags) {
                continue;
            }
            let role = task.role.as_ref().map(|role| format!("{} : ", role.name)).unwrap_or_default();
            let name = task.name.as_ref().map_or_else(|| task.action.name.clone(), plain_text);
            if args.list_tasks {
                let tags = if tags.is_empty() { String::new() } else { format!("  tags: {}", tags.join(", ")) };
                text += &format!("  {role}{name}{tags}\n");
            }
            all.extend(tags);
        }
        if args.list_tags {
            text += &format!("  {}\n", all.into_iter().collect::<Vec<_>>().join(", "));
        }
    }
    text
}

fn plain_text(node: &Node) -> String {
    node.as_str().map_or_else(|| one_line(node), str::to_owned)
}

fn every(items: &[Item]) -> Vec<Arc<Task>> {
    let mut tasks = Vec::new();
    for item in items {
        match item {
            Item::Task(task) => tasks.push(Arc::clone(task)),
            Item::Block(block) => [&block.block, &block.rescue, &block.always].into_iter().for_each(|items| tasks.extend(every(items))),
        }
    }
    tasks
}

fn tags(task: &Task) -> Vec<String> {
    let of = |node: &Node| node.as_list().map_or_else(|| vec![plain_text(node)], |list| list.iter().map(plain_text).collect());
    let texts: Vec<String> = task.levels.iter().flat_map(|level| &level.tags).flat_map(of).collect();
    let mut tags: Vec<String> = Vec::new();
    for tag in texts.iter().flat_map(|text| text.split(',')).map(str::trim).filter(|tag| !tag.is_empty()) {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}
