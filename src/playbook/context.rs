//! Where tasks stand: what they inherit, and where what they name is looked for.

use std::path::PathBuf;
use std::sync::Arc;

use super::loader::{Loader, Request};
use super::tree::{Common, Level, Play, Role, Task};
use crate::diagnostics::Diagnostics;
use crate::yaml::Node;

/// Where tasks stand.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The keywords that they inherit, outermost first.
    pub levels: Vec<Level>,
    /// The role that they belong to.
    pub role: Option<Arc<Role>>,
    /// The directories of the files through which they are included, innermost first.
    pub dirs: Vec<PathBuf>,
    /// The variables that an include gives: they are the parameters of the role that it names.
    pub params: Vec<(Node, Node)>,
    /// The directory of the playbook.
    pub playbook_dir: PathBuf,
    /// Whether they are handlers.
    pub handlers: bool,
    /// The files that are being imported, to see one that imports itself.
    pub(super) chain: Vec<PathBuf>,
    /// How many blocks and imports stand around.
    pub(super) depth: usize,
}

impl Context {
    /// Directly in a play.
    pub fn of_play(play: &Play) -> Self {
        Self { levels: vec![Arc::clone(&play.common)], playbook_dir: play.dir.clone(), ..Self::default() }
    }

    /// For what an `include_tasks` or `include_role` brings in: it inherits from what stands around the include and not from
    /// the include, but its `vars` and those that the engine adds: the loop's.
    pub fn within(task: &Task, play: &Play, vars: Vec<(Node, Node)>) -> Self {
        let (own, around) = task.levels.split_last().map_or((None, &[][..]), |(own, around)| (Some(own), around));
        let params = own.map(|own| own.vars.clone()).unwrap_or_default();
        let vars = params.iter().cloned().chain(vars).collect();
        let levels = around.iter().cloned().chain([Arc::new(Common { vars, ..Common::default() })]).collect();
        let (role, dirs, playbook_dir) = (task.role.clone(), task.dirs.clone(), play.dir.clone());
        Self { levels, role, dirs, params, playbook_dir, ..Self::default() }
    }

    /// The same with what `apply` says, and what is wrong with that.
    pub fn apply(&self, node: &Node, request: &Request<'_>) -> (Self, Diagnostics) {
        let mut loader = Loader::new(request).at(&self.playbook_dir);
        let level = loader.apply(node);
        (self.with(level), loader.told())
    }

    /// The same with one more level of keywords.
    #[must_use]
    pub fn with(&self, level: Common) -> Self {
        let mut inner = self.clone();
        inner.levels.push(Arc::new(level));
        inner.depth += 1;
        inner
    }

    /// The innermost value of a keyword.
    pub(super) fn keyword(&self, name: &str) -> Option<&Node> {
        self.levels.iter().rev().find_map(|level| level.others.get(name))
    }

    /// The file that is being read.
    pub(super) fn file(&self) -> PathBuf {
        self.chain.last().cloned().unwrap_or_default()
    }
}
