//! Variables that lie over others.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::engine::Scope;
use crate::yaml::Node;

/// Some variables of one's own, and behind them all others.
pub struct Over {
    own: BTreeMap<String, Node>,
    inner: Arc<dyn Scope>,
}

impl Over {
    /// These over those.
    pub fn new(own: BTreeMap<String, Node>, inner: Arc<dyn Scope>) -> Self {
        Self { own, inner }
    }
}

impl Scope for Over {
    fn get(&self, name: &str) -> Option<Node> {
        self.own.get(name).cloned().or_else(|| self.inner.get(name))
    }

    fn entry(&self, name: &str, key: &str) -> Option<Node> {
        self.inner.entry(name, key)
    }

    fn names(&self) -> Vec<String> {
        self.inner.names().into_iter().chain(self.own.keys().cloned()).collect()
    }

    fn hosts(&self) -> Vec<String> {
        self.inner.hosts()
    }

    fn host(&self, name: &str) -> Option<Arc<dyn Scope>> {
        self.inner.host(name)
    }

    fn acts(&self) -> bool {
        self.inner.acts()
    }

    fn matching(&self, pattern: &str) -> Vec<String> {
        self.inner.matching(pattern)
    }
}
