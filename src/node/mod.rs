//! What can be asked of a machine and done to it: typed facts, the scripts that read them, and what they answer.

pub mod facts;
pub mod record;
pub mod script;
#[cfg(test)]
pub mod testing;
