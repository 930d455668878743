//! The files with which a repository holds Flux itself, byte for byte as the Flux CLI writes them.
//!
//! They are made of a release's base files ([`Bundle`]) and of what a person wants ([`Options`]).

pub mod bundle;
mod component;
mod name;
pub mod options;
mod pins;
mod scalar;

pub use bundle::{Bundle, BundleError};
pub use component::Component;
pub use options::{LogLevel, OptionError, Options, Version, Wanted};
