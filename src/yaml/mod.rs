//! The dialect's documents: values with the place where each stands, read from YAML parser events as PyYAML reads them.

mod value;

pub use value::{Map, Node, Style, Value, looks_like_template, python_float};
