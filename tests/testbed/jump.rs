//! A chain of jump hosts: a target that is reached only through a second host, which is reached only through a first.

use super::bed::Bed;
use super::error::Result;
use super::machine::Machine;

/// The machines of [`Bed::jump_chain`].
pub struct JumpChain {
    /// Reached from the bed.
    pub first: Machine,
    /// Reached from `first`.
    pub second: Machine,
    /// Reached from `second`.
    pub target: Machine,
}

impl Bed {
    /// Starts `j1`, `j2` and `target`. Each stands on bridges of its own: nothing routes between them.
    pub fn jump_chain(&self) -> Result<JumpChain> {
        let specs =
            vec![self.machine("j1").on_bridges(&[0, 1]), self.machine("j2").on_bridges(&[1, 2]), self.machine("target").on_bridges(&[2])];
        let mut machines = self.start_all(specs)?.into_iter();
        let mut next = || machines.next().expect("start_all gives as many as it took");
        Ok(JumpChain { first: next(), second: next(), target: next() })
    }
}
