//! Roles: their files, their dependencies, and their tasks in the order in which they run.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::context::Context;
use super::file::Document;
use super::keywords::{On, boolean, described};
use super::loader::{Loader, is_open};
use super::tree::{Action, Common, Dependent, Handler, Item, LoopControl, Role, Task};
use crate::yaml::{Map, Node, Value, python_str};

/// Which files of a role are read in place of `main`, and how it is included: the options of `include_role`.
#[derive(Debug, Clone, Default)]
pub struct RoleFrom {
    /// `tasks_from`
    pub tasks: Option<Node>,
    /// `vars_from`
    pub vars: Option<Node>,
    /// `defaults_from`
    pub defaults: Option<Node>,
    /// `handlers_from`
    pub handlers: Option<Node>,
    /// `allow_duplicates`
    pub allow_duplicates: Option<Node>,
    /// `rolespec_validate`
    pub rolespec_validate: Option<Node>,
}

impl RoleFrom {
    /// From the options of `include_role` or `import_role`.
    pub fn of(options: &[(Node, Node)]) -> Self {
        let is_omitted = |value: &Node| {
            let inside = value.as_str().and_then(|text| text.trim().strip_prefix("{{")?.strip_suffix("}}"));
            inside.is_some_and(|name| name.trim() == "omit")
        };
        let get = |name: &str| {
            let value = options.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value.clone());
            value.filter(|value| !is_omitted(value))
        };
        Self {
            tasks: get("tasks_from"),
            vars: get("vars_from"),
            defaults: get("defaults_from"),
            handlers: get("handlers_from"),
            allow_duplicates: get("allow_duplicates"),
            rolespec_validate: get("rolespec_validate"),
        }
    }
}

/// How a role is used.
pub(super) struct Use<'u> {
    pub(super) name: &'u Node,
    /// `None`: it is listed under `roles` or `dependencies`.
    pub(super) from: Option<&'u RoleFrom>,
    pub(super) params: Map,
    /// Those of them that stand beside its name: no others may its argument specs not know.
    pub(super) given: Map,
    pub(super) common: Common,
    pub(super) parents: Vec<String>,
    /// Their directories.
    pub(super) above: Vec<PathBuf>,
    /// The directory of the role that depends on it.
    pub(super) beside: Option<PathBuf>,
    /// The collection of the role that depends on it.
    pub(super) collection: Option<String>,
    /// What the role that depends on it says.
    pub(super) dependent: Option<Arc<Dependent>>,
}

/// The role that needs another.
#[derive(Default)]
pub(super) struct Needs {
    /// Its name, and the names of those that need it.
    pub(super) parents: Vec<String>,
    /// Their directories.
    pub(super) above: Vec<PathBuf>,
    /// The directory that its own is in.
    pub(super) beside: Option<PathBuf>,
    /// Its collection.
    pub(super) collection: Option<String>,
    /// What it says.
    pub(super) dependent: Option<Arc<Dependent>>,
}

/// What a role brings in.
#[derive(Default)]
pub(super) struct Brought {
    pub(super) items: Vec<Item>,
    pub(super) handlers: Vec<Handler>,
}

impl Loader<'_> {
    /// A role with its dependencies; `None`: it has been said what is wrong.
    pub(super) fn role(&mut self, used: Use<'_>, context: &Context, brought: &mut Brought) -> Option<Arc<Role>> {
        if !self.fits(&used.name.place, context) {
            return None;
        }
        let name = self.rendered(used.name, context, "a role")?;
        let found = self.find_role(used.name, &name, &used, context)?;
        if used.beside.is_some() && is_open(context, &found.path) {
            let through: Vec<String> = used.parents.iter().rev().map(|name| format!("`{name}`")).collect();
            let message = format!("the role `{}` depends on itself", found.name);
            self.error(&used.name.place, message, format!("take one of the dependencies out; it goes through {}", through.join(", ")));
            return None;
        }
        let no_files = RoleFrom::default();
        let from = used.from.unwrap_or(&no_files);
        let vars = self.role_vars(&found.path, "vars", from.vars.as_ref(), context);
        let defaults = self.role_vars(&found.path, "defaults", from.defaults.as_ref(), context);
        let meta = self.meta(&found.path);
        let inner = context.with(used.common.clone());
        let mut open = inner.clone();
        open.chain.push(found.path.clone());
        let dependent = Arc::new(Dependent {
            vars: vars.clone(),
            defaults: defaults.clone(),
            params: used.params.clone(),
            dependent: used.dependent.clone(),
        });
        let mut dependencies = Vec::new();
        for dependency in &meta.dependencies {
            let parents = std::iter::once(found.name.clone()).chain(used.parents.iter().cloned()).collect();
            let above = std::iter::once(found.path.clone()).chain(used.above.iter().cloned()).collect();
            let beside = Some(super::file::parent(&found.path));
            let needs = Needs { parents, above, beside, collection: found.collection.clone(), dependent: Some(Arc::clone(&dependent)) };
            dependencies.extend(self.role_entry(dependency, needs, &open, brought));
        }
        let mut hash = DefaultHasher::new();
        (&found.name, &found.path, used.from.is_some()).hash(&mut hash);
        for node in used
            .common
            .when
            .iter()
            .chain(&used.common.tags)
            .chain([&from.tasks, &from.vars, &from.defaults, &from.handlers].into_iter().flatten())
        {
            python_str(node).hash(&mut hash);
        }
        for (name, value) in &used.params {
            (python_str(name), python_str(value)).hash(&mut hash);
        }
        let argument_specs = self.argument_specs(&found.path).or(meta.argument_specs);
        let allow_duplicates = match used.from {
            Some(from) => from.allow_duplicates.as_ref().and_then(boolean).unwrap_or(true),
            None => meta.allow_duplicates,
        };
        let role = Arc::new(Role {
            identity: hash.finish(),
            name: found.name,
            collection: found.collection,
            path: found.path,
            defaults,
            vars,
            params: used.params,
            argument_specs,
            parents: used.parents,
            above: used.above,
            inside: context.role.clone(),
            dependencies,
            dependent: used.dependent,
            allow_duplicates,
        });
        self.role_tasks(&role, from, used.name, used.given, &inner, brought);
        Some(role)
    }

    fn role_tasks(&mut self, role: &Arc<Role>, from: &RoleFrom, name: &Node, given: Map, context: &Context, brought: &mut Brought) {
        let mut inner = Context { role: Some(Arc::clone(role)), dirs: Vec::new(), handlers: false, ..context.clone() };
        let validates = from.rolespec_validate.as_ref().and_then(boolean).unwrap_or(true);
        if let Some(task) = self.validation(role, from, given, &inner).filter(|_| validates) {
            brought.items.push(Item::Task(Arc::new(task)));
        }
        for (kind, from) in [("tasks", &from.tasks), ("handlers", &from.handlers)] {
            let Some((path, node)) = self.role_list(&role.path, kind, from.as_ref(), &inner) else { continue };
            if is_open(context, &path) {
                let message = format!("the role `{}` imports itself", role.name);
                self.error(&name.place, message, "use `include_role` with a condition, or another file by `tasks_from`");
                continue;
            }
            inner.chain.push(path);
            match kind {
                "tasks" => self.items(&node, &inner, &mut brought.items),
                _ => self.handler_list(&node, &inner, &mut brought.handlers),
            }
            inner.chain.pop();
        }
    }

    /// A file of tasks or handlers of a role.
    fn role_list(&mut self, role: &Path, kind: &str, from: Option<&Node>, context: &Context) -> Option<(PathBuf, Arc<Node>)> {
        let files = self.role_files(role, kind, from, false, context)?;
        let path = files.into_iter().next()?;
        let Document::Node(node) = self.document(&path, from.map(|from| &from.place)) else { return None };
        self.is_task_list(&node).then_some((path, node))
    }

    /// What Ansible puts before a role's tasks if the role says what it takes.
    fn validation(&mut self, role: &Role, from: &RoleFrom, given: Map, context: &Context) -> Option<Task> {
        let entry = from.tasks.as_ref().and_then(Node::as_str).unwrap_or("main");
        let spec = role.argument_specs.as_ref()?.get(entry).filter(|spec| spec.as_map().is_some_and(|map| !map.is_empty()))?;
        let text = |text: &str| Node { literal: true, ..Node::new(text, spec.place.clone()) };
        let map = |map: Map| Node::new(Value::Map(map), spec.place.clone());
        let short = role.name.rsplit('.').next().unwrap_or_default();
        let described = spec.get("short_description").and_then(Node::as_str).map(|text| format!(" - {text}")).unwrap_or_default();
        let about = map(vec![
            (text("type"), text("role")),
            (text("name"), text(short)),
            (text("argument_spec_name"), text(entry)),
            (text("path"), text(&role.path.display().to_string())),
        ]);
        let options = vec![
            (text("argument_spec"), spec.get("options").cloned().unwrap_or_else(|| map(Map::new()))),
            (text("provided_arguments"), map(given)),
            (text("validate_args_context"), about),
        ];
        let always = Common { tags: vec![text("always")], ..Common::default() };
        let inner = context.with(always);
        Some(Task {
            name: Some(text(&format!("Validating arguments against arg spec '{entry}'{described}"))),
            place: spec.place.clone(),
            action: Action { name: "ansible.builtin.validate_argument_spec".to_owned(), place: spec.place.clone(), options, whole: None },
            role: inner.role.clone(),
            file: PathBuf::from(&*spec.place.source.name),
            dirs: Vec::new(),
            repeat: None,
            loop_control: LoopControl::default(),
            register: None,
            changed_when: Vec::new(),
            failed_when: Vec::new(),
            until: Vec::new(),
            retries: None,
            delay: None,
            notify: Vec::new(),
            delegate_to: inner.keyword("delegate_to").cloned(),
            delegate_facts: inner.keyword("delegate_facts").cloned(),
            seconds: None,
            poll: None,
            levels: inner.levels,
        })
    }

    /// An entry of `roles` or of `dependencies`.
    pub(super) fn role_entry(&mut self, entry: &Node, needs: Needs, context: &Context, brought: &mut Brought) -> Option<Arc<Role>> {
        let (name, params, given, common) = match &entry.value {
            Value::Map(map) => self.role_mapping(entry, map, needs.beside.is_some())?,
            Value::Str(_) | Value::Int(_) => (entry.clone(), Map::new(), Map::new(), Common::default()),
            _ => {
                self.error(
                    &entry.place,
                    format!("a role is a name or a mapping, and this is {}", described(entry)),
                    "write `- role: NAME`",
                );
                return None;
            }
        };
        if name.as_str().is_some_and(|text| text.contains(',')) {
            self.error(&name.place, "a role's name has no comma", "its version stands in `requirements.yml`; write the name alone");
            return None;
        }
        let Needs { parents, above, beside, collection, dependent } = needs;
        self.role(Use { name: &name, from: None, params, given, common, parents, above, beside, collection, dependent }, context, brought)
    }

    /// The name, the parameters, those that are no `vars`, and the keywords of a role that is written as a mapping.
    fn role_mapping(&mut self, entry: &Node, map: &Map, is_dependency: bool) -> Option<(Node, Map, Map, Common)> {
        let get = |name: &str| map.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value);
        let of_galaxy = |name: &str| is_dependency && matches!(name, "src" | "scm" | "version");
        let named = get("role").or_else(|| get("name")).or_else(|| get("src").filter(|_| is_dependency));
        let Some(name) = named.filter(|name| matches!(name.value, Value::Str(_) | Value::Int(_))) else {
            let place = map.first().map_or(&entry.place, |(key, _)| &key.place);
            self.error(place, "this role has no name", "write `role: NAME`");
            return None;
        };
        let is_keyword = |name: &str| super::keywords::find(name).is_some_and(|keyword| keyword.may_stand(On::Role));
        self.keywords(map, On::Role, &|name| !is_keyword(name));
        let mut common = self.common(map, On::Role);
        let mut params = Map::new();
        for (key, value) in map {
            let name = key.as_str().unwrap_or_default();
            if is_keyword(name) || of_galaxy(name) {
                continue;
            }
            if let Some(meant) = crate::diagnostics::within(name, 1, super::keywords::names(On::Role)) {
                let message = format!("`{name}` is taken for a parameter of the role");
                self.warning(&key.place, message, format!("did you mean the keyword `{meant}`?"));
            }
            self.variable_name(key, "a parameter");
            params.push((key.clone(), value.clone()));
        }
        let given = params.clone();
        for (key, value) in std::mem::take(&mut common.vars) {
            params.retain(|(other, _)| other.value != key.value);
            params.push((key, value));
        }
        Some((name.clone(), params, given, common))
    }

    /// The role that a task names, and its files.
    pub(super) fn role_named(&mut self, task: &Task) -> Option<(Node, RoleFrom)> {
        let module = &task.action.name;
        let is_import = super::action::short(module) == "import_role";
        let names = [
            "name",
            "role",
            "tasks_from",
            "vars_from",
            "defaults_from",
            "handlers_from",
            "public",
            "allow_duplicates",
            "rolespec_validate",
        ];
        for (key, value) in &task.action.options {
            let name = key.as_str().unwrap_or_default();
            match name {
                "apply" if is_import => {
                    let hint = "what stands at an import goes to all its tasks: write the keywords beside it";
                    self.error(&key.place, format!("`{module}` has no `apply`"), hint);
                }
                "apply" => {
                    self.apply(value);
                }
                crate::modules::FREE_FORM => {
                    self.error(
                        &value.place,
                        format!("`{module}` takes options, not a text"),
                        format!("write `{module}:`, and under it `name: ROLE`"),
                    );
                }
                name if names.contains(&name) => {}
                _ => {
                    let error = crate::diagnostics::Diagnostic::error(format!("`{name}` is no option of `{module}`")).at(key.place.clone());
                    self.problems.push(match crate::diagnostics::suggestion(name, names) {
                        Some(label) => error.label(label),
                        None => error.hint("variables for the role stand under `vars:` beside it"),
                    });
                }
            }
        }
        let options = &task.action.options;
        let get = |name: &str| options.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value.clone());
        let name = get("name").or_else(|| get("role")).filter(|name| !name.is_null());
        if name.is_none() && task.action.whole.is_none() && get(crate::modules::FREE_FORM).is_none() {
            self.error(&task.action.place, format!("`{module}` names no role"), "write `name: ROLE` under it");
        }
        Some((name?, RoleFrom::of(options)))
    }

    pub(super) fn import_role(&mut self, task: &Task, map: &Map, context: &Context, items: &mut Vec<Item>) {
        self.without_effect(task, map, "role");
        let Some((name, from)) = self.role_named(task) else { return };
        let params = task.levels.last().map(|own| own.vars.clone()).unwrap_or_default();
        let inner = Context { levels: task.levels.clone(), depth: context.depth + 1, params, ..context.clone() };
        self.role_of_task(&name, &from, &inner, items);
    }

    /// A role that a task includes or imports: its handlers and itself go to the play.
    pub(super) fn role_of_task(&mut self, name: &Node, from: &RoleFrom, context: &Context, items: &mut Vec<Item>) {
        let parents = context.role.iter().flat_map(|role| std::iter::once(&role.name).chain(&role.parents)).cloned().collect();
        let params = context.params.clone();
        let collection = context.role.as_ref().and_then(|role| role.collection.clone());
        let above = context.role.iter().flat_map(|role| std::iter::once(&role.path).chain(&role.above)).cloned().collect();
        let used = Use {
            name,
            from: Some(from),
            params,
            given: Map::new(),
            common: Common::default(),
            parents,
            above,
            beside: None,
            collection,
            dependent: None,
        };
        let mut brought = Brought::default();
        let role = self.role(used, context, &mut brought);
        items.extend(brought.items);
        self.handlers.extend(brought.handlers);
        self.roles.extend(role);
    }
}
