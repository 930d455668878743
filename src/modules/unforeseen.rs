//! What a task may move of which nobody knows what it will do.

use super::registry::{Found, find};
use crate::plan::Touch;

/// The modules that only look.
const LOOKS: [&str; 9] = ["async_status", "fetch", "find", "ping", "setup", "slurp", "stat", "wait_for", "wait_for_connection"];
/// The modules that change files and nothing else, wherever a link may lead.
const FILES: [&str; 10] =
    ["assemble", "blockinfile", "copy", "file", "get_url", "lineinfile", "replace", "tempfile", "template", "unarchive"];
/// What the engine does that may lead to any other task.
const INCLUDES: [&str; 5] = ["import_role", "import_tasks", "include_role", "include_tasks", "meta"];

/// What a module of that name may move on a machine, whatever its arguments.
pub fn may_touch(name: &str) -> Vec<Touch> {
    match find(name) {
        Found::Action(spec) if !INCLUDES.contains(&spec.name) => Vec::new(),
        Found::Module(module) => match module.spec().name {
            name if LOOKS.contains(&name) => Vec::new(),
            name if FILES.contains(&name) => vec![Touch::FilesOutside(Vec::new())],
            "parted" => vec![Touch::BlockDevice("/dev/".into())],
            "filesystem" => vec![Touch::BlockDevice("/dev/".into()), Touch::FilesOutside(Vec::new())],
            "mount" | "longhorn_disk" => {
                vec![Touch::BlockDevice("/dev/".into()), Touch::Mounts, Touch::Units, Touch::FilesOutside(Vec::new())]
            }
            "user" | "group" => vec![Touch::Accounts, Touch::FilesOutside(Vec::new())],
            _ => vec![Touch::Everything],
        },
        _ => vec![Touch::Everything],
    }
}
