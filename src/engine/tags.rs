//! Which tasks run, by their tags and names.

use super::task::shown;
use crate::playbook::Task;

/// Whether a task with these tags runs, by `--tags` and `--skip-tags`.
pub fn runs(tags: &[String], only: &[String], skip: &[String]) -> bool {
    let has = |list: &[String], tag: &str| list.iter().any(|one| one == tag);
    let always = has(tags, "always");
    let never = has(tags, "never");
    let any = tags.iter().any(|tag| has(only, tag));
    let tagged = !tags.is_empty();
    let mut run = if only.is_empty() || has(only, "all") {
        always || !never || any
    } else {
        always || any || (has(only, "tagged") && tagged && !never) || (has(only, "untagged") && !tagged)
    };
    if run && !skip.is_empty() {
        if has(skip, "all") {
            run = always && !has(skip, "always");
        } else if tags.iter().any(|tag| has(skip, tag)) || (has(skip, "tagged") && tagged) || (has(skip, "untagged") && !tagged) {
            run = false;
        }
    }
    run
}

/// Whether that is a task's name, as `--start-at-task` takes it: a text or a pattern, with the role's name before it or without;
/// what has no name is called after its module.
pub fn is_called(task: &Task, start: &str) -> bool {
    let name = task.name.as_ref().map_or_else(|| task.action.name.clone(), shown);
    let whole = task.role.as_ref().map(|role| format!("{} : {name}", role.name));
    let pattern = crate::inventory::Glob::new(start);
    whole.iter().chain([&name]).any(|name| name == start || pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_ansible_chooses() {
        let list = |text: &str| text.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        for (tags, only, skip, expected) in [
            ("", "", "", true),
            ("a", "", "", true),
            ("a", "a", "", true),
            ("a", "b", "", false),
            ("", "b", "", false),
            ("always", "b", "", true),
            ("never", "", "", false),
            ("never,a", "a", "", true),
            ("never", "never", "", true),
            ("a", "tagged", "", true),
            ("", "tagged", "", false),
            ("", "untagged", "", true),
            ("a", "all", "", true),
            ("a", "", "a", false),
            ("always", "", "always", false),
            ("always", "", "all", true),
            ("a", "", "all", false),
            ("a", "", "tagged", false),
            ("", "", "untagged", false),
            ("a,b", "a", "b", false),
        ] {
            assert_eq!(runs(&list(tags), &list(only), &list(skip)), expected, "{tags} {only} {skip}");
        }
    }
}
