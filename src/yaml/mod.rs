//! The dialect's documents: values with the place where each stands, read from YAML parser events as PyYAML reads them.
//!
//! [`load`] reads one document: scalars as YAML 1.1 has them, merge keys, anchors, Ansible's own tags; a key that stands
//! twice is an error. Encrypted values stay encrypted until [`Keys`] open them.

mod complaint;
mod guard;
mod json;
mod load;
mod merge;
pub mod objects;
mod repr;
mod scalar;
mod surprise;
mod tag;
#[cfg(test)]
pub(crate) mod testing;
mod timestamp;
mod to_json;
mod value;
mod vault;

pub(crate) use guard::guarded;
pub use guard::panics_are_caught;
pub use json::load_json;
pub use load::{load, load_all};
pub(crate) use merge::identity;
pub use repr::{python_repr, python_str};
pub use scalar::resolve;
pub(crate) use scalar::whole;
pub(crate) use to_json::plain;
pub use to_json::{Look, MASKED, Writer, one_line, quoted};
pub use value::{Map, Node, Style, Value, looks_like_template, python_float};
pub use vault::{Keys, VaultError, is_encrypted, seal};
