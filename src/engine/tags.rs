//! Which tasks run, by their tags.

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
