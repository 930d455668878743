//! The arguments of what the engine does itself.

use super::spec::{FREE_FORM, Kind, Opt, Spec};

const STRS: Kind = Kind::List(&Kind::Str);

/// A table of ansible.builtin.
const fn builtin(name: &'static str, options: &'static [Opt]) -> Spec {
    Spec { options, ..Spec::new("ansible.builtin", name) }
}

const ROLE_NAME: Opt = Opt::new("name", Kind::Str).aliases(&["role"]).required();
const TASKS_FROM: Opt = Opt::new("tasks_from", Kind::Str);
const VARS_FROM: Opt = Opt::new("vars_from", Kind::Str);
const DEFAULTS_FROM: Opt = Opt::new("defaults_from", Kind::Str);
const HANDLERS_FROM: Opt = Opt::new("handlers_from", Kind::Str);
const PUBLIC: Opt = Opt::new("public", Kind::Bool);
const ALLOW_DUPLICATES: Opt = Opt::new("allow_duplicates", Kind::Bool).default("true");
const ROLESPEC_VALIDATE: Opt = Opt::new("rolespec_validate", Kind::Bool).default("true");

/// `debug`
pub static DEBUG: Spec = Spec {
    exclusive: &[&["msg", "var"]],
    ..builtin(
        "debug",
        &[
            Opt::new("msg", Kind::Raw).default("Hello world!"),
            // an expression
            Opt::new("var", Kind::Raw),
            Opt::new("verbosity", Kind::Int).default("0"),
        ],
    )
};

/// `set_fact`: all other options are variables.
pub static SET_FACT: Spec = Spec { any_option: true, ..builtin("set_fact", &[Opt::new("cacheable", Kind::Bool).default("false")]) };

/// `assert`: `that` is one condition or several; the messages are a text or several.
pub static ASSERT: Spec = builtin(
    "assert",
    &[
        Opt::new("that", Kind::Raw).required(),
        Opt::new("fail_msg", Kind::Raw).aliases(&["msg"]).default("Assertion failed"),
        Opt::new("success_msg", Kind::Raw).default("All assertions passed"),
        Opt::new("quiet", Kind::Bool).default("false"),
    ],
);

/// `fail`
pub static FAIL: Spec = builtin("fail", &[Opt::new("msg", Kind::Raw).default("Failed as requested from task")]);

/// `pause`: what is behind the point of `minutes` and `seconds` is cut off.
pub static PAUSE: Spec = Spec {
    exclusive: &[&["minutes", "seconds"]],
    ..builtin(
        "pause",
        &[
            Opt::new("echo", Kind::Bool).default("true"),
            Opt::new("minutes", Kind::Float),
            Opt::new("seconds", Kind::Float),
            Opt::new("prompt", Kind::Str),
        ],
    )
};

/// `meta`
pub static META: Spec = Spec {
    free_form: true,
    ..builtin(
        "meta",
        &[Opt::new(FREE_FORM, Kind::Str)
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
        &[
            Opt::new("file", Kind::Str),
            Opt::new("dir", Kind::Str),
            Opt::new("name", Kind::Str),
            Opt::new("depth", Kind::Int),
            Opt::new("files_matching", Kind::Str),
            Opt::new("ignore_files", STRS),
            Opt::new("extensions", STRS).default("yaml,yml,json"),
            Opt::new("ignore_unknown_extensions", Kind::Bool).default("false"),
            Opt::new("hash_behaviour", Kind::Str).choices(&["replace", "merge"]),
        ],
    )
};

/// `add_host`: all other options are the host's variables.
pub static ADD_HOST: Spec = Spec {
    any_option: true,
    ..builtin(
        "add_host",
        &[
            Opt::new("name", Kind::Str).aliases(&["hostname", "host"]).required(),
            // a text is split at commas
            Opt::new("groups", STRS).aliases(&["groupname", "group"]),
        ],
    )
};

/// `group_by`
pub static GROUP_BY: Spec = builtin("group_by", &[Opt::new("key", Kind::Str).required(), Opt::new("parents", STRS).default("all")]);

/// `set_stats`
pub static SET_STATS: Spec = builtin(
    "set_stats",
    &[Opt::new("data", Kind::Dict), Opt::new("per_host", Kind::Bool).default("false"), Opt::new("aggregate", Kind::Bool).default("true")],
);

/// `include_tasks`: keywords in `apply` are for the tasks that are included.
pub static INCLUDE_TASKS: Spec = Spec {
    free_form: true,
    one_of: &[&["file", FREE_FORM]],
    ..builtin("include_tasks", &[Opt::new("file", Kind::Str), Opt::new("apply", Kind::Dict)])
};

/// `import_tasks`
pub static IMPORT_TASKS: Spec =
    Spec { free_form: true, one_of: &[&["file", FREE_FORM]], ..builtin("import_tasks", &[Opt::new("file", Kind::Str)]) };

/// `include_role`
pub static INCLUDE_ROLE: Spec = builtin(
    "include_role",
    &[
        ROLE_NAME,
        TASKS_FROM,
        VARS_FROM,
        DEFAULTS_FROM,
        HANDLERS_FROM,
        PUBLIC,
        ALLOW_DUPLICATES,
        ROLESPEC_VALIDATE,
        Opt::new("apply", Kind::Dict),
    ],
);

/// `import_role`
pub static IMPORT_ROLE: Spec =
    builtin("import_role", &[ROLE_NAME, TASKS_FROM, VARS_FROM, DEFAULTS_FROM, HANDLERS_FROM, PUBLIC, ALLOW_DUPLICATES, ROLESPEC_VALIDATE]);

/// `import_playbook`
pub static IMPORT_PLAYBOOK: Spec = Spec { free_form: true, ..builtin("import_playbook", &[Opt::new(FREE_FORM, Kind::Str).required()]) };

/// `validate_argument_spec`: what is not in `provided_arguments` is taken from the variables.
pub static VALIDATE_ARGUMENT_SPEC: Spec = builtin(
    "validate_argument_spec",
    &[
        Opt::new("argument_spec", Kind::Dict).required(),
        Opt::new("provided_arguments", Kind::Dict),
        Opt::new("validate_args_context", Kind::Dict),
    ],
);

/// `gather_facts`: what `setup` takes, and how several such modules would run.
pub static GATHER_FACTS: Spec = builtin(
    "gather_facts",
    &[
        Opt::new("gather_subset", STRS),
        Opt::new("filter", STRS),
        Opt::new("gather_timeout", Kind::Int),
        Opt::new("fact_path", Kind::Path),
        Opt::new("parallel", Kind::Bool),
        Opt::new("network_os", Kind::Str),
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
