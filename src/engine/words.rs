//! Ansible's words for a template that cannot be rendered: playbooks that fail a task on purpose look for them in what is
//! registered. A person is told ours.

/// What Ansible says of an option that cannot be rendered.
pub(super) fn of_option(module: &str, option: &str, message: &str) -> String {
    let why = of_template(message);
    format!("Task failed: Finalization of task args for '{module}' failed: Error while resolving value for '{option}': {why}")
}

/// What Ansible says where ours begin with a small letter.
const CAPITAL: &[&str] = &[
    "could not find file",
    "could not hash the secret",
    "invalid regex type (",
    "invalid style '",
    "invalid value ",
    "input version value cannot be empty",
    "mandatory variable has not been overridden",
    "missing key-value separator ",
    "regex type (",
    "version parameter to compare against cannot be empty",
];

/// What Ansible's lookups say.
const LOOKUPS: &[(&str, &str)] = &[
    ("the lookup `csvfile` needs the text of the column that is searched", "Search key is required but was not found"),
    ("the lookup `nested` needs at least one list", "with_nested requires at least one element in the nested list"),
    ("the lookup `together` needs at least one list", "with_together requires at least one element in each list"),
    ("`sequence` needs `end` or `count`", "must specify count or end in with_sequence"),
    ("`sequence` has either `end` or `count`", "can't specify both count and end in with_sequence"),
    ("`sequence` counts backwards with a negative `stride`", "to count backwards make stride negative"),
    ("`sequence` counts forwards with a positive `stride`", "to count forward don't make stride negative"),
    ("`urlsplit` knows no such part of an address", "unknown URL component"),
];

/// The same where it has parts of its own.
fn of_lookup(message: &str) -> Option<String> {
    let between = |before: &str, after: &str| message.strip_prefix(before)?.split_once(after).map(|(inner, _)| inner);
    if let Some(name) = between("`sequence` has no option `", "`") {
        return Some(format!("unrecognized arguments to with_sequence: ['{name}']"));
    }
    if let Some((name, value)) = message.strip_prefix('`').and_then(|rest| rest.split_once("` of `sequence` is a whole number, not `")) {
        let value = value.trim_end_matches('`');
        return Some(format!("The value '{value}' for '{name}' of the lookup plugin 'ansible.builtin.sequence' has an invalid value"));
    }
    if let Some(text) = between("`", "` is no option of `sequence`: ") {
        return Some(format!("'{text}' of the lookup plugin 'ansible.builtin.sequence' has an invalid value"));
    }
    if let Some(format) = between("`", "` is no format of a number") {
        return Some(format!("bad formatting string: {format}"));
    }
    if let Some(name) = between("the file has no section `", "`") {
        return Some(format!("No section '{name}' in the file"));
    }
    if let Some(name) = between("the file has two of the option `", "`") {
        return Some(format!("Duplicate option in the file: '{name}'"));
    }
    between("there is no file `", "`").map(|name| format!("No such file or directory: '{name}'"))
}

/// What Ansible says of a template.
pub(super) fn of_template(message: &str) -> String {
    if message.ends_with("is divided by zero") {
        return "Error rendering template: division by zero".to_owned();
    }
    if message == super::condition::NO_BOOLEAN {
        return "Conditional result (True) was derived from value of type 'str'. Conditionals must have a boolean result.".to_owned();
    }
    if let Some(name) = quoted(message, "mandatory variable ", " is not defined") {
        return format!("Mandatory variable '{name}' not defined.");
    }
    if CAPITAL.iter().any(|start| message.starts_with(start)) {
        let mut chars = message.chars();
        return chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect();
    }
    if let Some(words) = of_lookup(message) {
        return words;
    }
    if let Some((_, theirs)) = LOOKUPS.iter().find(|(ours, _)| message == *ours) {
        return (*theirs).to_owned();
    }
    if let Some(name) = quoted(message, "", " is not defined") {
        return format!("'{name}' is undefined");
    }
    let types = [
        ("a mapping", "dict"),
        ("a list", "list"),
        ("a text", "str"),
        ("a number", "int"),
        ("nothing", "NoneType"),
        ("true or false", "bool"),
    ];
    for (ours, theirs) in types {
        if let Some(name) = quoted(message, &format!("{ours} has no "), "") {
            return match name.parse::<i64>() {
                Ok(index) => format!("{theirs} object has no element {index}"),
                Err(_) => format!("object of type '{theirs}' has no attribute '{name}'"),
            };
        }
    }
    if let Some((_, index)) = message.rsplit_once("` has no item ").filter(|(_, index)| index.parse::<i64>().is_ok()) {
        return format!("list object has no element {index}");
    }
    // of what has a name only the name is told
    if let Some((_, name)) = message.rsplit_once("` has no `")
        && let Some(name) = name.strip_suffix('`')
    {
        return match name.parse::<i64>() {
            Ok(index) => format!("list object has no element {index}"),
            Err(_) => format!("object of type 'dict' has no attribute '{name}'"),
        };
    }
    message.to_owned()
}

/// What Ansible says of a template whose place stands behind the message, if it says something else.
pub(super) fn of_place(message: &str) -> Option<String> {
    let (bare, _) = message.rsplit_once(" (").filter(|_| message.ends_with(')'))?;
    let words = of_template(bare);
    (words != bare).then_some(words)
}

/// What stands between backquotes, between these words.
fn quoted<'m>(message: &'m str, before: &str, after: &str) -> Option<&'m str> {
    message.strip_prefix(before)?.strip_suffix(after)?.strip_prefix('`')?.strip_suffix('`').filter(|name| !name.contains('`'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_ansibles() {
        assert_eq!(of_template("`y` is not defined"), "'y' is undefined");
        assert_eq!(of_template("a mapping has no `b`"), "object of type 'dict' has no attribute 'b'");
        assert_eq!(of_template("a list has no `0`"), "list object has no element 0");
        assert_eq!(of_template("`a.b` has no `c`"), "object of type 'dict' has no attribute 'c'");
        assert_eq!(of_template("`a` has no item 0"), "list object has no element 0");
        assert_eq!(of_template("something else"), "something else");
        assert_eq!(of_place("`y` is not defined (a.j2:1)").as_deref(), Some("'y' is undefined"));
        assert_eq!(of_place("something (else)"), None);
        assert_eq!(of_template("`sequence` needs `end` or `count`"), "must specify count or end in with_sequence");
        assert_eq!(of_template("`sequence` has no option `junk`: it has start"), "unrecognized arguments to with_sequence: ['junk']");
        assert!(of_template("`start` of `sequence` is a whole number, not `A`").ends_with("has an invalid value"));
        assert_eq!(of_template("`d` is no format of a number, such as `host%02d`"), "bad formatting string: d");
        assert_eq!(of_template("invalid style 'x'"), "Invalid style 'x'");
        assert_eq!(of_template("mandatory variable `a` is not defined"), "Mandatory variable 'a' not defined.");
        assert_eq!(
            of_option("ansible.builtin.debug", "msg", "a number is divided by zero"),
            "Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': \
             Error rendering template: division by zero"
        );
    }
}
