//! The arguments of what the engine does itself.

use super::spec::{FREE_FORM, Kind, Opt, Spec};

const STRS: Kind = Kind::List(&Kind::Str);

/// A table of ansible.builtin.
const fn builtin(name: &'static str, about: &'static str, options: &'static [Opt]) -> Spec {
    Spec { options, about, ..Spec::new("ansible.builtin", name) }
}

const ROLE_NAME: Opt = Opt::new("name", Kind::Str).about("The role").aliases(&["role"]).required();
const TASKS_FROM: Opt = Opt::new("tasks_from", Kind::Str).about("Another file of its `tasks` than main");
const VARS_FROM: Opt = Opt::new("vars_from", Kind::Str).about("Another file of its `vars` than main");
const DEFAULTS_FROM: Opt = Opt::new("defaults_from", Kind::Str).about("Another file of its `defaults` than main");
const HANDLERS_FROM: Opt = Opt::new("handlers_from", Kind::Str).about("Another file of its `handlers` than main");
const PUBLIC: Opt = Opt::new("public", Kind::Bool).about("Whether its variables are seen by the tasks behind it");
const ALLOW_DUPLICATES: Opt = Opt::new("allow_duplicates", Kind::Bool).about("Whether it runs again if it has run").default("true");
const ROLESPEC_VALIDATE: Opt = Opt::new("rolespec_validate", Kind::Bool).about("Whether its argument specs are checked").default("true");

/// `debug`
pub static DEBUG: Spec = Spec {
    exclusive: &[&["msg", "var"]],
    ..builtin(
        "debug",
        "Shows a text or a value",
        &[
            Opt::new("msg", Kind::Raw).about("What is shown").default("Hello world!"),
            // an expression
            Opt::new("var", Kind::Raw).about("An expression, in place of `msg`"),
            Opt::new("verbosity", Kind::Int).about("With how many `-v` it is shown").default("0"),
        ],
    )
};

/// `set_fact`: all other options are variables.
pub static SET_FACT: Spec = Spec {
    any_option: true,
    ..builtin(
        "set_fact",
        "Gives variables to the host, for the rest of the run",
        &[Opt::new("cacheable", Kind::Bool).about("Whether they count as facts, too").default("false")],
    )
};

/// `assert`: `that` is one condition or several; the messages are a text or several.
pub static ASSERT: Spec = builtin(
    "assert",
    "Fails unless conditions hold",
    &[
        Opt::new("that", Kind::Raw).about("The conditions").required(),
        Opt::new("fail_msg", Kind::Raw).about("What is said if one does not").aliases(&["msg"]).default("Assertion failed"),
        Opt::new("success_msg", Kind::Raw).about("What is said if all do").default("All assertions passed"),
        Opt::new("quiet", Kind::Bool).about("Whether less is said").default("false"),
    ],
);

/// `fail`
pub static FAIL: Spec =
    builtin("fail", "Fails", &[Opt::new("msg", Kind::Raw).about("What is said").default("Failed as requested from task")]);

/// `pause`: what is behind the point of `minutes` and `seconds` is cut off.
pub static PAUSE: Spec = Spec {
    exclusive: &[&["minutes", "seconds"]],
    ..builtin(
        "pause",
        "Waits for a person, or for some time",
        &[
            Opt::new("echo", Kind::Bool).about("Whether what is typed is seen").default("true"),
            Opt::new("minutes", Kind::Float).about("How long, in minutes"),
            Opt::new("seconds", Kind::Float).about("How long, in seconds"),
            Opt::new("prompt", Kind::Str).about("What is asked"),
        ],
    )
};

/// `meta`
pub static META: Spec = Spec {
    free_form: true,
    ..builtin(
        "meta",
        "Does something to the run itself",
        &[Opt::new(FREE_FORM, Kind::Str)
            .about("What is done")
            .choices(&[
                "noop",
                "flush_handlers",
                "refresh_inventory",
                "clear_facts",
                "clear_host_errors",
                "end_batch",
                "end_play",
                "end_host",
                "end_role",
                "reset_connection",
            ])
            .required()],
    )
};

/// `include_vars`: a file (also as the text behind its name) or a directory.
pub static INCLUDE_VARS: Spec = Spec {
    free_form: true,
    exclusive: &[
        &["file", "dir"],
        &[FREE_FORM, "dir"],
        &["file", "depth"],
        &["file", "files_matching"],
        &["file", "ignore_files"],
        &["file", "extensions"],
        &["file", "ignore_unknown_extensions"],
    ],
    one_of: &[&["file", "dir", FREE_FORM]],
    ..builtin(
        "include_vars",
        "Reads variables from a file or a directory when its turn comes",
        &[
            Opt::new("file", Kind::Str).about("The file"),
            Opt::new("dir", Kind::Str).about("The directory"),
            Opt::new("name", Kind::Str).about("A variable that all of them go into"),
            Opt::new("depth", Kind::Int).about("How many directories deep; 0 for all"),
            Opt::new("files_matching", Kind::Str).about("Only files whose names this pattern finds"),
            Opt::new("ignore_files", STRS).about("Names that are left out"),
            Opt::new("extensions", STRS).about("The endings that count").default("yaml,yml,json"),
            Opt::new("ignore_unknown_extensions", Kind::Bool).about("Whether files with other endings are passed over").default("false"),
            Opt::new("hash_behaviour", Kind::Str)
                .about("Whether mappings replace each other or grow together")
                .choices(&["replace", "merge"]),
        ],
    )
};

/// `add_host`: all other options are the host's variables.
pub static ADD_HOST: Spec = Spec {
    any_option: true,
    ..builtin(
        "add_host",
        "Adds a host to the inventory, for the rest of the run",
        &[
            Opt::new("name", Kind::Str).about("Its name").aliases(&["hostname", "host"]).required(),
            // a text is split at commas
            Opt::new("groups", STRS).about("The groups that it is in").aliases(&["groupname", "group"]),
        ],
    )
};

/// `group_by`
pub static GROUP_BY: Spec = builtin(
    "group_by",
    "Puts hosts into groups by what is known of them",
    &[
        Opt::new("key", Kind::Str).about("The group's name").required(),
        Opt::new("parents", STRS).about("The groups that it belongs to").default("all"),
    ],
);

/// `set_stats`
pub static SET_STATS: Spec = builtin(
    "set_stats",
    "Keeps figures for the end of the run",
    &[
        Opt::new("data", Kind::Dict).about("The figures by their names"),
        Opt::new("per_host", Kind::Bool).about("Whether each host has its own").default("false"),
        Opt::new("aggregate", Kind::Bool).about("Whether equal names are added up").default("true"),
    ],
);

/// `include_tasks`: keywords in `apply` are for the tasks that are included.
pub static INCLUDE_TASKS: Spec = Spec {
    free_form: true,
    one_of: &[&["file", FREE_FORM]],
    ..builtin(
        "include_tasks",
        "Brings in the tasks of a file when its turn comes",
        &[Opt::new("file", Kind::Str).about("The file"), Opt::new("apply", Kind::Dict).about("Keywords for all tasks that are included")],
    )
};

/// `import_tasks`
pub static IMPORT_TASKS: Spec = Spec {
    free_form: true,
    one_of: &[&["file", FREE_FORM]],
    ..builtin("import_tasks", "Brings in the tasks of a file before anything runs", &[Opt::new("file", Kind::Str).about("The file")])
};

/// `include_role`
pub static INCLUDE_ROLE: Spec = builtin(
    "include_role",
    "Brings in a role when its turn comes",
    &[
        ROLE_NAME,
        TASKS_FROM,
        VARS_FROM,
        DEFAULTS_FROM,
        HANDLERS_FROM,
        PUBLIC,
        ALLOW_DUPLICATES,
        ROLESPEC_VALIDATE,
        Opt::new("apply", Kind::Dict).about("Keywords for all tasks that are included"),
    ],
);

/// `import_role`
pub static IMPORT_ROLE: Spec = builtin(
    "import_role",
    "Brings in a role before anything runs",
    &[ROLE_NAME, TASKS_FROM, VARS_FROM, DEFAULTS_FROM, HANDLERS_FROM, PUBLIC, ALLOW_DUPLICATES, ROLESPEC_VALIDATE],
);

/// `import_playbook`
pub static IMPORT_PLAYBOOK: Spec = Spec {
    free_form: true,
    ..builtin(
        "import_playbook",
        "Brings in the plays of another playbook",
        &[Opt::new(FREE_FORM, Kind::Str).about("The playbook's file").required()],
    )
};

/// `validate_argument_spec`: what is not in `provided_arguments` is taken from the variables.
pub static VALIDATE_ARGUMENT_SPEC: Spec = builtin(
    "validate_argument_spec",
    "Checks variables against a specification",
    &[
        Opt::new("argument_spec", Kind::Dict).about("The specification").required(),
        Opt::new("provided_arguments", Kind::Dict).about("Values that come before the variables"),
        Opt::new("validate_args_context", Kind::Dict).about("Where it comes from, for messages"),
    ],
);

/// `gather_facts`: what `setup` takes, and how several such modules would run.
pub static GATHER_FACTS: Spec = builtin(
    "gather_facts",
    "Reads facts about a machine",
    &[
        Opt::new("gather_subset", STRS).about("Which kinds of facts; `!kind` leaves one out"),
        Opt::new("filter", STRS).about("Only facts whose names these patterns fit"),
        Opt::new("gather_timeout", Kind::Int).about("Has no effect here"),
        Opt::new("fact_path", Kind::Path).about("The directory of the machine's own facts"),
        Opt::new("parallel", Kind::Bool).about("Has no effect here"),
        Opt::new("network_os", Kind::Str).about("Of network devices; without effect here"),
    ],
);

#[cfg(test)]
mod tests {
    use super::super::{Args, Found, find};
    use super::*;
    use crate::diagnostics::{Diagnostics, Source};
    use crate::yaml::{Node, Value};

    /// What is wrong with these options, each a text.
    fn wrong(spec: &'static Spec, options: &[(&str, &str)]) -> Vec<String> {
        let place = Source::new("", "").whole();
        let node = |text: &str| Node::new(Value::from(text), place.clone());
        let given: Vec<(Node, Node)> = options.iter().map(|(name, value)| (node(name), node(value))).collect();
        let mut problems = Diagnostics::default();
        Args::read(spec, &given, &place, &mut problems);
        problems.0.iter().map(|problem| problem.message.clone()).collect()
    }

    #[test]
    fn all_are_found_by_every_name() {
        for name in ["debug", "ansible.builtin.set_fact", "ansible.legacy.meta", "import_playbook", "gather_facts"] {
            assert!(matches!(find(name), Found::Action(_)), "{name}");
        }
        assert!(matches!(find("community.general.debug"), Found::Unknown));
    }

    #[test]
    fn what_excludes_each_other() {
        assert_eq!(wrong(&DEBUG, &[("msg", "a"), ("var", "b")]), ["`msg` and `var` exclude each other in `debug`"]);
        // one of them may be `omit`
        assert_eq!(wrong(&DEBUG, &[("msg", "{{ a | default(omit) }}"), ("var", "b")]), [""; 0]);
        assert_eq!(wrong(&DEBUG, &[("msg", "a {{ a }}"), ("var", "b")]).len(), 1);
        assert_eq!(wrong(&PAUSE, &[("minutes", "1"), ("seconds", "2")]).len(), 1);
        assert_eq!(wrong(&INCLUDE_VARS, &[("dir", "a"), (FREE_FORM, "b")]).len(), 1);
        assert_eq!(wrong(&INCLUDE_VARS, &[("dir", "a"), ("depth", "1")]), [""; 0]);
    }

    #[test]
    fn what_is_missing_and_what_is_unknown() {
        assert_eq!(wrong(&ASSERT, &[]), ["`assert` needs the option `that`"]);
        assert_eq!(wrong(&IMPORT_ROLE, &[("name", "a"), ("apply", "{}")]), ["unknown option `apply` for module `import_role`"]);
        assert_eq!(wrong(&INCLUDE_ROLE, &[("role", "a"), ("apply", "{}"), ("tasks_from", "x")]), [""; 0]);
        assert_eq!(wrong(&SET_FACT, &[("anything", "a"), ("cacheable", "yes")]), [""; 0]);
        assert_eq!(wrong(&META, &[(FREE_FORM, "end_play")]), [""; 0]);
        assert_eq!(wrong(&META, &[(FREE_FORM, "end_paly")]).len(), 1);
        assert_eq!(wrong(&INCLUDE_TASKS, &[]).len(), 1);
    }
}
