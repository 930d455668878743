//! The way in: values with templates go in, rendered values come out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::diagnostics::{Diagnostic, Diagnostics, Source};
use crate::yaml::{Node, Value};

use super::fault::Outcome;
use super::options::TemplateOptions;
use super::run::Run;
use super::used::{self, Used};
use super::value::V;
use super::{check, convert, file_text, render};

/// Where variables come from.
pub trait Scope: Send + Sync {
    /// The variable as it was written, not rendered.
    fn get(&self, name: &str) -> Option<Node>;
    /// One value of a variable that is a mapping and grows with the inventory; `None`: the whole of it tells.
    fn entry(&self, _name: &str, _key: &str) -> Option<Node> {
        None
    }
    /// Such a variable has no such key.
    fn missed(&self, _name: &str, _key: &str) {}
    /// Every name there is, for "did you mean".
    fn names(&self) -> Vec<String>;
    /// The hosts that `hostvars` knows.
    fn hosts(&self) -> Vec<String> {
        Vec::new()
    }
    /// Whether something may be run or written for a lookup; it is not where a template is only looked at ahead of time.
    fn acts(&self) -> bool {
        true
    }
    /// The hosts of a pattern, for `inventory_hostnames`.
    fn matching(&self, _pattern: &str) -> Vec<String> {
        Vec::new()
    }
    /// The variables of another host, whose templates are rendered with these.
    fn host(&self, _name: &str) -> Option<Arc<dyn Scope>> {
        None
    }
}

/// Variables that stand for themselves, without hosts.
impl Scope for BTreeMap<String, Node> {
    fn get(&self, name: &str) -> Option<Node> {
        BTreeMap::get(self, name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// Reads YAML for `from_yaml`: one value for each document.
pub type FromYaml = fn(&str) -> Result<Vec<Value>, String>;

/// Opens an encrypted text, or says why not, and what to do.
pub type Decrypt = Arc<dyn Fn(&str) -> Result<String, (String, String)> + Send + Sync>;

/// Hears of every value that a template sees: what it is called (`db.password`; nothing if it has no name), its text, and
/// whether it must not be shown. Whoever prints something can then keep it out.
pub type Hide = Arc<dyn Fn(&str, &str, bool) + Send + Sync>;

/// What lookups and filters may see of the world.
#[derive(Clone)]
pub struct Surroundings {
    /// For `lookup('env', …)`.
    pub env: BTreeMap<String, String>,
    /// Where relative file names start.
    pub dir: PathBuf,
    /// What `~` is.
    pub home: PathBuf,
    /// Opens encrypted values.
    pub decrypt: Decrypt,
    /// Reads YAML; without it `from_yaml` is an error.
    pub from_yaml: Option<FromYaml>,
    /// Whether templates may run programs on this machine (`lookup('pipe', …)`).
    pub programs: bool,
}

/// Renders templates.
pub struct Engine {
    around: Surroundings,
    hide: Option<Hide>,
}

impl Engine {
    /// One that sees these surroundings.
    pub fn new(surroundings: Surroundings) -> Self {
        Self { around: surroundings, hide: None }
    }

    /// The same, which tells what it sees.
    #[must_use]
    pub fn hiding(self, hide: Hide) -> Self {
        Self { hide: Some(hide), ..self }
    }

    /// Tells of a text that must not be shown.
    pub fn hide(&self, text: &str) {
        if let Some(hide) = &self.hide {
            hide("", text, true);
        }
    }

    fn start(&self, scope: Arc<dyn Scope>) -> Run<'_> {
        Run::new(&self.around, self.hide.as_ref(), scope)
    }

    /// What `~` is.
    pub fn home(&self) -> &Path {
        &self.around.home
    }

    /// A password's hash (`encrypt` of `vars_prompt`), with a salt of its own unless one is given.
    ///
    /// # Errors
    /// The kind of hash is not known, or the salt cannot be used.
    pub fn hash_password(&self, password: &str, kind: &str, salt: Option<&str>, size: Option<usize>) -> Result<String, String> {
        let made = || super::filters::made_salt(size.unwrap_or(16));
        let salt = salt.filter(|salt| !salt.is_empty()).map_or_else(made, str::to_owned);
        let run = Run::new(&self.around, self.hide.as_ref(), Arc::new(BTreeMap::new()));
        super::filters::hashed(&run, password, kind, &salt, None).map_err(|fault| fault.message)
    }

    /// Looks at every template in a value without evaluating one: grammar, and the names of filters, tests, functions and
    /// lookups. Adds everything that is wrong.
    pub fn check(&self, node: &Node, problems: &mut Diagnostics) {
        match &node.value {
            Value::Str(text) if node.is_template() => check::template(node, text, problems),
            Value::List(list) => list.iter().for_each(|item| self.check(item, problems)),
            // keys are not rendered
            Value::Map(map) => map.iter().for_each(|(_, value)| self.check(value, problems)),
            _ => {}
        }
    }

    /// The same for a bare expression (`when:`).
    pub fn check_expression(&self, node: &Node, problems: &mut Diagnostics) {
        if let Some(text) = node.as_str() {
            check::expression(node, text, problems);
        }
    }

    /// The variables that the templates in a value name.
    pub fn used(&self, node: &Node) -> Vec<Used> {
        let mut found = Vec::new();
        used::template(node, &mut found);
        found
    }

    /// The variables that a bare expression names.
    pub fn used_in_expression(&self, node: &Node) -> Vec<Used> {
        let mut found = Vec::new();
        used::expression(node, &mut found);
        found
    }

    /// The value with all templates in it rendered. A text that is one `{{ … }}` becomes what the expression gives; what was
    /// rendered is not rendered again.
    ///
    /// # Errors
    /// The first thing that went wrong, with its place.
    pub fn render(&self, node: &Node, scope: Arc<dyn Scope>) -> Result<Node, Box<Diagnostic>> {
        let run = self.start(scope);
        rendered(&run, node).map_err(|fault| Box::new(fault.diagnostic(&node.place, || run.names())))
    }

    /// A template file's text, rendered: always a text, secret if a secret was seen in it. `#jinja2:` in its first line
    /// goes before the options.
    ///
    /// # Errors
    /// The first thing that went wrong, with its place in the file.
    pub fn render_text(&self, source: &Source, scope: Arc<dyn Scope>, options: &TemplateOptions) -> Result<Node, Box<Diagnostic>> {
        let run = self.start(scope);
        let node = Node::new(source.text.as_ref(), source.whole());
        let result = file_text::opened(&source.text, options)
            .and_then(|(text, options)| value(&run, &node, || render::file(&run, &node, &text, &options).map(V::from)));
        result.map_err(|fault| Box::new(fault.diagnostic(&node.place, || run.names())))
    }

    /// Looks at a template file's text without evaluating it, as [`Engine::check`] does.
    pub fn check_text(&self, source: &Source, options: &TemplateOptions, problems: &mut Diagnostics) {
        let node = Node::new(source.text.as_ref(), source.whole());
        match file_text::opened(&source.text, options) {
            Ok((text, options)) => check::file(&node, &text, &options, problems),
            Err(fault) => problems.push(fault.diagnostic(&node.place, Vec::new)),
        }
    }

    /// The value of a bare expression (`when:`). Anything but a text is its own value.
    ///
    /// # Errors
    /// What went wrong, with its place.
    pub fn expression(&self, node: &Node, scope: Arc<dyn Scope>) -> Result<Node, Box<Diagnostic>> {
        let Some(text) = node.as_str() else { return self.render(node, scope) };
        let run = self.start(scope);
        value(&run, node, || render::expression(&run, node, text)).map_err(|fault| Box::new(fault.diagnostic(&node.place, || run.names())))
    }
}

/// What a rendering gives, as a node; secret if a secret was seen.
fn value(run: &Run, node: &Node, what: impl FnOnce() -> Outcome<V>) -> Outcome<Node> {
    let (result, secret) = run.watched(|| convert::node(run, &what()?, &node.place));
    let mut rendered = result?;
    let secret = secret || node.secret;
    rendered.each_mut(&mut |node| {
        node.secret |= secret;
        // what was rendered is no template, whatever it looks like
        node.literal = true;
    });
    Ok(rendered)
}

fn rendered(run: &Run, node: &Node) -> Outcome<Node> {
    let _level = run.deeper()?;
    match &node.value {
        Value::Vault(_) => {
            let clear = run.decrypted(node)?;
            rendered(run, &clear)
        }
        Value::Str(text) if node.is_template() => value(run, node, || render::template(run, node, text)),
        Value::List(list) => {
            let list = list.iter().map(|item| rendered(run, item)).collect::<Outcome<_>>()?;
            Ok(Node { value: Value::List(list), ..node.clone() })
        }
        Value::Map(map) => {
            let map = map.iter().map(|(key, value)| Ok((key.clone(), rendered(run, value)?))).collect::<Outcome<_>>()?;
            Ok(Node { value: Value::Map(map), ..node.clone() })
        }
        _ => {
            run.tell(node);
            Ok(node.clone())
        }
    }
}

#[cfg(test)]
mod tests;
