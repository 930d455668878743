//! What a template of a host may name: its variables, and those that Ansible makes itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use super::data::Inventory;
use crate::diagnostics::Source;
use crate::template::Scope;
use crate::yaml::{Node, Value};

/// A host's variables, for templates.
pub struct HostScope {
    inventory: Arc<Inventory>,
    host: Arc<str>,
    /// Found once: a template may name several.
    variables: BTreeMap<String, Node>,
}

/// The variables that are there without being set.
const MADE: [&str; 7] =
    ["inventory_hostname", "inventory_hostname_short", "group_names", "groups", "inventory_file", "inventory_dir", "playbook_dir"];

impl HostScope {
    /// The scope of a host of this inventory.
    pub fn new(inventory: Arc<Inventory>, host: &Arc<str>) -> Self {
        let variables = inventory.host(host).map(|host| inventory.variables(host)).unwrap_or_default();
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
        Self { host: Arc::clone(host), variables, inventory }
    }

    fn made(&self, name: &str) -> Option<Value> {
        let host = self.inventory.host(&self.host)?;
        let list = |names: Vec<&str>| Value::List(names.into_iter().map(|name| made(Value::from(name))).collect());
        Some(match name {
            "inventory_hostname" => Value::Str(Arc::clone(&self.host)),
            "inventory_hostname_short" => Value::from(short(&self.host)),
            "group_names" => list(self.inventory.group_names(host)),
            "groups" => {
                let group = |group: &super::data::Group| Some((made(Value::from(&*group.name)), self.entry("groups", &group.name)?));
                Value::Map(self.inventory.groups().filter_map(group).collect())
            }
            "inventory_file" => path(host.file.as_deref().map(Path::new)),
            "inventory_dir" => path(host.file.as_deref().map(|file| Path::new(file).parent().unwrap_or(Path::new("")))),
            "playbook_dir" => path(Some(self.inventory.playbook_dir.as_deref()?)),
            _ => return None,
        })
    }
}

impl Scope for HostScope {
    fn get(&self, name: &str) -> Option<Node> {
        // what Ansible makes itself cannot be set
        self.made(name).map(made).or_else(|| self.variables.get(name).cloned())
    }

    fn entry(&self, name: &str, key: &str) -> Option<Node> {
        let group = self.inventory.group_ids.get(key).filter(|_| name == "groups")?;
        let name = |id| made(Value::Str(Arc::clone(&self.inventory.at(id).name)));
        Some(made(Value::List(self.inventory.hosts_of(*group).into_iter().map(name).collect())))
    }

    fn names(&self) -> Vec<String> {
        self.variables.keys().cloned().chain(MADE.map(str::to_owned)).collect()
    }

    fn hosts(&self) -> Vec<String> {
        self.inventory.all_hosts().into_iter().map(|host| host.name.to_string()).collect()
    }

    fn host(&self, name: &str) -> Option<Arc<dyn Scope>> {
        let host = self.inventory.host(name)?;
        Some(Arc::new(Self::new(Arc::clone(&self.inventory), &host.name)))
    }
}

/// A path as Ansible has it: from the root on, links not followed.
pub(crate) fn path(path: Option<&Path>) -> Value {
    let Some(path) = path else { return Value::Null };
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // `absolute` leaves the dot at the end
    Value::from(absolute.components().collect::<std::path::PathBuf>().display().to_string())
}

/// A value that stands nowhere. It is no template, whatever it looks like.
pub(crate) fn made(value: Value) -> Node {
    static NOWHERE: LazyLock<Source> = LazyLock::new(|| Source::new("", ""));
    Node { literal: true, ..Node::new(value, NOWHERE.whole()) }
}

/// The name up to its first dot, unless it is an address.
pub(crate) fn short(name: &str) -> &str {
    if name.parse::<std::net::IpAddr>().is_ok() { name } else { name.split('.').next().unwrap_or(name) }
}
