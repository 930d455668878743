//! What a module's arguments are: Ansible's argument specs, as tables.

/// A module's name and arguments.
#[derive(Debug)]
pub struct Spec {
    /// Its short name, e.g. `file`.
    pub name: &'static str,
    /// Its collection, e.g. `ansible.builtin`.
    pub collection: &'static str,
    /// Its options.
    pub options: &'static [Opt],
    /// Whether a text may stand in place of the options; it is then the value of [`FREE_FORM`].
    pub free_form: bool,
    /// Of each of these at most one may be given.
    pub exclusive: &'static [&'static [&'static str]],
    /// Of each of these all are given, or none.
    pub together: &'static [&'static [&'static str]],
    /// Of each of these at least one is given.
    pub one_of: &'static [&'static [&'static str]],
    /// If this option has this value, these are given.
    pub required_if: &'static [RequiredIf],
    /// If this option is given, these are.
    pub required_by: &'static [(&'static str, &'static [&'static str])],
    /// Whether any other option is taken too: `set_fact`, `set_stats`, `include_vars`.
    pub any_option: bool,
    /// What it is for, in one sentence without a full stop; how its page in the documentation begins.
    pub about: &'static str,
    /// What a person should know beside that: where it differs from Ansible's and why, what is refused; a paragraph each.
    pub notes: &'static [&'static str],
    /// A task as people write it, in YAML; none for what needs no example.
    pub example: &'static str,
}

/// The option that a text in place of options is.
pub const FREE_FORM: &str = "_raw_params";

/// What a value of an option asks for.
#[derive(Debug)]
pub struct RequiredIf {
    /// The option.
    pub option: &'static str,
    /// Its value, as text; booleans are `true` and `false`.
    pub value: &'static str,
    /// What must be given then.
    pub then: &'static [&'static str],
    /// Whether one of them is enough.
    pub any: bool,
}

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct Opt {
    /// Its name.
    pub name: &'static str,
    /// What else it is called.
    pub aliases: &'static [&'static str],
    /// What its value is.
    pub kind: Kind,
    /// Its value when it is not given, as it would stand in a playbook; empty texts are written `''`.
    pub default: Option<&'static str>,
    /// The values that it may have; none: any of its kind.
    pub choices: &'static [&'static str],
    /// Whether it must be given.
    pub required: bool,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// What it is about, in one sentence without a full stop.
    pub about: &'static str,
}

/// What a value is, as Ansible's argument specs name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text; numbers and booleans become one.
    Str,
    /// A path: `~` and variables are expanded on the host.
    Path,
    /// True or false, in all of Ansible's spellings.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// Several values of a kind; a text is split at commas.
    List(&'static Kind),
    /// Keys and values; a text is JSON or `k=v` words.
    Dict,
    /// As it is.
    Raw,
    /// A text that is JSON; anything else is written as JSON.
    Json,
    /// A size such as `10M`, in bytes.
    Bytes,
}

impl Spec {
    /// A module without options.
    pub const fn new(collection: &'static str, name: &'static str) -> Self {
        Self {
            name,
            collection,
            options: &[],
            free_form: false,
            exclusive: &[],
            together: &[],
            one_of: &[],
            required_if: &[],
            required_by: &[],
            any_option: false,
            about: "",
            notes: &[],
            example: "",
        }
    }

    /// The option of that name or alias.
    pub fn option(&self, name: &str) -> Option<&'static Opt> {
        self.options.iter().find(|option| option.name == name || option.aliases.contains(&name))
    }
}

impl Spec {
    /// Whether an option has a value where the task gives none. Of what needs one of several, Ansible counts it as one that is given.
    pub fn has_default(&self, name: &str) -> bool {
        self.option(name).is_some_and(|option| option.default.is_some())
    }

    /// As it is called in messages: our own with their collection, because Ansible has some of the same names.
    pub fn shown(&self) -> String {
        if self.collection == "homelab" { format!("homelab.{}", self.name) } else { self.name.to_owned() }
    }
}

impl Opt {
    /// An option that may be left out.
    pub const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, aliases: &[], kind, default: None, choices: &[], required: false, secret: false, about: "" }
    }

    /// What else it is called.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Its value when it is not given.
    #[must_use]
    pub const fn default(mut self, default: &'static str) -> Self {
        self.default = Some(default);
        self
    }

    /// The values that it may have.
    #[must_use]
    pub const fn choices(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    /// It must be given.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Its value must never be shown.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }
    /// What it is about.
    #[must_use]
    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }
}
