//! Jinja2 as Ansible has it.
//!
//! minijinja reads the templates; they are evaluated here, on values that are Python's as far as a template can tell, that
//! know why they are undefined, that are rendered when they are needed and within bounds.

mod about_file;
mod call;
mod change;
mod check;
mod compare;
mod convert;
pub(crate) mod encoding;
mod engine;
mod expr;
mod fault;
mod file_text;
mod files;
mod filters;
mod functions;
mod jmespath;
mod json_text;
mod lazy;
mod lookups;
mod methods;
mod operators;
mod options;
mod over;
mod pages;
mod parse;
mod percent;
mod places;
pub(crate) mod regex;
mod render;
mod repr;
mod run;
mod shelf;
mod spec;
mod strings;
pub mod tera;
mod tests;
mod used;
mod value;
mod version;
pub(crate) mod words;
mod yaml_text;

pub use about_file::about_file;
pub use engine::{Decrypt, Engine, FromYaml, Hide, Scope, Surroundings};
pub use options::{Newline, TemplateOptions};
pub use over::Over;
pub use used::{Need, Used};
